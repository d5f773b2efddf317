"""The one Celery task, which runs any Django task."""

from typing import Any

from celery import shared_task
from django.utils.module_loading import import_string
from django_tasks.base import Task


@shared_task
def run(path: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Run the task at this path. Raises ValueError if the path names something else."""
    task = import_string(path)
    if not isinstance(task, Task):  # a message may name anything
        raise ValueError(f"not a task: {path}")
    return task.call(*args, **kwargs)
