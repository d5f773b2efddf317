"""How far the learner is, and what comes next."""

from rich.table import Table
from rich.text import Text

from workshop import places, show
from workshop.desk import lessons, progress
from workshop.desk.stages import Stage
from workshop.show import GREEN, GREY, Answer, typed
from workshop.verbs.work import files_of, lay_out

STATE_COLOURS = {progress.DONE: GREEN, progress.SOLVED: GREY, progress.NOT_BEGUN: GREY}


def status() -> Answer:
    """Every stage with its state; below the stages, how many are done, extras not counted."""
    rows = progress.rows()
    numbered = [row for row in rows if not row.stage.is_extra]
    done = sum(row.state in (progress.DONE, progress.SOLVED) for row in numbered)
    table = Table(box=None, show_header=False, padding=(0, 1), pad_edge=False)
    for whole in (True, False, True, True):  # in a narrow pane, only the title may be wrapped
        table.add_column(no_wrap=whole)
    for row in rows:
        spent = f"{row.seconds / 60:.0f} of " if row.seconds >= 30 else ""
        table.add_row(
            row.stage.number,
            row.stage.title,
            Text(row.state, STATE_COLOURS.get(row.state, "")),
            Text(f"{spent}{row.stage.minutes} min", justify="right"),
        )
    gone = [
        Text(f"a stage's folder is gone: workshop begin {row.stage.number} creates it again", GREY)
        for row in rows
        if row.is_gone
    ]
    bar = ("█" * done, GREEN), ("░" * (len(numbered) - done), GREY)
    go_on = "" if done == len(numbered) else f" · go on: {typed('next')}"
    return Answer(table, *gone, Text.assemble(*bar, f"  {done} of {len(numbered)} stages{go_on}"))


def next_() -> Answer:
    """Begin the stage to go on with, and open it."""
    stage = progress.next_stage()
    if stage is None:
        return Answer(Text("all stages are done: there is no next one."))
    return open_(stage)


def open_(stage: Stage) -> Answer:
    """Begin a stage, and open it in Lab: its lesson, files and terminal side by side."""
    from workshop.lab import jupyter

    lay_out(stage)
    parts = [Text(f"{stage.number} · {stage.title}", "bold"), Text(files_of(stage, inside=True))]
    address = jupyter.open_desk(stage)
    if address:
        parts += [Text("lesson, file and terminal:"), show.link(address)]
    else:
        lesson = places.inside(lessons.ensure_copy(stage.name))
        parts.append(Text(f"its lesson is {lesson}; to open it: make lab"))
    return Answer(*parts)
