"""Read the spans that OpenTelemetry's ConsoleSpanExporter wrote to a file, one JSON per line."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True)
class Traced:
    """A span: one part of what a request led to. Times are seconds since the epoch."""

    trace: str
    id: str
    parent: str
    name: str
    kind: str  # SERVER, PRODUCER or CONSUMER
    begin: float
    end: float
    process: str


def traced(file: Path, first: str) -> list[Traced]:
    """The spans of the newest trace whose root span has a name that begins with `first`.

    They are in the order in which they began; the list is empty if there is no such trace.
    """
    spans = [_span(json.loads(line)) for line in file.read_text().splitlines()]
    roots = [span for span in spans if not span.parent and span.name.startswith(first)]
    trace = max(roots, key=lambda span: span.begin).trace if roots else None
    return sorted((s for s in spans if s.trace == trace), key=lambda span: span.begin)


def _span(words: dict) -> Traced:
    return Traced(
        trace=words["context"]["trace_id"],
        id=words["context"]["span_id"],
        parent=words["parent_id"] or "",
        name=words["name"],
        kind=words["kind"].removeprefix("SpanKind."),
        begin=datetime.fromisoformat(words["start_time"]).timestamp(),
        end=datetime.fromisoformat(words["end_time"]).timestamp(),
        process=words["resource"]["attributes"]["service.instance.id"],
    )
