"""A job of the API, as a visitor sees it: posted, watched, cancelled."""

import re
from itertools import groupby

import httpx

from workshop.causes import likely_cause
from workshop.checks.content import common
from workshop.checks.look import Look
from workshop.machine.patience import NotYet, wait_until
from workshop.project import probe

ACCEPTING = 5  # seconds; a running broker takes a message in a hundredth of one
SUM = 30  # seconds; the largest of them takes five
OVER = {"SUCCESS", "FAILURE", "REVOKED"}


def post(look: Look, x: int, y: int, **headers: str) -> dict:
    """Post a job until the API accepts it: after a 503, try again, as a client does."""
    look.migrate()
    web = look.web()

    def answered() -> httpx.Response | None:
        answer = web.ask("POST", "/api/sums/", json={"x": x, "y": y}, headers=headers)
        return None if answer.status_code == 503 else answer

    try:
        answer = wait_until(answered, limit=ACCEPTING, what="another answer than 503")
    except NotYet:
        raise common.wrong("still_unavailable", limit=ACCEPTING) from None
    if answer.status_code != 202:
        raise common.wrong("post_answered", why=web.why(answer))
    job, location = answer.json(), answer.headers.get("Location")
    if not (location or "").endswith(f"/api/sums/{job['id']}/"):
        raise common.wrong("another_location", location=location)
    return job


def now(look: Look, job: dict) -> dict:
    """What the API says about a job."""
    web = look.web()
    answer = web.get(f"/api/sums/{job['id']}/")
    if answer.status_code != 200:
        raise common.wrong("get_answered", url=job["url"], why=web.why(answer))
    return answer.json()


def ended(look: Look, job: dict) -> list[dict]:
    """Everything that the API says about a job until it is over, in any state. Raises Wrong."""
    seen: list[dict] = []

    def is_over() -> bool:
        seen.append(now(look, job))
        return seen[-1]["state"] in OVER

    try:
        wait_until(is_over, limit=SUM, what="the end")
    except NotYet:
        x, y, state = job["x"], job["y"], seen[-1]["state"]
        raise common.wrong("still_going", limit=SUM, x=x, y=y, state=state) from None
    return seen


def watch(look: Look, job: dict) -> list[dict]:
    """The same for a job that should not fail. Raises Wrong, and Trouble if it does."""
    seen = ended(look, job)
    if seen[-1]["state"] == "FAILURE":
        raise failed(look, job)
    return seen


def finished_job(look: Look, job: dict) -> dict:
    """The job, once it is over and has not failed."""
    return watch(look, job)[-1]


def changes(seen: list[dict], name: str) -> list:
    """The successive values of one field of a watched job."""
    return [value for value, _ in groupby(one[name] for one in seen)]


def error_of(look: Look, job: dict) -> str:
    """What the job's task raised, with its traceback, from the worker's log; or ""."""
    _, raised, log = look.worker().text().partition(f"[{job['id']}] raised")
    return re.split(r"\n\[\d{4}-", log)[0].strip() if raised else ""


def failed(look: Look, job: dict) -> probe.Trouble:
    """What the task raised, and in which line."""
    log = error_of(look, job)
    error = log.splitlines()[-1] if log else ""
    lines = re.findall(rf'File "{re.escape(str(look.path.resolve()))}/(.+?)", line (\d+)', log)
    where = ", line ".join(lines[-1]) if lines else ""
    if "update_state" in error:
        error += f" ({common.says('update_state_belongs_to_self')})"
    elif cause := likely_cause(error):
        error += f" ({'; '.join(cause)})"
    return probe.Trouble(common.says("failed_in_the_worker", error=error), where)


def cancel(look: Look, job: dict) -> None:
    """Cancel a job that has begun, as its button does. Raises Wrong."""
    wait_until(lambda: now(look, job)["state"] != "PENDING", limit=10, what="its start")
    answer = look.web().ask("DELETE", f"/api/sums/{job['id']}/")
    if answer.status_code != 202:
        raise common.wrong("delete_answered", why=look.web().why(answer))


def expect_revoked(job: dict) -> None:
    if job["state"] != "REVOKED":
        raise common.wrong("not_revoked", state=job["state"])


def expect_no_step_back(percents: list[int]) -> None:
    if percents != sorted(percents):
        raise common.wrong("went_back", percents=percents)
