"""A worker that listens in another vhost than the one in which senders send."""

from workshop.broker import login
from workshop.cases.case import Case
from workshop.cases.reset import OTHER
from workshop.cases.system import PROGRAMS, System


class OtherVhost(Case):
    def make(self, system: System) -> None:
        system.broker.make_vhost(OTHER, login.USER)
        address = login.url(system.broker, OTHER)
        system.edit(
            PROGRAMS,
            "\n[program:sums]\n",
            f'\n[program:sums]\nenvironment = BROKER_URL="{address}"\n',
        )
        system.start()

    def heal(self, system: System) -> None:
        system.restore(PROGRAMS)
        system.restart("sums")
