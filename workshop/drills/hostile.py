"""Messages that no sender of the project would send."""

from workshop.machine.patience import wait_until
from workshop.project.project import Project
from workshop.project.raw import publish_raw

TASK = "exports.tasks.write_export"


def send_raw(project: Project, body: bytes, content_type: str = "application/json") -> str:
    """Publish these bytes as the body of a message for `write_export`; return its id."""
    return publish_raw(project.broker, project.vhost, TASK, body, content_type)


def crashed_workers(project: Project, command: str, most: int = 6) -> list[str]:
    """Start workers, one after another, until one keeps running.

    Returns the last line of output of each worker that crashed. Raises NotYet if a worker neither
    ends nor empties the queue.
    """
    last_lines: list[str] = []
    while len(last_lines) < most:
        worker = project.run(command, ready=lambda running: True)
        wait_until(
            lambda: not worker.is_running or " ready." in worker.text(),  # noqa: B023
            limit=60,
            what="the worker's start or end",
        )
        # a message that crashes the worker arrives right after its start
        messages_left = lambda: project.broker.queues(project.vhost)["sums"]  # noqa: E731
        wait_until(
            lambda: not worker.is_running or not any(messages_left().values()),  # noqa: B023
            limit=60,
            what="an empty queue, or the worker's end",
        )
        if worker.is_running and "Unrecoverable error" not in worker.text():
            worker.stop()
            break
        worker.wait()  # it may still be closing its connection
        last_lines.append(worker.text().strip().splitlines()[-1])
    return last_lines
