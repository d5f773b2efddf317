"""The learner's verbs. A terminal and a notebook call the same ones, and show the same words.

Each returns a `report.Answer`. What takes time to import is imported where it is needed:
`hint`, `status` and `diff` answer in half a second.
"""

import contextlib
import difflib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from workshop import places, show
from workshop.desk import lessons, progress, stages
from workshop.desk.stages import Stage
from workshop.errors import CourseError
from workshop.report import Listener
from workshop.show import GREEN, GREY, RED, Answer, Shown

STATE_COLOURS = {progress.DONE: GREEN, progress.SOLVED: GREY, progress.NOT_BEGUN: GREY}


def which(word: str | None) -> Stage:
    """The stage of this word; without one, the stage one stands in, or was at last."""
    if word:
        return stages.find(word)
    here = Path.cwd()
    for stage in stages.all_stages():
        if here == stage.path or stage.path in here.parents:
            return stage
    last = progress.last_begun()
    if last is None:
        names = ", ".join(stage.name for stage in stages.all_stages())
        raise CourseError(f"which stage? There are: {names}", "workshop begin 01")
    return last


def _inside(path: Path) -> str:
    return str(path.relative_to(places.home()))


# --- begin, and look -----------------------------------------------------------------------


def lay_out(stage: Stage) -> bool:
    """Broker up, files laid out, earlier stages' work on the broker; True if files are new."""
    with _on_the_broker(stage) as port:
        old = progress.old_folder(stage)
        if old and not stage.desk.exists():
            old.rename(stage.desk)
        new = stages.begin(stage, port=port)
        progress.begun(stage)
    return new


@contextlib.contextmanager
def _on_the_broker(stage: Stage) -> Iterator[int]:
    """The broker up, its port; afterwards the earlier stages' work on it."""
    from workshop.broker.node import Broker
    from workshop.desk import prepare

    broker = Broker()
    broker.start()
    prepare.enter(broker)
    yield broker.port
    prepare.replay(stage, broker)


def begin(stage: Stage) -> Answer:
    """Lay a stage out in desk/; what is there is left alone."""
    new = lay_out(stage)
    return Answer(
        Text(f"{_inside(stage.path)}: {'laid out' if new else 'as you left it'}"),
        Text(f"your files: {', '.join(stage.todo)}"),
    )


def check(stage: Stage, warm=None, listener: Listener | None = None) -> Shown:
    """Look at your work as it runs: what is right, and what is not.

    The listener hears of each item as soon as it is known.
    """
    from workshop import checks

    found = checks.check(stage, warm=warm, listener=listener)
    progress.checked(stage, found)
    return Shown(found)


def watch(stage: Stage) -> Iterator[Callable[[Listener | None], Shown]]:
    """`check`, now and again after each save of a file of the stage, until interrupted.

    Yields the check to be made, so that whoever shows it can clear what it showed before.
    """
    from watchfiles import DefaultFilter
    from watchfiles import watch as changes_in

    from workshop.machine.warm import Warm

    class OfTheStage(DefaultFilter):
        def __call__(self, change, path: str) -> bool:
            is_own = Path(path).is_relative_to(stage.path) and not path.endswith(progress.OF_A_RUN)
            return is_own and super().__call__(change, path)

    with Warm() as warm:
        look = partial(check, stage, warm)
        yield look
        seen = progress.fingerprint(stage)
        # the desk, not the stage's folder: that one may be set aside, or not be there yet;
        # and once a second anyway: a file may be saved before the watch begins
        for _ in changes_in(
            places.desk(),
            watch_filter=OfTheStage(),
            debounce=100,
            rust_timeout=1000,
            yield_on_timeout=True,
        ):
            now = progress.fingerprint(stage)
            if now != seen:
                yield look
                seen = now


# --- help ----------------------------------------------------------------------------------


def hint(stage: Stage) -> Answer:
    """The next hint for the first item that is not right."""
    report = progress.last_report(stage) or check(stage).report
    if report.ill:
        return Shown(report)
    item = report.first
    if item is None:
        return Answer(
            Text(f"{stage.number}: all is right, there is nothing to hint at."),
            Text("go on: workshop next"),
        )
    step = progress.next_step(stage, item.id, len(item.hints))
    where = f" · TODO {item.todo} in {item.file}" if item.todo else ""
    parts = [Text.assemble((f"{stage.number}: {item.title}", "bold"), where)]
    if not item.blocked_by:
        parts += [Padding(Text(f"seen: {item.seen}"), (0, 0, 0, 2))]
    if item.hints:
        parts += [
            Padding(Text(f"hint {step + 1} of {len(item.hints)}: {item.hints[step]}"), (0, 0, 0, 2))
        ]
    if step + 1 < len(item.hints):
        parts.append(Text(f"another: workshop hint {stage.number}", GREY))
    else:
        parts.append(
            Text(f"the solution beside your file: workshop diff {stage.number}", GREY),
        )
    return Answer(*parts)


def diff(stage: Stage, name: str = "") -> Answer:
    """Your file against the solution's: the first that differs, or the one that is named."""
    from workshop.broker.node import Broker

    if name and name not in stage.todo:
        raise CourseError(
            f"the solution of {stage.name} has no file {name!r}.",
            f"one of: {', '.join(stage.todo)}",
        )
    port = Broker().port
    differs = {file: lines for file in stage.todo if (lines := _difference(stage, file, port))}
    if not (name in differs if name else differs):
        what = name or "every file of yours"
        return Answer(Text(f"{stage.number}: {what} is as in the solution."))
    name = name or next(iter(differs))
    others = [file for file in differs if file != name]
    legend = Text.assemble(
        (f"{stage.number}: {name}  ", "bold"), ("- yours  ", RED), ("+ the solution's", GREEN)
    )
    parts = [legend, *differs[name]]
    parts += [Text(f"another: workshop diff {stage.number} {file}", GREY) for file in others]
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


