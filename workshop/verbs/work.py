"""Begin a stage, and look at the work."""

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from rich.text import Text

from workshop import places
from workshop.desk import progress, stages
from workshop.desk.stages import Stage
from workshop.errors import CourseError
from workshop.report import Listener
from workshop.show import Answer, Shown


def which(word: str | None) -> Stage:
    """The stage of this word; without one, that of the current folder, or the last one begun."""
    if word:
        return stages.find(word)
    here = Path.cwd()
    for stage in stages.all_stages():
        if here == stage.path or stage.path in here.parents:
            return stage
    last = progress.last_begun()
    if last is None:
        names = ", ".join(stage.name for stage in stages.all_stages())
        raise CourseError(f"which stage? The stages are: {names}", "workshop begin 01")
    return last


def lay_out(stage: Stage) -> bool:
    """Start the broker, lay out files, replay the earlier stages; return True if files are new.

    A fault that another stage has laid out ends.
    """
    from workshop.broker.node import Broker
    from workshop.cases.reset import end_case

    with on_the_broker(stage) as port:
        if not stage.is_sick:
            end_case(Broker())
        old = progress.old_folder(stage)
        if old and not stage.desk.exists():
            old.rename(stage.desk)
        new = stages.begin(stage, port=port)
        progress.record_begun(stage)
    return new


@contextlib.contextmanager
def on_the_broker(stage: Stage) -> Iterator[int]:
    """Start the broker and yield its port; afterwards, replay the earlier stages' work on it."""
    from workshop.broker.node import Broker
    from workshop.desk import prepare

    broker = Broker()
    broker.start()
    prepare.enter(broker)
    yield broker.port
    prepare.replay(stage, broker)


def files_of(stage: Stage, inside: bool = False) -> str:
    """The line that names the learner's files; `inside` says where in the course they are."""
    if stage.is_sick:
        return "nothing to write: its notebook lays out a system with a fault"
    names = [places.inside(stage.path / name) if inside else name for name in stage.todo]
    return f"your files: {', '.join(names)}"


def begin(stage: Stage) -> Answer:
    """Lay a stage out in desk/; existing files are left alone."""
    new = lay_out(stage)
    return Answer(
        Text(f"{places.inside(stage.path)}: {'laid out' if new else 'as you left it'}"),
        Text(files_of(stage)),
    )


def check(stage: Stage, todo: str = "", warm=None, listener: Listener | None = None) -> Shown:
    """Look at your work as it runs: what is right, and what is not.

    With the letter of a TODO, only its items and what they need; this does not count as progress.
    The listener hears of each item as soon as it is known. Raises CourseError for another letter.
    """
    from workshop import checks

    if todo:
        return Shown(checks.check(stage, warm=warm, listener=listener, todo=todo))
    files = progress.fingerprint(stage)
    found = checks.check(stage, warm=warm, listener=listener)
    progress.record_check(stage, found, files)
    return Shown(found)


def watch(stage: Stage, todo: str = "") -> Iterator[Callable[[Listener | None], Shown]]:
    """`check`, now and again after each save of a file of the stage, until interrupted.

    Yields the check to run, so that the caller can clear what it showed before.
    """
    from watchfiles import DefaultFilter
    from watchfiles import watch as changes_in

    from workshop.machine.warm import Warm

    class OfTheStage(DefaultFilter):
        def __call__(self, change, path: str) -> bool:
            is_own = Path(path).is_relative_to(stage.path) and not path.endswith(
                progress.RUNTIME_SUFFIXES
            )
            return is_own and super().__call__(change, path)

    with Warm() as warm:
        look = partial(check, stage, todo, warm)
        seen = progress.fingerprint(stage)
        yield look
        # the desk, not the stage's folder, which may be moved away, or not exist yet;
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
