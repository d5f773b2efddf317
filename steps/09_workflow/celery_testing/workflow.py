"""The tasks that work together."""

from .reliable import CELERY_IMPORTS

CELERY_IMPORTS = [*CELERY_IMPORTS, "testing.workflow"]
