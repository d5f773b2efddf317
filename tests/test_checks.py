"""Every starter fails at exactly the items that its TODOs name; every solution passes."""

import contextlib
import json
import re
import shutil
import subprocess
import sys

import pytest

from workshop import checks, report, setting, stages
from workshop.broker import Broker
from workshop.checks import BROKEN, NOT_TRIED, PASS, WRONG

STAGES = stages.all_stages()
ids = [stage.name for stage in STAGES]


@pytest.fixture(scope="module")
def broker():
    broker = Broker()
    broker.start()
    return broker


@pytest.fixture
def learner(monkeypatch, broker):
    """The learner's desk, empty."""
    monkeypatch.delenv("WORKSHOP_SOLVED", raising=False)
    setting.enter(broker)
    for stage in STAGES:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(stage.desk)
    yield
    for stage in STAGES:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(stage.desk)


def solved(number: str) -> stages.Stage:
    """A stage that the learner has finished."""
    stage = stages.find(number)
    stages.solve(stage, port=Broker().port)
    return stage


def states(found: checks.Report) -> dict[str, str]:
    return {item.name: item.state for item in found.items}


@pytest.mark.parametrize("stage", STAGES, ids=ids)
def test_the_starter_fails_at_exactly_its_todos(stage, learner):
    found = checks.check(stage)
    todo = {item.name: item for item in checks.of(stage).items if item.todo}
    for result in found.items:
        if result.name in todo:
            item = todo[result.name]
            assert result.state == NOT_TRIED, result
            assert result.hint.startswith((f"TODO {item.todo} in {item.file}: ", "first: ")), result
        else:
            assert result.state == PASS, result
    assert not found.passed
    letters = re.findall(
        r"TODO ([a-z]):",
        "".join(stages.content(stage, False)[name].read_text() for name in stage.todo),
    )
    assert set(letters) == {item.todo for item in todo.values()}


@pytest.mark.parametrize("stage", STAGES, ids=ids)
def test_the_solution_passes(stage, learner):
    found = checks.check(solved(stage.number))
    assert found.passed, str(report.Shown(found))


def test_a_check_takes_no_message_of_the_learners_and_leaves_no_queue(learner, broker):
    stage = solved("03")
    setting.replay(stage, broker)
    broker.ctl("purge_queue", "-p", setting.VHOST, "celery", check=False)
    with setting.connect(broker) as connection:
        from kombu import Queue

        connection.Producer().publish("mine", routing_key="celery", declare=[Queue("celery")])
    assert checks.check(stage).passed
    assert broker.queues(setting.VHOST)["celery"]["total"] == 1
    assert not [name for name in broker.queues(setting.VHOST) if name.startswith("check-")]
    broker.ctl("delete_queue", "-p", setting.VHOST, "celery")


# --- whatever the learner's code does --------------------------------------------------------

WORKERS = "testing/workers.py"
GOOD = (stages.find("03").solution / WORKERS).read_text()

HOSTILE = {
    "syntax error": ("x = (\n", BROKEN, "testing/workers.py, line 1: SyntaxError"),
    "endless loop at import": ("while True: pass\n", BROKEN, "endless loop"),
    "sys.exit": ("import sys\nsys.exit(3)\n", BROKEN, "sys.exit(3)"),
    "os._exit": ("import os\nos._exit(4)\n", BROKEN, "exit status 4"),
    "exception at import": ("1 / 0\n", BROKEN, "testing/workers.py, line 1: ZeroDivisionError"),
    "a module that is not there": ("import nosuch\n", BROKEN, "No module named 'nosuch'"),
    "an empty file": ("", WRONG, "no Celery app"),
    "another file altogether": ("# nothing\nx = 1\n", WRONG, "no Celery app"),
}


@pytest.mark.parametrize("words", HOSTILE.values(), ids=HOSTILE)
def test_a_check_survives_hostile_code(learner, words, monkeypatch):
    from workshop import probe

    monkeypatch.setattr(probe, "LIMIT", 3)
    text, state, hint = words
    stage = solved("03")
    (stage.desk / WORKERS).write_text(text)
    found = checks.check(stage)
    first = found.items[0]
    assert first.state == state and hint in first.hint, first
    assert not found.passed


