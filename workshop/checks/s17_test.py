"""Stage 17: the learner's tests, on the project and on copies with one fault each."""

import shutil
from pathlib import Path

from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.checks.wrong import Wrong
from workshop.desk import stages
from workshop.machine.patience import NotYet
from workshop.project import faults, tests
from workshop.project.faults import Fault

check = Check(__file__)
FUNCTIONS = "tests/test_functions.py"
MESSAGES = "tests/test_messages.py"
WORKER = "tests/test_worker.py"
OWN = (FUNCTIONS, MESSAGES, WORKER)  # the file of each TODO
SUPPORT = ("conftest.py", "pytest.ini", "tests/messages.json")  # tests may need these as they are


def is_test(name: str) -> bool:
    base = name.rsplit("/", 1)[-1]
    return base == "tests.py" or (base.startswith("test_") and base.endswith(".py"))


def given(look: Look) -> dict[str, bytes]:
    """The files of the stage as it was laid out."""
    port = look.broker.port
    start = stages.content(look.stage, solved=False)
    return {name: stages.localized(file, port) for name, file in start.items()}


def own_tests(look: Look) -> list[str]:
    """The learner's test files: new ones, and those that they changed."""
    start = given(look)
    return [
        name
        for name, file in stages.files_in(look.path).items()
        if is_test(name) and start.get(name) != file.read_bytes()
    ]


def tests_for(look: Look, file: str) -> list[str]:
    """The file of a TODO, and those that belong to none; if it has no tests, all others."""
    mine = own_tests(look)
    others = [name for name in mine if name not in OWN]
    if file in mine:
        return [file, *others]
    if not mine:
        raise check.wrong("no_tests", file=file)
    return mine


def copied(look: Look, fault: Fault) -> Path:
    """The learner's tests in a copy of the project as it was given, with a fault."""
    folder = look.folder / fault.name.replace(" ", "-")
    shutil.rmtree(folder, ignore_errors=True)
    hidden = shutil.ignore_patterns(*stages.HIDDEN, "*.sqlite3*")
    shutil.copytree(look.path, folder, ignore=hidden)
    for name, content in given(look).items():
        if not is_test(name) and name not in SUPPORT:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    fault.plant(folder)
    return folder


def run(look: Look, file: str, fault: Fault, first: bool = True) -> tests.Outcome:
    """Run the tests for this TODO's file with a fault in the project."""
    found = tests_for(look, file)
    try:
        folder = copied(look, fault)
        return tests.run(folder, found, env=look.environment, warm=look.warm, first=first)
    except NotYet:
        raise check.wrong("do_not_end", limit=tests.LIMIT) from None


def expect_green(look: Look, file: str) -> str:
    """Raise Wrong unless the tests pass on the project, however its functions are written."""
    found = run(look, file, faults.HARMLESS, first=False)
    test, error = first_failure(found)
    if found.status and not run(look, file, faults.NONE, first=False).status:
        raise check.wrong("too_strict", test=test, error=error)
    if found.failed:
        raise check.wrong("red", test=test, error=error)
    if found.broken or found.status not in (0, tests.NO_TESTS):
        raise broken(found)
    if not found.passed:
        raise check.wrong("no_tests", file=file)
    return check.says("green", count=len(found.passed))


def first_failure(found: tests.Outcome) -> tuple[str, str]:
    """The name of the first test that did not pass, and its error."""
    name, error = (*found.failed, *found.broken, ("", last_line(found)))[0]
    return name or "pytest", error


def broken(found: tests.Outcome) -> Wrong:
    test, error = first_failure(found)
    return check.wrong("broken", test=test, error=error)


def last_line(found: tests.Outcome) -> str:
    """Pytest's own error, or the last line that it wrote."""
    lines = [line for line in found.output.splitlines() if line.strip()]
    lines = [line for line in lines if "error: " in line] or lines
    return lines[-1] if lines else f"exit status {found.status}"


def expect_caught(look: Look, file: str, *names: str) -> str:
    """Raise Wrong unless at least one test fails, for each of these faults."""
    tests_of: dict[str, None] = {}
    for name in names:
        found = run(look, file, faults.fault(name))
        if found.broken and not found.failed:
            raise broken(found)
        if not found.failed:
            raise check.wrong("not_caught", fault=name, count=len(found.passed))
        tests_of[found.failed[0][0]] = None
    return check.says("caught", test=", ".join(tests_of))


@check.item(todo="a", file=FUNCTIONS)
def functions_are_green(look: Look) -> str:
    return expect_green(look, FUNCTIONS)


@check.item(todo="a", file=FUNCTIONS, needs=(functions_are_green,))
def second_run_is_caught(look: Look) -> str:
    return expect_caught(
        look, FUNCTIONS, "a task that is not idempotent", "a receipt that is never written"
    )


@check.item(todo="b", file=FUNCTIONS, needs=(functions_are_green,))
def early_message_is_caught(look: Look) -> str:
    return expect_caught(look, FUNCTIONS, "a message that is sent before the commit")


@check.item(todo="c", file=MESSAGES)
def messages_are_green(look: Look) -> str:
    return expect_green(look, MESSAGES)


@check.item(todo="c", file=MESSAGES, needs=(messages_are_green,))
def renamed_argument_is_caught(look: Look) -> str:
    return expect_caught(look, MESSAGES, "a renamed argument", "a new required argument")


@check.item(todo="c", file=MESSAGES, needs=(messages_are_green,))
def missing_limit_is_caught(look: Look) -> str:
    return expect_caught(look, MESSAGES, "no time limit")


@check.item(todo="d", file=WORKER)
def worker_is_green(look: Look) -> str:
    return expect_green(look, WORKER)


@check.item(todo="d", file=WORKER, needs=(worker_is_green,))
def lost_result_is_caught(look: Look) -> str:
    return expect_caught(
        look,
        WORKER,
        "a result that is not JSON",
        "a wrong result",
        "a receipt that is never written",
    )
