"""What the course says instead of a traceback of its own."""


class CourseError(Exception):
    """A cause, and the next thing to type. Shown to the learner as these two lines."""

    def __init__(self, cause: str, cure: str = ""):
        super().__init__(f"{cause}\n  → {cure}" if cure else cause)
        self.cause = cause
        self.cure = cure

    def _render_traceback_(self) -> list[str]:
        """IPython's hook: in a notebook the two lines stand alone."""
        return [f"✗ {self}"]
