"""Messages that no sender of the project would send."""

from workshop.machine.patience import wait_until
from workshop.project.project import Project
from workshop.project.raw import publish_raw

TASK = "exports.tasks.write_export"


def send_raw(project: Project, body: bytes, content_type: str = "application/json") -> str:
    """Publish these bytes as the body of a message for `write_export`; return its id."""
    return publish_raw(project.broker, project.vhost, TASK, body, content_type)


def end_of_workers(project: Project, command: str, most: int = 6) -> list[str]:
    """Start workers, each after the one before has ended, until one stays.

    Returns the last line of each that ended. Raises NotYet if a worker neither ends nor finds the
    queue empty.
    """
    said: list[str] = []
    while len(said) < most:
        worker = project.run(command, ready=lambda running: True)
        wait_until(
            lambda: not worker.is_running or " ready." in worker.text(),  # noqa: B023
            limit=60,
            what="the worker's start or end",
        )
        # a message that ends it comes right after its start
        taken = lambda: project.broker.queues(project.vhost)["sums"]  # noqa: E731
        wait_until(
            lambda: not worker.is_running or not any(taken().values()),  # noqa: B023
            limit=60,
            what="an empty queue, or the worker's end",
        )
        if worker.is_running:
            worker.stop()
            return said
        said.append(worker.text().strip().splitlines()[-1])
    return said
