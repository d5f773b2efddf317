"""Figures of what happened. They do not know where the numbers come from.

Readable on a light and on a dark page (with a light background), and without color (Okabe
and Ito's palette, plus labels, line styles and hatches). Each comes with an
alternative text that says what is drawn, not what was measured.
"""

import base64
import html
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from workshop.broker.routing import Binding
from workshop.project.events import Step
from workshop.project.log import Job
from workshop.project.traces import Traced

matplotlib.use("agg")

INK, GROUND = "#222222", "#fbfaf7"
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#999999"


@dataclass
class Picture:
    """A figure with its alternative text, for a notebook."""

    figure: Figure
    alt: str

    def __repr__(self) -> str:
        return self.alt

    def png(self) -> bytes:
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=110, facecolor=GROUND)
        return buffer.getvalue()

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.png()).decode()
        return f'<img alt="{html.escape(self.alt)}" src="data:image/png;base64,{data}">'


def _axes(height: float = 2.8, width: float = 7.6):
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_facecolor(GROUND)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(colors=INK)
    return figure, axes


def depth(samples: Sequence[tuple[float, int, int]], alt: str, marks=()) -> Picture:
    """Messages in a queue over time.

    `samples`: (seconds, ready, unacknowledged). `marks`: (seconds, what happened then).
    """
    figure, axes = _axes()
    times = [at for at, _, _ in samples]
    ready = [count for _, count, _ in samples]
    both = [count + held for _, count, held in samples]
    axes.step(times, ready, where="post", color=BLUE, lw=2, label="ready")
    axes.fill_between(
        times, ready, both, step="post", color=ORANGE, alpha=0.6, hatch="///", label="unacked"
    )
    top = max([*both, 1])
    for at, words in marks:
        axes.axvline(at, color=GREY, lw=1, ls=":")
        axes.text(at, top * 1.05, f" {words}", color=INK, fontsize=8, va="bottom")
    axes.set_ylim(0, top * 1.25)
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("seconds", color=INK)
    axes.set_ylabel("messages", color=INK)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return Picture(figure, alt)


def progress(samples: Sequence[tuple[float, float]], alt: str, marks=()) -> Picture:
    """How far a piece of work was, over time.

    `samples`: (seconds, percent). `marks`: (seconds, what happened then).
    """
    figure, axes = _axes()
    axes.step(*zip(*samples, strict=True), where="post", color=BLUE, lw=2)
    for at, words in marks:
        axes.axvline(at, color=GREY, lw=1, ls=":")
        axes.text(at, 108, f" {words}", color=INK, fontsize=8, va="bottom")
    axes.set_ylim(0, 125)
    axes.set_yticks(range(0, 101, 25))
    axes.set_xlabel("seconds", color=INK)
    axes.set_ylabel("percent", color=INK)
    return Picture(figure, alt)


def counts(rows: Sequence[tuple[str, dict[str, int]]], alt: str) -> Picture:
    """The outcome of pieces of work, one bar each: `rows` are (name, {"finished": 3, "lost": 1}).

    A bar's parts are shares of its whole, since one drill has ten pieces and another thousands.
    """
    figure, axes = _axes(height=0.9 + 0.45 * len(rows))
    colours = {"finished": (GREEN, ""), "lost": (GREY, "xx"), "twice": (ORANGE, "///")}
    seen = set()
    for row, (_, found) in enumerate(rows):
        left, whole = 0.0, sum(found.get(kind, 0) for kind in colours) or 1
        for kind, (colour, hatch) in colours.items():
            width = 100 * found.get(kind, 0) / whole
            if width:
                label = None if kind in seen else kind
                axes.barh(
                    row, width, 0.6, left, color=colour, edgecolor=INK, hatch=hatch, label=label
                )
                axes.text(
                    left + width / 2,
                    row,
                    str(found[kind]),
                    ha="center",
                    va="center",
                    fontsize=8,
                    color=INK,
                    bbox={"facecolor": GROUND, "edgecolor": "none", "pad": 1},
                )
                seen.add(kind)
            left += width
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.invert_yaxis()
    axes.set_xlabel("percent of what was counted", color=INK)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return Picture(figure, alt)


def durations(rows: Sequence[tuple[str, float]], alt: str) -> Picture:
    """Named times in seconds, as bars on a logarithmic scale."""
    figure, axes = _axes(height=0.7 + 0.5 * len(rows))
    names, seconds = [name for name, _ in rows], [took for _, took in rows]
    colours = [BLUE, ORANGE, GREEN, GREY]
    bars = axes.barh(
        names, seconds, color=[colours[i % 4] for i in range(len(rows))], edgecolor=INK
    )
    for bar, hatch in zip(bars, ["", "///", "...", "xx"] * len(rows), strict=False):
        bar.set_hatch(hatch)
    axes.bar_label(bars, [_spoken(took) for took in seconds], padding=4, color=INK)
    axes.set_xscale("log")
    axes.set_xlim(min(seconds) / 3, max(seconds) * 8)
    axes.invert_yaxis()
    axes.set_xlabel("seconds, each mark ten times the one before", color=INK)
    return Picture(figure, alt)


