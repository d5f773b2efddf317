"""What makes a stage right: a module a stage, and what a learner reads of it beside it."""

from workshop import face

__all__, __getattr__ = face(
    {
        "workshop.checks.items": ["Check", "Item", "check", "of"],
        "workshop.checks.wrong": ["Wrong"],
    }
)