# --- a way back ----------------------------------------------------------------------------


def solve(stage: Stage) -> Answer:
    """Lay the solution out; your files are set aside, and named."""
    return _lay_anew(stage, solved=True)


def reset(stage: Stage) -> Answer:
    """Lay the start of the stage out again; your files are set aside, and named."""
    return _lay_anew(stage, solved=False)


def lesson(stage: Stage) -> Answer:
    """Lay the lesson's newest text out, without outputs; your copy is set aside, and named."""
    aside = lessons.lay_anew(stage.name)
    parts = [Text(f"{_inside(lessons.folder() / stage.notebook.name)}: as the course has it now")]
    if aside:
        parts.insert(0, Text(f"yours is now {_inside(aside)}"))
    return Answer(*parts, Text("in Lab: close the old one, and open it anew", GREY))


def _lay_anew(stage: Stage, *, solved: bool) -> Answer:
    with _on_the_broker(stage) as port:
        aside = stages.lay_anew(stage, solved=solved, port=port)
        progress.laid_anew(stage, solved=solved)
    parts = [Text(f"{_inside(stage.desk)}: {'the solution' if solved else 'its beginning'}")]
    if aside:
        parts = [Text(f"what stood there is now in {_inside(aside)}"), *parts]
        parts.append(Text(f"to have it back: workshop kept {aside.name}", GREY))
    return Answer(*parts)


def kept(word: str = "", stage: Stage | None = None) -> Answer:
    """What was set aside; with a name or a number of that list, bring it back."""
    found = [one for one in stages.kept() if stage is None or one.stage == stage.name]
    if not found:
        return Answer(Text("nothing has been set aside."))
    if word:
        return _bring_back(str(word), found)
    table = Table(box=None, show_header=False, padding=(0, 1), pad_edge=False)
    for number, one in enumerate(found, 1):
        table.add_row(str(number), one.stage, Text(one.when, no_wrap=True), _unlike(one))
    return Answer(table, Text("to have one back: workshop kept NUMBER", GREY))


def _unlike(one: stages.Kept) -> str:
    now, then = places.desk() / one.stage, stages.files_in(one.path)
    other = [
        name
        for name, file in then.items()
        if not name.endswith(progress.OF_A_RUN)
        and (not (now / name).is_file() or (now / name).read_bytes() != file.read_bytes())
    ]
    return f"differs in {', '.join(other)}" if other else "as what stands there now"


def _bring_back(word: str, found: list[stages.Kept]) -> Answer:
    names = {str(number): one for number, one in enumerate(found, 1)}
    names |= {one.path.name: one for one in found}
    if word not in names:
        there = ", ".join(f"{number} ({one.path.name})" for number, one in enumerate(found, 1))
        raise CourseError(f"nothing was set aside as {word!r}. There are: {there}", "workshop kept")
    one = names[word]
    stage = stages.find(one.stage)
    aside = stages.bring_back(stage, one.path)
    progress.laid_anew(stage, solved=False)
    parts = [Text(f"{_inside(stage.desk)}: as it was, {one.when}")]
    if aside:
        parts.insert(0, Text(f"what stood there is now in {_inside(aside)}"))
    return Answer(*parts)


# --- the way on ----------------------------------------------------------------------------


def status() -> Answer:
    """Every stage with its state."""
    rows = progress.rows()
    done = sum(row.state in (progress.DONE, progress.SOLVED) for row in rows)
    table = Table(box=None, show_header=False, padding=(0, 1), pad_edge=False)
    for row in rows:
        spent = f"{row.seconds / 60:.0f} of " if row.seconds >= 30 else ""
        table.add_row(
            row.stage.number,
            row.stage.title,
            Text(row.state, STATE_COLOURS.get(row.state, "")),
            Text(f"{spent}{row.stage.minutes} min", justify="right"),
        )
    gone = [
        Text(f"its folder is gone: workshop begin {row.stage.number} lays it out anew", GREY)
        for row in rows
        if row.is_gone
    ]
    bar = ("█" * done * 2, GREEN), ("░" * (len(rows) - done) * 2, GREY)
    go_on = "" if done == len(rows) else " · go on: workshop next"
    return Answer(table, *gone, Text.assemble(*bar, f"  {done} of {len(rows)} stages{go_on}"))


def next_() -> Answer:
    """Begin the stage to go on with, and open it."""
    from workshop.lab import jupyter

    stage = progress.next_stage()
    if stage is None:
        return Answer(Text("all stages are done: there is no next one."))
    lay_out(stage)
    parts = [
        Text(f"{stage.number} · {stage.title}", "bold"),
        Text(f"your files: {', '.join(f'{_inside(stage.path)}/{name}' for name in stage.todo)}"),
    ]
    address = jupyter.open_desk(stage)
    if address:
        parts += [Text("lesson, file and terminal:"), show.link(address)]
    else:
        parts.append(Text(f"its lesson is {_inside(lessons.lay(stage.name))}: make lab"))
    return Answer(*parts)
