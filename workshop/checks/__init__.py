"""What makes a stage right: a module a stage, and what a learner reads of it beside it."""

from workshop import lazily

HOMES = {
    "Check": "workshop.checks.items",
    "Item": "workshop.checks.items",
    "Wrong": "workshop.checks.wrong",
    "check": "workshop.checks.items",
    "of": "workshop.checks.items",
}
__all__ = list(HOMES)
__getattr__ = lazily(HOMES)
