"""Stage E4: how long a message may stay with a worker, and what a second delivery does."""

import importlib
from collections.abc import Callable
from typing import Any
from unittest import mock

from workshop.checks.facts.common import between, set_up

TOGETHER = 0.4  # seconds that a second delivery gets in the middle of the first


def transport_options() -> dict[str, Any]:
    """What the settings tell the transport, and the seconds that the project needs."""
    set_up()
    conf = importlib.import_module("celery_testing.celery").app.conf
    options = dict(conf.broker_transport_options)
    visibility = options.get("visibility_timeout")
    is_number = isinstance(visibility, (int, float)) and not isinstance(visibility, bool)
    longest = importlib.import_module("reminders.models").LONGEST
    return {
        "visibility": visibility if is_number else repr(visibility),
        "is_number": is_number,
        "needed": longest + (conf.task_time_limit or 0),
        "confirms": options.get("confirm_publish") is True,
        "patience": options.get("max_retries"),
    }


def reminded() -> dict[str, Any]:
    """What the task sends when it runs once, again, twice at a time, and without a mail server.

    `locked` is whether the row is claimed in an open transaction while the mail is sent.
    """
    set_up()
    from django.conf import settings
    from django.core import mail
    from django.core.mail.backends.locmem import EmailBackend

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    model = importlib.import_module("reminders.models").Reminder
    remind = importlib.import_module("reminders.tasks").remind
    mail.outbox = []

    def run(reminder: Any) -> str:
        try:
            remind(reminder.pk)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return ""

    def seen(reminder: Any) -> dict[str, Any]:
        reminder.refresh_from_db()
        mails = [one.body for one in mail.outbox if one.body == reminder.text]
        return {"mails": len(mails), "marked": reminder.sent is not None}

    once = model.objects.create(text="once")
    found: dict[str, Any] = {
        "error": run(once),
        "once": seen(once),
        "locked": _is_locked(run, model),
    }
    found["error again"] = run(once)
    found["again"] = seen(once)

    together = model.objects.create(text="together")
    with between(model, lambda: run(together), TOGETHER):
        run(together)
    found["together"] = seen(together)

    failed = model.objects.create(text="failed")
    with mock.patch.object(EmailBackend, "send_messages", _refuse):
        found["error of the mail"] = run(failed)
    found["failed"] = seen(failed)
    run(failed)
    found["after it"] = seen(failed)
    return found


def _refuse(self: Any, messages: Any) -> int:
    """What a mail server does that does not answer."""
    if not self.fail_silently:
        raise OSError("the mail server does not answer")
    return 0


def _is_locked(run: Callable[[Any], str], model: Any) -> bool:
    """Whether the row is claimed in an open transaction while its mail is sent.

    SQLite ignores select_for_update, and locks the whole database.
    """
    from django.core.mail.backends.locmem import EmailBackend
    from django.db import connection
    from django.db.models import QuerySet

    is_claimed = is_locked = False

    def watch(execute: Any, sql: str, *more: Any) -> Any:
        nonlocal is_claimed
        is_claimed = is_claimed or sql.startswith('UPDATE "reminders_reminder"')
        return execute(sql, *more)

    def lock(self: Any, *args: Any, **options: Any) -> Any:
        nonlocal is_claimed
        is_claimed = is_claimed or self.model is model
        return self.all()

    def send(self: Any, messages: Any) -> int:
        nonlocal is_locked
        is_locked = is_claimed and connection.in_atomic_block
        return len(messages)

    with (
        mock.patch.object(EmailBackend, "send_messages", send),
        mock.patch.object(QuerySet, "select_for_update", lock),
        connection.execute_wrapper(watch),
    ):
        run(model.objects.create(text="watched"))
    return is_locked
