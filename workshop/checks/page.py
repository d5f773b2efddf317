"""The page of the sums, as somebody who fills in its form sees it."""

import re

from workshop.checks import api
from workshop.checks.content import common
from workshop.checks.look import Look
from workshop.machine.patience import NotYet, wait_until
from workshop.project.browser import NoBrowser, in_chromium, missing


def expect_a_page_that_fills(look: Look, x: int, y: int) -> str:
    """How the page was checked. No other job on it may have these two numbers. Raises Wrong."""
    if missing():
        return over_http(look, x, y, common.says("browser_missing", missing=missing()))
    try:
        return in_chromium(lambda page: seen_in(page, look.web().base, x, y))
    except NoBrowser as error:
        return over_http(look, x, y, common.says("browser_does_not_start", error=error))


def seen_in(page, address: str, x: int, y: int) -> str:
    page.goto(address)
    page.fill("#id_x", str(x))
    page.fill("#id_y", str(y))
    page.click("#send")
    ours = page.locator("article").filter(has_text=re.compile(f"{shown(x)} × {shown(y)}"))
    seen, text = set(), ""

    def is_over() -> bool:  # all three at once: htmx may replace the article at any time
        nonlocal text
        state, value, words = ours.evaluate(
            "it => [it.dataset.state, it.querySelector('progress')?.value ?? null, it.innerText]"
        )
        seen.add(value)
        text = " ".join(words.split())
        return state in api.OVER

    try:
        wait_until(is_over, limit=api.SUM, what="the end")
    except NotYet:
        raise common.wrong("page_says_after", limit=api.SUM, text=text) from None
    if not re.search(shown(x * y), text):
        raise common.wrong("page_says", text=text)
    seen -= {None}
    if not any(0 < value < 100 for value in seen):
        raise common.wrong("bar_did_not_fill", values=sorted(seen))
    return common.says("seen_in_chromium")


def shown(number: int) -> str:
    """A pattern of this number as a page may write it: 5000, 5,000 or 5&nbsp;000."""
    return f"{number:,}".replace(",", r"(&\S{1,6};|[^0-9<>])?")


def over_http(look: Look, x: int, y: int, why: str) -> str:
    """The same from the page's text, where there is no browser to be driven."""
    api.finished_job(look, api.post(look, x, y))
    if not re.search(shown(x * y), look.web().get("/").text):
        raise common.wrong("page_without_result", result=x * y)
    return common.says("read_over_http", why=why)
