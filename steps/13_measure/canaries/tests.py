from unittest.mock import patch

from django.test import TestCase

from sums.status import Status


class MetricsTests(TestCase):
    def metrics(self, status: Status | None) -> str:
        with patch("canaries.metrics.ask_broker", return_value=status):
            return self.client.get("/metrics").content.decode()

    def test_each_metric_names_its_queue(self):
        text = self.metrics(Status("sums", waiting=5))
        self.assertIn('queue_messages{queue="sums"} 5.0', text)
        self.assertIn('canary_age_seconds{queue="sums"} ', text)

    def test_without_a_broker_there_is_no_depth_and_still_an_age(self):
        text = self.metrics(None)
        self.assertNotIn("queue_messages", text)
        self.assertIn("canary_age_seconds", text)
