"""A bare Debian in a folder, and commands that run inside it.

The only settings copied from this machine are those that lead to package mirrors. Mounts and
processes live in separate kernel namespaces: when the process that holds them ends, for
whatever reason, the kernel unmounts and kills all of them.
"""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).resolve().parent.parent
RELEASES = {"12": "bookworm", "13": "trixie"}
TOOLS = ("debootstrap", "unshare", "nsenter")

# as Debian's official image has it: apt keeps nothing that it can make or fetch again
KEEPS_NOTHING = """\
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };
APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Acquire::Languages "none";
"""

# The first process inside: it reports its PID outside, mounts, and reaps orphans until the
# pipe on its standard input is closed. Device files were made by debootstrap.
INIT = """
set -e
read -r pid rest < /proc/self/stat
mount -t proc proc "$1/proc"
mount -t sysfs -o ro sysfs "$1/sys"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$1/dev/pts"
mount -t tmpfs -o mode=1777 shm "$1/dev/shm"
exec 3<&0
exec chroot "$1" sh -c 'echo "$0"; cat <&3 >/dev/null & exec 3<&-; wait' "$pid"
"""
PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
OWN_CERTIFICATES = "/usr/local/share/ca-certificates"
FOR_APT = re.compile(r"^Acquire::(\S*Proxy\S*|Check-\S+|https?::\S+|Retries|ForceIPv4) ")


class Impossible(Exception):
    """Why something cannot run here, and what would change that."""


class Source(NamedTuple):
    """One line of apt's sources."""

    uri: str
    suite: str
    components: str


def run(*words: str, env: dict | None = None, **options) -> subprocess.CompletedProcess:
    """Run a command to its end; both of its streams are one text in `.stdout`."""
    return subprocess.run(
        list(map(str, words)),
        env={**os.environ, **(env or {})},
        stdin=options.pop("stdin", subprocess.DEVNULL),
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **options,
    )


def need(*words: str, **options) -> str:
    """The same, for a command that must succeed."""
    done = run(*words, **options)
    assert done.returncode == 0, f"{' '.join(map(str, words))}:\n{done.stdout[-6000:]}"
    return done.stdout


def require() -> None:
    """Raises Impossible where no chroot can be made."""
    if os.geteuid() != 0:
        raise Impossible("a bare Debian needs root")
    missing = [name for name in TOOLS if not shutil.which(name)]
    if missing:
        raise Impossible(f"there is no {missing[0]} here: apt-get install debootstrap util-linux")


# --- the way to the package mirrors ------------------------------------------------------------


def sources_in(text: str) -> list[Source]:
    """What a file of apt's sources lists, in either of its two formats."""
    found = []
    stanza: dict[str, str] = {}
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            continue
        if old := re.match(r"deb\s+(?:\[.*?\]\s+)?(\S+)\s+(\S+)\s+(.+)", line):
            found.append(Source(old[1], old[2], old[3].strip()))
        elif field := re.match(r"([\w-]+):\s*(.*)", line):
            stanza[field[1].lower()] = field[2].strip()
        elif not line.strip():
            if "deb" in stanza.get("types", "").split() and stanza.get("enabled") != "no":
                found += [
                    Source(uri, suite, stanza.get("components", ""))
                    for uri in stanza.get("uris", "").split()
                    for suite in stanza.get("suites", "").split()
                ]
            stanza = {}
    return found


def sources_for(release: str, here: list[Source], codename: str) -> list[Source]:
    """This machine's sources for Debian itself, changed to another release."""
    ours = {codename, f"{codename}-updates", f"{codename}-security"}
    return [
        Source(one.uri, one.suite.replace(codename, release), "main")
        for one in here
        if one.suite in ours and "main" in one.components.split()
    ]


def this_machines_sources(release: str) -> list[Source]:
    """Sources for `release`, from the mirrors that this machine uses; none if it is not Debian."""
    os_release = Path("/etc/os-release").read_text()
    codename = re.search(r"^VERSION_CODENAME=(\w+)", os_release, re.M)
    apt = Path("/etc/apt")
    files = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*.[ls]*"))]
    here = [
        source
        for file in files
        if file.suffix in (".list", ".sources") and file.is_file()
        for source in sources_in(file.read_text())
    ]
    return sources_for(release, here, codename[1]) if codename else []


def for_the_network(environment: dict[str, str]) -> dict[str, str]:
    """The variables that lead pip and uv to their packages."""
    return {
        name: value
        for name, value in environment.items()
        if name.lower() in PROXIES or name in CERTIFICATES or name.startswith(("PIP_", "UV_"))
    }


def copy_pips_settings(root: Path, home: str) -> None:
    """Copy pip's and uv's configuration files: the system's, and this user's into `home`."""
    mine = Path.home()
    pairs = {Path(path): path for path in ("/etc/pip.conf", "/etc/xdg/pip", "/etc/uv")}
    pairs |= {mine / name: f"{home}/{name}" for name in (".pip", ".config/pip", ".config/uv")}
    for here, there in pairs.items():
        to = root / there.lstrip("/")
        if here.is_dir():
            shutil.copytree(here, to, dirs_exist_ok=True)
        elif here.is_file():
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(here, to)


