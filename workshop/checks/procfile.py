"""The workers of a learner's Procfile."""

import re
import shlex
from dataclasses import dataclass

from honcho.environ import parse_procfile


@dataclass(frozen=True)
class Line:
    """A worker's line in the Procfile: its queues (empty means all of them) and its name."""

    text: str
    queues: tuple[str, ...]
    node: str


def workers(text: str) -> dict[str, Line]:
    """The workers in a Procfile."""
    found = {}
    for name, line in parse_procfile(text).processes.items():
        if re.search(r"\bcelery\b.*\sworker\b", line):
            queues = option(line, "-Q", "--queues").split(",")
            found[name] = Line(line, tuple(filter(None, queues)), option(line, "-n", "--hostname"))
    return found


def option(line: str, short: str, long: str) -> str:
    """The value of an option, or "" if the line does not have it."""
    words = shlex.split(line)
    for at, word in enumerate(words):
        if word in (short, long):
            return words[at + 1] if at + 1 < len(words) else ""
        if word.startswith(f"{long}="):
            return word.partition("=")[2]
        if short and word.startswith(short) and not word.startswith("--"):
            return word[len(short) :]
    return ""
