"""The set-up on a machine where something is missing: the cause, and the next thing to type."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import bootstrap
from workshop import places
from workshop.machine.patience import by_clock

BIN = Path(sys.executable).parent
SCRIPT = places.CHECKOUT / "tools" / "bootstrap.py"
NEEDED = (
    "tools/bootstrap.py",
    "workshop/__init__.py",
    "workshop/broker/__init__.py",
    "workshop/broker/binaries.py",
    "workshop/machine/__init__.py",
    "workshop/machine/environment.py",
)


@pytest.fixture
def checkout(tmp_path):
    """A copy of what the set-up needs, in a path with a space and an accent."""
    root = tmp_path / "mon café"
    for name in NEEDED:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(places.CHECKOUT / name, root / name)
    shutil.copy(places.CHECKOUT / "pyproject.toml", root)
    (root / "README.md").touch()
    (root / "requirements.txt").write_text("")
    return root


def set_up(root: Path, python: str = sys.executable, **environment: str):
    return subprocess.run(
        [python, str(root / "tools" / "bootstrap.py")],
        # uv is found, as on a machine that has it: it need not be fetched for every test
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=by_clock(120),
    )


def stub(folder: Path, name: str, body: str = "exit 1") -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


def test_set_up_a_second_time_does_nothing(checkout):
    (checkout / "requirements.txt").write_text("-e .\n")
    first = set_up(checkout)
    assert first.returncode == 0, first.stderr
    for locale in ("C", "POSIX", "C.UTF-8"):  # the accent in the path is read in all of them
        found = subprocess.run(
            [
                checkout / ".venv/bin/python",
                "-c",
                "import workshop; print(ascii(workshop.__file__))",
            ],
            env={"LC_ALL": locale, "PYTHONCOERCECLOCALE": "0"},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        assert "mon caf" in found.stdout, found.stderr
    assert "✓ venv" in first.stdout and " s)" in first.stdout
    again = set_up(checkout)
    assert again.returncode == 0 and again.stdout == ""


def test_a_half_made_venv_is_made_anew_in_a_foreign_shell_without_a_home(checkout, tmp_path):
    foreign = {"PYTHONPATH": str(tmp_path), "PYTHONSAFEPATH": "1", "PYTHONOPTIMIZE": "2"}
    (tmp_path / "venv.py").write_text("raise OSError('another venv')")
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").write_text("torn")
    done = set_up(checkout, HOME="/nowhere/at/all", XDG_CACHE_HOME="", **foreign)
    assert "a half-made .venv is here" in done.stdout
    assert done.returncode == 0, done.stderr
    assert (checkout / ".venv" / "course-stamp").exists()


def test_a_checkout_that_was_moved_gets_a_new_venv(checkout):
    assert set_up(checkout).returncode == 0
    moved = checkout.with_name("elsewhere")
    checkout.rename(moved)
    done = set_up(moved)
    assert "✓ venv" in done.stdout and done.returncode == 0


def test_an_index_out_of_reach_is_named_and_the_next_run_goes_on(checkout):
    (checkout / "requirements.txt").write_text("six==1.17.0\n")
    nowhere = "http://127.0.0.1:9/simple"
    done = set_up(
        checkout,
        UV_INDEX_URL=nowhere,
        PIP_INDEX_URL=nowhere,
        PIP_RETRIES="0",
        UV_HTTP_RETRIES="0",
        UV_NO_CACHE="1",
        PIP_NO_CACHE_DIR="1",
        PIP_CONFIG_FILE=os.devnull,
        PIP_FIND_LINKS="",
    )
    assert done.returncode == 1
    assert "the Python package index cannot be reached" in done.stderr
    assert "HTTPS_PROXY" in done.stderr and "Traceback" not in done.stderr
    assert not (checkout / ".venv" / "course-stamp").exists()


def test_no_rabbitmq_and_no_right_to_install_it(checkout, tmp_path, monkeypatch):
    monkeypatch.setattr(bootstrap, "rabbitmq_found", lambda: None)
    monkeypatch.setattr(bootstrap, "may_install", lambda: None)
    monkeypatch.setattr(bootstrap, "make_venv", lambda steps: pytest.fail("too late"))
    with pytest.raises(bootstrap.Trouble) as trouble:
        bootstrap.set_up(bootstrap.Steps(quiet=True))
    assert "RabbitMQ is not on this machine" in trouble.value.cause
    in_containers = (places.CHECKOUT / "docker-compose.yml").exists()
    assert ("docker compose up" in trouble.value.cure) == in_containers


@pytest.mark.parametrize(
    ("platform", "apt", "cure"),
    [
        ("darwin", None, "brew install rabbitmq"),
        ("linux", "/usr/bin/apt-get", "sudo apt-get install rabbitmq-server"),
        ("linux", None, "RABBITMQ_HOME"),
    ],
)
def test_the_cure_is_for_this_system(monkeypatch, platform, apt, cure):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(shutil, "which", lambda name: apt if name == "apt-get" else None)
    assert cure in bootstrap.no_rabbitmq().cure


def test_a_python_that_is_too_old(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(bootstrap.Trouble, match=r"too old: the course needs 3\.11"):
        bootstrap.right_python()


def test_an_old_python_goes_on_with_a_newer_one(monkeypatch):
    went = []
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(shutil, "which", lambda name: f"/x/{name}" if "3.12" in name else None)
    monkeypatch.setattr(os, "execv", lambda path, words: went.append(path) or sys.exit())
    with pytest.raises(SystemExit):
        bootstrap.right_python()
    assert went == ["/x/python3.12"]


def test_the_script_can_be_read_by_an_old_python():
    """Nothing newer than 3.6 in its grammar: it must get as far as its own message."""
    import ast

    for name in NEEDED:
        ast.parse((places.CHECKOUT / name).read_text(), feature_version=(3, 6))


def test_no_venv_module(checkout):
    script = str(checkout / "tools" / "bootstrap.py")
    code = (
        "import runpy, sys; sys.modules['ensurepip'] = None\n"
        f"runpy.run_path({script!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no venv module" in done.stderr and "venv" in done.stderr.splitlines()[1]


def test_a_checkout_that_cannot_be_written_to(monkeypatch):
    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(bootstrap.Trouble, match=r"cannot be written to: Read-only file system"):
        bootstrap.room_to_work()


def test_a_folder_in_which_no_program_is_found(checkout):
    named = checkout.with_name("a:b")
    checkout.rename(named)
    done = set_up(named)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "has a : in it" in done.stderr and "mv " in done.stderr


def test_a_full_disk(monkeypatch):
    usage = type("usage", (), {"free": 10 * 2**20})
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    monkeypatch.setattr(bootstrap, "STAMP", "/nowhere/stamp")
    with pytest.raises(bootstrap.Trouble, match=r"only 10 MB are free"):
        bootstrap.room_to_work()


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("error: Failed to fetch: `https://…`\n dns error", "package index cannot be reached"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("error: resolution impossible", "could not be installed"),
    ],
)
def test_the_installers_last_words_are_understood(said, cause):
    assert cause in bootstrap.installer_trouble(said).cause


def test_two_set_ups_at_once_wait_for_each_other(checkout):
    command = [sys.executable, str(checkout / "tools" / "bootstrap.py")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as one, subprocess.Popen(command, **pipes) as other:
        said = one.communicate(timeout=by_clock(100))[0] + other.communicate()[0]
    assert one.returncode == other.returncode == 0
    assert said.count("✓ venv") == 1
    assert "another set-up is at work" in said
