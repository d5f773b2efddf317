"""Ask for a table of sums, which a worker writes."""

from collections.abc import Collection

from sums.publisher import publish

from .tasks import write_export


def ask_for(name: str, columns: Collection[str]) -> None:
    """Send the task. Raises one of UNSENT."""
    publish(write_export.s({"name": name, "columns": sorted(columns)}))
