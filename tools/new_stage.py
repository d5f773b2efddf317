"""Lay out a new stage: a skeleton of each file it needs, and its row in each table.

    python -m tools.new_stage 14_route "Choose the worker"
    python -m tools.new_stage e2_redis "Another broker"  # an extra

Each missing part is marked [TO WRITE: what belongs here]; tests/course/test_complete.py lists it.
"""

import argparse
import re
import shlex
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from workshop import places
from workshop.desk import stages
from workshop.desk.stages import Stage
from workshop.errors import CourseError
from workshop.machine.files import write_whole

COMMAND = ".venv/bin/python -m tools.new_stage"
NAME = re.compile(r"([0-9]{2}|e[1-9])_[a-z][a-z0-9]*(_[a-z0-9]+)*")
NOT_IN_A_TITLE = '"[]\\|'  # a title goes into TOML, into a table, and into the text of a link
ROW = re.compile(r"^\| ([0-9]{2}|E[1-9]) \| \[.*$", re.M)
START = "00_start"
TO_WRITE = re.compile(r"\[TO WRITE: (.+?)\]")

MANIFEST = """
[[stage]]
name = "{stage.name}"
title = "{stage.title}"
minutes = {stage.minutes}
"""

SHEET = """\
# {stage.number} · {stage.title}

**Goal.** [TO WRITE: what works when the exercise is done, in one sentence]

**Files.** [TO WRITE: each file of the exercise, in backquotes]

**TODO**

- **a** [TO WRITE: the file in backquotes, a colon, and what to do there]

**Check.** `stage.check()` in the notebook, or `workshop check {stage.number}`.

<details><summary>A hint for a</summary>

[TO WRITE: what helps with a, without the answer]
</details>

**Solution.** [solutions/{stage.name}](../../solutions/{stage.name}); `stage.solve()` in the notebook backs up your files and installs it.
"""  # noqa: E501

CHECK = '''\
"""Stage {stage.number}: [TO WRITE: what the check looks at]."""

from workshop.checks.items import Check
from workshop.checks.look import Look

check = Check(__file__)
FILE = ""  # [TO WRITE: the file of the exercise, by its path in the project]


@check.item(todo="a", file=FILE)
def first_item(look: Look) -> None:
    # [TO WRITE: a name that says what is true, and a look at what runs]
    raise check.wrong("not_written_yet")
'''

WORDS = """\
# What a learner reads of the check of stage {stage.number}. An item has the name of its function in
# s{stage.name}.py; its hints are a question, where to look, and nearly the answer. The text of a
# mistake is in [says], with what was seen in braces.

[first_item]
title = "[TO WRITE: what is true when this item passes]"
hints = [
    "[TO WRITE: a question]",
    "[TO WRITE: where to look]",
    "[TO WRITE: nearly the answer]",
]

# why it is done so, for each TODO: shown when everything passes
[why]
a = "[TO WRITE: why a is done so]"

[says]
not_written_yet = "[TO WRITE: what the check saw, and which mistake that is]"
"""

LESSON = """\
# {stage.number} · {stage.title}

*{stage.minutes} minutes. Your files: [TO WRITE: a link to each, ../desk/{stage.name}/FILE] (the first cell creates them). Exercise sheet: [steps/{stage.name}](../steps/{stage.name}/README.md).*

By the end of this stage, you will be able to

- [TO WRITE: two or three things that the learner can do then]
%%
[TO WRITE: a picture in images/, with what it shows as its alternative text]

**Where we are.** [TO WRITE: what works so far, and what is wrong with it]
%%
## Begin
%% code
from workshop import begin

stage = begin("{stage.number}")
stage
%%
## The idea

[TO WRITE: show the problem before its solution, and back every claim with a cell]
%%
## Your turn

- **a** [TO WRITE: a link to the file, a colon, and what to do there]

Save, then check.

Stuck? `stage.hint()` in a new cell, or `workshop hint {stage.number}` in a terminal, gives a hint. Run it again for the next one.
%% code
stage.check()
%%
From here on the cells use your work. If the check still fails, fix that first.

## Try it live

[TO WRITE: the learner's work while it runs]
%%
## Break it on purpose

**1. [TO WRITE: what breaks].** [TO WRITE: cells that show it]

**2. [TO WRITE: what else breaks].** [TO WRITE: cells that show it]
%% code
stage.stop()
%%
## What has changed since the guide was written

- [TO WRITE: what was different in 2019]
%%
## Next

[TO WRITE: what the learner has now]. [Where you are](00_start.ipynb): `stage.status()` in any notebook.
"""  # noqa: E501


def planned(name: str, title: str, minutes: int) -> Stage:
    """The stage of this name. Raises CourseError where there can be none."""
    if not NAME.fullmatch(name):
        raise CourseError(
            f"{name!r} is no name for a stage.",
            "two digits (of an extra: e and one digit), an underscore, then lowercase letters a-z "
            "and digits, as in 14_route",
        )
    if not title.strip() or not title.isprintable() or set(title) & set(NOT_IN_A_TITLE):
        raise CourseError(
            f"{title!r} is no title for a stage.",
            f"one line of text without any of {' '.join(NOT_IN_A_TITLE)}",
        )
    expect_next(name, title)
    return Stage(name, title.strip(), minutes)


