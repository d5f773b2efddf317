"""What a worker's log says about its tasks."""

import re
from dataclasses import dataclass
from datetime import datetime

LINE = re.compile(r"\[(?P<at>[\d-]+ [\d:,]+): \w+/(?P<process>[\w-]+)\] (?P<text>.*)")
RECEIVED = re.compile(r"Task (?P<task>\S+)\[(?P<id>[^\]]+)\] received")
SUCCEEDED = re.compile(
    r"Task (?P<task>\S+)\[(?P<id>[^\]]+)\] succeeded in (?P<seconds>[\d.e-]+)s: (?P<result>.*)"
)


@dataclass
class Job:
    """One task in a worker. Times are seconds since the epoch, as the log's clock has them.

    Those of its work are 0 until it has succeeded.
    """

    id: str
    task: str
    received: float
    process: str = ""
    begun: float = 0
    ended: float = 0
    seconds: float = 0
    result: str = ""


def jobs(log: str) -> list[Job]:
    """The tasks in a log at level INFO, in the order in which they were received."""
    found: dict[str, Job] = {}
    for line in log.splitlines():
        read = LINE.search(line)
        if not read:
            continue
        at = datetime.strptime(read["at"], "%Y-%m-%d %H:%M:%S,%f").timestamp()
        if received := RECEIVED.match(read["text"]):
            found[received["id"]] = Job(received["id"], received["task"], received=at)
        elif (done := SUCCEEDED.match(read["text"])) and done["id"] in found:
            job = found[done["id"]]
            job.process, job.ended, job.result = read["process"], at, done["result"]
            job.seconds = float(done["seconds"])
            job.begun = at - job.seconds
    return list(found.values())


def work_of(log: str, result: str) -> float:
    """How long the task with this result worked."""
    return next(job.seconds for job in jobs(log) if job.result == result and job.seconds)
