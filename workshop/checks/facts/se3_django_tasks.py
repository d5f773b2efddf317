"""Stage E3: what the backend sends, and what it answers for each of Celery's states."""

import importlib
import uuid
from datetime import datetime, timedelta
from datetime import timezone as time_zone
from typing import Any

from workshop.checks.facts.common import publishing, set_up

BACKEND = "background.backend.CeleryBackend"
FAR = time_zone(timedelta(hours=9))  # a time that is not in UTC


def backend_name() -> str:
    """The class that the settings name for Django's tasks, or the error of finding it."""
    set_up()
    errors = importlib.import_module("django_tasks.exceptions")
    try:
        kind = type(importlib.import_module("django_tasks").task_backends["default"])
    except errors.InvalidTaskBackendError as error:
        return f"nobody: {error}"
    return f"{kind.__module__}.{kind.__qualname__}"


def _set_up() -> tuple[Any, Any]:
    """The project's tasks, on the project's own backend, whatever the settings name; its model."""
    set_up()
    from django.conf import settings

    settings.TASKS = {"default": {"BACKEND": BACKEND, "QUEUES": ["default", "quick"]}}
    model = importlib.import_module("background.models").Enqueued
    model.objects.all().delete()
    return importlib.import_module("background.work"), model


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def enqueued() -> dict[str, Any]:
    """What is sent for count(3, 4): as it is, later, and to another queue; and a refused one."""
    from django.utils import timezone
    from kombu.exceptions import OperationalError

    work, model = _set_up()
    later = (timezone.now() + timedelta(hours=25)).astimezone(FAR)
    sent: list[tuple[Any, dict[str, Any]]] = []
    signals: list[str] = []

    def note(task_result: Any, **_: Any) -> None:
        signals.append(str(task_result.id))

    def refuse(body: Any, options: dict[str, Any]) -> None:
        raise OperationalError("refused") from TimeoutError()

    importlib.import_module("django_tasks.signals").task_enqueued.connect(note)
    with publishing(lambda body, options: sent.append((body, options))):
        found: dict[str, Any] = {
            "plain": _enqueue(work.count, sent),
            "later": _enqueue(work.count.using(run_after=later), sent),
            "other": _enqueue(work.count.using(queue_name="quick"), sent),
        }
    if eta := found["later"].get("eta"):
        found["later"]["late"] = (datetime.fromisoformat(eta) - later).total_seconds()
    for one in found.values():
        one["row"] = model.objects.filter(pk=one["id"]).exists() if one.get("id") else False
    model.objects.all().delete()
    with publishing(refuse):
        found["refused"] = _enqueue(work.count, sent)
    found["refused"]["rows"] = model.objects.count()
    found["signals"] = len(signals)
    return found


def _enqueue(task: Any, sent: list[tuple[Any, dict[str, Any]]]) -> dict[str, Any]:
    """Enqueue a task with 3 and y=4; what was then sent, and what a worker would get from it."""
    result_class = importlib.import_module("django_tasks.base").TaskResult
    app = importlib.import_module("celery_testing.celery").app
    sent.clear()
    try:
        result = task.enqueue(3, y=4)
    except Exception as error:
        return {"error": _text(error), "count": len(sent)}
    found: dict[str, Any] = {"error": "", "count": len(sent), "returned": type(result).__name__}
    found["right_type"] = isinstance(result, result_class)
    if len(sent) != 1 or not found["right_type"]:
        return found
    body, options = sent[0]
    headers = options["headers"]
    found |= {"status": str(result.status), "id": str(result.id), "task_id": headers["id"]}
    found |= {"eta": headers.get("eta"), "queue": options.get("routing_key")}
    found["quick"] = not options.get("retry") and bool(options.get("confirm_timeout"))
    try:
        found["value"] = app.tasks[headers["task"]](*body[0], **body[1])
    except Exception as error:
        found["value"] = _text(error)
    return found


def _outcome(number: str) -> dict[str, Any]:
    backend = importlib.import_module("django_tasks").task_backends["default"]
    result_class = importlib.import_module("django_tasks.base").TaskResult
    missing = importlib.import_module("django_tasks.exceptions").TaskResultDoesNotExist
    try:
        result = backend.get_result(number)
    except missing:
        return {"status": "TaskResultDoesNotExist"}
    except Exception as error:
        return {"status": "", "raised": _text(error)}
    if not isinstance(result, result_class):
        return {"status": f"{type(result).__name__}, which is not a TaskResult"}
    return {**_shown(result), "id": str(result.id) == number}


def _shown(result: Any) -> dict[str, Any]:
    return {
        "status": str(result.status),
        "args": [list(result.args), dict(result.kwargs)],
        "task": getattr(result.task, "module_path", str(result.task)),
        "backend": result.backend,
        "times": [result.enqueued_at is not None, result.finished_at is not None],
        "errors": [error.exception_class_path for error in result.errors],
        "traceback": all(error.traceback for error in result.errors),
        "value": result.return_value if str(result.status) == "SUCCESSFUL" else None,
    }


def outcomes() -> dict[str, Any]:
    """What `get_result` answers for each state, and for ids that nobody has enqueued."""
    from celery.exceptions import TaskRevokedError

    _, model = _set_up()
    app = importlib.import_module("celery_testing.celery").app
    stored = importlib.import_module("django_celery_results.models").TaskResult

    def add(state: str, value: Any = None) -> str:
        row = model.objects.create(path="background.work.count", args=[3], kwargs={"y": 4})
        if state:
            app.backend.store_result(str(row.pk), value, state)
        if isinstance(value, Exception):  # which is stored only for a task that a worker runs
            stored.objects.filter(task_id=row.pk).update(traceback="Traceback …")
        return str(row.pk)

    return {
        "waiting": _outcome(add("")),
        "STARTED": _outcome(add("STARTED")),
        "SUCCESS": _outcome(add("SUCCESS", 12)),
        "FAILURE": _outcome(add("FAILURE", ZeroDivisionError("division by zero"))),
        "REVOKED": _outcome(add("REVOKED", TaskRevokedError("revoked"))),
        "RETRY": _outcome(add("RETRY", ConnectionError("try again"))),
        "unknown": _outcome(str(uuid.uuid4())),
        "no id": _outcome("nothing"),
    }
