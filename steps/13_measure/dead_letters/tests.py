from datetime import UTC, datetime
from types import SimpleNamespace

from django.test import TestCase

from .models import DeadLetter
from .tasks import keep

# the time of a death arrives in UTC, without a time zone
DEATH = {"queue": "sums", "reason": "rejected", "time": datetime(2026, 1, 2)}


def message(*deaths: dict, **headers: str) -> SimpleNamespace:
    headers = {"id": "one", "task": "sums.tasks.sum_number", **headers}
    return SimpleNamespace(
        headers={**headers, "x-death": list(deaths)},
        properties={"correlation_id": "by hand"},
        body=b"[[3, 4], {}, {}]",
        content_type="application/json",
        content_encoding="utf-8",
    )


class KeepTests(TestCase):
    def test_a_row_says_where_and_why_the_message_died(self):
        keep(message(DEATH, {**DEATH, "queue": "another"}))
        letter = DeadLetter.objects.get()
        self.assertEqual((letter.queue, letter.reason), ("sums", "rejected"))
        self.assertEqual(letter.died, datetime(2026, 1, 2, tzinfo=UTC))
        self.assertEqual(bytes(letter.body), b"[[3, 4], {}, {}]")

    def test_the_headers_of_the_task_are_kept_and_those_of_the_broker_are_not(self):
        keep(message(DEATH, request_id="abc", **{"x-delivery-count": "3"}))
        headers = DeadLetter.objects.get().headers
        self.assertEqual(set(headers), {"id", "task", "request_id"})

    def test_a_message_that_comes_again_has_one_row(self):
        keep(message(DEATH))
        keep(message({**DEATH, "reason": "expired"}))
        self.assertEqual(DeadLetter.objects.get().reason, "expired")

    def test_a_message_that_was_put_there_by_hand_is_kept_too(self):
        keep(message())
        self.assertEqual(DeadLetter.objects.get().queue, "dead")

    def test_a_message_of_another_program_is_kept_too(self):
        strange = message(DEATH, sent=datetime(2026, 1, 1))
        del strange.headers["id"], strange.headers["task"]
        strange.body = b"\xff\xfe"
        keep(strange)
        letter = DeadLetter.objects.get()
        self.assertEqual((letter.task_id, letter.task), ("by hand", "unknown"))
        self.assertEqual(bytes(letter.body), b"\xff\xfe")

    def test_a_letter_that_has_died_again_is_not_forgotten(self):
        keep(message(DEATH))
        letter = DeadLetter.objects.get()
        keep(message(DEATH))
        letter.forget()
        self.assertEqual(DeadLetter.objects.count(), 1)
        DeadLetter.objects.get().forget()
        self.assertEqual(DeadLetter.objects.count(), 0)
