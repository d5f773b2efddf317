"""All that a stage must have, in one place: what one lacks, as a list of texts.

Each text names the place and what is missing there, so that the list can be worked off.
"""

import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import nbformat

from tools.new_stage import ROW, START, TO_WRITE, row
from workshop import places
from workshop.desk import stages
from workshop.desk.stages import SHEET, TODO, Stage, files_in

MISTAKES = 8
MOST_TODOS = 4
REFRESH = "make refresh ARGS="
SHEET_PARTS = ("**Goal.**", "**Files.**", "**TODO**", "**Check.**", "**Solution.**")
LESSON_PARTS = (
    "## Begin",
    "## The idea",
    "## Your turn",
    "## Break it on purpose",
    "## What has changed since the guide was written",
    "## Next",
)
BREAK = re.compile(r"^\*\*\d\. |^## Break it|^\*\*(?:Cold|Soft)", re.M)
PICTURE = re.compile(r"!\[.+?\]\(")


def lacks(stage: Stage) -> list[str]:
    """What is missing before the stage is complete, in the order in which one writes it."""
    parts = [exercise, sheet, check, letters, samples, lesson, way_in, rows, unwritten]
    if stage.is_sick:  # there is nothing to write; tests/cases/ tests its faults
        parts = [part for part in parts if part not in (exercise, letters, samples)]
    return [lack for part in parts for lack in part(stage)]


def written(stage: Stage) -> dict[str, Path]:
    """What a learner writes of the solution; migrations are written by `makemigrations`."""
    found = files_in(stage.solution)
    return {name: file for name, file in found.items() if "/migrations/" not in name}


def exercise(stage: Stage) -> Iterator[str]:
    """The files with a TODO, and those of the solution, are the same; it has no TODO left."""
    step, solution = named(stage.step), named(stage.solution)
    with_todo = {name for name, file in given(stage).items() if "TODO" in file.read_text()}
    finished = written(stage)
    if not with_todo:
        yield f"{step}: no file with a TODO"
    if not finished:
        yield f"{solution}: no finished file"
    for name in sorted(with_todo - set(finished)):
        yield f"{solution}: no {name}, which has a TODO in {step}"
    for name, file in finished.items():
        if name not in with_todo:
            yield f"{step}: no {name} with a TODO, which {solution} finishes"
        if "TODO" in file.read_text():
            yield f"{solution}/{name}: a TODO is left"


def sheet(stage: Stage) -> Iterator[str]:
    """The exercise sheet has the parts of all sheets, each file, and a hint for each TODO."""
    file = stage.step / SHEET
    if not file.is_file():
        yield f"{named(stage.step)}: no exercise sheet, {SHEET}"
        return
    text = file.read_text()
    hints = [f"<summary>A hint for {letter}</summary>" for letter in in_sheet(stage)]
    files = [f"`{name}`" for name in written(stage)]
    if not text.startswith(title(stage)):
        yield f"{named(file)}: does not begin with {title(stage).strip()}"
    for words in (*SHEET_PARTS, *files, *hints):
        if words not in text:
            yield f"{named(file)}: no {words}"


def check(stage: Stage) -> Iterator[str]:
    """The check and its texts are there, load, and look at files of the exercise."""
    module = module_of(stage)
    for file in (module, module.with_suffix(".toml")):
        if not file.is_file():
            yield f"{named(module.parent)}: no {file.name}"
            return
    try:
        items = items_of(stage)
    except Exception as error:
        yield f"{named(module)}: does not load: {type(error).__name__}: {error}"
        return
    if not items:
        yield f"{named(module)}: no item"
    for item in items:
        if item.todo and item.file not in written(stage):
            yield f"{named(module)}: {item.id} looks at {item.file!r}, no file of the exercise"


def letters(stage: Stage) -> Iterator[str]:
    """Each TODO has its letter in a file, its line in the sheet, and its items in the check."""
    places_of = {
        f"{named(stage.step)}: no file": in_files(stage),
        f"{named(stage.step / SHEET)}: no line": in_sheet(stage),
        f"{named(module_of(stage))}: no item": in_check(stage),
    }
    known = set().union(*places_of.values())
    for place, found in places_of.items():
        for letter in sorted(known - found):
            yield f"{place} for TODO {letter}"
    if len(known) > MOST_TODOS:
        yield f"{named(stage.step)}: {len(known)} TODOs, more than {MOST_TODOS}"


def samples(stage: Stage) -> Iterator[str]:
    """There are enough mistakes, and another way that is right."""
    tests = places.CHECKOUT / "tests"
    mistakes = len(list((tests / "mistakes" / stage.name).glob("*/mistake.toml")))
    if mistakes < MISTAKES:
        yield f"tests/mistakes/{stage.name}: {mistakes} mistakes of at least {MISTAKES}"
    if not list((tests / "ways" / stage.name).glob("*/way.toml")):
        yield f"tests/ways/{stage.name}: no other right way"


