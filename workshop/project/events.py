"""Record the events in which senders and workers report on tasks, and derive a message's steps.

A worker sends events if it runs with -E; a sender, if CELERY_TASK_SEND_SENT_EVENT is set.
"""

import contextlib
import threading
import time
from dataclasses import dataclass
from typing import Any

from celery import Celery
from celery.events import EventReceiver
from kombu.exceptions import KombuError

from workshop.errors import CourseError
from workshop.machine.patience import wait_until

Event = dict[str, Any]
SENDER, EXCHANGE, QUEUE, RESULTS = "sender", "exchange", "queue", "results"


class _Receiver(EventReceiver):
    """Sets `listens` once it is ready; what was reported before that is not recorded."""

    def __init__(self, *args, listens: threading.Event, **words):
        super().__init__(*args, **words)
        self._listens = listens

    def on_consume_ready(self, *_, **__) -> None:
        self._listens.set()


class Events:
    """A context manager that records the events of all tasks until it exits."""

    def __init__(self, address: str):
        self._app = Celery(broker=address, set_as_current=False)
        self._recorded: list[Event] = []
        self._listens = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def _listen(self) -> None:
        with (
            contextlib.suppress(OSError, KombuError),
            self._app.connection_for_read() as connection,
        ):
            self._receiver = _Receiver(
                connection, handlers={"*": self._take}, app=self._app, listens=self._listens
            )
            self._receiver.capture(limit=None, timeout=None, wakeup=False)

    def _take(self, event: Event) -> None:
        if event["type"].startswith("task-"):
            self._recorded.append(event)

    def __enter__(self) -> "Events":
        self._thread.start()
        over = lambda: self._listens.is_set() or not self._thread.is_alive()  # noqa: E731
        wait_until(over, limit=20, what="the broker")
        if not self._listens.is_set():
            raise CourseError("the broker does not answer: nobody can listen.", "make doctor")
        return self

    def __exit__(self, *_: Any) -> None:
        self._receiver.should_stop = True
        self._thread.join()
        self._app.close()

    def until(self, kind: str, count: int = 1, limit: float = 30) -> None:
        """Wait until `count` events of a type, such as "task-succeeded", have arrived."""
        there = lambda: len(self.of_type(kind)) >= count  # noqa: E731
        wait_until(there, limit=limit, what=f"{count} × {kind} (is a worker running?)")

    def of_type(self, kind: str) -> list[Event]:
        return [event for event in self._recorded if event["type"] == kind]

    def of(self, task_id: str = "") -> list[Event]:
        """The events of one task, in order of time; by default, of the first one sent."""
        task_id = task_id or self.of_type("task-sent")[0]["uuid"]
        ours = [event for event in self._recorded if event["uuid"] == task_id]
        return sorted((_in_time(event, ours) for event in ours), key=_order)

    def note_loss(self, task_id: str = "") -> None:
        """Record that a task's worker has been killed, because a killed worker reports nothing."""
        last = self.of(task_id)[-1]
        loss = {"type": "lost", "timestamp": time.time()}
        self._recorded.append({**last, **loss})


def _in_time(event: Event, all_of_it: list[Event]) -> Event:
    """The event, timed no later than its effect: a sender notes the time only after publishing."""
    if event["type"] != "task-sent":
        return event
    received = [one for one in all_of_it if one["type"] == "task-received"]
    times = [one["timestamp"] for one in received if one["retries"] == event["retries"]]
    return {**event, "timestamp": min([event["timestamp"], *times])}


def _order(event: Event) -> tuple[float, bool]:
    return event["timestamp"], event["type"] != "task-sent"


@dataclass(frozen=True)
class Step:
    """Something that moves from one place to another, `at` seconds after the first step.

    `at` is None if no event reports the time: only the place in the order is known.
    """

    at: float | None
    origin: str
    target: str
    words: str
    kind: str  # "message", "work", "answer" or "lost"


def life(events: list[Event]) -> list[Step]:
    """The life of one message that is acknowledged late, in steps. A retry is a second message."""
    steps: list[Step] = []
    before, process, key = "", SENDER, ""
    for event in events:
        at = event["timestamp"] - events[0]["timestamp"]
        kind, worker = event["type"], event["hostname"].split("@")[0]
        if kind == "task-sent":  # later ones are sent by the process that retries
            steps.append(Step(at, process, EXCHANGE, _published(event), "message"))
            key = event["routing_key"].lstrip("01.")  # without the bits of its delay
        elif kind == "task-received":
            again = " again" if before == "lost" else ""
            if not again:
                steps.append(Step(None, EXCHANGE, QUEUE, f"routed by key {key}", "message"))
            steps.append(Step(at, QUEUE, worker, f"delivered{again}", "message"))
        elif kind == "task-started":
            process = f"{worker}'s process"
            steps.append(Step(at, worker, process, "run", "work"))
        elif kind == "lost":
            steps.append(Step(at, worker, QUEUE, "connection lost", "lost"))
        else:
            steps += _over(event, at, worker, process)
        before = kind
    return steps


def _published(event: Event) -> str:
    number = event["retries"]
    return f"{f'retry {number}: ' if number else ''}published to {event['exchange']}"


def _over(event: Event, at: float, worker: str, process: str) -> list[Step]:
    outcome, words = {
        "task-succeeded": (event.get("result"), f"done in {event.get('runtime', 0):.2f} s"),
        "task-failed": ("FAILURE", "failed"),
        "task-retried": ("RETRY", "will be retried"),
    }[event["type"]]
    return [
        Step(None, process, RESULTS, f"{outcome} is stored", "answer"),
        Step(None, process, worker, words, "work"),
        Step(at, worker, QUEUE, "acknowledged", "answer"),  # then the worker sends the event
    ]
