from dataclasses import dataclass

from celery import shared_task
from celery.utils.log import get_task_logger

from .files import write_table

logger = get_task_logger(__name__)


@dataclass(frozen=True)
class Wish:
    name: str
    columns: frozenset[str]


# TODO b: take a name and a list of columns, and use the default serializer, which is JSON.
@shared_task(serializer="pickle")
def write_export(wish: Wish) -> None:
    # TODO c: raise ValueError for a name with anything but letters, digits, "-" and "_"; for a
    # column that is not in COLUMNS, of files.py; and for no column at all.
    file = write_table(wish.name, wish.columns)
    logger.info("written: %s", file.name)
