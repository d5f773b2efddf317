"""What a case is: how a system is made sick, what people notice, and how it is cured."""

import tomllib
from inspect import getfile
from pathlib import Path
from typing import ClassVar

from workshop.cases.system import System

Edit = tuple[str, str, str]  # a file, the old text, and the new text


class Case:
    """A fault in a running system. A new one is a module in this folder, with one such class.

    The words for the learner are in the `.toml` next to it: `name`, the diagnosis; `complaint`,
    what people say who use the system; `hints`: a question, where to look, nearly the answer; and
    `cure`, what made it well.
    """

    #: what makes the system sick, if changing its files does
    edits: ClassVar[tuple[Edit, ...]] = ()
    #: the programs that must be restarted after the files are right again
    programs: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        words = tomllib.loads(Path(getfile(type(self))).with_suffix(".toml").read_text("utf-8"))
        self.name: str = words["name"]
        self.complaint: str = words["complaint"]
        self.hints: tuple[str, ...] = tuple(words["hints"])
        self.cure: str = words["cure"]

    def make(self, system: System) -> None:
        """Make a well system sick, and start it."""
        for edit in self.edits:
            system.edit(*edit)
        system.start()

    def look(self, system: System) -> None:
        """Look for what people complain about. Raises Unwell."""
        system.expect_sum()

    def heal(self, system: System) -> None:
        """Cure the system, in one of the ways there are."""
        system.restore(*{name for name, _, _ in self.edits})
        system.restart(*self.programs)
