"""The project as it runs under supervisor, to be made sick, looked at, and cured."""

import contextlib
import shutil
import sqlite3
import subprocess
from typing import Any

from celery import Celery

from workshop.broker import login
from workshop.desk import stages
from workshop.errors import CourseError
from workshop.machine import environment
from workshop.machine.patience import NotYet, by_clock, run_through, wait_until
from workshop.machine.process import Running
from workshop.project.project import Project

SETTINGS, PROGRAMS = "celery_testing/settings.py", "supervisord.conf"
OVER = {"SUCCESS", "FAILURE", "REVOKED"}
# what a program writes to its log when it is ready
READY = dict.fromkeys(("sums", "quick", "more"), " ready.")
READY |= {"web": "Booting worker", "beat": "beat: Starting"}
DONE = 10  # seconds; a sum of 160 × 2 and a report take less than one


class Unwell(Exception):
    """What is wrong, as somebody who uses the system sees it; `tells` if that names the fault."""

    def __init__(self, seen: str, tells: bool = False):
        super().__init__(seen)
        self.tells = tells


class System:
    """A project with its web server, its workers and its beat, all started by supervisor."""

    def __init__(self, project: Project):
        self.project = project
        self.broker = project.broker
        self.path = project.path

    # --- making and curing ----------------------------------------------------------------

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace text in a file. Raises ValueError if it is not there."""
        file = self.path / name
        text = file.read_text()
        if old not in text:
            raise ValueError(f"{name} does not contain: {old}")
        file.write_text(text.replace(old, new))

    def restore(self, *names: str) -> None:
        """Put files back as the project has them; what was there is kept beside them."""
        whole = stages.content(self.project.stage, solved=True)
        for name in names:
            file = self.path / name
            shutil.copy(file, file.with_name(f"{file.name}.before"))
            file.write_bytes(stages.localized(whole[name], self.broker.port))

    def start(self) -> Running:
        """Start supervisor, and return when all that it starts is ready."""

        def all_ready(running: Running) -> bool:
            return all(READY[name] in self.log(name) for name in ("web", "sums", "quick", "beat"))

        for log in self.path.glob("*.log"):
            log.unlink()
        return self.project.run("supervisord -n", ready=all_ready, limit=60)

    def control(self, *words: str) -> None:
        """Run supervisorctl. Raises CourseError if supervisor does not run."""
        done = run_through(
            ["supervisorctl", *words],
            limit=90,
            cwd=self.path,
            env=environment.clean(**self.project.env),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if "refused connection" in done.stdout or "no such file" in done.stdout:
            raise CourseError("supervisor does not run.", "begin() starts it")

    def restart(self, *programs: str) -> None:
        """Restart programs, with the code and the options that they have now."""
        before = {name: self.count(name, READY[name]) for name in programs}
        self.control("update")
        self.control("restart", *programs)
        for name, count in before.items():
            self.wait_for(name, READY[name], after=count)

    def wait_for(self, program: str, *words: str, after: int = 0) -> None:
        """Wait until more than `after` lines of a program's log contain all these words."""
        what = f"{words[-1]} in {program}.log"
        wait_until(lambda: self.count(program, *words) > after, limit=40, what=what)

    def count(self, program: str, *words: str) -> int:
        """How many lines of a program's log contain all these words."""
        lines = self.log(program).splitlines()
        return sum(all(word in line for word in words) for line in lines)

    def log(self, name: str) -> str:
        """What a program has written to its log so far."""
        file = self.path / f"{name}.log"
        return file.read_text(errors="replace") if file.exists() else ""

    # --- looking --------------------------------------------------------------------------

    def ask_for_sum(self, x: int = 160, y: int = 2) -> str:
        """Ask the web server for a sum; return its address. Raises Unwell if it is refused."""
        with contextlib.suppress(NotYet):  # it may have been restarted a moment ago
            wait_until(self._serves, limit=DONE, what="the web server")
        if not self._serves():
            raise Unwell("the web server does not answer")
        answer = self.project.ask("POST", "/api/sums/", json={"x": x, "y": y})
        if answer.status_code != 202:
            raise Unwell(
                f"the answer to POST /api/sums/ is {answer.status_code}, {answer.reason_phrase}"
            )
        return answer.json()["url"]

    def runs(self) -> bool:
        """Whether supervisor runs."""
        try:
            self.control("pid")
        except CourseError:
            return False
        return True

    def _serves(self) -> bool:
        try:
            return self.project.get("/status/").is_success
        except CourseError:
            return False

    def expect_sum(self, limit: float = DONE) -> str:
        """Ask for a sum, and wait for its result; return its id. Raises Unwell without one."""
        url = self.ask_for_sum()
        with contextlib.suppress(NotYet):
            wait_until(lambda: self._sum(url)["state"] in OVER, limit=limit, what="a sum")
        found = self._sum(url)
        if found["state"] != "SUCCESS":
            raise Unwell(f"a sum is {found['state']}, at {found['percent']} %")
        if found["result"] != 320:
            raise Unwell(f"160 × 2 is {found['result']}")
        return found["id"]

    def _sum(self, url: str) -> dict[str, Any]:
        return self.project.ask("GET", url).json()

    def expect_rows(self, query: str, count: int, what: str, limit: float = DONE) -> None:
        """Wait until a query returns at least this count. Raises Unwell if it does not."""
        with contextlib.suppress(NotYet):
            wait_until(lambda: self.value(query) >= count, limit=limit, what=what)
        if self.value(query) < count:
            raise Unwell(f"{what}: none in {limit:.0f} s")

    def expect_report(self) -> None:
        """Ask for a report, as beat does each hour, and wait for it. Raises Unwell."""
        count = self.value("select count(*) from reports_report")
        self.send("reports.tasks.report", "quick")
        self.expect_rows("select count(*) from reports_report", count + 1, "a new report")

    def expect_everything(self) -> None:
        """Sums, receipts, reports and canaries. Raises Unwell at the first that does not work."""
        job = self.expect_sum().replace("-", "")
        receipt = f"select count(*) from receipts_receipt where job_id = '{job}'"
        self.expect_rows(receipt, 1, "a receipt for a sum")
        self.expect_report()
        began = self.value("select max(datetime('now'))")
        for queue in ("sums", "quick"):
            fresh = (
                f"select count(*) from canaries_canary where queue = '{queue}' and sent > '{began}'"
            )
            self.expect_rows(fresh, 1, f"a new canary of {queue}")

    def send(self, task: str, queue: str) -> None:
        """Send a task by its name, without arguments."""
        self.project.shell(
            "from celery import current_app as app\n"
            f"app.send_task('{task}', queue='{queue}', ignore_result=True)"
        )

    def value(self, query: str) -> Any:
        """The one value that a query returns from the project's database."""
        file = f"{(self.path / 'db.sqlite3').as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(file, uri=True, timeout=by_clock(20))) as tables:
            return tables.execute(query).fetchone()[0]

    def ask_workers(self, what: str, *names: str) -> dict[str, Any]:
        """What these workers answer to an `inspect` command, by their names."""
        with Celery(broker=login.url(self.broker), set_as_current=False) as app:

            def answers() -> dict[str, Any]:
                found = getattr(app.control.inspect(timeout=by_clock(1)), what)() or {}
                return {name: found[name] for name in found if name.split("@")[0] in names}

            def all_answers() -> dict[str, Any] | None:
                found = answers()
                return found if len(found) == len(names) else None

            return wait_until(
                all_answers,
                limit=30,
                what="the workers' answers",
            )

    def depth(self, queue: str) -> dict[str, int]:
        """Messages in a queue: ready and unacked."""
        return self.broker.queues(login.VHOST).get(queue, {"ready": 0, "unacked": 0})
