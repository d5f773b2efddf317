"""A connection that is dead, and a worker that waits at it for ever."""

from workshop.broker import login
from workshop.cases.case import Case
from workshop.cases.system import PROGRAMS, SETTINGS, System, Unwell

HEARTBEAT = "\nCELERY_BROKER_HEARTBEAT = 0"
OPTIONS = "\nCELERY_BROKER_TRANSPORT_OPTIONS"


class DeadConnection(Case):
    def make(self, system: System) -> None:
        """The worker of sums reaches the broker through a line, which then goes silent."""
        line = system.project.balancer()
        address = login.url(system.broker).replace(f":{system.broker.port}", f":{line.port}")
        system.edit(
            PROGRAMS,
            "\n[program:sums]\n",
            f'\n[program:sums]\nenvironment = BROKER_URL="{address}"\n',
        )
        system.edit(SETTINGS, OPTIONS, f"{HEARTBEAT}{OPTIONS}")
        system.start()
        line.go_silent()

    def look(self, system: System) -> None:
        system.expect_sum()
        [conf] = system.ask_workers("conf", "sums").values()
        if not conf.get("CELERY_BROKER_HEARTBEAT", True):  # without it, it is the default
            raise Unwell("sums are done again, until a connection dies the next time", tells=True)

    def heal(self, system: System) -> None:
        system.restore(SETTINGS)
        system.control("signal", "KILL", "sums")
        system.restart("quick", "beat", "web")
