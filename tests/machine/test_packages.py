"""Installing a package of Debian's: who may, what a refusal says, and that no service starts."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from workshop.errors import CourseError
from workshop.machine import packages
from workshop.machine.patience import wait_until


def stub(folder: Path, name: str, body: str = "exit 0") -> None:
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


@pytest.fixture(autouse=True)
def ctrl_c():
    """Ctrl-C works in what a test starts, even if these tests run in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def debian(tmp_path, monkeypatch):
    """A PATH with an apt-get and nothing else, and an ordinary user."""
    stub(tmp_path, "apt-get")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return tmp_path


@pytest.fixture
def script(tmp_path, monkeypatch):
    """A function that sets what stands for install.sh; a user who may run it as it is."""

    def set_body(body: str) -> None:
        (tmp_path / "install.sh").write_text(body)

    monkeypatch.setattr(packages, "may_install", list)
    monkeypatch.setattr(packages, "SCRIPT", tmp_path / "install.sh")
    return set_body


def test_root_may_install(debian, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert packages.may_install() == []


def test_a_user_may_install_if_sudo_asks_for_no_password(debian):
    assert packages.may_install() is None, "there is no sudo"
    stub(debian, "sudo", "exit 1")
    assert packages.may_install() is None
    stub(debian, "sudo", '[ "$1" = -n ]')
    assert packages.may_install() == ["sudo", "-n"]


def test_nobody_installs_a_package_of_debians_elsewhere(debian, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert packages.may_install() is None
    monkeypatch.setattr(sys, "platform", "linux")
    (debian / "apt-get").unlink()
    assert packages.may_install() is None


def test_the_cure_is_for_this_system(debian, monkeypatch):
    def cure() -> str:
        return packages.by_system(debian="hello", mac="brew install hello", other="get it")

    assert cure() == "sudo apt-get install hello"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert cure() == "apt-get install hello"
    (debian / "apt-get").unlink()
    assert cure() == "get it"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cure() == "brew install hello"


def test_one_line_is_printed_and_the_script_gets_the_package(script, tmp_path, capfd, monkeypatch):
    monkeypatch.delenv("PYTEST_VERSION")
    script(f'echo "$1" > "{tmp_path}/asked"; echo "what apt-get prints"')
    packages.install("hello", "type this")
    assert (tmp_path / "asked").read_text() == "hello\n"
    assert capfd.readouterr().err == "· installing Debian's package hello …\n"


def test_an_installation_that_fails_shows_the_last_lines(script):
    script("seq 30; echo 'E: Unable to locate package hello' >&2; exit 100")
    with pytest.raises(CourseError) as error:
        packages.install("hello", "type this")
    assert "    E: Unable to locate package hello" in error.value.cause
    assert "    30\n" in error.value.cause and "    15\n" not in error.value.cause
    assert error.value.cure == "fix what it names, then: type this"


def test_without_the_right_to_install_nothing_runs(debian):
    with pytest.raises(CourseError, match="a right you do not have here") as error:
        packages.install("hello", "type this")
    assert error.value.cure == "type this"


def test_ctrl_c_waits_until_the_script_has_cleared_up(script, tmp_path):
    clear = f'sleep 1; touch "{tmp_path}/cleared"; exit 130'
    script(f"trap '{clear}' INT; echo > \"$1\"; sleep 1; :")
    code = (
        "import sys; from pathlib import Path; from workshop.machine import packages; "
        "packages.may_install = list; packages.SCRIPT = Path(sys.argv[1]); "
        "packages.install(sys.argv[2], '')"
    )
    begun = tmp_path / "begun"
    words = [sys.executable, "-c", code, str(tmp_path / "install.sh"), str(begun)]
    child = subprocess.Popen(words, start_new_session=True, stderr=subprocess.DEVNULL)
    wait_until(begun.exists, limit=20, what="the script")
    os.killpg(child.pid, signal.SIGINT)
    child.wait()
    assert (tmp_path / "cleared").exists()


@pytest.mark.skipif(not Path("/var/lib/dpkg").exists(), reason="not a Debian")
def test_the_script_keeps_services_off_only_while_it_installs(tmp_path, monkeypatch):
    policy = tmp_path / "policy-rc.d"
    text = packages.SCRIPT.read_text().replace("/usr/sbin/policy-rc.d", str(policy))
    (tmp_path / "install.sh").write_text(text)
    stub(tmp_path, "dpkg", "exit 1")
    for name in ("systemctl", "update-rc.d"):
        stub(tmp_path, name, f'echo "$@" >> "{tmp_path}/asked"')
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def install(body: str) -> int:
        stub(tmp_path, "apt-get", f'[ "$1" = update ] && exit 100; {body}')
        return subprocess.run(["sh", tmp_path / "install.sh", "hello"], check=False).returncode

    refuses = f'case "$*" in *" hello") ;; *) exit 3;; esac; "{policy}"; [ $? = 101 ]'
    assert install(refuses) == 0
    assert not policy.exists()
    assert install("exit 100") == 100
    assert not policy.exists()
    (tmp_path / "asked").unlink()
    assert install("kill -INT $PPID; exit 0") == 130
    assert not policy.exists()
    assert "hello" in (tmp_path / "asked").read_text(), "apt-get ended its work: left off as well"
    policy.write_text("#!/bin/sh\n# celery-django-course: no service is started while …\n")
    assert install(refuses) == 0
    assert not policy.exists(), "what a killed installation left is cleared"
    stub(tmp_path, "policy-rc.d", "exit 101 # the system's")
    assert install(refuses) == 0
    assert "the system's" in policy.read_text()
