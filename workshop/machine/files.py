"""Write files completely or not at all, and let only one process at a time use them."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


def write_whole(file: Path, text: str, mode: int | None = None) -> None:
    """Write a file next to its place, and move it there at once: nobody ever reads half of it."""
    new = _beside(file)
    try:
        new.write_text(text, encoding="utf-8")
        if mode is not None:
            new.chmod(mode)
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


def link_whole(link: Path, target: Path) -> None:
    """Point a link to `target`; at no moment does it lead nowhere."""
    new = _beside(link)
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(link)


def _beside(file: Path) -> Path:
    return file.with_name(f".{file.name}.{os.getpid()}")


@contextlib.contextmanager
def locked(file: Path, wait: bool = True) -> Iterator[bool]:
    """Hold the lock on a file, which is created for it; the lock ends with its process.

    Without `wait`, it yields False if another has it. Raises OSError if the file cannot be made.
    """
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
