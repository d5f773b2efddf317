"""Every notebook keeps to the one template, and none is exempt from its test."""

import re

import nbformat
import pytest

from workshop import places
from workshop.desk import stages

FILES = sorted(places.NOTEBOOKS.glob("*.ipynb"))
STAGES = stages.all_stages()
LESSON_PARTS = (
    "## Begin",
    "## The idea",
    "## Your turn",
    "## Break it on purpose",
    "## What has changed since the guide was written",
    "## Next",
)


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def text(notebook):
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_every_stage_has_its_notebook_and_every_notebook_its_stage():
    assert [file.stem for file in FILES] == ["00_start", *(stage.name for stage in STAGES)]


def test_no_cell_is_skipped_and_every_cell_was_run(notebook):
    for cell in code(notebook):
        tags = cell.metadata.get("tags", [])
        assert not {"nbval-skip", "skip"} & set(tags)
        assert "NBVAL_SKIP" not in cell.source
        assert cell.execution_count, cell.source


def test_a_cell_whose_output_is_not_compared_stands_beside_one_that_states_the_claim(notebook):
    cells = code(notebook)
    for number, cell in enumerate(cells):
        if "nbval-ignore-output" in cell.metadata.get("tags", []):
            around = cells[max(0, number - 1) : number + 2]
            assert any("assert" in c.source or c.outputs for c in around if c is not cell)


def test_a_lesson_has_its_parts_and_a_check(notebook):
    title = notebook.cells[0].source.splitlines()[0]
    number = re.match(r"# (\d\d) · ", title)[1]
    if number == "00":
        assert any("doctor()" in cell.source for cell in code(notebook))
        return
    stage = stages.find(number)
    assert title == f"# {number} · {stage.title}"
    assert f"*{stage.minutes} minutes." in notebook.cells[0].source
    for part in LESSON_PARTS:
        assert part in text(notebook), part
    assert any(cell.source == "stage.check()" for cell in code(notebook))
    [check] = [cell for cell in code(notebook) if cell.source == "stage.check()"]
    assert "all is right" in check.outputs[0].data["text/plain"]
    assert f"../steps/{stage.name}/README.md" in notebook.cells[0].source
    for name in stage.todo:
        assert f"../desk/{stage.name}/{name}" in notebook.cells[0].source


def test_a_notebook_imports_the_course_by_two_names(notebook):
    lines = "\n".join(cell.source for cell in code(notebook)).splitlines()
    ours = {line.split()[1] for line in lines if re.match(r"(from|import) workshop\b", line)}
    assert ours <= {"workshop", "workshop.drills"}


def test_pictures_have_an_alternative_text(notebook):
    for alt, file in re.findall(r"!\[(.*?)\]\((.*?)\)", text(notebook)):
        assert len(alt) > 30
        assert (places.NOTEBOOKS / file).is_file()
    for cell in code(notebook):
        for output in cell.outputs:
            for image in re.findall(r"<img [^>]*>", output.get("data", {}).get("text/html", "")):
                assert re.search(r'alt="[^"]{30,}"', image)
            assert "image/png" not in output.get("data", {}), "a picture without a text"


def test_every_lesson_has_a_picture_and_two_breaks(notebook):
    assert "![" in text(notebook)
    if not notebook.cells[0].source.startswith("# 00"):
        assert (
            len(re.findall(r"^\*\*\d\. |^## Break it|^\*\*(?:Cold|Soft)", text(notebook), re.M))
            >= 2
        )


def test_links_to_other_files_lead_somewhere(notebook):
    for link in re.findall(r"\]\(((?!http)[^)#]+)\)", text(notebook)):
        if not link.startswith("../desk/"):
            assert (places.NOTEBOOKS / link).exists(), link


def test_outputs_name_no_path_of_a_machine(notebook):
    shown = str([cell.outputs for cell in code(notebook)])
    assert str(places.CHECKOUT) not in shown
    assert not re.search(r"/(home|root|Users|tmp|work)/", shown)


def test_the_kernel_is_chosen_without_a_question(notebook):
    assert notebook.metadata.kernelspec.name == "python3"


def test_no_word_that_belittles_the_learner(notebook):
    found = re.findall(r"\b(simply|just|easily|easy|obviously|of course)\b", text(notebook), re.I)
    assert not found
