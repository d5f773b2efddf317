"""Count the receipts, when beat says so."""

from celery import shared_task
from django.db import IntegrityError, transaction
from django.utils import timezone

from receipts.models import Receipt
from reports.models import Report


@shared_task(bind=True)
def report(self):
    due = self.request.get("due") or timezone.now()
    try:
        with transaction.atomic():
            Report.objects.create(slot=due, count=Receipt.objects.count())
    except IntegrityError:
        pass
