import re

from celery import shared_task
from celery.utils.log import get_task_logger

from .files import COLUMNS, write_table

logger = get_task_logger(__name__)
NAME = re.compile(r"[\w-]+")


@shared_task
def write_export(wish: dict) -> None:
    """Write a table of sums. A message can come from anyone who has the broker's password."""
    name, columns = wish["name"], wish["columns"]
    if not NAME.fullmatch(name):
        raise ValueError(f"no name for a file: {name!r}")
    if not columns or not set(columns) <= set(COLUMNS):  # no column would mean all of them
        raise ValueError(f"not the columns of an export: {columns!r}")
    file = write_table(name, columns)
    logger.info("written: %s", file.name)
