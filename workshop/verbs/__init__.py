"""The learner's verbs. A terminal and a notebook call the same ones, and show the same words.

Each returns a `show.Answer`. What takes time to import is imported where it is needed: `hint`,
`status` and `diff` answer in half a second.
"""

from workshop import lazy_exports

__all__, __getattr__ = lazy_exports(
    {
        "workshop.verbs.back": ["kept", "lesson", "reset", "solve"],
        "workshop.verbs.find": ["diagnose"],
        "workshop.verbs.help": ["diff", "hint", "why"],
        "workshop.verbs.on": ["next_", "open_", "status"],
        "workshop.verbs.work": ["begin", "check", "lay_out", "watch", "which"],
    }
)
