"""What a learner reads of a check: it is in a `.toml`, easy to reword or translate."""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

from workshop.checks.wrong import Wrong

#: a pattern, and the name of the text to show if it is found
Rows = Iterable[tuple[str, str]]


def first(rows: Rows, text: str) -> tuple[str, re.Match | None]:
    """The name of the first row whose pattern is found in the text, and the match; or neither."""
    for pattern, name in rows:
        if found := re.search(pattern, text):
            return name, found
    return "", None


class Content:
    """The words of a module of checks.

    An item's table has its title and three hints: a question, where to look, nearly the answer.
    The text for a mistake is in `[says]`, with the names of what was seen in braces, as
    `str.format` takes them; or as a table with `seen` and the hints that fit this mistake alone.
    `[why]` has a sentence for each TODO: why it is done that way.
    """

    def __init__(self, file: str | Path):
        """`file` is the module, whose text is next to it, or the `.toml` itself."""
        self._words = tomllib.loads(Path(file).with_suffix(".toml").read_text(encoding="utf-8"))

    def item(self, name: str) -> tuple[str, tuple[str, ...]]:
        """An item's title, and its hints."""
        words = self._words[name]
        return words["title"], tuple(words["hints"])

    @property
    def why(self) -> dict[str, str]:
        """The sentence for each TODO, by its letter."""
        return self._words["why"]

    def says(self, name: str, /, **seen) -> str:
        """A text from `[says]`, with what was seen filled in."""
        return self._said(name)["seen"].format(**seen)

    def hints(self, name: str, /, **seen) -> tuple[str, ...]:
        """The hints that fit this mistake alone, if it has any."""
        return tuple(hint.format(**seen) for hint in self._said(name).get("hints", ()))

    def wrong(self, name: str, /, *, where: str = "", hints: tuple[str, ...] = (), **seen) -> Wrong:
        """A Wrong to raise. `where` is the file with the mistake, if it is another item's.

        `hints` are those of a fault that a stage lays out, in place of the mistake's own.
        """
        return Wrong(self.says(name, **seen), *(hints or self.hints(name, **seen)), where=where)

    def first_wrong(self, rows: Rows, text: str, /, **seen) -> Wrong | None:
        """The mistake of the first row (a pattern, a name) that fits the text.

        What the pattern's named groups hold counts as seen, too.
        """
        name, found = first(rows, text)
        return self.wrong(name, **seen, **found.groupdict()) if found else None

    def _said(self, name: str) -> dict:
        told = self._words["says"][name]
        return {"seen": told} if isinstance(told, str) else told


#: the text of the modules that serve every check
common = Content(Path(__file__).with_name("common.toml"))
