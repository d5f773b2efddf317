"""What an error text means: the rows of causes.toml."""

import re
import tomllib
from functools import cache
from pathlib import Path


@cache
def causes() -> list[dict[str, str]]:
    """The rows: what is looked for (`says`), the likely cause (`means`), where to `look`."""
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))["cause"]


def likely(text: str) -> tuple[str, str] | None:
    """The likely cause of what a log or an error says, and where to look; None if unknown."""
    for row in causes():
        if found := re.search(row["says"], text):
            return row["means"].format(*found.groups()), row["look"].format(*found.groups())
    return None
