"""The overlay: its rules hold, and a learner's file is never lost."""

import ast
import difflib
import re
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from workshop import places
from workshop.desk import stages
from workshop.errors import CourseError

STAGES = stages.all_stages()
ids = [stage.name for stage in STAGES]
# settings are Django's, a section for each subject: one file that grows
REPLACED_WHOLE = {stages.SHEET, "celery_testing/base.py", "celery_testing/settings.py"}


@pytest.fixture
def at_the_desk(tmp_path, monkeypatch):
    """An empty desk, worked at by a learner."""
    monkeypatch.setenv("WORKSHOP_HOME", str(tmp_path))
    monkeypatch.delenv("WORKSHOP_SOLVED", raising=False)
    return tmp_path / "desk"


def test_stages_are_numbered_in_their_order():
    numbered = stages.numbered()
    extras = range(1, len(STAGES) - len(numbered) + 1)
    names = [f"{n:02}" for n in range(1, len(numbered) + 1)] + [f"E{n}" for n in extras]
    assert [stage.number for stage in STAGES] == names


@pytest.mark.parametrize("stage", STAGES, ids=ids)
def test_no_file_repeats_the_one_beneath_it(stage):
    beneath: dict[str, bytes] = {}
    for folder in stages.layers(stage, solved=True):
        for name, file in stages.files_in(folder).items():
            assert beneath.get(name) != file.read_bytes(), f"{file} repeats what is there already"
            beneath[name] = file.read_bytes()


@pytest.mark.parametrize("stage", STAGES, ids=ids)
def test_successive_versions_of_a_file_differ_in_at_most_40_lines(stage):
    """What is only added is read as a new file is: it does not count."""
    versions: dict[str, Path] = {}
    for folder in stages.layers(stage, solved=True):
        for name, file in stages.files_in(folder).items():
            if name in versions and name not in REPLACED_WHOLE:
                before, now = (one.read_text().splitlines() for one in (versions[name], file))
                print("\n".join(difflib.unified_diff(before, now, n=0)))
                steps = difflib.SequenceMatcher(None, before, now, autojunk=False).get_opcodes()
                changed = sum(
                    (b - a) + (d - c) for how, a, b, c, d in steps if how in ("replace", "delete")
                )
                assert changed <= 40, name
            versions[name] = file


@pytest.mark.parametrize("word", [3, "3", "03", "worker", "03_worker", "03_worker/"])
def test_a_stage_is_found_by_number_or_name(word):
    assert stages.find(word).name == "03_worker"


def test_an_unknown_stage_is_answered_with_the_names_there_are():
    with pytest.raises(CourseError, match="no stage 'wroker'") as error:
        stages.find("wroker")
    assert "03_worker" in error.value.cure


def test_a_laid_out_stage_is_complete_and_has_this_checkouts_port(at_the_desk):
    stage = stages.find("04")
    assert stages.begin(stage, port=5999)
    laid = stages.files_in(at_the_desk / "04_view")
    assert set(laid) == set(stages.content(stage, solved=False))
    assert "@localhost:5999//vhost" in laid["testing/workers.py"].read_text()


def test_begin_twice_leaves_the_learners_file_alone(at_the_desk):
    stage = stages.find("03")
    stages.begin(stage, port=5672)
    file = stage.desk / "testing/workers.py"
    file.write_text("mine")
    assert not stages.begin(stage, port=5672)
    assert file.read_text() == "mine"


@pytest.mark.parametrize("verb", [stages.reset, stages.solve])
def test_reset_and_solve_set_the_learners_files_aside(at_the_desk, verb):
    stage = stages.find("03")
    stages.begin(stage, port=5672)
    (stage.desk / "testing/workers.py").write_text("mine")
    (stage.desk / "notes.txt").write_text("mine too")
    first = verb(stage, port=5672)
    second = verb(stage, port=5672)
    assert (first / "testing/workers.py").read_text() == "mine"
    assert (first / "notes.txt").read_text() == "mine too"
    assert first != second
    assert stages.untouched(stage, "testing/workers.py", 5672) == (verb is stages.reset)


def test_a_todo_is_untouched_until_something_changes_between_it_and_the_next_code(at_the_desk):
    stage = stages.find("08")
    stages.begin(stage, port=5672)
    name = "celery_testing/settings.py"
    file = stage.desk / name

    def todos():
        return [stages.untouched(stage, name, 5672, letter) for letter in "ab"]

    assert todos() == [True, True]
    start = file.read_text()
    a, b = (next(line for line in start.splitlines() if f"TODO {one}:" in line) for one in "ab")
    for text, found in (
        (start.replace(a, "    'confirm_publish': True"), [False, True]),
        (start.replace(b, f"{b}\nCELERY_TASK_ACKS_LATE = 1"), [True, False]),
        (start.replace(f"{b}\n", f"{b}\n\nCELERY_TASK_ACKS_LATE = 1\n"), [True, False]),
        (start + "CELERY_TASK_ACKS_LATE = True\n", [True, True]),
    ):
        file.write_text(text)
        assert todos() == found, text
    assert not stages.untouched(stage, name, 5672, "c")  # it is in another file


def test_a_crash_between_two_copies_leaves_nothing_half_laid(at_the_desk, monkeypatch):
    stage = stages.find("03")
    whole, copied = stages.localized, []

    def crash(source, port):
        copied.append(source)
        if len(copied) == 3:
            raise KeyboardInterrupt
        return whole(source, port)

    monkeypatch.setattr(stages, "localized", crash)
    with pytest.raises(KeyboardInterrupt):
        stages.begin(stage, port=5672)
    assert not stage.desk.exists()
    monkeypatch.setattr(stages, "localized", whole)
    assert stages.begin(stage, port=5672)
    assert [path.name for path in at_the_desk.iterdir()] == ["03_worker"]


def test_the_solved_project_stands_away_from_the_learners(at_the_desk, monkeypatch):
    stage = stages.find("03")
    stages.begin(stage, port=5672)
    monkeypatch.setenv("WORKSHOP_SOLVED", "1")
    assert stages.begin(stage, port=5672)
    assert stage.path != stage.desk
    assert "TODO" in (stage.desk / "testing/workers.py").read_text()
    assert "TODO" not in (stage.path / "testing/workers.py").read_text()


# --- the manifest ------------------------------------------------------------------------------


def test_what_holds_from_a_stage_on_is_written_once():
    rows = tomllib.loads((places.STEPS / "stages.toml").read_text())["stage"]
    for name in stages.FROM_HERE_ON:
        told = [row[name] for row in rows if name in row]
        assert told and all(a != b for a, b in pairwise(told)), name


def test_the_code_knows_no_stage_by_its_number():
    for file in (places.CHECKOUT / "workshop").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                named = re.fullmatch(r"0[1-9](_[a-z]+)?|1\d_[a-z]+", node.value)
                assert not named, f"{file}:{node.lineno}: {node.value}"
