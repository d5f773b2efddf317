"""What holds for every notebook; what a lesson must have is in lacks.py."""

import re

import nbformat
import pytest

from workshop import places

MOST_LINES, MOST_COLUMNS = 12, 72  # of a cell: the rest belongs in workshop.drills
FILES = sorted(places.NOTEBOOKS.glob("*.ipynb"))


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def text(notebook):
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


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


def test_the_first_notebook_has_a_picture_and_asks_the_doctor():
    notebook = nbformat.read(places.NOTEBOOKS / "00_start.ipynb", as_version=4)
    assert "![" in text(notebook)
    assert any("doctor()" in cell.source for cell in code(notebook))


def test_a_cell_fits_on_a_narrow_screen(notebook):
    for cell in code(notebook):
        lines = cell.source.splitlines()
        assert len(lines) <= MOST_LINES, cell.source
        assert max(map(len, lines)) <= MOST_COLUMNS, max(lines, key=len)


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
