"""What the kernel says about who has the processor, and who waits for it."""

import contextlib
import os
import time

import psutil

try:
    CORES = len(os.sched_getaffinity(0))
except AttributeError:  # macOS
    CORES = os.cpu_count() or 1


def load_per_core() -> float:
    """How many processes want each core now, at least 1: 4.0 where eight want two cores."""
    running: float
    try:
        with open("/proc/loadavg") as file:
            running = int(file.read().split()[3].split("/")[0]) - 1  # this one looks, no more
    except OSError:
        running = os.getloadavg()[0]
    return max(1.0, running / CORES)


def family(pid: int) -> list[int]:
    """A process and all its current descendants."""
    found = [pid]
    for one in found:
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{one}/task"):
                with open(f"/proc/{one}/task/{task}/children") as file:
                    found += map(int, file.read().split())
            continue
        if not os.path.exists("/proc/self/task"):  # macOS
            with contextlib.suppress(psutil.Error):
                return [pid, *(child.pid for child in psutil.Process(pid).children(True))]
    return found


def waits(pid: int) -> dict[str, int]:
    """Nanoseconds for which each thread of a process and those below it waited for a core so far.

    The kernel adds a wait when it is over: a thread that waits now has more than is said here.
    """
    found = {}
    for one in family(pid):
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{one}/task"):
                with open(f"/proc/{one}/task/{task}/schedstat") as file:
                    found[task] = int(file.read().split()[1])
    return found


def cpu_seconds(pid: int) -> float:
    """Seconds of processor time that a process and those below it have used so far."""
    used = 0.0
    for one in family(pid):
        with contextlib.suppress(psutil.Error):
            used += sum(psutil.Process(one).cpu_times()[:4])  # children that ended, too
    return used


def top_cpu_users(most: int = 3) -> list[str]:
    """What uses the processor most just now: "python loop.py (pid 12) 50 %", at most `most`."""
    first = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            first[process] = sum(process.cpu_times()[:2])
    time.sleep(0.3)
    used = {}
    for process, before in first.items():
        with contextlib.suppress(psutil.Error):
            used[process] = sum(process.cpu_times()[:2]) - before
    found = []
    for process in sorted(used, key=used.__getitem__, reverse=True)[:most]:
        with contextlib.suppress(psutil.Error):
            line = " ".join([process.name(), *process.cmdline()[1:3]])
            found.append(f"{line[:40].strip()} (pid {process.pid}) {used[process] / 0.003:.0f} %")
    return found
