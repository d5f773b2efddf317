"""Count what is started, for `make bench ARGS=suite`: one line each in the file named by TALLY."""

import os

TALLY = "WORKSHOP_TALLY"


def started(what: str) -> None:
    """Note that a broker, a worker or another process was started, where somebody counts."""
    if file := os.environ.get(TALLY):
        with open(file, "a") as lines:
            lines.write(f"{what}\n")


def kind(words: list[str]) -> str:
    """What a command line starts: a worker, or another process."""
    return "worker" if "worker" in words else "process"
