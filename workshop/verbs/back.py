"""A way back: the learner's files are backed up, and can be restored."""

from rich.table import Table
from rich.text import Text

from workshop import places
from workshop.desk import lessons, progress, stages
from workshop.desk.stages import Stage
from workshop.errors import CourseError
from workshop.show import GREY, Answer, typed
from workshop.verbs.help import needs_exercise
from workshop.verbs.work import on_the_broker

# an editor in Lab shows what it first read until it is told to reload
IN_LAB = Text("if a file is open in Lab: menu File, Reload … from Disk", GREY)


def solve(stage: Stage) -> Answer:
    """Install the solution; your files are backed up."""
    return _lay_anew(stage, solved=True)


def reset(stage: Stage) -> Answer:
    """Go back to the start of the stage; your files are backed up."""
    return _lay_anew(stage, solved=False)


def lesson(stage: Stage) -> Answer:
    """Install the lesson's newest text, without outputs; your copy is backed up."""
    aside = lessons.replace_copy(stage.name)
    copy = places.inside(lessons.folder() / stage.notebook.name)
    parts = [Text(f"{copy}: as the course has it now")]
    if aside:
        parts.insert(0, Text(f"your copy is now {places.inside(aside)}"))
    return Answer(*parts, Text("in Lab: close the old copy, and open the new one", GREY))


def _lay_anew(stage: Stage, *, solved: bool) -> Answer:
    needs_exercise(stage)
    with on_the_broker(stage) as port:
        aside = stages.replace(stage, solved=solved, port=port)
        progress.record_relaid(stage, solved=solved)
    what = "the solution" if solved else "the start of the stage"
    parts = [Text(f"{places.inside(stage.desk)}: {what}")]
    if aside:
        parts = [Text(f"your files are backed up in {places.inside(aside)}"), *parts]
        parts.append(Text(f"to restore them: {typed('kept', '', aside.name)}", GREY))
    return Answer(*parts, IN_LAB)


def kept(word: str = "") -> Answer:
    """List the backups; with the name or number of one, restore it."""
    found = list(stages.backups())
    if not found:
        return Answer(Text("there are no backups."))
    if word:
        return _restore(word, found)
    table = Table(box=None, show_header=False, padding=(0, 1), pad_edge=False)
    for number, one in enumerate(found, 1):
        table.add_row(str(number), one.stage, Text(one.when, no_wrap=True), _unlike(one))
    return Answer(table, Text("to restore one: workshop kept NUMBER", GREY))


def _unlike(one: stages.Backup) -> str:
    now, then = places.desk() / one.stage, stages.files_in(one.path)
    other = [
        name
        for name, file in then.items()
        if not name.endswith(progress.RUNTIME_SUFFIXES)
        and (not (now / name).is_file() or (now / name).read_bytes() != file.read_bytes())
    ]
    return f"differs in {', '.join(other)}" if other else "the same as your files now"


def _restore(word: str, found: list[stages.Backup]) -> Answer:
    names = {str(number): one for number, one in enumerate(found, 1)}
    names |= {one.path.name: one for one in found}
    if word not in names:
        there = ", ".join(f"{number} ({one.path.name})" for number, one in enumerate(found, 1))
        raise CourseError(f"there is no backup {word!r}. The backups are: {there}", "workshop kept")
    one = names[word]
    stage = stages.find(one.stage)
    aside = stages.restore(stage, one.path)
    progress.record_relaid(stage, solved=False)
    parts = [Text(f"{places.inside(stage.desk)}: as it was, {one.when}")]
    if aside:
        parts.insert(0, Text(f"your files are backed up in {places.inside(aside)}"))
    return Answer(*parts, IN_LAB)
