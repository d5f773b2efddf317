"""One patience: a limit means the same on an idle machine and on one that others keep busy."""

import contextlib
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workshop import places
from workshop.machine import kernel, patience
from workshop.machine.patience import Busy, NotYet, Patience, Stopwatch, run_through, wait_until
from workshop.project import probe

LOOP = [sys.executable, "-SE", "-c", "while True: pass"]
WORKSHOP = places.CHECKOUT / "workshop"


@contextlib.contextmanager
def running(command: list[str], times: int = 1):
    """So many processes, killed when the block ends."""
    started = [subprocess.Popen(command) for _ in range(times)]
    try:
        yield started
    finally:
        for one in started:
            one.kill()
            one.wait()


@pytest.fixture
def crowded(monkeypatch):
    """A function: let so many processes want each core, as far as patience can tell."""
    return lambda number: monkeypatch.setattr(patience, "load_per_core", lambda: number)


def test_the_condition_s_answer_is_returned_as_soon_as_it_is_true():
    answers = iter([None, "", "here"])
    assert wait_until(lambda: next(answers), limit=5, what="an answer") == "here"


def test_on_an_idle_machine_a_limit_is_one_by_the_clock(crowded):
    crowded(1.0)
    begun = time.monotonic()
    with pytest.raises(NotYet, match=r"the moon did not come within 0\.3 s"):
        wait_until(lambda: False, limit=0.3, what="the moon")
    assert time.monotonic() - begun >= 0.3


def test_a_wait_that_could_be_taken_for_a_hang_is_reported_and_so_is_its_end(monkeypatch):
    heard = []
    monkeypatch.setattr(
        patience, "report_wait", lambda what, seconds: heard.append((what, seconds))
    )
    monkeypatch.setattr(patience, "QUIET", 60)
    answers = iter([False] * 3)
    wait_until(lambda: next(answers, True), limit=5, what="soon")
    assert not heard  # too short for a report, even on a busy machine
    monkeypatch.setattr(patience, "QUIET", 0.2)
    with pytest.raises(NotYet):
        wait_until(lambda: False, limit=0.5, what="the moon")
    run_through(["sleep", "0.5"], limit=5)
    named = [what for what, _ in heard]
    assert named[0] == "the moon" and heard[0][1] >= 0.2
    assert "the end of `sleep 0.5`" in named
    assert named.count("") == 2 and named[-1] == ""


def test_where_four_want_each_core_a_second_counts_for_a_quarter(crowded):
    crowded(4.0)
    begun = time.monotonic()
    with pytest.raises(NotYet):
        wait_until(lambda: False, limit=0.3, what="the moon")
    assert time.monotonic() - begun >= 1.2


def test_what_nobody_can_tell_on_a_starved_machine_is_not_blamed_on_the_work(crowded):
    crowded(100.0)
    with running(LOOP), pytest.raises(Busy) as caught:
        wait_until(lambda: False, limit=0.1, what="the moon")
    said = str(caught.value)
    assert "this machine is too busy" in said and "nothing about your work" in said
    assert len(re.findall(r"\(pid \d+\) \d+ %", said)) == 3, said


def test_a_process_that_waits_for_a_core_is_given_the_time(crowded):
    """More loops than cores: what each waited for is known, whatever the crowd is said to be."""
    crowded(1.0)
    with running(LOOP, 3 * kernel.CORES) as loops:
        mine = Patience(60, loops[0].pid)
        wait_until(lambda: mine.look() and mine.clock > 2, limit=60, what="two seconds")
        used = kernel.cpu_seconds(loops[0].pid)
    assert mine.counted < 0.8 * mine.clock
    assert mine.counted == pytest.approx(used, abs=0.5)


def test_processes_below_the_one_that_is_waited_for_count_with_it():
    with running(["sh", "-c", f"{shlex.join(LOOP)} & wait"]) as [shell]:
        try:
            wait_until(lambda: kernel.cpu_seconds(shell.pid) > 0.2, limit=20, what="its work")
            assert len(kernel.family(shell.pid)) == 2
        finally:
            for one in kernel.family(shell.pid)[1:]:
                subprocess.run(["kill", "-9", str(one)], check=True)


def test_a_command_that_does_not_end_is_killed_with_all_below_it(tmp_path):
    note = tmp_path / "pid"
    with pytest.raises(NotYet, match="the end of `sh -c sleep"):
        run_through(["sh", "-c", f"sleep 600 & echo $! > '{note}'; wait"], limit=0.5)
    child = int(note.read_text())
    wait_until(lambda: not is_alive(child), limit=5, what="the end of what it had started")


def is_alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().split()[2] != "Z"


def test_a_stopwatch_leaves_out_what_others_had(crowded):
    crowded(4.0)
    with Stopwatch() as watch:
        time.sleep(0.8)
    assert watch.clock >= 0.8
    assert watch.share == pytest.approx(0.25, abs=0.1)


def test_what_is_shorter_than_a_look_at_the_machine_is_as_the_clock_has_it(crowded, monkeypatch):
    monkeypatch.setattr(patience, "SAMPLE", 60.0)  # on a busy machine, nothing at all may take long
    crowded(4.0)
    with Stopwatch() as watch:
        pass
    assert watch.seconds == watch.clock


# --- a loop, and a sleep -----------------------------------------------------------------------


def asked_of(folder: Path, code: str, **words) -> str:
    (folder / "mine.py").write_text(code)
    with pytest.raises(probe.Trouble) as caught:
        probe.ask("mine:answer", cwd=folder, **words)
    return str(caught.value)


def test_an_endless_loop_is_known_by_the_processor_time_it_uses(tmp_path, warm, monkeypatch):
    monkeypatch.setattr(probe, "ENDLESS", 1)
    loop = "def answer():\n    while True: pass"
    for how in ({}, {"warm": warm}):
        assert "is there an endless loop?" in asked_of(tmp_path, loop, **how)


def test_code_that_waits_for_ever_is_not_said_to_loop(tmp_path, warm, monkeypatch):
    monkeypatch.setattr(probe, "ENDLESS", 1)
    monkeypatch.setattr(probe, "ASLEEP", 1)
    sleep = "import time\ndef answer():\n    time.sleep(600)"
    for how in ({}, {"warm": warm}):
        said = asked_of(tmp_path, sleep, **how)
        assert "does it wait for something" in said and "loop" not in said


# --- one place ---------------------------------------------------------------------------------


def test_no_limit_by_the_clock_and_no_sleep_stand_anywhere_else():
    literal = re.compile(r".*(?:\btimeout=[\d.]|\.join\(\d|\bsleep\().*")
    for file in WORKSHOP.rglob("*.py"):
        if file.name not in ("kernel.py", "patience.py"):
            assert not literal.findall(file.read_text()), file