# --- the system --------------------------------------------------------------------------------


def make_debian(release: str, root: Path) -> None:
    """Install a minimal Debian in `root`, with this machine's certificates and mirrors."""
    sources = this_machines_sources(release)
    mirror = [source.uri for source in sources if source.suite == release][:1]
    root.mkdir(parents=True, exist_ok=True)
    root.chmod(0o755)
    include = "--include=ca-certificates"
    need("debootstrap", "--variant=minbase", include, release, root, *mirror)
    own = Path(OWN_CERTIFICATES)
    if own.is_dir():
        shutil.copytree(own, root / own.relative_to("/"), dirs_exist_ok=True)
        need("chroot", root, "update-ca-certificates")
    if sources:
        lines = (" ".join(("deb", *source)) + "\n" for source in sources)
        (root / "etc/apt/sources.list").write_text("".join(lines))
    settings = need("apt-config", "dump").splitlines() if shutil.which("apt-config") else []
    mirrors = "".join(line + "\n" for line in settings if FOR_APT.match(line))
    (root / "etc/apt/apt.conf.d/mirrors").write_text(mirrors)
    (root / "etc/apt/apt.conf.d/docker-clean").write_text(KEEPS_NOTHING)
    policy = root / "usr/sbin/policy-rc.d"  # as in Debian's official image: no service starts
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)


@contextlib.contextmanager
def bare_debian(release: str) -> Iterator[Path]:
    """The same in a folder that is gone afterwards."""
    root = Path(tempfile.mkdtemp(prefix="course-debian-", dir="/var/tmp"))
    try:
        make_debian(release, root)
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def copy_checkout(to: Path) -> None:
    """The files of this checkout as they are now, without what git ignores."""
    files = need("git", "ls-files", "-co", "--exclude-standard", "-z", cwd=CHECKOUT)
    for name in filter(None, files.split("\0")):
        if (CHECKOUT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, to / name)


# --- inside ------------------------------------------------------------------------------------


class Chroot:
    """Commands in the system at `root`, as root or as another of its users.

    A context manager. When it exits, everything started inside has ended.
    """

    PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    def __init__(self, root: Path):
        self.root = root
        self.users = {"root": 0}

    def __enter__(self) -> "Chroot":
        shutil.copy("/etc/resolv.conf", self.root / "etc/resolv.conf")
        (self.root / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
        namespaces = ("--mount", "--pid", "--ipc", "--fork", "--kill-child")
        self._init = subprocess.Popen(
            ["unshare", *namespaces, "sh", "-c", INIT, "sh", str(self.root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._pid = self._init.stdout.readline().strip()
        if not self._pid:
            self.__exit__()
            raise Impossible("this machine allows no mounts: in a container, run it --privileged")
        return self

    def __exit__(self, *_) -> None:
        self._init.stdin.close()
        self._init.stdout.close()
        self._init.wait()

    def add_user(self, name: str, uid: int) -> None:
        self("root", "useradd", "-m", "-s", "/bin/bash", "-u", str(uid), name)
        self.users[name] = uid

    def home(self, user: str) -> str:
        return "/root" if user == "root" else f"/home/{user}"

    def words(
        self, user: str, *words: str, env: dict[str, str] | None = None, cwd: str = ""
    ) -> list[str]:
        """The command line that runs this inside. If it is killed, so is the inner command."""
        uid = self.users[user]
        given = {
            "PATH": self.PATH,
            "HOME": self.home(user),
            "USER": user,
            "LOGNAME": user,
            "SHELL": "/bin/bash",
            "LANG": "C.UTF-8",
            **for_the_network(dict(os.environ)),
            **(env or {}),
        }
        return [
            *("nsenter", f"--target={self._pid}", "--mount", "--pid", "--ipc", "--root", "--wd"),
            *("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"),
            *("--pdeathsig=TERM", "env", "-i", *(f"{k}={v}" for k, v in given.items())),
            *("sh", "-c", 'cd "$0" && exec "$@"', cwd or self.home(user), *map(str, words)),
        ]

    def __call__(self, user: str, *words: str, env: dict[str, str] | None = None) -> str:
        # long enough for any download here; it only ends what hangs
        return need(*self.words(user, *words, env=env), timeout=1800)

    def install(self, *packages: str) -> None:
        """Install Debian packages, without the ones that they only recommend."""
        self("root", "apt-get", "update", "-q")
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        command = ("apt-get", "install", "-qy", "--no-install-recommends", *packages)
        self("root", *command, env=quiet)

    def leftovers(self) -> list[str]:
        """Mounts below `root` and processes inside it; there are none after exit."""
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        found = [f"mount {path}" for path in mounts if path.startswith(f"{self.root}/")]
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                inside = os.readlink(process / "root")
                if inside == str(self.root) or inside.startswith(f"{self.root}/"):
                    found.append(f"process {process.name}")
        return found
