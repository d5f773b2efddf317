"""Ask for a table of sums, which a worker writes."""

from collections.abc import Collection

from sums.publisher import publish

from .tasks import Wish, write_export


def ask_for(name: str, columns: Collection[str]) -> None:
    """Send the task. Raises one of UNSENT."""
    # TODO b: send the name and a list of the columns, which JSON can carry.
    publish(write_export.s(Wish(name, frozenset(columns))))
