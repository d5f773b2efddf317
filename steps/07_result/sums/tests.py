"""Run with `python manage.py test`: no broker and no worker is needed."""

from unittest.mock import patch

from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext
from django_celery_results.models import TaskResult
from kombu.exceptions import OperationalError

from .models import SIDE, Job
from .services import KeyUsed, NotSent, submit
from .status import Status, ask_broker


@patch("sums.services.send")
class SubmitTests(TestCase):
    def test_a_submitted_job_is_sent_once(self, send):
        job = submit(3, 4)
        send.assert_called_once_with(job)
        self.assertEqual(job.outcome.state, "PENDING")

    def test_the_same_key_gives_the_same_job(self, send):
        self.assertEqual(submit(3, 4, key="k"), submit(3, 4, key="k"))
        send.assert_called_once()

    def test_a_job_that_cannot_be_sent_is_not_listed(self, send):
        send.side_effect = OperationalError("no broker")
        with self.assertRaises(NotSent):
            submit(3, 4)
        self.assertFalse(Job.objects.sent().exists())

    def test_after_a_refusal_the_same_key_may_be_tried_again(self, send):
        send.side_effect = [OperationalError("no broker"), None]
        with self.assertRaises(NotSent):
            submit(3, 4, key="k")
        self.assertTrue(submit(3, 4, key="k").sent)

    def test_a_key_of_another_sum_is_refused(self, send):
        submit(3, 4, key="k")
        with self.assertRaises(KeyUsed):
            submit(5, 6, key="k")


class PageTests(TestCase):
    def test_a_cache_does_not_mix_up_the_page_and_its_part(self):
        for headers in ({}, {"HX-Request": "true"}):
            self.assertIn("HX-Request", self.client.get("/", headers=headers)["Vary"])

    @patch("sums.services.send")
    def test_a_form_without_a_key_is_accepted(self, send):
        self.assertRedirects(self.client.post("/", {"x": 3, "y": 4}), "/")
        send.assert_called_once()

    def test_a_form_with_a_number_too_large_says_so(self):
        answer = self.client.post("/", {"x": SIDE + 1, "y": 4})
        self.assertContains(answer, "less than or equal to", status_code=400)


class LimitTests(TestCase):
    def test_the_model_knows_its_limits(self):
        with self.assertRaises(ValidationError):
            Job(x=SIDE + 1, y=1).full_clean()

    def test_and_so_does_the_table(self):
        with self.assertRaises(IntegrityError):
            Job.objects.create(x=0, y=1)


@patch("sums.services.send")
class QueryTests(TestCase):
    """Ten jobs take as many queries as one."""

    def test_the_page(self, _):
        self.assert_few_queries("/")

    def test_the_api(self, _):
        self.assert_few_queries("/api/sums/")

    def assert_few_queries(self, path):
        for _ in range(10):
            submit(3, 4)
        with CaptureQueriesContext(connection) as queries:
            answer = self.client.get(path)
        # for the number of jobs, ten of them, their results, and their parts if there are any
        self.assertLessEqual(len(queries), 4)
        self.assertContains(answer, "PENDING", count=10)


class ApiTests(TestCase):
    def post(self, x=3, y=4, key="k"):
        words = {"data": {"x": x, "y": y}, "content_type": "application/json"}
        return self.client.post("/api/sums/", headers={"Idempotency-Key": key}, **words)

    @patch("sums.services.send")
    def test_a_sum_is_accepted_and_its_url_is_in_location(self, _):
        answer = self.post()
        self.assertEqual(answer.status_code, 202)
        self.assertEqual(self.client.get(answer["Location"]).json(), answer.json())

    @patch("sums.services.send")
    def test_a_key_of_another_sum_is_refused(self, _):
        self.post()
        self.assertEqual(self.post(x=5).status_code, 422)

    @patch("sums.services.send", side_effect=OperationalError("no broker"))
    def test_without_a_broker_the_client_learns_when_to_try_again(self, _):
        answer = self.post()
        self.assertEqual((answer.status_code, answer["Retry-After"]), (503, "2"))

    @patch("sums.services.send")
    def test_a_sum_is_cancelled_once_and_not_after_its_end(self, _):
        url = self.post().json()["url"]
        self.assertEqual(self.client.delete(url).json()["state"], "REVOKED")
        cancelled = Job.objects.get().cancelled
        self.assertEqual(self.client.delete(url).status_code, 202)
        self.assertEqual(Job.objects.get().cancelled, cancelled)
        task_id = Job.objects.get().task_id
        TaskResult.objects.create(task_id=task_id, status="SUCCESS", result="12")
        self.assertEqual(self.client.delete(url).status_code, 409)


class StatusTests(TestCase):
    """The panel next to the jobs needs a broker, but no table."""

    def test_it_says_what_the_broker_says(self):
        self.assert_said(Status("celery", waiting=1234, workers=2), "2</strong> online", "1,234")

    def test_it_says_that_no_worker_is_online(self):
        self.assert_said(Status("celery"), "none online")

    def test_it_says_that_the_broker_does_not_answer(self):
        with patch("sums.status.current_app.connection_for_read", side_effect=OperationalError):
            self.assertIsNone(ask_broker())
        self.assert_said(None, "does not answer")

    def assert_said(self, status, *words):
        for headers in ({}, {"HX-Request": "true"}):
            cache.clear()
            with patch("sums.views.ask_broker", return_value=status), self.assertNumQueries(0):
                answer = self.client.get("/status/", headers=headers)
            for word in words:
                self.assertContains(answer, word)
