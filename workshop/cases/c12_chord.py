"""A chord that waits for ever, because one of its parts never reports its result."""

from workshop.cases.case import Case

TASKS = "sums/tasks.py"
RIGHT = """\
    if self.AsyncResult(self.request.id).state == states.SUCCESS:
        raise Ignore  # delivered twice: counted twice, it would start add_up too early
    Part.objects.filter(job_id=job_id, first=first).update(done=timezone.now())
"""
WRONG = """\
    Part.objects.filter(job_id=job_id, first=first).update(done=timezone.now())
    if self.AsyncResult(self.request.id).state != states.PENDING:
        raise Ignore  # delivered twice: counted twice, it would start add_up too early
"""


class Chord(Case):
    edits = (
        (TASKS, RIGHT, WRONG),
        (TASKS, "bind=True, track_started=False)", "bind=True)"),
    )
    programs = ("sums",)
