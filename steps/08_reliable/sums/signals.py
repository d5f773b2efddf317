"""What other apps may listen to."""

from django.dispatch import Signal

# sender: Job; job_id: the job's id. Sent before the result is stored, and again if the task runs
# again. An exception in a receiver fails the task.
sum_finished = Signal()
