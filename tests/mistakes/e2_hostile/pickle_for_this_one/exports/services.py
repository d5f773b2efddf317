"""Request a table of sums; a worker writes it."""

from collections.abc import Collection

from sums.publisher import publish

from .tasks import write_export


def request_export(name: str, columns: Collection[str]) -> None:
    """Send the task. Raises one of UNSENT."""
    publish(write_export.s(name, list(columns)).set(serializer="pickle"))
