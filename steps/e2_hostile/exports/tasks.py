from dataclasses import dataclass

from celery import shared_task
from celery.utils.log import get_task_logger

from .files import write_table

logger = get_task_logger(__name__)


@dataclass(frozen=True)
class ExportRequest:
    name: str
    columns: frozenset[str]


# TODO b: take a name and a list of columns, and use the default serializer, which is JSON.
@shared_task(serializer="pickle")
def write_export(request: ExportRequest) -> None:
    # TODO c: raise ValueError if the name is empty or contains anything but letters, digits, "-"
    # and "_"; if a column is not in COLUMNS, from files.py; or if there are no columns.
    file = write_table(request.name, request.columns)
    logger.info("written: %s", file.name)
