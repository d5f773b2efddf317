"""The broker is short of memory, or so it thinks: it takes no messages."""

from workshop.cases.case import Case
from workshop.cases.reset import clear_alarm
from workshop.cases.system import System

LESS_THAN_IT_HAS = "0.000001"  # of the machine's memory


class Alarm(Case):
    def make(self, system: System) -> None:
        system.start()
        system.broker.ctl("set_vm_memory_high_watermark", LESS_THAN_IT_HAS)

    def heal(self, system: System) -> None:
        clear_alarm(system.broker)
