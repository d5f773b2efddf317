"""Faults for the project's tests to find, and a harmless change that they must accept.

Each is made in a copy of the solved project, by replacing text in its files.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Fault:
    """A change of the project's code: for each file, old and new texts."""

    name: str
    edits: tuple[tuple[str, str, str], ...]

    def plant(self, folder: Path) -> None:
        """Make the change in a copy of the project. Raises ValueError if a text is missing."""
        for name, old, new in self.edits:
            file = folder / name
            text = file.read_text()
            if old not in text:
                raise ValueError(f"{name} does not contain: {old}")
            file.write_text(text.replace(old, new))


FAULTS = (
    Fault(
        "a task that is not idempotent",
        (("receipts/models.py", "objects.get_or_create(", "objects.create("),),
    ),
    Fault(
        "a message that is sent before the commit",
        (
            ("sums/services.py", "def submit(", "@transaction.atomic\ndef submit("),
            ("sums/services.py", "transaction.atomic(durable=True)", "transaction.atomic()"),
        ),
    ),
    Fault(
        "a renamed argument",
        (
            ("receipts/tasks.py", "text: str", "message: str"),
            ("receipts/tasks.py", '{"text": text}', '{"text": message}'),
        ),
    ),
    Fault(
        "no time limit",
        (("celery_testing/settings.py", "CELERY_TASK_TIME_LIMIT", "FORMER_TIME_LIMIT"),),
    ),
    Fault(
        "a result that is not JSON",
        (
            ("sums/tasks.py", "import Job, Part", "import Job, Outcome, Part"),
            (
                "sums/tasks.py",
                "counts: list[int]) -> int:",
                "counts: list[int]) -> Outcome:",
            ),
            ("sums/tasks.py", "return sum(counts)", "return Outcome('SUCCESS', 100, sum(counts))"),
        ),
    ),
)

# What half a test would miss. The lesson does not show these.
HIDDEN = (
    Fault(
        "a receipt that is never written",
        (
            (
                "receipts/models.py",
                "Receipt.objects.get_or_create(job_id=job_id)",
                "Receipt.objects.filter(job_id=job_id)",
            ),
        ),
    ),
    Fault(
        "a new required argument",
        (("sums/tasks.py", "last: int, y: int) -> int", "last: int, y: int, step: int) -> int"),),
    ),
    Fault("a wrong result", (("sums/tasks.py", "return sum(counts)", "return sum(counts) + 1"),)),
)

NONE = Fault("no fault", ())
HARMLESS = Fault(
    "another way to write the same",
    (
        (
            "receipts/models.py",
            "Receipt.objects.get_or_create(job_id=job_id)",
            "Receipt.objects.bulk_create([Receipt(job_id=job_id)], ignore_conflicts=True)",
        ),
        ("celery_testing/settings.py", "TIME_LIMIT = 10 * 60", "TIME_LIMIT = 11 * 60"),
        (
            "receipts/tasks.py",
            "def tell(url: str, text: str) -> None:",
            'def tell(url: str, text: str, subject: str = "") -> None:',
        ),
    ),
)


def faults() -> tuple[Fault, ...]:
    """The faults that a stage's tests must find."""
    return FAULTS


def fault(name: str) -> Fault:
    """The fault of this name."""
    return next(one for one in FAULTS + HIDDEN if one.name == name)
