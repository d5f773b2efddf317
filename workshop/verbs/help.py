"""Where a learner is stuck: a hint, the solution next to their file, what an error means."""

import difflib
import sys
import traceback

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from workshop.causes import cause_of
from workshop.desk import progress, stages
from workshop.desk.stages import Stage
from workshop.errors import CourseError
from workshop.report import BROKEN
from workshop.show import GREEN, GREY, RED, Answer, Shown, typed
from workshop.verbs.work import check


def hint(stage: Stage) -> Answer:
    """The next hint for the first item that is not right."""
    report = progress.last_report(stage) or check(stage).report
    if report.machine_problems:
        return Shown(report)
    item = report.first
    if item is None:
        return Answer(
            Text(f"{stage.number}: everything passes, so there is nothing to hint at."),
            Text(f"go on: {typed('next')}"),
        )
    step = progress.next_step(stage, item.id, item.seen, len(item.hints))
    where = f" · TODO {item.todo} in {item.file}" if item.todo else ""
    if item.state == BROKEN:  # an error in a file is not the fault of one of its TODOs
        where = f" · {item.file}" if item.file else ""
    parts: list[RenderableType] = [Text.assemble((f"{stage.number}: {item.title}", "bold"), where)]
    if not item.blocked_by:
        parts += [Padding(Text(f"seen: {item.seen}"), (0, 0, 0, 2))]
    if item.hints:
        parts += [
            Padding(Text(f"hint {step + 1} of {len(item.hints)}: {item.hints[step]}"), (0, 0, 0, 2))
        ]
    if step + 1 < len(item.hints):
        parts.append(Text(f"another: {typed('hint', stage.number)}", GREY))
    else:
        last = "compare your files with the solution: " + typed("diff", stage.number)
        parts.append(Text("see the cure: stage.solve()" if stage.is_sick else last, GREY))
    return Answer(*parts)


def needs_exercise(stage: Stage) -> None:
    """Raise CourseError if the stage has a fault to find, and so no files to write."""
    if stage.is_sick:
        raise CourseError(
            f"{stage.name} has no files to write: it is a system with a fault.",
            "in its notebook: stage.solve(), stage.reset()",
        )


def diff(stage: Stage, name: str = "") -> Answer:
    """Your file against the solution's: the first that differs, or the one that is named."""
    from workshop.broker.node import Broker

    needs_exercise(stage)
    if name and name not in stage.todo:
        raise CourseError(
            f"the solution to {stage.name} has no file {name!r}.",
            f"one of: {', '.join(stage.todo)}",
        )
    port = Broker().port
    differs = {file: lines for file in stage.todo if (lines := _difference(stage, file, port))}
    if not (name in differs if name else differs):
        what = name or "each of your files"
        return Answer(Text(f"{stage.number}: {what} is the same as in the solution."))
    name = name or next(iter(differs))
    others = [file for file in differs if file != name]
    legend = Text.assemble(
        (f"{stage.number}: {name}  ", "bold"), ("- yours  ", RED), ("+ the solution's", GREEN)
    )
    parts = [legend, *differs[name]]
    parts += [Text(f"another: {typed('diff', stage.number, file)}", GREY) for file in others]
    return Answer(*parts, right=False)


def _difference(stage: Stage, name: str, port: int) -> list[Text]:
    file = stage.path / name
    try:
        mine = file.read_text(errors="replace").splitlines()
    except OSError:
        mine = []
    solution = stages.localized(stage.solution / name, port).decode().splitlines()
    colours = {"+": GREEN, "-": RED, "@": GREY}
    lines = list(difflib.unified_diff(mine, solution, n=3, lineterm=""))[2:]
    return [Text(line, colours.get(line[:1], "")) for line in lines]


def why(error: str | BaseException | None = None) -> Answer:
    """What an error most likely means, where to look, and the stage that shows it.

    `error` is its text (a whole traceback is fine), or the exception; without it, the last one that
    this notebook has shown. Raises CourseError if there is none.
    """
    if error is None:
        error = getattr(sys, "last_value", None)
    if not error:
        raise CourseError("there is no error to explain.", 'workshop why "the text of the error"')
    if isinstance(error, BaseException):
        error = "".join(traceback.format_exception(error))
    found = cause_of(error)
    if not found:
        return Answer(
            Text("the course does not know this error."),
            Text("The last line of a traceback says the most; read it first.", GREY),
            Text("→ workshop doctor looks at this machine; workshop check, at your files"),
            right=False,
        )
    parts = [Text(found.means, "bold"), Text(f"→ {found.look}")]
    if found.stage:
        stage = stages.find(found.stage)
        parts.append(Text(f"shown in stage {stage.number}, {stage.title}", GREY))
    return Answer(*parts)
