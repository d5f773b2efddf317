"""Request a table of sums; a worker writes it."""

from collections.abc import Collection

from sums.publisher import publish

from .tasks import ExportRequest, write_export


def request_export(name: str, columns: Collection[str]) -> None:
    """Send the task. Raises one of UNSENT."""
    # TODO b: send the name and a list of the columns, which JSON can represent.
    publish(write_export.s(ExportRequest(name, frozenset(columns))))
