"""Stage E3: what the backend sends, and what it answers for each of Celery's states."""

import importlib
import uuid
from datetime import timedelta
from typing import Any

from workshop.checks.facts.common import publishing, set_up

BACKEND = "background.backend.CeleryBackend"


def backend_name() -> str:
    """The class that the settings name for Django's tasks."""
    set_up()
    kind = type(importlib.import_module("django_tasks").task_backends["default"])
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
    app = importlib.import_module("celery_testing.celery").app
    sent: list[tuple[Any, dict[str, Any]]] = []

    def send(task: Any) -> dict[str, Any]:
        sent.clear()
        try:
            result = task.enqueue(3, y=4)
        except NotImplementedError:
            raise
        except Exception as error:
            return {"error": _text(error), "count": len(sent)}
        found: dict[str, Any] = {"error": "", "count": len(sent)}
        found["returned"] = type(result).__name__
        if len(sent) != 1 or found["returned"] != "TaskResult":
            return found
        body, options = sent[0]
        headers = options["headers"]
        found |= {"status": str(result.status), "id": headers["id"] == str(result.id)}
        found |= {"eta": headers.get("eta"), "queue": options.get("routing_key")}
        found |= {"row": model.objects.filter(pk=result.id).exists()}
        found["quick"] = not options.get("retry") and bool(options.get("confirm_timeout"))
        try:
            found["value"] = app.tasks[headers["task"]](*body[0], **body[1])
        except Exception as error:
            found["value"] = _text(error)
        return found

    def refuse(body: Any, options: dict[str, Any]) -> None:
        raise OperationalError("refused") from TimeoutError()

    later = timezone.now() + timedelta(hours=1)
    with publishing(lambda body, options: sent.append((body, options))):
        found = {
            "plain": send(work.count),
            "later": send(work.count.using(run_after=later)),
            "other": send(work.count.using(queue_name="quick")),
        }
    model.objects.all().delete()
    with publishing(refuse):
        found["refused"] = send(work.count)
    found["refused"]["rows"] = model.objects.count()
    return found


def outcomes() -> dict[str, Any]:
    """What `get_result` answers for each state, and for ids that nobody has enqueued."""
    _, model = _set_up()
    app = importlib.import_module("celery_testing.celery").app
    backend = importlib.import_module("django_tasks").task_backends["default"]
    missing = importlib.import_module("django_tasks.exceptions").TaskResultDoesNotExist

    def seen(number: str) -> dict[str, Any]:
        try:
            result = backend.get_result(number)
        except missing:
            return {"status": "TaskResultDoesNotExist"}
        except NotImplementedError:
            raise
        except Exception as error:
            return {"status": _text(error)}
        found: dict[str, Any] = {"status": str(result.status), "id": str(result.id) == number}
        found["args"] = [list(result.args), dict(result.kwargs)]
        found["task"] = result.task.module_path
        found["errors"] = [error.exception_class_path for error in result.errors]
        if found["status"] == "SUCCESSFUL":
            found["value"] = result.return_value
        return found

    def add(state: str, value: Any = None) -> str:
        row = model.objects.create(path="background.work.count", args=[3], kwargs={"y": 4})
        if state:
            app.backend.store_result(str(row.pk), value, state)
        return str(row.pk)

    return {
        "waiting": seen(add("")),
        "STARTED": seen(add("STARTED")),
        "SUCCESS": seen(add("SUCCESS", 12)),
        "FAILURE": seen(add("FAILURE", ZeroDivisionError("division by zero"))),
        "RETRY": seen(add("RETRY", ConnectionError("try again"))),
        "unknown": seen(str(uuid.uuid4())),
        "no id": seen("nothing"),
    }
