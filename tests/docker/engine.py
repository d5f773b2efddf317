"""A Docker Engine to prove the containers on, and images to build them from.

The engine that runs is used; where none does, root starts one of its own and ends it again.
Where no image registry can be reached, base images are made: Debian by debootstrap, RabbitMQ
and PostgreSQL from Debian's packages (stand-ins/).
"""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tools.debian import RELEASES, Impossible, bare_debian, need, require, run
from workshop import places
from workshop.machine.patience import NotYet, wait_until

STAND_INS = Path(__file__).parent / "stand-ins"
LEFT_OUT = ("dev", "usr/share/doc", "usr/share/man", "usr/share/locale", "var/cache", "var/lib/apt")


# --- the engine --------------------------------------------------------------------------------


@contextlib.contextmanager
def engine() -> Iterator[dict[str, str]]:
    """The variables that lead to an engine. Raises Impossible."""
    if not shutil.which("docker"):
        raise Impossible("there is no `docker` here: apt-get install docker.io docker-compose")
    if run("docker", "info").returncode == 0:
        yield {}
        return
    if os.geteuid() != 0:
        raise Impossible("no Docker Engine answers, and only root may start one: sudo dockerd")
    if not shutil.which("dockerd"):
        raise Impossible("no Docker Engine answers, and there is none: apt-get install docker.io")
    with _engine_of_our_own() as env:
        yield env


@contextlib.contextmanager
def _engine_of_our_own() -> Iterator[dict[str, str]]:
    folder = Path(tempfile.mkdtemp(prefix="course-engine-", dir="/var/tmp"))
    had_bridge = Path("/sys/class/net/docker0").exists()
    host = f"unix://{folder}/docker.sock"
    command = ["dockerd", "--host", host, "--data-root", f"{folder}/data"]
    command += ["--exec-root", f"{folder}/exec", "--pidfile", f"{folder}/pid"]
    with (folder / "log").open("w") as log:
        daemon = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    env = {"DOCKER_HOST": host}
    try:
        try:
            wait_until(
                lambda: run("docker", "info", env=env).returncode == 0, limit=30, what="dockerd"
            )
        except NotYet:
            said = "\n".join((folder / "log").read_text().splitlines()[-5:])
            raise Impossible(f"dockerd did not start:\n{said}") from None
        print("\n· a Docker Engine of our own is up", flush=True)
        yield env
    finally:
        daemon.terminate()
        daemon.wait(60)
        if not had_bridge and shutil.which("ip"):
            run("ip", "link", "delete", "docker0")
        shutil.rmtree(folder, ignore_errors=True)


def composes() -> list[list[str]]:
    """Every Compose on this machine: v2, and the 1.29 of Debian 12."""
    found = []
    if shutil.which("docker") and run("docker", "compose", "version").returncode == 0:
        found.append(["docker", "compose"])
    if shutil.which("docker-compose"):
        found.append(["docker-compose"])
    return found


# --- base images -------------------------------------------------------------------------------


def bases(env: dict[str, str]) -> dict[str, str]:
    """The variables that name base images where those of docker-compose.yml cannot be had."""
    text = (places.CHECKOUT / "docker-compose.yml").read_text()
    wanted = dict(re.findall(r"\$\{(BASE|RABBITMQ_IMAGE|POSTGRES_IMAGE):-([^}]+)\}", text))
    wanted = {name: os.environ.get(name, image) for name, image in wanted.items()}
    missing = [image for image in wanted.values() if not _is_there(image, env)]
    if not missing:
        return wanted
    print(f"· no registry gives {', '.join(missing)}: stand-ins, made of Debian's packages")
    base = f"course-stand-in/debian:{RELEASES[re.search(r':(1[23])', wanted['BASE'])[1]]}"
    if run("docker", "image", "inspect", base, env=env).returncode:
        _import_debian(base, env)
    made = {"BASE": base}
    for name in ("rabbitmq", "postgres"):
        made[f"{name.upper()}_IMAGE"] = image = f"course-stand-in/{name}"
        file = STAND_INS / f"{name}.Dockerfile"
        need(
            *("docker", "build", "-q", "-t", image, "--build-arg", f"BASE={base}", "-f", file),
            STAND_INS,
            env={**env, "DOCKER_BUILDKIT": "0"},
        )
    return made


def _is_there(image: str, env: dict[str, str]) -> bool:
    if run("docker", "image", "inspect", image, env=env).returncode == 0:
        return True
    try:
        return run("docker", "pull", "-q", image, env=env, timeout=300).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _import_debian(image: str, env: dict[str, str]) -> None:
    try:
        require()
    except Impossible as why:
        raise Impossible(f"no image registry can be reached, and for stand-ins {why}") from None
    with bare_debian(image.split(":")[1]) as root:
        left_out = [word for path in LEFT_OUT for word in ("--exclude", f"./{path}/*")]
        tar = ["tar", "-C", str(root), *left_out, "-c", "."]
        with subprocess.Popen(tar, stdout=subprocess.PIPE) as pipe:
            need("docker", "import", "-c", 'CMD ["bash"]', "-", image, env=env, stdin=pipe.stdout)


# --- Compose -----------------------------------------------------------------------------------


class Compose:
    """A Compose project: the checkout in `folder`, under `name`."""

    def __init__(self, command: list[str], folder: Path, name: str, env: dict[str, str]):
        self.command = [*command, "--project-name", name]
        self.folder = folder
        self.name = name
        self.env = env

    def run(self, *words: str, timeout: float = 600) -> subprocess.CompletedProcess:
        return run(*self.command, *words, env=self.env, cwd=self.folder, timeout=timeout)

    def __call__(self, *words: str, timeout: float = 600) -> str:
        return need(*self.command, *words, env=self.env, cwd=self.folder, timeout=timeout)

    def docker(self, *words: str) -> str:
        return need("docker", *words, env=self.env).strip()

    def logs(self, service: str) -> str:
        return self("logs", "--no-color", service)

    def containers(self, service: str) -> list[str]:
        """The ids of a service's containers that run."""
        label = "label=com.docker.compose"
        found = self.docker(
            *("ps", "-q", "--no-trunc", "--filter", f"{label}.project={self.name}"),
            *("--filter", f"{label}.service={service}"),
        )
        return found.split()

    def facts(self, container: str, what: str) -> str:
        """A field of `docker inspect`, in Go's notation."""
        return self.docker("inspect", "-f", "{{" + what + "}}", container)

    def wait_until_healthy(self, *services: str, limit: float = 120) -> None:
        def are_healthy() -> bool:
            states = [
                self.facts(container, ".State.Health.Status")
                for service in services
                for container in self.containers(service)
            ]
            return len(states) >= len(services) and set(states) == {"healthy"}

        try:
            wait_until(are_healthy, limit=limit, what=f"health of {', '.join(services)}")
        except NotYet as error:
            said = self("logs", "--no-color", "--tail=5", *services)
            raise AssertionError(f"{error}\n{said}") from None

    def left(self) -> list[str]:
        """Whatever of this project is still there."""
        label = ("--filter", f"label=com.docker.compose.project={self.name}")
        return [
            *self.docker("ps", "-aq", *label).split(),
            *self.docker("volume", "ls", "-q", *label).split(),
            *self.docker("network", "ls", "-q", *label).split(),
        ]
