from typing import Any

from celery import Task, chord, shared_task, states
from celery.exceptions import Ignore
from celery.utils.log import get_task_logger
from django.utils import timezone

from .counting import PARTS, count, cut
from .models import Job, Part
from .signals import sum_finished

logger = get_task_logger(__name__)


@shared_task(bind=True)  # no longer sent, but some may still be in the queue
def sum_number(self: Task, x: int, y: int) -> int:
    logger.info("counting %s rows of %s", x, y)

    def report(done: int) -> None:
        stop_if_cancelled(self)
        self.update_state(state="PROGRESS", meta={"done": done, "total": x})

    num = count(range(x), y, report)
    sum_finished.send(Job, job_id=self.request.id)
    return num


def stop_if_cancelled(task: Task, job_id: str = "") -> None:
    """End the task, in the state REVOKED, if its job (by default, its own) has been cancelled."""
    if Job.objects.cancelled().filter(pk=job_id or task.request.id).exists():
        task.update_state(state=states.REVOKED)
        raise Ignore


@shared_task(bind=True)
def sum_in_parts(self: Task, x: int, y: int, parts: int = PARTS) -> None:
    stop_if_cancelled(self)
    ranges = list(cut(x, part=parts))
    logger.info("counting %s rows of %s in %s parts", x, y, len(ranges))
    planned = [Part(job_id=self.request.id, first=first) for first, _ in ranges]
    Part.objects.bulk_create(planned, ignore_conflicts=True)
    rows = [sum_rows.s(self.request.id, first, last, y) for first, last in ranges]
    return self.replace(chord(rows, add_up.s().on_error(say_failed.s())))


@shared_task(bind=True, track_started=False)  # STARTED would hide that it has a result already
def sum_rows(self: Task, job_id: str, first: int, last: int, y: int) -> int:
    num = count(range(first, last), y, lambda done: stop_if_cancelled(self, job_id))
    if self.AsyncResult(self.request.id).state == states.SUCCESS:
        raise Ignore  # delivered twice: counted twice, it would start add_up too early
    Part.objects.filter(job_id=job_id, first=first).update(done=timezone.now())
    return num


@shared_task(bind=True)
def add_up(self: Task, counts: list[int]) -> int:
    stop_if_cancelled(self)
    sum_finished.send(Job, job_id=self.request.id)
    return sum(counts)


@shared_task
def say_failed(request: Any, error: Exception, traceback: str) -> None:
    logger.error("the sum %s is not complete: %s", request.id, error)
