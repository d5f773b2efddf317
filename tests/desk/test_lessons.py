"""The copies of the lessons: no answers, links that lead somewhere, nothing overwritten."""

import os
import re
import shutil

import nbformat
import pytest

from workshop import places, verbs
from workshop.desk import lessons, stages

FILES = sorted(places.NOTEBOOKS.glob("*.ipynb"))


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A home of its own, with the course's lessons in it, to change."""
    monkeypatch.setenv("WORKSHOP_HOME", str(tmp_path))
    monkeypatch.setattr(places, "NOTEBOOKS", tmp_path / "notebooks")
    shutil.copytree(FILES[0].parent, tmp_path / "notebooks")
    return tmp_path / "desk"


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_a_copy_is_the_lesson_without_what_its_cells_have_shown(desk, file):
    lesson = nbformat.read(file, as_version=4)
    copy = nbformat.read(lessons.ensure_copy(file.stem), as_version=4)
    nbformat.validate(copy)
    code = [cell for cell in copy.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert [cell.source for cell in code] == [
        cell.source for cell in lesson.cells if cell.cell_type == "code"
    ]
    assert len(copy.cells) == len(lesson.cells)
    assert copy.metadata.kernelspec == lesson.metadata.kernelspec


def test_the_links_of_a_copy_lead_where_those_of_the_lesson_do(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKSHOP_HOME", str(tmp_path))
    there = places.CHECKOUT / "desk" / "lessons"
    for file in FILES:
        copy = nbformat.read(lessons.ensure_copy(file.stem), as_version=4)
        text = "\n".join(cell.source for cell in copy.cells if cell.cell_type == "markdown")
        links = re.findall(r"\]\(((?!http)[^)#]+)", text)
        assert links
        for link in links:
            target = os.path.normpath(there / link)
            if link.endswith(".ipynb"):
                assert "/" not in link and (places.NOTEBOOKS / link).exists()
            elif not target.startswith(str(places.CHECKOUT / "desk")):
                assert os.path.exists(target), link


def test_what_the_learner_wrote_is_left_alone_and_set_aside_by_name(desk):
    copy = lessons.ensure_copy("03_worker")
    book = nbformat.read(copy, as_version=4)
    book.cells[0].source = "mine"
    nbformat.write(book, copy)
    mine = copy.read_bytes()
    lessons.lay_all()
    assert copy.read_bytes() == mine
    said = str(verbs.lesson(stages.find("03")))
    [aside] = copy.parent.glob("03_worker-*.ipynb")
    assert aside.read_bytes() == mine and aside.name in said
    assert b'"mine"' not in copy.read_bytes()


def test_a_lesson_that_has_changed_since_is_known(desk):
    copy = lessons.ensure_copy("03_worker")
    assert not lessons.is_old("03_worker") and not lessons.is_old("04_view")
    book = nbformat.read(copy, as_version=4)  # as Lab does when it saves
    nbformat.write(book, copy)
    assert not lessons.is_old("03_worker")
    with (places.NOTEBOOKS / "03_worker.ipynb").open("a") as lesson:
        lesson.write("\n")
    assert lessons.is_old("03_worker")
    lessons.replace_copy("03_worker")
    assert not lessons.is_old("03_worker")
