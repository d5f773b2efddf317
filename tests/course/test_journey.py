"""What a learner does, in a real browser: Lab opened, a stage begun, failed, mended and passed.

Wants Playwright and a Chromium (`make browser` gets both). Screenshots of every notebook are
left in `.journey/`.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from workshop import places
from workshop.broker.node import Broker
from workshop.desk import stages
from workshop.machine.patience import by_clock, wait_until
from workshop.project.browser import CHROMIUM, missing

pytestmark = pytest.mark.skipif(
    bool(missing()) and not os.environ.get("CI"),
    reason=f"{missing()} on this machine: make browser",
)
SHOTS = places.CHECKOUT / ".journey"
ALL_MS = 90_000  # for a whole notebook


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A fresh checkout with Lab open in it; how its commands are run, and its address."""
    assert not missing(), f"{missing()}: make browser"
    tmp_path = tmp_path_factory.mktemp("learner")
    copy = tmp_path / "a course"
    for name in ("notebooks", "steps", "solutions", "workshop"):
        shutil.copytree(places.CHECKOUT / name, copy / name)
    for name in ("README.md", "Makefile", "pyproject.toml", "requirements.txt"):
        shutil.copy(places.CHECKOUT / name, copy)
    env = {k: v for k, v in os.environ.items() if not k.startswith("WORKSHOP_") and k != "PORT"}
    env.update(
        PYTHONPATH=str(copy),
        JUPYTER_RUNTIME_DIR=str(tmp_path / "runtime"),
        JUPYTER_CONFIG_DIR=str(tmp_path / "config"),
        SHELL=shutil.which("bash"),
        CI="true",  # no browser of the desktop's
    )
    course = Course(copy, env)
    try:
        course.open()
        yield course
    finally:
        course.close()


class Course:
    def __init__(self, folder, env):
        self.folder, self.env = folder, env

    def workshop(self, *words: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "workshop", *words],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        ).stdout

    def open(self) -> None:
        self.lab = subprocess.Popen(
            [sys.executable, "-m", "workshop", "lab"],
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.PIPE,
            text=True,
        )
        said = ""
        for line in self.lab.stdout:
            said += line
            if "Ctrl-C" in line:
                break
        self.link = re.search(r"open  (http\S+)", said)[1]

    def close(self) -> None:
        self.lab.terminate()
        self.lab.wait(by_clock(20))
        self.lab.stdout.close()
        self.workshop("stop")
        Broker(self.folder / ".rabbitmq").stop()


class Lab:
    """JupyterLab, as one sees it and types in it."""

    def __init__(self, page):
        self.page = page

    def go(self, address: str) -> None:
        self.page.goto(address)
        self.page.wait_for_selector(
            ".jp-NotebookPanel:not(.lm-mod-hidden)", timeout=by_clock(60_000)
        )

    @property
    def notebook(self):
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)").first

    def cell(self, words: str):
        return self.notebook.locator(".jp-CodeCell").filter(has_text=words).first

    def run(self, words: str) -> str:
        """Run the first cell with these words; what it shows when it is done."""
        cell = self.cell(words)
        cell.scroll_into_view_if_needed()
        before = cell.locator(".jp-InputPrompt").first.inner_text()
        cell.locator(".cm-content").first.click()
        self.page.keyboard.press("Control+Enter")
        prompt = cell.locator(".jp-InputPrompt").first
        wait_until(
            lambda: (
                re.search(r"\[\d+\]", prompt.inner_text())
                and prompt.inner_text() != before
                and "*" not in prompt.inner_text()
            ),
            limit=60,
            what=f"the end of the cell {words!r}",
        )
        return cell.locator(".jp-OutputArea").first.inner_text()

    def say(self, line: str, file: Path) -> list[str]:
        """Type a line into the terminal; what it says, by way of a file."""
        self.page.locator(".jp-Terminal").click()
        self.page.keyboard.type(f"{line} > {file.name}; echo over >> {file.name}\n")
        over = lambda: file.exists() and file.read_text().endswith("over\n")  # noqa: E731
        wait_until(over, limit=20, what="the terminal")
        return file.read_text().splitlines()[:-1]

    def write(self, text: str, file: Path) -> None:
        """Put this text into the open editor, and save."""
        self.page.locator(".jp-FileEditor .cm-content").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.press("Delete")
        self.page.keyboard.insert_text(text)
        self.page.keyboard.press("Control+s")
        wait_until(lambda: file.read_text() == text, limit=10, what="the saved file")

    def menu(self, top: str, entry: str) -> None:
        self.page.locator(".lm-MenuBar-item").filter(has_text=top).first.click()
        self.page.locator(".lm-Menu-item").filter(has_text=entry).first.click()

    def restart_and_run_all(self, last: str) -> None:
        self.menu("Kernel", "Restart Kernel and Run All Cells")
        self.page.locator(".jp-Dialog .jp-mod-accept").click()
        prompt = self.cell(last).locator(".jp-InputPrompt").first

        def is_done() -> bool:
            status = self.notebook.locator(".jp-Notebook-ExecutionIndicator").first
            return status.get_attribute("data-status") == "idle" and bool(
                re.search(r"\[\d+\]", prompt.inner_text())
            )

        self.page.wait_for_timeout(500)  # the dialog closes before the kernel goes
        wait_until(is_done, limit=ALL_MS / 1000, what="the whole notebook")

    def log_in_to_management(self, user: str, password: str) -> None:
        self.page.get_by_role("tab", name="RabbitMQ").click()
        page = self.page.frame_locator("iframe:visible")
        page.locator("[name=username]").fill(user)
        page.locator("[name=password]").fill(password)
        page.locator("[type=submit]").click()
        page.get_by_text("Queued messages").first.wait_for()

    def panels(self) -> dict[str, int]:
        kinds = {
            "notebook": ".jp-NotebookPanel",
            "editor": ".jp-FileEditor",
            "terminal": ".jp-Terminal",
        }
        return {name: self.page.locator(kind).count() for name, kind in kinds.items()}