def expect_next(name: str, title: str) -> None:
    """Raises CourseError if another stage has the name or number, or if the number leaves a gap."""
    numbered = [START, *(stage.name for stage in stages.numbered())]
    extras = [stage.name for stage in stages.all_stages() if stage.is_extra]
    others = [*numbered, *extras]
    number, word = name[:2], name[3:]
    following = f"{len(numbered):02}" if number.isdigit() else f"e{len(extras) + 1}"
    cure = f"{COMMAND} {following}_{word} {shlex.quote(title)}"
    for other in others:
        if other[3:] == word:
            cure = f"choose another name: {COMMAND} {following}_NAME {shlex.quote(title)}"
            raise CourseError(f"the name {word} is taken: there is {other}.", cure)
        if other[:2] == number:
            raise CourseError(f"the number {number} is taken: there is {other}.", cure)
    if number != following:
        last = numbered[-1] if number.isdigit() else others[-1]
        raise CourseError(f"{number} leaves a gap: {following} follows {last}.", cure)


def new_folders(stage: Stage) -> list[Path]:
    samples = [places.CHECKOUT / "tests" / kind / stage.name for kind in ("mistakes", "ways")]
    return [stage.step, stage.solution, *samples]


def new_files(stage: Stage) -> dict[Path, str]:
    """What each new file begins with."""
    checks = places.CHECKOUT / "workshop" / "checks"
    return {
        stage.step / stages.SHEET: SHEET.format(stage=stage),
        checks / f"s{stage.name}.py": CHECK.format(stage=stage),
        checks / f"s{stage.name}.toml": WORDS.format(stage=stage),
        stage.notebook: lesson(stage),
    }


def lesson(stage: Stage) -> str:
    """The notebook, as JSON. In LESSON, %% begins a text cell, and %% code a code cell."""
    cells = [
        new_code_cell(text.removeprefix(" code\n"))
        if text.startswith(" code\n")
        else new_markdown_cell(text.removeprefix("\n"))
        for text in ("\n" + LESSON.format(stage=stage).rstrip("\n")).split("\n%%")
    ]
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    about = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return nbformat.writes(new_notebook(cells=cells, metadata=about)) + "\n"


def longer_files(stage: Stage) -> dict[Path, str]:
    """The files that list all stages, with this one in the list."""
    manifest, readme = places.STEPS / "stages.toml", places.CHECKOUT / "README.md"
    start = places.NOTEBOOKS / f"{START}.ipynb"
    notebook = nbformat.read(start, as_version=4)
    table = next((cell for cell in notebook.cells if ROW.search(cell.source)), new_markdown_cell())
    table.source = with_row(table.source, stage, "", start)
    return {
        manifest: manifest.read_text(encoding="utf-8").rstrip("\n")
        + "\n"
        + MANIFEST.format(stage=stage),
        readme: with_row(readme.read_text(encoding="utf-8"), stage, "notebooks/", readme),
        start: nbformat.writes(notebook) + "\n",
    }


def with_row(text: str, stage: Stage, folder: str, file: Path) -> str:
    """The text with the stage's row below that of the stage before it."""
    rows = [found for found in ROW.finditer(text) if found[1] < stage.number]
    if not rows:
        raise CourseError(f"{file} has no table of the stages.", f"git diff {file}")
    end = rows[-1].end()
    return f"{text[:end]}\n{row(stage, folder)}{text[end:]}"


def row(stage: Stage, folder: str = "") -> str:
    """The stage's row in a table of the stages."""
    link = f"[{stage.title}]({folder}{stage.notebook.name})"
    return f"| {stage.number} | {link} | {stage.minutes} |"


def write(folders: list[Path], files: dict[Path, str]) -> None:
    """Make the folders and write the files: all of them, or none where one fails."""
    with ExitStack() as undo:
        for folder in folders:
            folder.mkdir(parents=True)
            undo.callback(shutil.rmtree, folder, ignore_errors=True)
        for file, text in files.items():
            before = file.read_text(encoding="utf-8") if file.exists() else None
            undo.callback(put_back, file, before)
            write_whole(file, text)
        undo.pop_all()


def put_back(file: Path, before: str | None) -> None:
    if before is None:
        file.unlink(missing_ok=True)
    else:
        write_whole(file, before)


def lay_out(stage: Stage) -> list[Path]:
    """Lay out the stage; return the new and changed files. On CourseError, nothing has changed."""
    folders, files = new_folders(stage), new_files(stage)
    there = [path for path in (*folders, *files) if path.exists()]
    if there:
        names = " ".join(str(path.relative_to(places.CHECKOUT)) for path in there)
        raise CourseError(
            f"nothing was laid out. Already there: {names}", "move it elsewhere first"
        )
    files |= longer_files(stage)
    write(folders, files)
    return [*folders, *files]


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog=COMMAND, description="Lay out a new stage.")
    parser.add_argument("name", help="number and name, as in 14_route")
    parser.add_argument("title", help='as in "Choose the worker"')
    parser.add_argument("--minutes", type=int, default=25, help="of the whole lesson (default: 25)")
    asked = parser.parse_args(words)
    try:
        paths = lay_out(planned(asked.name, asked.title, asked.minutes))
    except (CourseError, OSError) as error:
        sys.exit(f"✗ {error}")
    for path in paths:
        print(f"✓ {path.relative_to(places.CHECKOUT)}")
    print(f'what it lacks: make test ARGS="tests/course/test_complete.py -k {asked.name}"')


if __name__ == "__main__":
    main(sys.argv[1:])
