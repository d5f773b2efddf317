"""The project's own list of words that no text for learners may use.

Only what a pattern finds without false alarms is here. Each word comes with what to write instead.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat

from workshop import places

READ = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "Makefile",
    ".env.example",
    "workshop/README.md",
    "Dockerfile",
    "docker-compose.yml",
    "docker/*",
    "deploy/**/*",
    "notebooks/*.ipynb",
    "notebooks/images/*.svg",
    "steps/**/*",
    "solutions/**/*",
    "workshop/causes.toml",
    "workshop/checks/*.toml",
    "workshop/demo.py",
    "workshop/health/*.py",
)
NOT_TEXT = ("static", "__pycache__")

INSTEAD = {
    r"nought": "zero",
    r"anew": "again",
    r"mend(s|ed|ing)?": "fix",
    r"whoever": "anyone who",
    r"beside": "next to",
    r"meanwhile": "in the meantime",
    r"for ever": "forever",
    r"in earnest": "in practice",
    r"by lot": "random",
    r"(?<!is )(?<!are )all the same": "anyway",
    r"letter for letter": "exactly",
    r"once more, and": "again for",
    r"(is|are|was|were) to be": "should, must or will",
    r"(is|are) ill": "is unhealthy, or name what is wrong",
    r"ends? well": "name what should happen",
    r"less its": "without its",
    # not: "and not at all if", "Why a policy, and not an argument?"
    r"(?<=, )and not(?! at all)(?![^.:;]*\?)": "not",
    # not: "it stands for heavy work", "a stand-in"
    r"(stands?|stood|standing)(?! for\b)(?!-)": "is, says, lives or goes",
    r"what (is|are|was|were) there(?!\?)": "name it",
    r"what (is|was|has been) set aside": "the backup",
    r"(settings?|logs?|files?|variables?|options?|columns?) (say|says|said|tells?|told)": (
        "report, print, show, contain or name"
    ),
    r"of (the|this) course's own": "separate, private, or nothing",
    r"(simply|obviously|easily)": "nothing: do not belittle the reader",
    r"\w*(colour|behaviour|favour|neighbour)\w*": "the American spelling",
    r"(centre|licence)": "the American spelling",
}
#: once in a file it is good English; more often it is a habit
ONCE = {r"of (its|their|his|her) own": "separate, private, dedicated, or nothing"}


def texts() -> Iterator[tuple[str, str]]:
    """The files that a learner reads, with their texts; of a notebook, only its text cells."""
    for pattern in READ:
        for path in sorted(places.CHECKOUT.glob(pattern)):
            if path.is_dir() or set(NOT_TEXT) & set(path.parts):
                continue
            name = str(path.relative_to(places.CHECKOUT))
            yield name, _prose(path)


def _prose(path: Path) -> str:
    if path.suffix != ".ipynb":
        return path.read_text()
    cells = nbformat.read(path, as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def found(text: str) -> Iterator[str]:
    """Each listed word in this text, with the words around it and what to write instead."""
    flat = re.sub(r"\s+(?:# )?", " ", text)  # the next line of a comment begins with #
    for allowed, words in ((0, INSTEAD), (1, ONCE)):
        for pattern, instead in words.items():
            matches = list(re.finditer(rf"\b{pattern}\b", flat, re.IGNORECASE))
            for match in matches[allowed:]:
                around = flat[max(0, match.start() - 30) : match.end() + 30]
                yield f'"{match[0]}" in "…{around}…": {instead}'


def main() -> int:
    """Print each word with its place; 1 if there is any."""
    there = [f"{name}: {word}" for name, text in texts() for word in found(text)]
    print("\n".join(there) or "every word is plain")
    return 1 if there else 0


if __name__ == "__main__":
    sys.exit(main())
