"""Commands in texts exist; the lock has what it must. The tables of stages: lacks.py."""

import re
import subprocess
import sys
import tomllib

from workshop import places

README = (places.CHECKOUT / "README.md").read_text()
COMMANDS = README + (places.CHECKOUT / "CONTRIBUTING.md").read_text()


def test_the_readmes_table_begins_with_the_first_notebook():
    first = re.search(r"^\| \d\d \|.*", README, re.M)[0]
    assert first.startswith("| 00 | [Start here](notebooks/00_start.ipynb) |")


def test_every_make_command_in_the_texts_is_a_target_with_its_help():
    makefile = (places.CHECKOUT / "Makefile").read_text()
    targets = dict(re.findall(r"^([\w-]+):.*?## (.+)$", makefile, re.M))
    for verb in re.findall(r"(?:`|^)make ([\w-]+)", COMMANDS, re.M):
        assert verb in targets, verb
    assert set(targets) >= {"lab", "test", "demo", "check", "doctor", "stop", "refresh", "lint"}


def test_make_alone_lists_the_verbs():
    said = subprocess.run(
        ["make", "-s"], cwd=places.CHECKOUT, capture_output=True, text=True, check=True
    ).stdout
    assert "make lab" in said and "make test" in said


def test_every_workshop_command_in_the_texts_is_a_verb():
    said = subprocess.run(
        [sys.executable, "-m", "workshop", "--help"], capture_output=True, text=True, check=True
    ).stdout
    for verb in re.findall(r"`workshop (\w+)", COMMANDS):
        assert re.search(rf"^\s+{verb}\b", said, re.M), verb


def test_the_lock_has_every_direct_dependency_and_ends_with_the_course_itself():
    project = tomllib.loads((places.CHECKOUT / "pyproject.toml").read_text())["project"]
    lock = (places.CHECKOUT / "requirements.txt").read_text()
    direct = project["dependencies"] + project["optional-dependencies"]["dev"]
    for name in direct:
        name = re.match(r"[\w.-]+", name)[0]
        assert re.search(rf"^{re.escape(name)}==", lock, re.M), name
    assert lock.rstrip().splitlines()[-1] == "-e ."
    assert "://" not in lock


def test_the_readme_fits_a_screen_or_two():
    assert len(README.splitlines()) <= 95  # one row for each stage and extra
