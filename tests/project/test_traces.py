"""The spans that a traced project writes to a file."""

import json

from workshop.lesson import pictures
from workshop.project.traces import traced

ID = "0x{:02}"


def written(file, *spans) -> None:
    """Each span: (trace, number, number of its parent or 0, name, kind, second of its begin)."""
    lines = [
        {
            "name": name,
            "context": {"trace_id": trace, "span_id": ID.format(number)},
            "kind": f"SpanKind.{kind}",
            "parent_id": ID.format(parent) if parent else None,
            "start_time": f"2026-01-02T03:04:{begin:02}.500000Z",
            "end_time": f"2026-01-02T03:04:{begin + 1:02}.500000Z",
            "resource": {"attributes": {"service.instance.id": "web"}},
        }
        for trace, number, parent, name, kind, begin in spans
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_the_newest_trace_of_a_name_in_its_order(tmp_path):
    file = tmp_path / "spans.jsonl"
    written(
        file,
        ("old", 1, 0, "POST api/sums/$", "SERVER", 1),
        ("new", 5, 4, "run/sums.tasks.add_up", "CONSUMER", 9),
        ("new", 4, 3, "apply_async/sums.tasks.add_up", "PRODUCER", 8),
        ("new", 3, 0, "POST api/sums/$", "SERVER", 7),
        ("later", 6, 0, "GET metrics", "SERVER", 20),
    )
    spans = traced(file, "POST")
    assert [span.id for span in spans] == ["0x03", "0x04", "0x05"]
    assert {span.end - span.begin for span in spans} == {1.0}
    assert traced(file, "DELETE") == []

    picture = pictures.trace(spans, "a request")
    lanes = [label.get_text() for label in picture.figure.axes[0].get_yticklabels()]
    assert lanes == ["1  POST api/sums", "2  send add_up", "3  run add_up"]
