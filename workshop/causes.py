"""What an error text means: the rows of causes.toml."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Cause:
    """The likely cause, where to look, and the number of the stage that shows it, or ""."""

    means: str
    look: str
    stage: str = ""


@cache
def rows() -> list[dict[str, str]]:
    """The table: `says`, the text to search for; `example`; `means`; `look`; in some, `stage`."""
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))["cause"]


def cause_of(text: str) -> Cause | None:
    """The likely cause of the text of a log or an error; None if no row fits."""
    for row in rows():
        if found := re.search(row["says"], text):
            means, look = (row[name].format(*found.groups()) for name in ("means", "look"))
            return Cause(means, look, row.get("stage", ""))
    return None


def likely_cause(text: str) -> tuple[str, str] | None:
    """The likely cause, and where to look; None if unknown."""
    found = cause_of(text)
    return (found.means, found.look) if found else None
