"""A backend for Django tasks, which Celery workers run."""

from typing import Any

from celery import current_app, states
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.module_loading import import_string
from django_tasks.backends.base import BaseTaskBackend
from django_tasks.base import (
    DEFAULT_TASK_QUEUE_NAME,
    Task,
    TaskError,
    TaskResult,
    TaskResultStatus,
)
from django_tasks.exceptions import InvalidTaskError, TaskResultDoesNotExist
from django_tasks.signals import task_enqueued
from django_tasks.utils import get_module_path

from sums.publisher import publish

from .models import Enqueued
from .tasks import run

# Any other state of Celery's means READY: the task waits for a worker, or for a retry.
STATUS = {
    states.STARTED: TaskResultStatus.RUNNING,
    states.SUCCESS: TaskResultStatus.SUCCESSFUL,
    states.FAILURE: TaskResultStatus.FAILED,
    states.REVOKED: TaskResultStatus.FAILED,
}


class CeleryBackend(BaseTaskBackend):
    supports_async_task = True
    supports_defer = True
    supports_get_result = True

    def validate_task(self, task: Task) -> None:
        super().validate_task(task)
        if task.takes_context:
            raise InvalidTaskError("CeleryBackend does not pass a context.")

    def get_result(self, result_id: str) -> TaskResult:
        """The task's outcome so far. Raises TaskResultDoesNotExist."""
        try:
            row = Enqueued.objects.get(pk=result_id)
        except (Enqueued.DoesNotExist, ValidationError) as error:
            raise TaskResultDoesNotExist(result_id) from error
        task = import_string(row.path).using(backend=self.alias)  # imports its exceptions, too
        found = current_app.AsyncResult(str(row.pk))
        status = STATUS.get(found.state, TaskResultStatus.READY)
        is_done = status in (TaskResultStatus.SUCCESSFUL, TaskResultStatus.FAILED)
        result = TaskResult(
            task=task,
            id=str(row.pk),
            status=status,
            enqueued_at=row.enqueued,
            started_at=None,
            finished_at=found.date_done if is_done else None,
            last_attempted_at=None,
            args=row.args,
            kwargs=row.kwargs,
            backend=self.alias,
            errors=_errors(found.result, found.traceback) if is_done else [],
            worker_ids=[],
        )
        if status == TaskResultStatus.SUCCESSFUL:
            result._return_value = found.result
        return result

    def enqueue(self, task: Task, args: tuple, kwargs: dict[str, Any]) -> TaskResult:
        """Send the task to its queue. Raises one of UNSENT, and then no row is kept."""
        self.validate_task(task)
        queue = None if task.queue_name == DEFAULT_TASK_QUEUE_NAME else task.queue_name
        with transaction.atomic():
            row = Enqueued.objects.create(path=task.module_path, args=list(args), kwargs=kwargs)
            signature = run.s(row.path, row.args, row.kwargs)
            publish(signature.set(task_id=str(row.pk), queue=queue, eta=task.run_after))
        result = self.get_result(str(row.pk))
        task_enqueued.send(type(self), task_result=result)
        return result


def _errors(error: Any, traceback: str | None) -> list[TaskError]:
    if not isinstance(error, Exception):
        return []
    return [TaskError(exception_class_path=get_module_path(type(error)), traceback=traceback or "")]
