"""The diagrams of the lessons, measured in a real Chromium as wide as a lesson shows them.

Each is set in three fonts that are the same on every machine, since matplotlib brings them: a wide
one, a narrow one, and one in which an i is as wide as an m. A learner's Helvetica or Arial is
narrower than the first. Wants Playwright and a Chromium (`make browser` gets both).
"""

import base64
import os
import re
from pathlib import Path

import matplotlib
import nbformat
import pytest

from workshop import places
from workshop.project.browser import in_chromium, missing

IMAGES = places.NOTEBOOKS / "images"
FILES = sorted(IMAGES.glob("*.svg"))
WIDTH = 760  # of a picture in a lesson, in pixels
SMALLEST = 12  # pixels, of a font
MARGIN = 2  # of the picture's units, between a text and the frame of its box
NEAR = 20  # of the picture's units, from an arrow to its words

FONTS = {
    "DejaVu Sans": ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"),
    "STIX General": ("STIXGeneral.ttf", "STIXGeneralBol.ttf"),
    "DejaVu Sans Mono": ("DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf"),
}

# What is wrong with the picture, as a list of texts. All lengths are in the picture's own units.
MEASURE = """async ([margin, smallest, near]) => {
  await Promise.all([...document.fonts].map(font => font.load()))
  const svg = document.querySelector('svg'), faults = []
  const all = selector => [...svg.querySelectorAll(selector)].filter(it => !it.closest('defs'))
  const shot = svg.getBoundingClientRect(), scale = shot.width / svg.viewBox.baseVal.width
  const box = it => {
    const {left, top, right, bottom} = it.getBoundingClientRect()
    return [left - shot.left, top - shot.top, right - shot.left, bottom - shot.top]
      .map(length => length / scale)
  }
  const inside = ([a, b, c, d], [l, t, r, u], by) =>
    a >= l + by && b >= t + by && c <= r - by && d <= u - by
  const apart = ([a, b, c, d], [l, t, r, u]) => c <= l || a >= r || d <= t || b >= u
  const area = ([l, t, r, u]) => (r - l) * (u - t)
  const far = ({x, y}, [l, t, r, u]) =>
    Math.hypot(Math.max(l - x, 0, x - r), Math.max(t - y, 0, y - u))

  const ink = it => {  // as box, but as high as the letters: a font's line may be far higher
    const pen = document.createElement('canvas').getContext('2d'), css = getComputedStyle(it)
    pen.font = `${css.fontWeight} ${css.fontSize} ${css.fontFamily}`
    const letters = pen.measureText(it.textContent), base = it.getStartPositionOfChar(0).y
    const [left, , right] = box(it)
    return [left, base - letters.actualBoundingBoxAscent, right,
      base + letters.actualBoundingBoxDescent]
  }

  const {x, y, width, height} = svg.viewBox.baseVal
  const texts = all('text').map(it => ({it, says: `"${it.textContent}"`, box: ink(it)}))
  const rects = all('rect').map(box)
  const arrows = all('path, line')
  if (!texts.length || !arrows.length) faults.push('no text or no arrow')

  for (const [number, text] of texts.entries()) {
    const size = parseFloat(getComputedStyle(text.it).fontSize) * scale
    if (size < smallest) faults.push(`${text.says} is ${size.toFixed(1)} px high`)
    if (!inside(text.box, [x, y, x + width, y + height], margin))
      faults.push(`${text.says} is not inside the picture`)
    for (const rect of rects)
      if (!inside(text.box, rect, margin) && !apart(text.box, rect))
        faults.push(`${text.says} is over the frame at ${rect.map(Math.round)}`)
    for (const other of texts.slice(number + 1))
      if (!apart(text.box, other.box)) faults.push(`${text.says} is over ${other.says}`)
  }

  const boxes = rects.filter(rect => area(rect) < width * height / 6)
  const words = texts.filter(text => !boxes.some(rect => !apart(text.box, rect)))
  for (const it of arrows) {
    const says = `the arrow ${it.getAttribute('d')}`, steps = it.getTotalLength()
    const points = Array.from({length: steps}, (_, step) => it.getPointAtLength(step))
    const head = getComputedStyle(it).markerEnd.match(/#([^"')]+)/)
    if (!head || !svg.querySelector(`marker[id="${head[1]}"] > *`))
      faults.push(`${says} has no head`)
    if (!words.some(text => points.some(point => far(point, text.box) < near)))
      faults.push(`${says} has no words`)
    for (const text of texts)
      if (points.some(point => far(point, text.box) == 0))
        faults.push(`${says} goes through ${text.says}`)
  }
  return faults
}"""


