"""Messages whose routing key fits no binding: the broker drops them, and confirms them."""

from workshop.cases.case import Case
from workshop.cases.system import SETTINGS

ROUTES = "CELERY_TASK_ROUTES = {\n"


class NoBinding(Case):
    edits = (
        (
            SETTINGS,
            ROUTES,
            f'{ROUTES}    "sums.tasks.*": {{"queue": "sums", "routing_key": "sums.new"}},\n',
        ),
    )
    programs = ("web", "sums")
