"""Run every notebook on the solved stages and save what it shows.

A cell's old output is kept if it differs from the new one only in what the sanitizer
masks, so that a second refresh changes no line; that of a cell whose output is ignored, if it
has as many lines.
"""

import configparser
import contextlib
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from workshop import places
from workshop.broker.node import Broker
from workshop.errors import CourseError
from workshop.machine.cards import end_all
from workshop.machine.patience import by_clock

CELL_SECONDS = 180  # a cell's own waits end long before this


@contextlib.contextmanager
def temporary_home() -> Iterator[None]:
    """A desk and a broker separate from the learner's, stopped and removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="course ") as folder:
        os.environ.update(WORKSHOP_HOME=folder, WORKSHOP_SOLVED="1")
        try:
            yield
        finally:
            end_all()
            Broker().kill()  # its data goes with the folder: no need for an orderly stop
            Broker().stop()


def masks() -> list[tuple[re.Pattern, str]]:
    """The regular expressions of tests/nbval_sanitize.cfg, in their order."""
    found = configparser.RawConfigParser()
    found.read(places.CHECKOUT / "tests" / "nbval_sanitize.cfg")
    return [(re.compile(found[name]["regex"]), found[name]["replace"]) for name in found.sections()]


def masked(outputs: list, rules: list[tuple[re.Pattern, str]]) -> str:
    """A cell's outputs as one text, with what varies masked."""
    text = ""
    for output in merged(outputs):
        body = output.get("text") or output.get("data") or output.get("evalue")
        text += output["output_type"] + json.dumps(body, sort_keys=True, ensure_ascii=False)
    for pattern, put in rules:
        text = pattern.sub(put, text)
    return text


def merged(outputs: list) -> list:
    """Neighboring pieces of a stream, joined: where a kernel splits them is random."""
    whole: list = []
    for output in outputs:
        if (
            whole
            and output["output_type"] == "stream" == whole[-1]["output_type"]
            and output["name"] == whole[-1]["name"]
        ):
            whole[-1]["text"] += output["text"]
        else:
            whole.append(nbformat.from_dict(output))
    return whole


def printed(outputs: list) -> tuple[int, int]:
    """How many outputs there are, and how many lines were printed: what stays if figures vary."""
    texts = [output["text"] for output in merged(outputs) if output["output_type"] == "stream"]
    return len(merged(outputs)), sum(len(text.splitlines()) for text in texts)


def refresh(path: Path) -> list[str]:
    """Run one notebook in place; return the ids of the cells whose output is new."""
    notebook = nbformat.read(path, as_version=4)
    before = {cell.id: list(cell.get("outputs", [])) for cell in notebook.cells}
    client = NotebookClient(
        notebook,
        timeout_func=lambda _: by_clock(CELL_SECONDS),
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    try:
        client.execute()
    except CellExecutionError as error:
        raise CourseError(
            f"{path.name}: a cell failed; nothing was saved.\n{error}",
            f"run it by hand: WORKSHOP_SOLVED=1 make lab, then open notebooks/{path.name}",
        ) from None
    rules, changed = masks(), []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.outputs = merged(cell.outputs)
        ignored = "nbval-ignore-output" in cell.metadata.get("tags", [])
        same = masked(before[cell.id], rules) == masked(cell.outputs, rules)
        if same or (ignored and printed(before[cell.id]) == printed(cell.outputs)):
            cell.outputs = before[cell.id]
        else:
            changed.append(cell.id)
    notebook.metadata["language_info"] = {"name": "python"}
    notebook.metadata.pop("widgets", None)
    path.write_text(nbformat.writes(notebook) + "\n")
    return changed


def main(names: list[str]) -> None:
    """Refresh the notebooks of these names, e.g. 03_worker; without one, all."""
    with temporary_home():
        for name in names or [file.stem for file in sorted(places.NOTEBOOKS.glob("*.ipynb"))]:
            begun = time.monotonic()
            new = refresh(places.NOTEBOOKS / f"{name}.ipynb")
            what = f"{len(new)} cells show something new" if new else "as it was"
            print(f"✓ {name:<14} {what} ({time.monotonic() - begun:.0f} s)")


if __name__ == "__main__":
    main(sys.argv[1:])
