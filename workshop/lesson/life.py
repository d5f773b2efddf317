"""The life of one message, as a picture."""

from typing import TYPE_CHECKING

from workshop.project.events import Events, life

if TYPE_CHECKING:
    from workshop.lesson import pictures


class Life(Events):
    """Events that can be drawn."""

    def picture(self, alt: str, task_id: str = "") -> "pictures.Picture":
        """The message diagram of one task; by default, of the first one sent."""
        from workshop.lesson import pictures  # imports matplotlib, which is slow

        return pictures.message_diagram(life(self.of(task_id)), alt)
