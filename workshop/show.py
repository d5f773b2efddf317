"""How an answer of the course looks, in a notebook and in a terminal: the same words."""

import html
import io
import re
import sys
import time
from collections.abc import Callable, Iterable

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.status import Status
from rich.style import Style
from rich.table import Table
from rich.text import Text

from workshop.report import BROKEN, NOT_TRIED, PASS, WRONG, Listener, Report, Result

MARKS = {PASS: "✓", NOT_TRIED: "·", WRONG: "✗", BROKEN: "!"}
# Okabe and Ito's colors, with marks and words next to them: no state is shown by color alone
GREEN, GREY, RED, PINK = "#009E73", "#888888", "#D55E00", "#CC79A7"
COLOURS = {PASS: GREEN, NOT_TRIED: GREY, WRONG: RED, BROKEN: PINK}
WIDTH = 76  # of an answer as text
# Of an answer in a notebook. On each element, because a saved notebook keeps no <style> on GitHub,
# and JupyterLab has rules for the cells of a table.
FONT = "font-family: var(--jp-code-font-family, monospace); font-size: 0.95em"
WRAPPED, UNWRAPPED = (f"white-space: {how}; line-height: 1.45" for how in ("pre-wrap", "pre"))
PLAIN = "border: none; color: inherit; font-size: inherit"
TABLE = f"{PLAIN}; border-collapse: collapse; margin: 0; table-layout: auto"
CELL = f"{PLAIN}; padding: 0 2ch 0 0; vertical-align: top"
LONG = 24  # letters: a longer word, like an address, may be broken


def _console(file: io.StringIO, **options) -> Console:
    # not Jupyter's: there rich shows what is printed, whatever file it is printed to
    return Console(file=file, width=WIDTH, highlight=False, force_jupyter=False, **options)


def typed(verb: str, number: str = "", *words: str) -> str:
    """What to type next: a command in a terminal; in a notebook, a method of its `stage`."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if hasattr(shell, "kernel"):
        return f"stage.{verb}({', '.join(map(repr, words))})"
    return " ".join(filter(None, ["workshop", verb, number, *words]))


class Answer:
    """The answer of a verb: lines of text that a notebook draws and a terminal prints."""

    def __init__(self, *parts: RenderableType, right: bool = True):
        self.parts = parts
        #: whether all is as it should be: a command's exit status
        self.right = right

    def _lines(self) -> Group:
        return Group(*self.parts)

    def _draw(self, console: Console) -> None:
        console.print(self._lines(), crop=False)

    def __str__(self) -> str:
        said = io.StringIO()
        self._draw(_console(said, color_system=None))
        return "\n".join(line.rstrip() for line in said.getvalue().splitlines())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        console = _console(io.StringIO())
        drawn = "".join(_drawn(part, console) for part in self.parts)
        return f'<div style="{FONT}; {WRAPPED}">{drawn}</div>'

    def print(self, console: Console | None = None) -> None:
        self._draw(console or Console(highlight=False))


def _drawn(part: RenderableType, console: Console) -> str:
    """A part of an answer as HTML, as wide as the pane; it handles only what answers contain."""
    if isinstance(part, Table):
        rows = zip(*(column.cells for column in part.columns), strict=True)
        drawn = "".join(_row(part, cells, console) for cells in rows)
        return f'<table style="{TABLE}"><tbody>{drawn}</tbody></table>'
    if isinstance(part, Group):
        return "".join(_drawn(one, console) for one in part.renderables)
    if isinstance(part, Padding):
        drawn = _drawn(part.renderable, console)
        return f'<div style="padding-left: {part.left}ch">{drawn}</div>'
    text = part if isinstance(part, Text) else console.render_str(str(part))
    return f"<div>{_runs(text, console) or '<br>'}</div>"


def _row(table: Table, cells: Iterable[RenderableType], console: Console) -> str:
    drawn = ""
    for column, cell in zip(table.columns, cells, strict=True):
        whole = column.no_wrap or getattr(cell, "no_wrap", False)
        align = getattr(cell, "justify", None) or column.justify
        style = f"{CELL}; text-align: {align}; {UNWRAPPED if whole else WRAPPED}"
        drawn += f'<td style="{style}">{_drawn(cell, console)}</td>'
    return f'<tr style="background: none">{drawn}</tr>'


def _runs(text: Text, console: Console) -> str:
    """The words of a text in their styles; only a word too long for a line may be broken."""
    drawn = ""
    for run in Text.assemble(text).render(console):
        words = (
            f'<span style="overflow-wrap: anywhere">{html.escape(word)}</span>'
            if len(word) > LONG
            else html.escape(word)
            for word in re.split(r"(\s+)", run.text)
        )
        style = run.style or Style.null()
        css = style.get_html_style()
        part = "".join(words)
        if re.fullmatch(r"https?://\S+", run.text):
            part = f'<a href="{html.escape(run.text)}">{part}</a>'
        drawn += f'<span style="{css}">{part}</span>' if css else part
    return drawn


def link(address: str) -> Text:
    """An address on a separate line, whole even in a narrow terminal, so that it can be copied.

    It is plain text: a terminal makes a link of it. (Where it is marked as one, JupyterLab's
    terminal asks whether "this link could potentially be dangerous".)
    """
    return Text(address, no_wrap=True, overflow="ignore")


class Shown(Answer):
    """A check's report."""

    def __init__(self, report: Report):
        self.report = report
        super().__init__(*_of(report), right=report.passed)


