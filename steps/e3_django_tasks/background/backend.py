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
        # TODO a: find the row, and ask Celery for the state of its task:
        # current_app.AsyncResult(id) has state, result, traceback and date_done.
        raise NotImplementedError

    def enqueue(self, task: Task, args: tuple, kwargs: dict[str, Any]) -> TaskResult:
        """Send the task to its queue. Raises one of UNSENT, and then no row is kept."""
        self.validate_task(task)
        # TODO b: save a row of Enqueued, and publish run.s(path, args, kwargs) with the row's id as
        # its task_id, the task's queue (None for "default"), and eta=task.run_after. If it is not
        # sent, no row may stay. Return the result, after sending the signal task_enqueued.
        raise NotImplementedError


def _errors(error: Any, traceback: str | None) -> list[TaskError]:
    if not isinstance(error, Exception):
        return []
    return [TaskError(exception_class_path=get_module_path(type(error)), traceback=traceback or "")]