def _spoken(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


@dataclass(frozen=True)
class Span:
    """A stretch of time in a lane. Times in seconds."""

    lane: str
    begin: float
    end: float
    kind: str
    label: str = ""


KINDS = {
    "request": (BLUE, ""),
    "wait": (GROUND, "..."),
    "work": (ORANGE, "///"),
    "send": (GREEN, "..."),
    "lost": (GREY, "xx"),
}


def visits(requests: Sequence[tuple[str, float, float]], jobs: Mapping[str, Job]) -> list[Span]:
    """Requests, each (result, sent, answered), above the work on them, looked up by its result."""
    spans = []
    for number, (result, sent, answered) in enumerate(requests, 1):
        lane = f"visitor {number}"
        spans.append(Span(lane, sent, answered, "request"))
        spans.append(Span(lane, answered, jobs[result].begun, "wait"))
    for number, (result, _, _) in enumerate(requests, 1):
        job = jobs[result]
        spans.append(Span(job.process, job.begun, job.ended, "work", f"task {number}"))
    return spans


def one_below_another(runs: Mapping[str, Sequence[Job]]) -> list[Span]:
    """The parts of each run, by its name: the runs begin at the same time."""
    spans = []
    for name, parts in runs.items():
        start = min(part.begun for part in parts)
        for number, part in enumerate(sorted(parts, key=lambda part: part.begun), 1):
            lane = f"{name}: {part.process.replace('ForkPoolWorker', 'process')}"
            spans.append(Span(lane, part.begun - start, part.ended - start, "work", str(number)))
    return spans


def timeline(spans: Sequence[Span], alt: str) -> Picture:
    """What ran where and when: one lane per process, time from the first span on."""
    lanes = list(dict.fromkeys(span.lane for span in spans))
    start = min(span.begin for span in spans)
    figure, axes = _axes(height=1.1 + 0.5 * len(lanes))
    end = max(span.end for span in spans) - start
    seen = set()
    for span in spans:
        colour, hatch = KINDS[span.kind]
        axes.barh(
            lanes.index(span.lane),
            max(span.end - span.begin, end / 300),
            left=span.begin - start,
            height=0.55,
            color=colour,
            edgecolor=INK,
            hatch=hatch,
            label=None if span.kind in seen else span.kind,
        )
        seen.add(span.kind)
        if span.label:
            axes.text(
                (span.begin + span.end) / 2 - start,
                lanes.index(span.lane),
                span.label,
                ha="center",
                va="center",
                fontsize=8,
                color=INK,
                bbox={"facecolor": GROUND, "edgecolor": "none", "pad": 1.5},
            )
    axes.set_yticks(range(len(lanes)), lanes)
    axes.invert_yaxis()
    axes.set_xlim(-end / 100, end * 1.02)
    axes.set_xlabel("seconds", color=INK)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return Picture(figure, alt)


def over_time(
    rows: Sequence[tuple[str, Sequence[tuple[float, float]]]], alt: str, marks=()
) -> Picture:
    """Charts over time, one below another; a row is (name, samples), a sample (seconds, number).

    `marks`: (seconds, what happened then).
    """
    figure = Figure(figsize=(7.6, 0.6 + 1.5 * len(rows)), layout="constrained")
    many = figure.subplots(len(rows), sharex=True, squeeze=False)[:, 0]
    for axes, (name, samples), colour in zip(many, rows, (BLUE, ORANGE, GREEN), strict=False):
        axes.set_facecolor(GROUND)
        finite = [(at, number) for at, number in samples if number != float("inf")]
        if finite:
            axes.step(*zip(*finite, strict=True), where="post", color=colour, lw=2)
        top = max([number for _, number in finite] + [1])
        axes.set_ylim(0, top * 1.35)
        axes.set_ylabel(name, color=INK, fontsize=9)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        for number, (at, words) in enumerate(marks):
            axes.axvline(at, color=GREY, lw=1, ls=":")
            if axes is many[0]:
                height = top * (1.22 if number % 2 else 1.06)
                axes.text(at, height, f" {words}", color=INK, fontsize=8, va="bottom")
    many[-1].set_xlabel("seconds", color=INK)
    return Picture(figure, alt)


SPANS = {"SERVER": "request", "PRODUCER": "send", "CONSUMER": "work"}


def trace(spans: Sequence[Traced], alt: str) -> Picture:
    """The spans of a trace, one below another, in the order in which they began."""
    shown = []
    for number, span in enumerate(spans, 1):
        lane = f"{number}  {span.name.replace('sums.tasks.', '').replace('apply_async/', 'send ')}"
        lane = lane.replace("run/", "run ").rstrip("/$")
        shown.append(Span(lane, span.begin, span.end, SPANS[span.kind]))
    return timeline(shown, alt)


def bindings(rows: Sequence[Binding], alt: str) -> Picture:
    """Exchanges on the left, queues on the right, and an arrow with its keys between two."""
    exchanges = list(dict.fromkeys(f"{row.exchange}\n({row.kind})" for row in rows))
    queues = list(dict.fromkeys(row.queue for row in rows))
    keys: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        keys.setdefault((f"{row.exchange}\n({row.kind})", row.queue), []).append(row.key)
    high = max(len(exchanges), len(queues))
    figure, axes = _axes(height=0.6 + 0.75 * high)
    at = {
        (column, name): (place + 0.5) * high / len(names)
        for column, names in enumerate((exchanges, queues))
        for place, name in enumerate(names)
    }
    font = {"ha": "center", "va": "center", "fontsize": 9, "color": INK}
    box = {"boxstyle": "round,pad=0.5", "facecolor": GROUND, "edgecolor": INK}
    for (column, name), height in at.items():
        axes.text(column, height, name, bbox=box, **font)
    for column, title in enumerate(("exchange", "queue")):
        axes.text(column, -0.1, title, fontweight="bold", **font)
    arrow = {"arrowstyle": "-|>", "color": BLUE, "lw": 1.4}
    for number, ((exchange, queue), found) in enumerate(keys.items()):
        begin, end = at[0, exchange], at[1, queue]
        axes.annotate("", (0.93, end), (0.1, begin), arrowprops=arrow)
        part = 0.3 + 0.25 * (number % 3)  # the keys of crossing arrows do not overlap
        height = begin + (end - begin) * (part - 0.1) / 0.83
        words = {"facecolor": GROUND, "edgecolor": "none", "pad": 1.5}
        axes.text(part, height, ", ".join(found), zorder=4, bbox=words, **font)
    axes.set_xlim(-0.25, 1.25)
    axes.set_ylim(high, -0.3)
    axes.set_axis_off()
    return Picture(figure, alt)


ARROWS = {
    "message": (BLUE, "-"),
    "work": (ORANGE, "-"),
    "answer": (GREEN, "-"),
    "lost": (GREY, "--"),
}


def message_diagram(steps: Sequence[Step], alt: str) -> Picture:
    """One message's path from place to place: a lane per place, with time from top to bottom.

    Each step has the same height, since some take a thousand times as long as others.
    """
    places = list(dict.fromkeys(place for step in steps for place in (step.origin, step.target)))
    places.sort(key=lambda place: place == "results")  # the last lane
    figure, axes = _axes(height=0.9 + 0.36 * len(steps), width=2.0 + 1.55 * len(places))
    bottom = len(steps) + 0.3
    for lane, place in enumerate(places):
        axes.plot([lane, lane], [0, bottom], color=GREY, lw=1, zorder=1)
        box = {"boxstyle": "round,pad=0.4", "facecolor": GROUND, "edgecolor": INK}
        axes.text(lane, 0, place, ha="center", va="center", fontsize=9, color=INK, bbox=box)
    began: dict[str, float] = {}
    for row, step in enumerate(steps, 1):
        _draw_arrow(axes, step, row, places)
        _draw_work(axes, step, row, places, began)
    axes.set_xlim(-1.15, len(places) - 0.4)
    axes.set_ylim(bottom, -0.6)
    axes.set_axis_off()
    return Picture(figure, alt)


def _draw_arrow(axes, step: Step, row: int, places: list[str]) -> None:
    """An arrow with its words above it, and its time on the left, if that is known."""
    begin, end = places.index(step.origin), places.index(step.target)
    colour, line = ARROWS[step.kind]
    arrow = {"arrowstyle": "-|>", "color": colour, "lw": 1.6, "ls": line}
    arrow |= {"shrinkA": 0, "shrinkB": 0}  # from lane to lane
    axes.annotate("", (end, row), (begin, row), arrowprops=arrow, zorder=3)
    font = {"ha": "center", "fontsize": 7.5, "color": INK, "zorder": 4}
    box = {"facecolor": GROUND, "edgecolor": "none", "pad": 0.6, "alpha": 0.85}
    axes.text((begin + end) / 2, row - 0.17, step.words, bbox=box, **font)
    if step.at is not None:
        words = _spoken(step.at) if step.at else "0"
        axes.text(-0.62, row, words, ha="right", va="center", fontsize=8, color=INK)


def _draw_work(axes, step: Step, row: int, places: list[str], began: dict[str, float]) -> None:
    """A bar on a process's lane, from the step that starts its work to the one that ends it."""
    if step.kind == "work" and step.target.endswith("process"):
        began[step.target] = row
        return
    end = f"{step.origin}'s process" if step.kind == "lost" else step.origin
    if step.kind in ("work", "lost") and end in began:
        lane, first = places.index(end), began.pop(end)
        bar = Rectangle((lane - 0.06, first), 0.12, row - first, facecolor=ORANGE, zorder=2)
        bar.set(edgecolor=INK, hatch="///")
        axes.add_patch(bar)
