from typing import Any

from django.dispatch import receiver

from sums.models import Job
from sums.signals import sum_finished

from .models import write_receipt


@receiver(sum_finished)
def on_sum_finished(job_id: str, **_: Any) -> None:
    if Job.objects.filter(pk=job_id).exists():  # a sum that was sent from a shell has no job
        write_receipt(job_id)
