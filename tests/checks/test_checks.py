"""Every starter fails at exactly the items that its TODOs name; every solution passes."""

import json
import subprocess
import sys

import pytest

from workshop import checks, show, verbs
from workshop.broker import login
from workshop.broker.node import Broker, exclusive_check
from workshop.desk import prepare, progress, stages
from workshop.errors import CourseError
from workshop.report import BROKEN, NOT_TRIED, PASS, WRONG

STAGES = [stage for stage in stages.all_stages() if not stage.is_sick]
ids = [stage.name for stage in STAGES]


@pytest.mark.parametrize("stage", STAGES, ids=ids)
def test_the_starter_fails_at_exactly_its_todos(stage, learner):
    found = checks.check(stage)
    todo = {item.id: item for item in checks.of(stage).items if item.todo}
    for result in found.items:
        if result.id in todo:
            assert result.state == NOT_TRIED, result
            assert result.untouched or result.blocked_by in todo, result
        else:
            assert result.state == PASS or result.blocked_by, result
    assert not found.passed


@pytest.mark.parametrize("stage", STAGES, ids=ids)
def test_the_solution_passes(stage, solved):
    found = checks.check(solved(stage.number))
    assert found.passed, str(show.Shown(found))


def test_a_check_takes_no_message_of_the_learners_and_leaves_no_queue(solved, broker):
    stage = solved("03")
    prepare.replay(stage, broker)
    broker.ctl("purge_queue", "-p", login.VHOST, "celery", check=False)
    with login.connect(broker) as connection:
        from kombu import Queue

        connection.Producer().publish("mine", routing_key="celery", declare=[Queue("celery")])
    assert checks.check(stage).passed
    assert broker.queues(login.VHOST)["celery"]["total"] == 1
    assert not [name for name in broker.queues(login.VHOST) if name.startswith("check-")]
    broker.ctl("delete_queue", "-p", login.VHOST, "celery")


# --- whatever the learner's code does --------------------------------------------------------

WORKERS = "testing/workers.py"

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
def test_a_check_survives_hostile_code(solved, words, monkeypatch):
    from workshop.project import probe

    monkeypatch.setattr(probe, "ENDLESS", 3)
    text, state, seen = words
    stage = solved("03")
    (stage.desk / WORKERS).write_text(text)
    found = checks.check(stage)
    first = found.items[0]
    assert first.state == state and seen in first.seen, first
    assert not found.passed


def test_prints_and_noise_do_not_disturb_a_check(solved):
    stage = solved("03")
    noise = "import sys\nprint('{}' * 1000)\nprint('noise', file=sys.stderr)\n"
    file = stage.desk / WORKERS
    file.write_text(noise + file.read_text())
    found = checks.check(stage)
    assert found.passed, str(show.Shown(found))


def test_a_task_that_returns_no_json_is_wrong_and_shown(solved):
    stage = solved("03")
    file = stage.desk / WORKERS
    file.write_text(file.read_text().replace("return num", "return {num}"))
    found = {item.id: item for item in checks.check(stage).items}
    assert found["called_directly"].state == WRONG
    assert "{12}" in found["called_directly"].seen


def test_the_wrong_file_name_is_answered_with_the_names_there_are(solved):
    stage = solved("03")
    (stage.desk / WORKERS).rename(stage.desk / "testing/worker.py")
    first = checks.check(stage).items[0]
    assert first.state == WRONG
    assert "no testing/workers.py" in first.seen and "worker.py" in first.seen


# --- the command line ------------------------------------------------------------------------


def workshop(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "workshop", *words], capture_output=True, text=True, check=False
    )


def test_check_as_data_and_its_exit_status(solved):
    done = workshop("check", "02", "--json")
    data = json.loads(done.stdout)
    assert done.returncode == 1
    assert data["stage"] == "02_vhost"
    keys = {"id", "title", "state", "seen", "todo", "file", "hints", "blocked_by", "untouched"}
    assert all(set(item) == keys for item in data["items"])
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
    assert "are backed up in desk/.kept/03_worker-" in workshop("solve", "03").stdout
    assert "are backed up in desk/.kept/03_worker-" in workshop("reset", "03").stdout


# --- what hides a library --------------------------------------------------------------------

