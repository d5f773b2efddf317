"""A message that kills each process that runs it, and comes back each time."""

from workshop.broker import login
from workshop.cases.case import Case
from workshop.cases.reset import set_policies
from workshop.cases.system import System, Unwell
from workshop.machine.patience import NotYet, wait_until

COUNTING = "sums/counting.py"
STEP = "    step = max(1, len(rows) // 50)\n"
CRASH = "    if y == 13:\n        ctypes.string_at(0)  # stands for a fault in a library in C\n"
DELIVERIES = 1_000_000
DEATH = "exited prematurely"


class Poison(Case):
    edits = (
        (COUNTING, "from collections", "import ctypes\nfrom collections"),
        (COUNTING, STEP, STEP + CRASH),
    )
    programs = ("sums",)

    def make(self, system: System) -> None:
        [policy] = [one for one in system.broker.policies(login.VHOST) if one["name"] == "sums"]
        policy["definition"]["delivery-limit"] = DELIVERIES
        system.broker.set_policies(login.VHOST, [policy])
        super().make(system)
        system.ask_for_sum(x=1, y=13)
        system.wait_for("sums", DEATH, after=2)

    def look(self, system: System) -> None:
        """Send one more, and wait until no message of sums is held or waits."""
        system.ask_for_sum(x=1, y=13)
        deaths = system.log("sums").count(DEATH)
        try:
            wait_until(lambda: not any(system.depth("sums").values()), limit=10, what="the queue")
        except NotYet:
            more = system.log("sums").count(DEATH) - deaths
            raise Unwell(
                f"a message stays in the queue sums, and its worker's processes died {more} times",
                tells=True,
            ) from None

    def heal(self, system: System) -> None:
        super().heal(system)
        set_policies(system.broker)
