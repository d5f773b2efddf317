"""The one Celery task, which runs any task of Django's."""

from typing import Any

from celery import shared_task
from django.utils.module_loading import import_string
from django_tasks.base import Task


@shared_task
def run(path: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Run the task of this path. Raises ValueError if there is something else."""
    task = import_string(path)
    if not isinstance(task, Task):  # a message may name anything
        raise ValueError(f"no task: {path}")
    return task.call(*args, **kwargs)
