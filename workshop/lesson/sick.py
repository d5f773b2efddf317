"""What a notebook works with where there is nothing to write: a system with a fault."""

import random
import time

from rich.text import Text

from workshop import places, verbs
from workshop.cases import all_cases
from workshop.cases.case import Case
from workshop.cases.reset import clear_alarm, end_case, reset_broker
from workshop.cases.system import System
from workshop.desk import case, progress, stages
from workshop.errors import CourseError
from workshop.lesson.lesson import Lesson
from workshop.project.manage import migrate
from workshop.show import Answer


class SickLesson(Lesson):
    """A stage with a system that has a fault, and that runs in the background."""

    fault = 0  # its number

    def lay_out(self, fault: int | None, new: bool = False) -> None:
        """Lay out the project with this fault, and start it; your files are backed up.

        Without a number, it is the one that you have not cured yet, or one by chance. `new` says
        that the files have been laid out already.
        """
        known = all_cases()
        if fault is not None and fault not in known:
            raise CourseError(f"there is no fault {fault}.", f"the faults: 1 to {len(known)}")
        self.fault = fault or self._next()
        case.forget(self.stage)  # until the new one is there
        if not new:
            stages.reset(self.stage, port=self.broker.port)
        migrate(self.path, self.env)
        reset_broker(self.broker)
        case.lay_out(self.stage, self.fault, is_chosen=fault is not None)
        self._case.make(System(self))
        if places.solved() and fault is None:
            self.solve()

    def stop(self) -> None:
        """Stop everything, once the broker is well: during an alarm, no worker says goodbye."""
        clear_alarm(self.broker)
        for name in [name for name in self._running if name.startswith("balancer")]:
            self._running.pop(name).stop()  # first: a worker waits for its connection's end
        super().stop()
        end_case(self.broker)

    def _next(self) -> int:
        if places.solved():
            return min(all_cases())
        record = case.laid_out(self.stage)
        if record and not record.cured and not record.is_chosen:
            return record.fault
        known = set(all_cases()) - {record.fault if record else 0}
        return random.choice(list(known - set(case.cured(self.stage)) or known))

    @property
    def _case(self) -> Case:
        return all_cases()[self.fault]

    @property
    def _lines(self) -> list[str]:
        return [*super()._lines, f"fault {self.fault}: {self._case.complaint}"]

    def diagnose(self, words: str | int = "") -> Answer:
        """Name what is wrong with the system; without words, list what there is."""
        return verbs.diagnose(words)

    def reset(self) -> Answer:
        """Lay the same fault out again; your files are backed up."""
        self.stop()
        self.lay_out(
            self.fault, new=places.solved() and stages.begin(self.stage, port=self.broker.port)
        )
        return Answer(Text(f"fault {self.fault} is laid out again"))

    def solve(self) -> Answer:
        """Name the fault, and cure it."""
        record = case.laid_out(self.stage)
        if record and not record.cured:
            record.diagnosed = record.diagnosed or time.time()
            record.is_solved = True
            case.save(self.stage, record)
            progress.record_relaid(self.stage, solved=True)
        self._case.heal(System(self))
        return Answer(Text(f"the fault: {self._case.name}"), Text(f"the cure: {self._case.cure}"))