def _of(report: Report) -> list[RenderableType]:
    return [*_ill(report), _table(report.items, report.titles), *_end(report)]


def _ill(report: Report) -> list[Text]:
    return [Text(f"! {problem}", style=PINK) for problem in report.machine_problems]


def _end(report: Report) -> list[RenderableType]:
    """The last line; below it, if all is right, why each TODO is done that way."""
    if not (report.passed and report.why):
        return [Text(last_line(report))]
    table = Table(box=None, show_header=False, padding=(0, 1), pad_edge=False)
    for letter, sentence in report.why.items():
        table.add_row(Text(letter, "bold"), Text(sentence))
    compare = f"your files next to the solution: {typed('diff', report.stage[:2].upper())}"
    return [Text(last_line(report)), table, Text(compare, GREY)]


def _table(items: list[Result], titles: dict[str, str], width: int | None = None) -> Table:
    """A line for each item; `width` is that of the states, if lines are shown one by one."""
    table = Table(box=None, show_header=False, padding=(0, 1), pad_edge=False)
    table.add_column(min_width=width, no_wrap=True)
    for item in items:
        table.add_row(
            Text(f"{MARKS[item.state]} {item.state}", COLOURS[item.state]), _words(item, titles)
        )
    return table


def so_far(items: list[Result], titles: dict[str, str], title: str) -> Answer:
    """What is known of a check, and the title of the item that is looked at now."""
    return Answer(_table(items, titles), Text(f"checking: {title}", GREY))


class OneByOne(Listener):
    """Each item as soon as it is known, and a line for the one that is looked at now."""

    WIDTH = max(len(f"{MARKS[state]} {state}") for state in MARKS)

    def __init__(self, console: Console):
        self.console = console
        self._now: Status | None = None
        self._titles: dict[str, str] = {}

    def will_look_at(self, titles: dict[str, str]) -> None:
        self._titles = titles

    def begins(self, title: str) -> None:
        self._now = self.console.status(Text(f"checking: {title}"))
        self._now.start()

    def found(self, result: Result) -> None:
        if self._now:
            self._now.stop()
        self._now = None
        self.console.print(_table([result], self._titles, self.WIDTH))

    def end(self, report: Report) -> None:
        """What comes after the last item."""
        self.console.print(*_ill(report), *_end(report), sep="\n")


Check = Callable[[Listener], Shown]


def one_by_one(check: Check, console: Console | None = None) -> Shown:
    """Show a check in a terminal, item by item as it goes on."""
    listener = OneByOne(console or Console(highlight=False))
    shown = check(listener)
    listener.end(shown.report)
    return shown


def after_each_save(checks: Iterable[Check], stage: str) -> None:
    """Show these checks in a terminal, each in place of the one before, until Ctrl-C."""
    console = Console(highlight=False)
    console.print(f"checking {stage} …")
    for check in checks:
        console.clear()
        one_by_one(check, console)
        console.print(
            f"{time.strftime('%H:%M:%S')} · checks again when a file in desk/{stage} is saved "
            "· Ctrl-C ends it",
            style=GREY,
        )


def _words(item: Result, titles: dict[str, str]) -> Group:
    said = item.seen
    if item.blocked_by:
        said = f"waits for: {titles.get(item.blocked_by, f'the {item.blocked_by}')}"
    elif item.untouched:
        said = f"TODO {item.todo} in {item.file}: {item.seen}"
    lines = [Padding(Text(f"→ {line}"), (0, 0, 0, 2)) for line in said.splitlines()]
    return Group(Text(item.title), *lines)


def last_line(report: Report) -> str:
    """The count, and the next thing to type."""
    stage, whole = report.stage[:2].upper(), len(report.items)
    number = f"{stage} {report.todo}".strip()
    if report.machine_problems:
        return f"{number}: no answer yet · first fix the machine: make doctor"
    if report.passed:
        return f"{number}: {report.right} of {whole}, everything passes"
    again = f"again: {typed('check', stage, *filter(None, [report.todo]))}"
    hint = f"a hint: {typed('hint', stage)}"
    return f"{number}: {report.right} of {whole} · {again} · {hint}"
