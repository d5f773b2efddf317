"""Files that are whole or not there, and one process at a time on them."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


def write_whole(file: Path, text: str, mode: int | None = None) -> None:
    """Write a file beside its place, and put it there at once: nobody ever reads a half of it."""
    new = _beside(file)
    try:
        new.write_text(text, encoding="utf-8")
        if mode is not None:
            new.chmod(mode)
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


def link_whole(link: Path, target: Path) -> None:
    """Let a link lead to `target` from now on; at no moment does it lead nowhere."""
    new = _beside(link)
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(link)


def _beside(file: Path) -> Path:
    return file.with_name(f".{file.name}.{os.getpid()}")


@contextlib.contextmanager
def locked(file: Path, wait: bool = True) -> Iterator[bool]:
    """Hold the lock on a file, which is made for it; it goes with the process that holds it.

    Without `wait` False, and no lock, where another has it. Raises OSError where no file can be.
    """
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
