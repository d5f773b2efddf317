"""Every request has an id, and each log line that the request leads to contains it.

The id travels from the web process to the workers in the header `request_id` of each message.
"""

import logging
import re
import uuid
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from celery import Task
from celery.signals import (
    after_setup_logger,
    after_setup_task_logger,
    before_task_publish,
    task_postrun,
    task_prerun,
)
from celery.utils.log import get_multiprocessing_logger
from django.core.signals import request_finished
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

HEADER = "X-Request-ID"
NONE = "-"

# The id of the request that this process is working for at the moment.
request_id: ContextVar[str] = ContextVar("request_id", default=NONE)


# --- the web process ----------------------------------------------------------------------


def middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable:
    def handle(request: HttpRequest) -> HttpResponse:
        given = request.headers.get(HEADER, "")  # from a proxy, or from another service
        request_id.set(given if re.fullmatch(r"[\w-]{1,64}", given) else uuid.uuid4().hex)
        response = get_response(request)
        response[HEADER] = request_id.get()
        return response

    return handle


# --- the message --------------------------------------------------------------------------


def put_into_message(headers: dict[str, Any], **_: Any) -> None:
    """Called before each message is sent, in the process that sends it: web or worker."""
    headers["request_id"] = request_id.get()


# --- the worker ---------------------------------------------------------------------------


def take_from_message(task: Task, **_: Any) -> None:
    """Called before each task, in the process that runs it."""
    request_id.set(task.request.get("request_id", NONE))


before_task_publish.connect(put_into_message)
task_prerun.connect(take_from_message)


@task_postrun.connect
@receiver(request_finished)
def forget(**_: Any) -> None:
    request_id.set(NONE)


# --- the log ------------------------------------------------------------------------------


class RequestIdFilter(logging.Filter):
    """Let every line pass, and add the field `request_id`, which the format uses."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        return True


@after_setup_logger.connect
@after_setup_task_logger.connect
def add_filter(logger: logging.Logger, **_: Any) -> None:
    """Add the filter to the handlers that a worker sets up; LOGGING adds it to Django's."""
    # billiard, which runs the processes of the pool, has a logger with the same format
    for handler in [*logger.handlers, *get_multiprocessing_logger().handlers]:
        handler.addFilter(RequestIdFilter())
