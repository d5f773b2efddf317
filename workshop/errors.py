"""What the course shows instead of a traceback."""


class CourseError(Exception):
    """A cause, and the next thing to type. Shown to the learner as these two lines."""

    def __init__(self, cause: str, cure: str = ""):
        super().__init__(f"{cause}\n  → {cure}" if cure else cause)
        self.cause = cause
        self.cure = cure

    def _render_traceback_(self) -> list[str]:
        """IPython's hook: a notebook shows only the two lines."""
        return [f"✗ {self}"]
