"""The first layer, with Django's own test cases."""

from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

from django.db import connection
from django.test import TestCase, TransactionTestCase

from receipts.models import Receipt, write_receipt
from sums.models import Job
from sums.services import submit


class ReceiptTests(TestCase):
    def test_two_ends_and_one_receipt(self):
        job = Job.objects.create(x=3, y=4)
        write_receipt(job.task_id)
        write_receipt(job.task_id)
        self.assertEqual(Receipt.objects.count(), 1)


class CommitTests(TransactionTestCase):
    def test_another_connection_sees_the_job(self):
        def look(job):
            try:
                return Job.objects.filter(pk=job.pk).exists()
            finally:
                connection.close()

        seen = []

        def send(job):
            with ThreadPoolExecutor(1) as pool:
                seen.append(pool.submit(look, job).result())

        with patch("sums.services.send", side_effect=send):
            submit(3, 4)
        self.assertEqual(seen, [True])