def lesson(stage: Stage) -> Iterator[str]:
    """The notebook has a first cell and the parts of all lessons, and a check that passed."""
    if not stage.notebook.is_file():
        yield f"{named(stage.notebook.parent)}: no {stage.notebook.name}"
        return
    cells, place = cells_of(stage.notebook), named(stage.notebook)
    yield from first_cell(stage, cells[0].source)
    text = prose(cells)
    for part in LESSON_PARTS:
        if part not in text:
            yield f"{place}: no {part}"
    if not PICTURE.search(text):
        yield f"{place}: no picture"
    if len(BREAK.findall(text)) < 2:
        yield f"{place}: fewer than two breaks"
    shown = [str(cell.outputs) for cell in cells if cell.source == "stage.check()"]
    if len(shown) != 1:
        yield f"{place}: {len(shown)} cells with stage.check(), not 1"
    elif "everything passes" not in shown[0]:
        yield f'{place}: stage.check() does not show "everything passes": {REFRESH}{stage.name}'


def first_cell(stage: Stage, head: str) -> Iterator[str]:
    """It has the title, the minutes, and links to the sheet and the files."""
    place = named(stage.notebook)
    links = [f"../desk/{stage.name}/{name}" for name in written(stage)]
    sheet = f"../steps/{stage.name}/{SHEET}"
    if not head.startswith(title(stage)):
        yield f"{place}: does not begin with {title(stage).strip()}"
    for words in (f"*{stage.minutes} minutes.", sheet, *links):
        if words not in head:
            yield f"{place}: no {words} in the first cell"


def way_in(stage: Stage) -> Iterator[str]:
    """The lesson before leads to this one, and the first notebook shows it."""
    earlier = [one.name for one in stages.all_stages() if one.number < stage.number]
    before = places.NOTEBOOKS / f"{[START, *earlier][-1]}.ipynb"
    link = f"[{stage.number} · {stage.title}]({stage.notebook.name})"
    if link not in prose(cells_of(before)[-1:]):
        yield f"{named(before)}: no {link} in the last cell"
    start = places.NOTEBOOKS / f"{START}.ipynb"
    shown = [
        str(cell.outputs) for cell in cells_of(start) if "status()" in cell.source.splitlines()
    ]
    if not any(f"{stage.number}  {stage.title}" in outputs for outputs in shown):
        yield f"{named(start)}: status() does not show stage {stage.number}: {REFRESH}{START}"


def rows(stage: Stage) -> Iterator[str]:
    """The two tables of all stages have this one."""
    for (place, text), folder in zip(tables().items(), ("notebooks/", ""), strict=True):
        if row(stage, folder) not in text.splitlines():
            yield f"{place}: no row {row(stage, folder)}"


def unwritten(stage: Stage) -> Iterator[str]:
    """What new_stage left to be written."""
    module = module_of(stage)
    for file in (stage.step / SHEET, module, module.with_suffix(".toml"), stage.notebook):
        if file.is_file():
            text = prose(cells_of(file)) if file.suffix == ".ipynb" else file.read_text()
            for what in TO_WRITE.findall(text):
                yield f"{named(file)}: to write: {what}"


def strays() -> list[str]:
    """What belongs to no stage; and tables in which a stage is twice, or in the wrong place."""
    names = {stage.name for stage in stages.all_stages()}
    checks = places.CHECKOUT / "workshop" / "checks"
    samples = [places.CHECKOUT / "tests" / kind for kind in ("mistakes", "ways")]
    folders = [
        path for root in (places.STEPS, places.SOLUTIONS, *samples) for path in root.glob("*/")
    ]
    lessons = [file for file in places.NOTEBOOKS.glob("*.ipynb") if file.stem != START]
    modules = [
        file for file in checks.glob("**/s[0-9e][0-9]_*.*") if file.suffix in (".py", ".toml")
    ]
    found = [path for path in folders + lessons if path.stem not in names]
    found += [file for file in modules if file.stem[1:] not in names]
    wrong = [f"{named(path)}: of no stage" for path in found]
    for place, text in tables().items():
        numbers = ROW.findall(text)
        if numbers != sorted({"00", *(name[:2].upper() for name in names)} & set(numbers)):
            wrong.append(f"{place}: rows {', '.join(numbers)}")
    return wrong


# --- where things are --------------------------------------------------------------------------


def named(path: Path) -> str:
    return path.relative_to(places.CHECKOUT).as_posix()


def title(stage: Stage) -> str:
    return f"# {stage.number} · {stage.title}\n"


def module_of(stage: Stage) -> Path:
    return places.CHECKOUT / "workshop" / "checks" / f"s{stage.name}.py"


def items_of(stage: Stage) -> list:
    return runpy.run_path(str(module_of(stage)))["check"].items


def given(stage: Stage) -> dict[str, Path]:
    """The files of the project that the stage adds or changes."""
    return {name: file for name, file in files_in(stage.step).items() if name != SHEET}


def in_files(stage: Stage) -> set[str]:
    return {letter for file in given(stage).values() for letter in TODO.findall(file.read_text())}


def in_sheet(stage: Stage) -> set[str]:
    file = stage.step / SHEET
    text = file.read_text() if file.is_file() else ""
    return set(re.findall(r"^- \*\*([a-z])\*\*", text, re.M))


def in_check(stage: Stage) -> set[str]:
    try:
        return {item.todo for item in items_of(stage) if item.todo}
    except Exception:  # check() reports it
        return set()


def cells_of(file: Path) -> list:
    return nbformat.read(file, as_version=4).cells if file.is_file() else []


def prose(cells: list) -> str:
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def tables() -> dict[str, str]:
    """The texts with a table of all stages, by their place."""
    readme, start = places.CHECKOUT / "README.md", places.NOTEBOOKS / f"{START}.ipynb"
    return {named(readme): readme.read_text(), named(start): prose(cells_of(start))}