def test_prints_and_noise_do_not_disturb_a_check(learner):
    stage = solved("03")
    noise = "import sys\nprint('{}' * 1000)\nprint('noise', file=sys.stderr)\n"
    (stage.desk / WORKERS).write_text(noise + GOOD)
    assert checks.check(stage).passed


def test_a_task_that_returns_no_json_is_wrong_and_shown(learner):
    stage = solved("03")
    (stage.desk / WORKERS).write_text(GOOD.replace("return num", "return {num}"))
    found = {item.name: item for item in checks.check(stage).items}
    assert found["sum_number(3, 4) gives 12"].state == WRONG
    assert "{12}" in found["sum_number(3, 4) gives 12"].hint


def test_the_wrong_file_name_is_answered_with_the_names_there_are(learner):
    stage = solved("03")
    (stage.desk / WORKERS).rename(stage.desk / "testing/worker.py")
    first = checks.check(stage).items[0]
    assert first.state == WRONG
    assert "no testing/workers.py" in first.hint and "worker.py" in first.hint


MISTAKES = {
    "one slash too few": (
        ("//vhost", "/vhost"),
        "the app's broker is your vhost",
        "count the slashes",
    ),
    "wrong password": (("sesame", "wrong"), "the app's broker is your vhost", "does not let"),
    "wrong port": (("@localhost:", "@localhost:1"), "the app's broker is your vhost", "port"),
    "another app name": (('"tasks"', '"task"'), "the app is called tasks", "'task'"),
    "no decorator": (("@app.task\n", ""), "sum_number is a task of the app", "plain function"),
    "no return": (("    return num", "    num"), "sum_number(3, 4) gives 12", "return"),
    "wrong sum": (("range(y)", "range(x)"), "sum_number(3, 4) gives 12", "9"),
}


