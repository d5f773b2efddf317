"""What makes a stage right: a module per stage, and next to it the text that a learner reads."""

from workshop import lazy_exports

__all__, __getattr__ = lazy_exports(
    {
        "workshop.checks.items": ["Check", "Item", "check", "of"],
        "workshop.checks.wrong": ["Wrong"],
    }
)
