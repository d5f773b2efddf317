"""What a check finds is not so, in words for the learner."""


class Wrong(Exception):
    """A fact is not there. The text says what was seen, and of which mistake that speaks.

    `hints`, where the item's own do not fit the mistake: a question, where to look, nearly
    the answer. `where` is the file that makes it, if that is another item's.
    """

    def __init__(self, seen: str, *hints: str, where: str = ""):
        super().__init__(seen)
        self.hints = hints
        self.where = where