@pytest.fixture
def lab(course):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1500, "height": 950})
        page.set_default_timeout(by_clock(20_000))
        yield Lab(page)
        browser.close()


def test_the_links_lead_through_every_notebook_without_a_question(course, lab):
    # before the other one, which runs a lesson, whose answers Lab saves sooner or later
    SHOTS.mkdir(exist_ok=True)
    files = sorted(places.NOTEBOOKS.glob("*.ipynb"))
    lab.page.set_viewport_size({"width": 1200, "height": 5000})
    lab.go(course.link.replace("workspaces/00_start", f"tree/desk/lessons/{files[0].name}"))
    for file, after in zip(files, [*files[1:], None], strict=True):
        title = lab.notebook.locator("h1").first
        wait_until(
            lambda: title.count() and title.inner_text().startswith(f"{file.stem[:2].upper()} ·"),  # noqa: B023
            limit=20,
            what=f"{file.name} in front",
        )
        cells = len(nbformat.read(file, as_version=4).cells)
        drawn = lab.notebook.locator(".jp-Cell")
        wait_until(
            lambda: drawn.count() == cells,  # noqa: B023
            limit=30,
            what=f"all {cells} cells of {file.name}",
        )
        assert not lab.page.locator(".jp-Dialog").count()
        assert not lab.notebook.locator(".jp-OutputArea-output").count(), (
            "an answer before its cell"
        )
        lab.page.screenshot(path=SHOTS / f"{file.stem}.png")
        if after:
            lab.notebook.locator(f'a:text-matches("^{after.stem[:2].upper()} · ")').last.click()


def test_a_learner_fails_mends_passes_and_goes_on(course, lab):
    SHOTS.mkdir(exist_ok=True)
    stage = stages.find("03")
    lab.go(course.link)
    wait_until(lambda: lab.panels()["terminal"] == 1, limit=20, what="the first page's terminal")

    # begins stage 03 and sees its check fail
    course.workshop("begin", "03")
    lab.go(re.search(r"http\S+", course.workshop("next"))[0])
    desk = {"notebook": 1, "editor": 1, "terminal": 1}
    wait_until(lambda: lab.panels() == desk, limit=20, what=f"the laid desk: {lab.panels()}")
    assert "side by side" in lab.run("from workshop import begin")
    assert lab.run("stage.check()").count("0 of 5") == 1
    lab.page.screenshot(path=SHOTS / "desk_03_failed.png")

    # RabbitMQ's management page is a tab beside the terminal, and admits guest
    lab.log_in_to_management("guest", "guest")
    lab.page.screenshot(path=SHOTS / "desk_03_management.png")
    lab.page.locator(".lm-TabBar-tab", has_text=stage.name).last.click()

    # the terminal beside it stands in the stage's folder, with the checkout's commands
    seen = course.folder / "desk" / stage.name / "seen.txt"
    lines = lab.say("(pwd; which celery rabbitmqctl; rabbitmqctl -q list_vhosts)", seen)
    assert lines[0] == str(seen.parent)
    assert lines[1] == str(places.VENV_BIN / "celery")
    assert lines[2] == str(course.folder / ".rabbitmq" / "bin" / "rabbitmqctl")

    # writes the solution in Lab's editor, saves, and sees it pass
    port = Broker(course.folder / ".rabbitmq").port
    solution = stages.localized(stage.solution / "testing/workers.py", port).decode()
    lab.write(solution, course.folder / "desk" / stage.name / "testing/workers.py")
    assert "5 of 5, everything passes" in lab.run("stage.check()")
    lab.page.screenshot(path=SHOTS / "desk_03_passed.png")

    # a reload brings the same desk back; what the learner moved is left alone
    lab.page.wait_for_timeout(1500)  # Lab saves its layout a second after it changed
    lab.page.reload()
    wait_until(lambda: lab.panels() == desk, limit=30, what="the desk after a reload")

    # restarts the kernel and runs all again
    lab.restart_and_run_all(last='worker.wait_for("succeeded .*: 12")')
    assert not lab.notebook.locator('.jp-RenderedText[data-mime-type*="error"]').count()

    # the course's own lesson is as it was: `git pull` finds nothing changed
    lesson = f"{stage.name}.ipynb"
    for folder, same in (("notebooks", True), ("desk/lessons", False)):
        now = (course.folder / folder / lesson).read_bytes()
        assert (now == (places.NOTEBOOKS / lesson).read_bytes()) == same

    # goes on to 04
    said = course.workshop("next")
    assert "04 · " in said
    lab.go(re.search(r"http\S+", said)[0])
    wait_until(lambda: lab.panels()["editor"] >= 1, limit=20, what="the desk of stage 04")
    lab.run("from workshop import begin")
    assert (course.folder / "desk" / "04_view" / "testing/views.py").exists()
    assert "✓" in course.workshop("status") or "done" in course.workshop("status")
