"""What makes a stage right: a module per stage, and next to it the text that a learner reads."""

from workshop import face

__all__, __getattr__ = face(
    {
        "workshop.checks.items": ["Check", "Item", "check", "of"],
        "workshop.checks.wrong": ["Wrong"],
    }
)
