"""A second broker, to be killed. The learner's own, and what waits in it, stays as it is."""

import contextlib
import shlex
import subprocess

from workshop import places, process, setting
from workshop.broker import Broker


class SecondBroker(Broker):
    """A node of its own in `desk/.second`, with the learner's user and vhost.

    It ends with the process that started it, as every command of a notebook does.
    """

    def __init__(self):
        super().__init__(places.desk() / ".second")

    def _launch(self) -> subprocess.Popen:
        (self.folder / "pid").unlink(missing_ok=True)
        server = process.run(
            shlex.quote(str(self.bin / "rabbitmq-server")),
            cwd=self.folder,
            ready=lambda running: True,
            name="second-broker",
        )
        return server.guard

    def start(self) -> bool:
        new = super().start()
        if new:
            self._admit_learner()
        return new

    def _admit_learner(self) -> None:
        user = {"password": setting.PASSWORD, "tags": ""}
        self.api.put(f"/api/users/{setting.USER}", json=user).raise_for_status()
        self.make_vhost(setting.VHOST, setting.USER)

    def empty(self) -> None:
        """Remove the vhost with all that is in it, and make it again."""
        self.remove("vhosts", setting.VHOST)
        self._admit_learner()

    def environment_of_project(self) -> dict[str, str]:
        """What makes the project's processes use this broker, and tables of their own."""
        return {
            "BROKER_URL": setting.url(self),
            "DATABASE_URL": f"sqlite:///{self.database}",
        }

    @property
    def database(self) -> str:
        return str(self.folder / "second.sqlite3")

    def raise_alarm(self) -> None:
        """Let the node think that it is short of memory: it reads nothing that is published."""
        self.ctl("set_vm_memory_high_watermark", "0.000001")

    def clear_alarm(self) -> None:
        self.ctl("set_vm_memory_high_watermark", "0.4")


@contextlib.contextmanager
def second_broker():
    """The second broker, running, its vhost empty; stopped afterwards if it was not there."""
    broker = SecondBroker()
    new = broker.start()
    broker.empty()
    try:
        yield broker
    finally:
        if new:
            broker.kill()
            broker.stop()


__all__ = ["SecondBroker", "second_broker"]
