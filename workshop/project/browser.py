"""Ask a web server as a browser would: the request alone, or a real Chromium."""

import importlib.util
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import httpx

from workshop.machine.patience import by_clock

T = TypeVar("T")
ANSWER = 15  # seconds; those of the course take a hundredth of one
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


def browser(base: str) -> httpx.Client:
    """A client for the server at `base`. Its answers carry their time: `answer.elapsed`.

    One client for many requests, since making one takes longer than an answer of the
    guide's view; a new connection for each, since Django's own server writes an answer in
    two pieces, and on a kept connection the second waits 40 ms for the first one's receipt.
    """
    return httpx.Client(
        base_url=base,
        timeout=by_clock(ANSWER),
        trust_env=False,  # no proxy stands between this machine and itself
        follow_redirects=True,
        limits=httpx.Limits(max_keepalive_connections=0),
    )


def missing() -> str:
    """What a real browser wants and this machine has not: "no Playwright and no Chromium"."""
    wanted = {"Playwright": importlib.util.find_spec("playwright"), "Chromium": CHROMIUM}
    return " and ".join(f"no {name}" for name, there in wanted.items() if not there)


class NoBrowser(Exception):
    """A browser is there, and does not start."""


def in_chromium(visit: Callable[..., T], **context) -> T:
    """`visit(page)` with a page of a headless Chromium; what it returns.

    `context` is for Playwright's new_context. Raises NoBrowser. In a thread of its own:
    Playwright does not run inside an event loop, and a notebook's kernel is one.
    """
    from playwright.sync_api import Error, sync_playwright

    def work() -> T:
        with sync_playwright() as playwright:
            try:
                chromium = playwright.chromium.launch(
                    executable_path=CHROMIUM,
                    # root, as CI is, has no sandbox; the rest keeps it from calling home
                    args=["--disable-background-networking", "--no-first-run", "--disable-gpu"]
                    + (["--no-sandbox"] if os.geteuid() == 0 else []),
                )
            except Error as error:
                raise NoBrowser(str(error).splitlines()[0]) from error
            try:
                return visit(chromium.new_context(**context).new_page())
            finally:
                chromium.close()

    with ThreadPoolExecutor(1) as alone:
        return alone.submit(work).result()
