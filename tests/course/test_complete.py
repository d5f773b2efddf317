"""Every stage is complete; one that was laid out and not written yet is told what it lacks."""

import shutil

import pytest
from lacks import lacks, strays

from tools import new_stage
from workshop import places
from workshop.desk import stages

STAGES = stages.all_stages()
SCHEDULE = "11_schedule"  # the stage from which something is taken away
SAMPLES = [f"tests/{kind}/{SCHEDULE}" for kind in ("mistakes", "ways")]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A copy of all that stages consist of, in which they are looked for."""
    left_out = shutil.ignore_patterns(*stages.HIDDEN, "images")
    for name in ("steps", "solutions", "notebooks", "workshop/checks", *SAMPLES):
        shutil.copytree(places.CHECKOUT / name, tmp_path / name, ignore=left_out)
    shutil.copy(places.CHECKOUT / "README.md", tmp_path)
    monkeypatch.setattr(places, "CHECKOUT", tmp_path)
    for name in ("steps", "solutions", "notebooks"):
        monkeypatch.setattr(places, name.upper(), tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_stage_lacks_nothing(stage):
    found = lacks(stage)
    assert not found, "\n".join([f"{stage.name} lacks", *found])


def test_nothing_is_there_of_a_stage_that_is_not_listed():
    found = strays()
    assert not found, "\n".join(found)


# --- a new stage -------------------------------------------------------------------------------

NUMBERED = stages.numbered()
LAST = NUMBERED[-1].name
NUMBER, AFTER = (f"{len(NUMBERED) + n:02}" for n in (1, 2))
NEW = f"{NUMBER}_unwritten"
LACKS = f"""\
steps/{NEW}: no file with a TODO
solutions/{NEW}: no finished file
workshop/checks/s{NEW}.py: first_item looks at '', no file of the exercise
steps/{NEW}: no file for TODO a
tests/mistakes/{NEW}: 0 mistakes of at least 8
tests/ways/{NEW}: no other right way
notebooks/{NEW}.ipynb: no picture
notebooks/{NEW}.ipynb: stage.check() does not show "everything passes": make refresh ARGS={NEW}
notebooks/{LAST}.ipynb: no [{NUMBER} · See what runs]({NEW}.ipynb) in the last cell
notebooks/00_start.ipynb: status() does not show stage {NUMBER}: make refresh ARGS=00_start
"""
TO_WRITE = {
    f"steps/{NEW}/README.md",
    f"workshop/checks/s{NEW}.py",
    f"workshop/checks/s{NEW}.toml",
    f"notebooks/{NEW}.ipynb",
}


def test_a_new_stage_loads_and_lacks_what_is_to_be_written(checkout, capsys):
    new_stage.main([NEW, "See what runs"])
    assert f"-k {NEW}" in capsys.readouterr().out
    stages._stages.cache_clear()  # this process read the list before it was longer
    *earlier, new = stages.numbered()
    assert earlier == NUMBERED and (new.name, new.title) == (NEW, "See what runs")
    found = lacks(new)
    to_write = {lack.split(": to write: ")[0] for lack in found if ": to write: " in lack}
    assert [lack for lack in found if ": to write: " not in lack] == LACKS.splitlines()
    assert to_write == TO_WRITE
    assert strays() == []


def test_a_new_extra_comes_last_and_nothing_builds_on_it(checkout):
    number = f"E{len(STAGES) - len(NUMBERED) + 1}"
    new_stage.main([f"{number.lower()}_unwritten", "See what runs"])
    stages._stages.cache_clear()
    *earlier, new = stages.all_stages()
    assert earlier == STAGES and new.number == number and new.is_extra
    assert stages.find(number) == stages.find(number.lower()) == new
    assert stages.before(new) == NUMBERED
    assert strays() == []


EXAMPLE = "as in 14_route"
REFUSED = {
    "a number that is taken": (
        f"{LAST[:2]}_unwritten",
        f"{LAST[:2]} is taken: there is {LAST}",
        NEW,
    ),
    "the first notebook's number": ("00_unwritten", "00 is taken: there is 00_start", NEW),
    "a gap": (f"{AFTER}_unwritten", f"{AFTER} leaves a gap: {NUMBER} follows {LAST}", NEW),
    "another stage's name": (
        f"{NUMBER}_worker",
        "worker is taken: there is 03_worker",
        f"{NUMBER}_NAME",
    ),
    "a gap between extras": ("e9_unwritten", "e9 leaves a gap: e", "_unwritten"),
    "no number": ("unwritten", "'unwritten' is no name", EXAMPLE),
    "one digit": ("1_unwritten", "'1_unwritten' is no name", EXAMPLE),
    "a hyphen": ("11-unwritten", "'11-unwritten' is no name", EXAMPLE),
    "a capital": ("11_Unwritten", "'11_Unwritten' is no name", EXAMPLE),
    "another folder": ("11_a/../b", "'11_a/../b' is no name", EXAMPLE),
}


@pytest.mark.parametrize("words", REFUSED.values(), ids=REFUSED)
def test_a_name_that_cannot_be_is_refused(checkout, words):
    name, cause, cure = words
    expect_refused(checkout, name, "See what runs", cause, cure)


@pytest.mark.parametrize("title", [" ", 'See "it"', "See | look", "two\nlines"])
def test_a_title_that_breaks_a_table_is_refused(checkout, title):
    expect_refused(checkout, NEW, title, "is no title", "one line of text")


@pytest.mark.parametrize("name", [f"steps/{NEW}", f"tests/ways/{NEW}", f"notebooks/{NEW}.ipynb"])
def test_what_is_there_already_is_left_alone(checkout, name):
    (checkout / name).parent.mkdir(exist_ok=True)
    (checkout / name).write_text("mine")
    expect_refused(checkout, NEW, "See what runs", f"Already there: {name}", "elsewhere")


def test_a_readme_without_its_table_is_named(checkout):
    (checkout / "README.md").write_text("nothing\n")
    expect_refused(checkout, NEW, "See what runs", "README.md has no table", "git diff")


@pytest.mark.parametrize("written", [0, 3, 6])
def test_a_disk_that_is_full_leaves_nothing_half_written(checkout, monkeypatch, written):
    whole, count = new_stage.write_whole, iter(range(100))

    def write(file, text):
        if next(count) == written:
            raise OSError("No space left on device")
        whole(file, text)

    monkeypatch.setattr(new_stage, "write_whole", write)
    expect_refused(checkout, NEW, "See what runs", "No space left", "")


def expect_refused(checkout, name, title, cause, cure):
    def snapshot():
        return {path: path.is_file() and path.read_bytes() for path in checkout.rglob("*")}

    before = snapshot()
    with pytest.raises(SystemExit) as refused:
        new_stage.main([name, title])
    assert cause in refused.value.code and cure in refused.value.code
    assert snapshot() == before


# --- what is taken away is named ---------------------------------------------------------------

SHEET, CHECK = f"steps/{SCHEDULE}/README.md", f"workshop/checks/s{SCHEDULE}"
LESSON, START = f"notebooks/{SCHEDULE}.ipynb", "notebooks/00_start.ipynb"
TITLE, TASK = "# 11 · Work that runs on a schedule", "reports/tasks.py"
GIVEN, SOLVED = f"steps/{SCHEDULE}", f"solutions/{SCHEDULE}"

# what is found → the file, the words in it, and what is put in their place; or a path to remove
CHANGES = {
    f"{GIVEN}: no file with a TODO": (GIVEN,),
    f"{GIVEN}: no {TASK} with a TODO, which {SOLVED} finishes": (f"{GIVEN}/{TASK}", "TODO"),
    f"{GIVEN}: no file for TODO c": (f"{GIVEN}/{TASK}", "TODO c"),
    f"{GIVEN}: 5 TODOs, more than 4": (SHEET, "- **a**", "- **d**\n- **e**\n- **a**"),
    f"{SOLVED}: no finished file": (SOLVED,),
    f"{SOLVED}: no {TASK}, which has a TODO in {GIVEN}": (f"{SOLVED}/{TASK}",),
    f"{SOLVED}/{TASK}: a TODO is left": (f"{SOLVED}/{TASK}", "Count", "TODO"),
    f"{GIVEN}: no exercise sheet, README.md": (SHEET,),
    f"{SHEET}: does not begin with {TITLE}": (SHEET, "# 11"),
    f"{SHEET}: no **Goal.**": (SHEET, "**Goal.**"),
    f"{SHEET}: no **Files.**": (SHEET, "**Files.**"),
    f"{SHEET}: no **TODO**": (SHEET, "**TODO**"),
    f"{SHEET}: no **Check.**": (SHEET, "**Check.**"),
    f"{SHEET}: no **Solution.**": (SHEET, "**Solution.**"),
    f"{SHEET}: no `{TASK}`": (SHEET, TASK),
    f"{SHEET}: no <summary>A hint for b</summary>": (SHEET, "A hint for b"),
    f"{SHEET}: no line for TODO b": (SHEET, "- **b**"),
    "workshop/checks: no s11_schedule.py": (f"{CHECK}.py",),
    "workshop/checks: no s11_schedule.toml": (f"{CHECK}.toml",),
    f"{CHECK}.py: does not load: KeyError: 'written_once'": (
        f"{CHECK}.toml",
        "[written_once]",
        "[once]",
    ),
    f"{CHECK}.py: no item": (f"{CHECK}.py", "@check.item", "@(lambda **_: lambda look: look)"),
    f"{CHECK}.py: no item for TODO b": (f"{CHECK}.py", 'todo="b"'),
    f"{CHECK}.py: written_once looks at '', no file of the exercise": (
        f"{CHECK}.py",
        ", file=TASKS",
    ),
    f"tests/mistakes/{SCHEDULE}: 0 mistakes of at least 8": (SAMPLES[0],),
    f"tests/ways/{SCHEDULE}: no other right way": (SAMPLES[1],),
    f"notebooks: no {SCHEDULE}.ipynb": (LESSON,),
    f"{LESSON}: does not begin with {TITLE}": (LESSON, "# 11"),
    f"{LESSON}: no *25 minutes. in the first cell": (LESSON, "*25 minutes."),
    f"{LESSON}: no ../steps/{SCHEDULE}/README.md in the first cell": (LESSON, "README.md"),
    f"{LESSON}: no ../desk/{SCHEDULE}/{TASK} in the first cell": (LESSON, TASK),
    f"{LESSON}: no ## Begin": (LESSON, "## Begin"),
    f"{LESSON}: no ## The idea": (LESSON, "## The idea"),
    f"{LESSON}: no ## Your turn": (LESSON, "## Your turn"),
    f"{LESSON}: no ## Break it on purpose": (LESSON, "## Break it on purpose"),
    f"{LESSON}: no ## What has changed since the guide was written": (LESSON, "has changed"),
    f"{LESSON}: no ## Next": (LESSON, "## Next"),
    f"{LESSON}: no picture": (LESSON, "!["),
    f"{LESSON}: fewer than two breaks": (LESSON, "**"),
    f"{LESSON}: 0 cells with stage.check(), not 1": (LESSON, "stage.check()"),
    f"{LESSON}: 2 cells with stage.check(), not 1": (LESSON, "stage.stop()", "stage.check()"),
    f'{LESSON}: stage.check() does not show "everything passes": make refresh ARGS={SCHEDULE}': (
        LESSON,
        "everything passes",
    ),
    f"notebooks/10_workflow.ipynb: no [{TITLE[2:]}]({SCHEDULE}.ipynb) in the last cell": (
        "notebooks/10_workflow.ipynb",
        "[11 · ",
    ),
    f"{START}: status() does not show stage 11: make refresh ARGS=00_start": (
        START,
        "11  Work that runs",
    ),
    f"{START}: no row | 11 | [{TITLE[7:]}]({SCHEDULE}.ipynb) | 25 |": (START, "| 11 |"),
    f"README.md: no row | 11 | [{TITLE[7:]}](notebooks/{SCHEDULE}.ipynb) | 25 |": (
        "README.md",
        "11_schedule.ipynb) | 25 |",
    ),
}


@pytest.mark.parametrize("lack", CHANGES, ids=lambda lack: lack.replace(SCHEDULE, "11"))
def test_what_is_taken_away_is_named(checkout, lack):
    change(checkout, *CHANGES[lack])
    assert lack in lacks(stages.find(SCHEDULE))


LEFT = [f"{folder}/99_left" for folder in ("steps", "solutions", "tests/mistakes", "tests/ways")]
LEFT += ["notebooks/99_left.ipynb", "workshop/checks/s99_left.py", "workshop/checks/s99_left.toml"]
LEFT += ["workshop/checks/facts/s99_left.py"]


@pytest.mark.parametrize("path", LEFT)
def test_what_belongs_to_no_stage_is_named(checkout, path):
    file = checkout / path if "." in path else checkout / path / "file"
    file.parent.mkdir(exist_ok=True)
    file.touch()
    assert strays() == [f"{path}: of no stage"]


@pytest.mark.parametrize("number", ["02", "99"])
@pytest.mark.parametrize("file", ["README.md", START])
def test_a_row_twice_or_of_no_stage_is_named(checkout, file, number):
    change(checkout, file, "| 01 |", f"| {number} |")
    [stray] = strays()
    assert stray.startswith(f"{file}: rows ") and f"{number}, 02" in stray


def change(checkout, name, words="", instead=""):
    """Remove a file or folder; or put something in the place of words in a file."""
    path = checkout / name
    if words:
        assert words in path.read_text()
        path.write_text(path.read_text().replace(words, instead))
    elif path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
