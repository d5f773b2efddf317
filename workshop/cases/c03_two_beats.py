"""A second beat, which somebody started in a terminal and forgot."""

from workshop.broker import login
from workshop.cases.case import Case
from workshop.cases.system import System, Unwell
from workshop.machine.patience import wait_until
from workshop.project.events import Events

BEAT = "celery -A celery_testing beat --loglevel=info"
CANARY = "canaries.tasks.canary"


class TwoBeats(Case):
    def make(self, system: System) -> None:
        system.start()
        system.project.run(BEAT)

    def look(self, system: System) -> None:
        """Record events until two canaries have come from one beat, or one from each of two."""
        with Events(login.url(system.broker)) as events:

            def senders() -> list[int]:
                sent = [one for one in events.of_type("task-sent") if one["name"] == CANARY]
                return [one["pid"] for one in sent if one["queue"] == "quick"]

            wait_until(
                lambda: len(set(senders())) > 1 or len(senders()) > 2,
                limit=40,
                what="three canaries, five seconds apart",
            )
            if len(set(senders())) > 1:
                raise Unwell("two processes send canaries", tells=True)

    def heal(self, system: System) -> None:
        system.project.end(BEAT)