in_a_browser = pytest.mark.skipif(
    bool(missing()) and not os.environ.get("CI"),
    reason=f"{missing()} on this machine: make browser",
)


def face(name: str, weight: str, file: str) -> str:
    """A font of matplotlib's, for a style sheet."""
    font = (Path(matplotlib.get_data_path()) / "fonts/ttf" / file).read_bytes()
    source = f"url(data:font/ttf;base64,{base64.b64encode(font).decode()})"
    return f"@font-face {{ font-family: '{name}'; font-weight: {weight}; src: {source} }}"


@pytest.fixture(scope="module")
def faults() -> dict[str, list[str]]:
    """What is wrong with each picture, in each font. A browser is started once for all."""
    assert not missing(), f"{missing()}: make browser"
    style = [
        face(name, weight, file)
        for name, files in FONTS.items()
        for weight, file in zip(("normal", "bold"), files, strict=True)
    ]
    pictures = {file.stem: file.read_text() for file in FILES} | {"bad": BAD}

    def work(page) -> dict[str, list[str]]:
        page.set_content(f"<main style='width: {WIDTH}px'></main>")
        page.add_style_tag(content="\n".join(style))
        found = {name: [] for name in pictures}
        for font in FONTS:
            page.add_style_tag(content=f"svg, svg * {{ font-family: '{font}' !important }}")
            for name, picture in pictures.items():
                page.evaluate("it => document.querySelector('main').innerHTML = it", picture)
                for fault in page.evaluate(MEASURE, [MARGIN, SMALLEST, NEAR]):
                    found[name].append(f"{font}: {fault}")
        return found

    return in_chromium(work, viewport={"width": WIDTH + 40, "height": 600})


@in_a_browser
@pytest.mark.parametrize("picture", [file.stem for file in FILES])
def test_in_any_font_words_keep_to_their_place_and_arrows_have_heads_and_words(picture, faults):
    assert not faults[picture], "\n".join(faults[picture])


BAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 820 200" font-size="15">
<defs><marker id="a"><path d="M0 0 10 5 0 10z"/></marker></defs>
<rect width="820" height="200"/><rect x="20" y="20" width="60" height="40"/>
<text x="25" y="45">wider than its box</text><text x="100" y="105">one</text>
<text x="110" y="110">two</text><text x="780" y="180">beyond</text>
<text x="20" y="150" font-size="12">small</text>
<path d="M300 40H400"/><path d="M20 147H200" marker-end="url(#a)"/>
<path d="M600 40H700" marker-end="url(#b)"/></svg>"""


@in_a_browser
def test_each_fault_of_a_bad_picture_is_found_in_each_font(faults):
    for font in FONTS:
        for fault in (
            '"wider than its box" is over the frame at 20,20,80,60',
            '"one" is over "two"',
            '"beyond" is not inside the picture',
            '"small" is 11.1 px high',
            "the arrow M300 40H400 has no head",
            "the arrow M300 40H400 has no words",
            "the arrow M600 40H700 has no head",
            'the arrow M20 147H200 goes through "small"',
        ):
            assert f"{font}: {fault}" in faults["bad"]


def test_each_picture_is_shown_by_a_lesson_whose_alternative_text_is_its_title():
    shown = set()
    for lesson in places.NOTEBOOKS.glob("*.ipynb"):
        cells = nbformat.read(lesson, as_version=4).cells
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        for alt, name in re.findall(r"!\[(.*?)\]\(images/(.*?)\)", text):
            assert f'<title id="t">{alt}</title>' in (IMAGES / name).read_text(), lesson.name
            shown.add(name)
    assert shown == {file.name for file in FILES}
