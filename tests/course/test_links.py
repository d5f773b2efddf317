"""Each lesson leads on to the documentation of what it uses, at an address that is known to exist.

The pages in links.txt were looked up in their projects' repositories; nothing is fetched here.
"""

import re
from pathlib import Path

import nbformat
import pytest

from workshop import places

KNOWN = set(Path(__file__).with_name("links.txt").read_text().split("\n\n")[1].split())
LINK = re.compile(r"\]\((https?://[^)]+)\)")
LESSONS = sorted(places.NOTEBOOKS.glob("*.ipynb"))


def links(lesson: Path) -> list[str]:
    cells = nbformat.read(lesson, as_version=4).cells
    return LINK.findall("\n".join(cell.source for cell in cells if cell.cell_type == "markdown"))


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_a_lesson_links_to_known_pages(lesson):
    assert set(links(lesson)) <= KNOWN
    assert links(lesson) or lesson.stem == "00_start"


def test_no_page_is_listed_for_nobody():
    assert {link for lesson in LESSONS for link in links(lesson)} == KNOWN
