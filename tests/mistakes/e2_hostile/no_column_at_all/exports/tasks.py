import re

from celery import shared_task
from celery.utils.log import get_task_logger

from .files import COLUMNS, write_table

logger = get_task_logger(__name__)
NAME = re.compile(r"[\w-]+")


@shared_task
def write_export(name: str, columns: list[str]) -> None:
    """Write a table of sums. A message can come from anyone who has the broker's password."""
    if not NAME.fullmatch(name):
        raise ValueError(f"not a valid name for an export: {name!r}")
    if not set(columns) <= set(COLUMNS):  # an empty list would export all columns
        raise ValueError(f"columns that cannot be exported: {columns!r}")
    file = write_table(name, columns)
    logger.info("written: %s", file.name)
