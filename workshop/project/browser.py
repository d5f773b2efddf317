"""Ask a web server as a browser would: the request alone, or a real Chromium."""

import contextlib
import importlib.util
import os
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

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
    two pieces, and on a kept connection the second waits 40 ms for the first one's ACK.
    """
    return httpx.Client(
        base_url=base,
        timeout=by_clock(ANSWER),
        trust_env=False,  # no proxy is between this machine and itself
        follow_redirects=True,
        limits=httpx.Limits(max_keepalive_connections=0),
    )


def title(page: httpx.Response) -> str:
    """The title of an HTML page, "" if it has none."""
    found = re.search(r"<title>(.*?)</title>", page.text, re.S)
    return " ".join(found[1].split()) if found else ""


class Admin:
    """Django's admin, used by somebody who is logged in."""

    def __init__(self, client: httpx.Client):
        self.client = client

    def _post(self, path: str, form: dict[str, Any]) -> httpx.Response:
        token = {"csrfmiddlewaretoken": self.client.cookies["csrftoken"]}
        return self.client.post(path, data={**form, **token})

    def log_in(self, user: str, password: str) -> None:
        page = self.client.get("/admin/login/")
        form = {"username": user, "password": password, "next": "/admin/"}
        self._post(page.url.path, form)

    def change(self, model: str, **fields: str) -> httpx.Response:
        """Save the only row of a model, such as `app/model`, with other values for some fields."""
        shown = self.client.get(f"/admin/{model}/").text
        [number] = set(re.findall(rf"{model}/(\d+)/change/", shown))
        page = self.client.get(f"/admin/{model}/{number}/change/")
        return self._post(page.url.path, {**_filled_in(page.text), **fields})

    def act(self, model: str, action: str) -> httpx.Response:
        """Choose an action for all rows of a model, such as `app/model`."""
        page = self.client.get(f"/admin/{model}/")
        chosen = re.findall(r'name="_selected_action" value="([^"]+)"', page.text)
        return self._post(page.url.path, {"action": action, "_selected_action": chosen})


@contextlib.contextmanager
def admin(base: str, user: str, password: str) -> Iterator[Admin]:
    """Log in to the admin of the server at `base`."""
    with browser(base) as client:
        site = Admin(client)
        site.log_in(user, password)
        yield site


def _filled_in(page: str) -> dict[str, str]:
    """The fields of a form as they are: inputs with a name and a value, and the chosen options."""
    found = dict(re.findall(r'<input [^>]*name="([^"]+)" value="([^"]*)"', page))
    for name, options in re.findall(r'<select name="([^"]+)".*?>(.*?)</select>', page, re.S):
        if chosen := re.search(r'<option value="([^"]*)" selected', options):
            found[name] = chosen[1]
    return {name: value for name, value in found.items() if not name.startswith("_")}


def missing() -> str:
    """What a real browser needs and this machine lacks: "no Playwright and no Chromium"."""
    wanted = {"Playwright": importlib.util.find_spec("playwright"), "Chromium": CHROMIUM}
    return " and ".join(f"no {name}" for name, there in wanted.items() if not there)


class NoBrowser(Exception):
    """A browser is there, and does not start."""


def in_chromium(visit: Callable[..., T], **context) -> T:
    """`visit(page)` with a page of a headless Chromium; what it returns.

    `context` is for Playwright's new_context. Raises NoBrowser. It runs in a separate thread:
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
