"""What the parts of a job have to do with the whole: when they end, and how far it is."""

from celery import current_app, states
from celery.exceptions import Ignore
from celery.signals import worker_process_init
from django.db import transaction
from django_celery_results.models import ChordCounter, TaskResult

from .models import Job

PATIENCE = {"max_retries": 150, "interval_start": 0, "interval_step": 0.5, "interval_max": 2}


@worker_process_init.connect
def wait_for_the_broker(**_) -> None:
    """Let a worker wait five minutes for a broker that is away, where a request gives up at once.

    The part that ends last sends the message that makes a whole of all: unsent, all were lost.
    """
    conf = current_app.conf
    conf.task_publish_retry_policy = PATIENCE
    conf.broker_transport_options = {
        **conf.broker_transport_options,
        **PATIENCE,
        "connect_retries_timeout": 300,  # seconds, else broker_connection_timeout for all tries
    }


def stop_with_the_job(part, job_id: str) -> None:
    """End the part, in the state REVOKED, where its job has been cancelled or is gone."""
    if not Job.objects.filter(pk=job_id, cancelled=None).exists():
        part.update_state(state=states.REVOKED)
        raise Ignore


def tell_progress(part, job_id: str) -> None:
    """This part is done: say under the job's own id how many of the chord's parts are.

    Ends the part where it ran before: what came twice is not to count twice.
    """
    with transaction.atomic():
        # whoever else tells waits here, and so does add_up with the result
        whole, _ = TaskResult.objects.select_for_update().get_or_create(task_id=job_id)
        if part.AsyncResult(part.request.id).state == states.SUCCESS:
            raise Ignore
        counter = ChordCounter.objects.filter(group_id=part.request.group).first()
        if not counter or whole.status in states.READY_STATES:
            return
        total = len(counter.group_result(part.app))
        done = total - counter.count + 1  # the counter does not know of this part yet
        info = part.AsyncResult(job_id).info
        if not isinstance(info, dict) or info.get("done", 0) < done:
            meta = {"done": done, "total": total}
            part.update_state(task_id=job_id, state="PROGRESS", meta=meta)