HIDDEN = {
    "the app in the wrong folder": ("05", "celery.py", "from celery import Celery\n"),
    "an empty file": ("04", "celery.py", ""),
    "a stage later": ("06", "celery.py", ""),
    "an app that is called django": ("04", "django/__init__.py", ""),
    "a file with the name of one of Python's own": ("03", "queue.py", "jobs = []\n"),
    "a file that lets the library through": (
        "05",
        "dotenv.py",
        "def load_dotenv(file):\n    import os\n    os.environ.setdefault(*file.read_text()"
        ".strip().split('='))\n",
    ),
}


@pytest.mark.parametrize("words", HIDDEN.values(), ids=HIDDEN)
def test_a_file_that_hides_a_library_is_named(solved, warm, words):
    number, name, text = words
    stage = solved(number)
    (stage.desk / name).parent.mkdir(exist_ok=True)
    (stage.desk / name).write_text(text)
    found = checks.check(stage, warm=warm)
    place = name.removesuffix("/__init__.py")
    library = place.removesuffix(".py")
    seen = f"{place}: `import {library}` finds this, not the real {library}"
    blamed = [item for item in found.items if item.state in (WRONG, BROKEN)]
    assert [item.seen for item in blamed] == [seen], str(show.Shown(found))
    assert place in blamed[0].hints[2]


# --- scripts that do more than they should ---------------------------------------------------


def test_a_script_that_stops_the_broker_is_named(tmp_path):
    from types import SimpleNamespace

    from workshop.checks.look import Look
    from workshop.checks.script import run_script
    from workshop.checks.wrong import Wrong

    (tmp_path / "broker.sh").write_text("rabbitmqctl() { :; }\nrabbitmqctl stop_app\n")
    look = Look.__new__(Look)  # no broker is stopped for this: its port would be free for others
    look.stage = SimpleNamespace(path=tmp_path)
    look.broker = SimpleNamespace(start=lambda: True)
    with pytest.raises(Wrong, match="stops the broker: stop_app"):
        run_script(look, "broker.sh")
    look.broker = SimpleNamespace(start=lambda: False)
    assert run_script(look, "broker.sh").code == 0


# --- the file that no exercise asks to change -------------------------------------------------

ENV = {
    "gone": (None, "there is no file .env next to manage.py"),
    "another name in it": (
        b"BROKER=amqp://localhost//vhost\n",
        ".env has no BROKER_URL; it has: BROKER",
    ),
    "saved with a mark": (b"\xef\xbb\xbfBROKER_URL=amqp://localhost//vhost\n", "byte order mark"),
    "saved as UTF-16": (
        "BROKER_URL=amqp://localhost//vhost\n".encode("utf-16"),
        "not saved as UTF-8",
    ),
}


@pytest.mark.parametrize("words", ENV.values(), ids=ENV)
def test_an_env_that_is_not_read_is_named(solved, warm, words):
    content, seen = words
    stage = solved("05")
    file = stage.desk / ".env"
    file.unlink() if content is None else file.write_bytes(content)
    first = checks.check(stage, warm=warm).items[0]
    assert first.state == WRONG and seen in first.seen, first
    assert len(first.hints) == 3


def test_a_look_that_fails_as_it_begins_keeps_no_other_check_away(solved, broker, monkeypatch):
    stage = solved("03")

    def fail(*_) -> None:
        raise CourseError("no more room")

    with monkeypatch.context() as broken:
        broken.setattr("workshop.project.sandbox.prepare.replay", fail)
        with pytest.raises(CourseError, match="no more room") as kept:  # as a notebook keeps it
            checks.check(stage)
    with exclusive_check(broker, wait=False) as alone:
        assert alone, kept


def test_one_todo_is_checked_with_what_it_needs_and_is_no_progress(solved, warm):
    stage = solved("09")
    found = verbs.check(stage, "b", warm=warm).report
    assert [item.id for item in found.items] == ["tell_tries_again", "poison_ends_in_dead"]
    assert found.passed and list(found.why) == ["b"]
    assert "09 b: 2 of 2" in str(show.Shown(found))
    alone = verbs.check(stage, "a", warm=warm).report
    assert [item.id for item in alone.items] == ["tell_tries_again"]
    assert "report" not in progress.read().get(stage.name, {})
