"""What a check finds to be wrong, in words for the learner."""


class Wrong(Exception):
    """A fact is not true. The text says what was seen, and which mistake that suggests.

    `hints` replace the item's own if those do not fit: a question, where to look, nearly
    the answer. `where` is the file with the mistake, if that is another item's.
    """

    def __init__(self, seen: str, *hints: str, where: str = ""):
        super().__init__(seen)
        self.hints = hints
        self.where = where
