"""A message's life, from the events that its sender and its workers report."""

import pytest

from workshop.errors import CourseError
from workshop.lesson import pictures
from workshop.project.events import Events, life

SENT = {"retries": 0, "eta": None, "exchange": "sums", "routing_key": "sums"}
AGAIN = {"retries": 1, "eta": "soon", "exchange": "celery_delayed_27", "routing_key": "0.1.sums"}
DONE = {"result": "12", "runtime": 0.5}
ONE = {"hostname": "one@here", "retries": 0}
TWO = {"hostname": "two@here", "retries": 0}
TO_THE_PROCESS = [
    ("sender", "exchange"),
    ("exchange", "queue"),
    ("queue", "one"),
    ("one", "one's process"),
]
OVER = [("one's process", "results"), ("one's process", "one"), ("one", "queue")]


def reported(*kinds_and_words) -> list[dict]:
    """Events one second apart, each (type, more)."""
    return [
        {"type": kind, "timestamp": 100.0 + at, "hostname": "gen@here", **words}
        for at, (kind, words) in enumerate(kinds_and_words)
    ]


STARTED = [("task-sent", SENT), ("task-received", ONE), ("task-started", ONE)]


def ways(events: list[dict]) -> list[tuple[str, str]]:
    return [(step.origin, step.target) for step in life(events)]


def test_a_message_is_acknowledged_after_its_result_is_stored():
    events = reported(*STARTED, ("task-succeeded", {**ONE, **DONE}))
    assert ways(events) == TO_THE_PROCESS + OVER
    steps = life(events)
    assert [step.at for step in steps] == [0, None, 1, 2, None, None, 3]
    assert steps[4].words == "12 is stored" and steps[-1].words == "acknowledged"


def test_a_failed_task_is_acknowledged_too():
    steps = life(reported(*STARTED, ("task-failed", ONE)))
    assert [step.words for step in steps[-3:]] == ["FAILURE is stored", "failed", "acknowledged"]


def test_a_retry_is_a_second_message_and_waits_after_the_first_is_acknowledged():
    retry = [("task-sent", AGAIN), ("task-retried", ONE), ("task-received", ONE)]
    steps = life(reported(*STARTED, *retry))
    assert [(step.origin, step.target) for step in steps] == [
        *TO_THE_PROCESS,
        ("one's process", "exchange"),
        *OVER,
        ("exchange", "queue"),
        ("queue", "one"),
    ]
    assert steps[4].words == "retry 1: published to celery_delayed_27"
    assert steps[8].words == "routed by key sums"


def test_a_killed_workers_message_is_delivered_again_without_being_published():
    again = [("lost", ONE), ("task-received", TWO), ("task-started", TWO)]
    steps = life(reported(*STARTED, *again))
    assert [(step.origin, step.target) for step in steps[4:]] == [
        ("one", "queue"),
        ("queue", "two"),
        ("two", "two's process"),
    ]
    assert steps[5].words == "delivered again"


@pytest.mark.parametrize("more", [[("task-succeeded", {**ONE, **DONE})], [("lost", ONE)]])
def test_a_diagram_has_an_arrow_for_each_step_and_a_lane_for_each_place(more):
    steps = life(reported(*STARTED, *more))
    picture = pictures.message_diagram(steps, "a message")
    words = {text.get_text() for text in picture.figure.axes[0].texts}
    assert {step.words for step in steps} <= words
    assert {place for step in steps for place in (step.origin, step.target)} <= words
    assert len(picture.figure.axes[0].patches) == 1  # the work, from its start to its end
    assert 'alt="a message"' in picture._repr_html_()


def test_the_events_of_one_task_are_in_their_order():
    events = Events("memory://")
    early, late = reported(("task-sent", {"uuid": "a"}), ("task-started", {"uuid": "a"}))
    unsent = {**late, "uuid": "b"}  # it was sent before anybody listened
    for event in (unsent, late, early):
        events._take(event)
    events._take({"type": "worker-heartbeat"})
    assert events.of() == [early, late]
    assert events.of("b") == [unsent]


def test_a_message_is_sent_before_it_is_received_even_if_its_sender_notes_it_later():
    events = Events("memory://")
    received, sent = reported(("task-received", ONE), ("task-sent", SENT))
    for event in (received, sent):
        events._take({**event, "uuid": "a"})
    assert [event["type"] for event in events.of()] == ["task-sent", "task-received"]
    assert [step.at for step in life(events.of())] == [0, None, 0]


def test_without_a_broker_nobody_waits():
    with pytest.raises(CourseError, match="does not answer"), Events("amqp://127.0.0.1:1//"):
        pass
