"""Tables of sums, as CSV files in the folder `exports` below MEDIA_ROOT."""

import csv
from collections.abc import Collection
from pathlib import Path

from django.conf import settings

from sums.models import Job

COLUMNS = ("x", "y", "created", "sent")  # what an export may contain


def write_table(name: str, columns: Collection[str]) -> Path:
    """Write these columns of all sums that were sent to NAME.csv; return the file."""
    folder = Path(settings.MEDIA_ROOT) / "exports"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.csv"
    rows = list(Job.objects.sent().values_list(*columns))  # an error must not leave half a file
    with file.open("w", newline="") as out:
        table = csv.writer(out)
        table.writerow(columns)
        table.writerows(rows)
    return file
