"""Print what a run cost: the ten slowest tests, processor time, and why some were skipped."""

import os
from collections import Counter, defaultdict

import pytest

from workshop.machine.kernel import cpu_seconds

SLOWEST = 10
_before: dict[str, float] = {}
_seconds: Counter[str] = Counter()
_processor: Counter[str] = Counter()


def pytest_runtest_logstart(nodeid: str) -> None:
    _before.setdefault(nodeid, cpu_seconds(os.getpid()))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """Note, in a test's last report, what this process and its descendants have used."""
    report = (yield).get_result()
    if call.when == "teardown" and item.nodeid in _before:
        report.processor = cpu_seconds(os.getpid()) - _before.pop(item.nodeid)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _seconds[report.nodeid] += report.duration
    _processor[report.nodeid] += getattr(report, "processor", 0)


def kind(nodeid: str) -> str:
    """The file of a test, or the stage that its mistake or way belongs to."""
    return "/".join(nodeid.split("::")[0].split("/")[:3])


def pytest_terminal_summary(terminalreporter) -> None:
    say = terminalreporter.write_line
    terminalreporter.section(f"the slowest {SLOWEST}")
    for nodeid, seconds in _seconds.most_common(SLOWEST):
        say(f"{seconds:7.1f} s  {nodeid}")
    terminalreporter.section(f"processor time: {_processor.total():.0f} s")
    files: defaultdict[str, float] = defaultdict(float)
    for nodeid, used in _processor.items():
        files[kind(nodeid)] += used
    for file, used in sorted(files.items(), key=lambda one: -one[1]):
        if used >= 1:
            say(f"{used:7.1f} s  {file}")
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple)
    )
    if reasons:
        terminalreporter.section("skipped, and why")
    for reason, times in reasons.items():
        say(f"{times:4}  {reason}")
