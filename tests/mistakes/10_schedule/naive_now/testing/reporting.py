"""Count the receipts, when beat says so."""

from datetime import datetime

from celery import shared_task

from receipts.models import Receipt
from reports.models import Report


@shared_task(bind=True)
def report(self):
    due = (self.request.headers or {}).get("due", datetime.now())
    Report.objects.get_or_create(slot=due, defaults={"count": Receipt.objects.count()})
