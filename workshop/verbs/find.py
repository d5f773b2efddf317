"""Find the fault of a sick system."""

import time

from rich.table import Table
from rich.text import Text

from workshop import cases
from workshop.desk import case
from workshop.desk.stages import all_stages
from workshop.errors import CourseError
from workshop.show import GREEN, GREY, Answer, typed


def diagnose(words: str | int = "") -> Answer:
    """Name what is wrong with the system that is laid out; without words, list what there is.

    `words` is a diagnosis, or its number in the list. A wrong one is answered with a question.
    Raises CourseError if it is not in the list, or nothing is laid out.
    """
    known = cases.diagnoses()
    if not words:
        table = Table(box=None, show_header=False, padding=(0, 1), pad_edge=False)
        for number, name in enumerate(known, 1):
            table.add_row(str(number), name)
        how = f"to name one, by its number: {typed('diagnose', '', '7')}"
        return Answer(table, Text(how, GREY))
    [stage] = [stage for stage in all_stages() if stage.is_sick]
    record = case.laid_out(stage)
    if not record:
        raise CourseError(
            "no system with a fault is laid out.", f'in a notebook: begin("{stage.number}")'
        )
    guess = _in_list(str(words), known)
    fault = cases.all_cases()[record.fault]
    if guess != fault.name:
        record.guesses += 1
        case.save(stage, record)
        return Answer(
            Text(f"It is not that {guess}."),
            Text(f"? {fault.hints[0]}"),
            Text(f"more help: {typed('hint', stage.number)}", GREY),
            right=False,
        )
    record.diagnosed = record.diagnosed or time.time()
    case.save(stage, record)
    return Answer(
        Text(f"Right: {guess}.", GREEN),
        Text(f"Now cure it; to see whether it is well: {typed('check', stage.number)}"),
    )


def _in_list(words: str, known: list[str]) -> str:
    """The diagnosis that is meant by its number, its text, or a part that only one has."""
    words = words.strip().rstrip(".").casefold()
    if words.isdigit() and 0 < int(words) <= len(known):
        return known[int(words) - 1]
    found = [name for name in known if words == name.casefold()]
    found = found or [name for name in known if words in name.casefold()]
    if len(found) == 1:
        return found[0]
    many = f"{len(found)} diagnoses contain" if found else "no diagnosis is"
    raise CourseError(f"{many} {words!r}.", f"the list: {typed('diagnose')}")
