"""How a check's or a doctor's answer looks, in a notebook and in a terminal."""

import html
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from workshop.checks import BROKEN, NOT_TRIED, PASS, WRONG, Report

MARKS = {PASS: "✓", NOT_TRIED: "·", WRONG: "✗", BROKEN: "!"}
# Okabe and Ito's colours, with marks and words beside them: no state is told by colour alone
COLOURS = {PASS: "#009E73", NOT_TRIED: "#888888", WRONG: "#D55E00", BROKEN: "#CC79A7"}


@dataclass
class Shown:
    """A report that a notebook draws and a terminal prints."""

    report: Report

    @property
    def last_line(self) -> str:
        done = sum(item.state == PASS for item in self.report.items)
        whole = len(self.report.items)
        number = self.report.stage[:2]
        if done == whole:
            return f"{number}: {done} of {whole}, all is right"
        return f"{number}: {done} of {whole} · again: make check STEP={number}"

    def __str__(self) -> str:
        lines = []
        for item in self.report.items:
            lines.append(f"{MARKS[item.state]} {item.state:<9}  {item.name}")
            lines += [f"              → {line}" for line in item.hint.splitlines()]
        return "\n".join([*lines, self.last_line])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr style="background: transparent"><td style="color: {COLOURS[item.state]}">'
            f"<b>{MARKS[item.state]}&nbsp;{item.state}</b></td>"
            f'<td style="text-align: left">{html.escape(item.name)}'
            + (f"<br>→ {html.escape(item.hint)}".replace("\n", "<br>") if item.hint else "")
            + "</td></tr>"
            for item in self.report.items
        )
        return f"<table>{rows}</table><p>{html.escape(self.last_line)}</p>"

    def print(self, console: Console) -> None:
        table = Table(box=None, show_header=False, padding=(0, 1), pad_edge=False)
        for item in self.report.items:
            colour = COLOURS[item.state]
            words = Text(item.name)
            if item.hint:
                words.append(f"\n→ {item.hint}", style="dim")
            table.add_row(Text(f"{MARKS[item.state]} {item.state}", style=colour), words)
        console.print(table)
        console.print(Text(self.last_line))
