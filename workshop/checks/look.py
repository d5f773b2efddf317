"""The running system as a check sees it: a sandbox, and questions to ask it."""

from typing import Any

from workshop.broker import login
from workshop.broker.node import Broker
from workshop.checks.content import common
from workshop.checks.saved import expect_saved_right
from workshop.desk import stages
from workshop.errors import CourseError
from workshop.machine.patience import Busy, NotYet, wait_until
from workshop.machine.process import Running
from workshop.machine.warm import Warm
from workshop.project import probe
from workshop.project.sandbox import Sandbox

MESSAGE = 3  # seconds; a message that was published is in its queue at once


class Look(Sandbox):
    """One look at one stage."""

    def __init__(self, stage: stages.Stage, broker: Broker | None = None, warm: Warm | None = None):
        super().__init__(stage, broker, warm)
        #: set where the machine was too busy to tell what is right
        self.busy: Busy | None = None

    # --- the learner's code ---------------------------------------------------------------

    def ask(self, fact: str, **words) -> Any:
        """Run a function of facts/ on the project, in a separate process."""
        return probe.value(self.ask_all({fact: words})[fact])

    def ask_all(self, asked: dict[str, dict], env: dict[str, str] | None = None) -> dict[str, dict]:
        """Run several of them in one process; read the answers with `probe.value`.

        `env` is laid over the environment of all that this look runs.
        """
        found = probe.ask_all(
            {f"workshop.checks.facts:{fact}": words for fact, words in asked.items()},
            cwd=self.path,
            env={**self.environment, **(env or {})},
            warm=self.warm,
        )
        return {name.split(":")[1]: answer for name, answer in found.items()}

    def migrate(self) -> None:
        """Make the project's tables; errors are reported with their file and line."""
        self.once("migrate", lambda: self.ask("migrate"))

    def start(self, command: str, ready, name: str, **env: str) -> Running:
        """Start it as any sandbox does; a file that hides a library is named as the cause."""
        try:
            return super().start(command, ready, name, **env)
        except CourseError:
            self.ask("libraries")  # raises Trouble if one is hidden
            raise

    # --- the learner's files --------------------------------------------------------------

    def is_untouched(self, file: str, todo: str = "") -> bool:
        """Whether the learner has not yet changed this file, or not the place of this TODO."""
        return stages.untouched(self.stage, file, self.broker.port, todo)

    def needs_file(self, name: str) -> None:
        """Raise Wrong if `name` is missing, with the files that are there instead; or if an
        editor saved it in a way in which it cannot be read."""
        file = self.path / name
        if not file.is_file():
            there = ", ".join(sorted(f.name for f in file.parent.glob("*") if f.is_file()))
            raise common.wrong("no_file", name=name, there=there or "nothing")
        expect_saved_right(name, file.read_bytes())

    def read(self, name: str) -> str:
        """The text of one of the learner's files, without its comment lines."""
        lines = (self.path / name).read_text(errors="replace").splitlines()
        return "\n".join(line for line in lines if not line.lstrip().startswith("#"))

    # --- the queue ------------------------------------------------------------------------

    def waiting(self) -> int:
        """Messages in the check's own queue, not yet with any worker."""
        return self.broker.queues(login.VHOST).get(self.queue, {"ready": 0})["ready"]

    def wait_for_message(self, before: int) -> None:
        """Wait until more messages lie in the queue than `before`. Raises Wrong."""
        try:
            wait_until(lambda: self.waiting() > before, limit=MESSAGE, what="a message")
        except NotYet:
            raise common.wrong("no_message") from None