@pytest.mark.parametrize("words", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_fails_the_item_that_it_belongs_to(learner, words):
    (old, new), name, hint = words
    stage = solved("03")
    file = stage.desk / WORKERS
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    found = {item.name: item for item in checks.check(stage).items}
    assert found[name].state == WRONG and hint in found[name].hint, found[name]
    assert [item.name for item in found.values() if item.state in (WRONG, BROKEN)] == [name]


DIFFERENT = {
    "the closed form": ("    num = 0", "    return x * y\n    num = 0"),
    "shared_task": ("@app.task\n", "from celery import shared_task\n@shared_task\n"),
    "the vhost escaped": ("//vhost", "/%2Fvhost"),
    "an address by number": ("@localhost", "@127.0.0.1"),
}


@pytest.mark.parametrize("words", DIFFERENT.values(), ids=DIFFERENT)
def test_what_is_right_but_written_differently_passes(learner, words):
    stage = solved("03")
    file = stage.desk / WORKERS
    assert words[0] in file.read_text()
    file.write_text(file.read_text().replace(*words))
    found = checks.check(stage)
    assert found.passed, str(report.Shown(found))


OTHER_STAGES = {
    "01 another user": (
        "01",
        "broker.sh",
        ("learner sesame", "lerner sesame"),
        "broker.sh adds the user learner",
        "lerner",
    ),
    "01 not twice": (
        "01",
        "broker.sh",
        (" || rabbitmqctl change_password learner sesame", ""),
        "broker.sh may be run twice",
        "already exists",
    ),
    "01 a transient letter": (
        "01",
        "letter.py",
        ('"persistent"', '"transient"'),
        "letter.py leaves a letter that outlives stop_app and start_app",
        "the letter did not",
    ),
    "02 a vhost without its slash": (
        "02",
        "vhost.sh",
        ("add_vhost /vhost", "add_vhost vhost"),
        "vhost.sh adds the vhost /vhost",
        "begins with a slash",
    ),
    "02 read without configure": (
        "02",
        "vhost.sh",
        ('".*" ".*" ".*"', '"" "" ".*"'),
        "learner may declare, publish and read there",
        "configure",
    ),
    "04 called, not sent": (
        "04",
        "testing/views.py",
        ("sum_number.delay(x, y)", "sum_number(x, y)"),
        "the view sends the task to the broker",
        "no message",
    ),
    "04 text for numbers": (
        "04",
        "testing/urls.py",
        ("<int:x>/<int:y>", "<x>/<y>"),
        "x and y reach the view as whole numbers",
        "str",
    ),
    "04 no slash at the end": (
        "04",
        "testing/urls.py",
        ("<int:y>/", "<int:y>"),
        "the route sends /sum/3/4/ to a view",
        "finds /sum/3/4",
    ),
    "05 imports as text": (
        "05",
        "celery_testing/settings.py",
        ('["testing.workers"]', '"testing.workers"'),
        "CELERY_IMPORTS names testing.workers",
        "list",
    ),
    "05 no namespace": (
        "05",
        "celery_testing/celery.py",
        (', namespace="CELERY"', ""),
        "a worker started with -A celery_testing has your vhost",
        "no address of yours",
    ),
    "05 a password in the code": (
        "05",
        "celery_testing/settings.py",
        ("amqp://localhost", "amqp://learner:sesame@localhost"),
        "no password stands in the code",
        ".env",
    ),
    "05 the app not imported": (
        "05",
        "celery_testing/__init__.py",
        ("from .celery import app as celery_app", "celery_app = 1"),
        "Django sends its tasks through the same app",
        "web process",
    ),
    "06 no worker": (
        "06",
        "Procfile",
        ("worker: celery", "# celery"),
        "the Procfile has a web and a worker",
        "worker",
    ),
    "06 no line of its own": (
        "06",
        WORKERS,
        ('logger.info("counting %s rows of %s", x, y)', "pass"),
        "the task logs a line of its own with x and y",
        "no line",
    ),
}


@pytest.mark.parametrize("words", OTHER_STAGES.values(), ids=OTHER_STAGES)
def test_a_mistake_in_another_stage_fails_its_item(learner, words):
    number, name, (old, new), item, hint = words
    stage = solved(number)
    file = stage.desk / name
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    found = {result.name: result for result in checks.check(stage).items}
    assert found[item].state == WRONG and hint in found[item].hint, found[item]


def test_guest_with_rights_in_the_vhost_is_named(learner, broker):
    stage = solved("02")
    script = stage.desk / "vhost.sh"
    script.write_text(
        script.read_text() + 'rabbitmqctl set_permissions -p /vhost guest ".*" ".*" ".*"\n'
    )
    try:
        found = states(checks.check(stage))
        assert found["vhost.sh ends well, and gives guest nothing there"] == WRONG
    finally:
        broker.ctl("clear_permissions", "-p", "/vhost", "guest")


# --- the command line ------------------------------------------------------------------------


def workshop(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "workshop", *words], capture_output=True, text=True, check=False
    )


def test_check_as_data_and_its_exit_status(learner):
    done = workshop("check", "02", "--json")
    data = json.loads(done.stdout)
    assert done.returncode == 1
    assert data["stage"] == "02_vhost"
    assert all(set(item) == {"name", "state", "hint"} for item in data["items"])
    solved("02")
    assert workshop("check", "vhost").returncode == 0


def test_check_of_no_such_stage_names_the_stages():
    done = workshop("check", "99")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "06_run" in done.stderr


def test_solved_checks_the_solution_instead_of_the_learners_work(learner, monkeypatch):
    stages.begin(stages.find("02"), port=Broker().port)
    monkeypatch.setenv("WORKSHOP_SOLVED", "1")
    assert workshop("check", "02").returncode == 0


def test_reset_and_solve_in_a_terminal_say_where_the_files_went(learner):
    assert "laid out" in workshop("begin", "03").stdout
    assert "as you left it" in workshop("begin", "03").stdout
    assert "is now in desk/.kept/03_worker-" in workshop("solve", "03").stdout
    assert "is now in desk/.kept/03_worker-" in workshop("reset", "03").stdout
