"""A mistake fails the item that it belongs to, with a hint that speaks of it."""

import contextlib

import pytest

from workshop import checks, report, setting
from workshop.checks import BROKEN, WRONG
from workshop.checks.look import Look

WORKERS = "testing/workers.py"

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
def test_a_mistake_fails_the_item_that_it_belongs_to(solved, words):
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
def test_what_is_right_but_written_differently_passes(solved, words):
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


def part(stage, name: str) -> checks.Check:
    """The stage's check, cut down to one item and what that needs."""
    whole = {item.name: item for item in checks.of(stage).items}
    wanted, open_ = [], [name]
    while open_:
        wanted.append(open_.pop())
        open_ += whole[wanted[-1]].needs
    return checks.Check([item for item in whole.values() if item.name in wanted])


@pytest.mark.parametrize("words", OTHER_STAGES.values(), ids=OTHER_STAGES)
def test_a_mistake_in_another_stage_fails_its_item(solved, words):
    number, name, (old, new), item, hint = words
    stage = solved(number)
    file = stage.desk / name
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    with Look(stage) as look, contextlib.ExitStack() as cleaning:
        if number == "02":  # as a learner meets it: queues of other tests keep a vhost in place
            look.broker.remove("vhosts", setting.VHOST)
        cleaning.callback(look.broker.remove, "vhosts", "vhost")
        cleaning.callback(look.broker.remove, "users", "lerner")
        found = {result.name: result for result in part(stage, item).run(look)}
    assert found[item].state == WRONG and hint in found[item].hint, found[item]


def test_guest_with_rights_in_the_vhost_is_named(solved, broker):
    stage = solved("02")
    script = stage.desk / "vhost.sh"
    script.write_text(
        script.read_text() + 'rabbitmqctl set_permissions -p /vhost guest ".*" ".*" ".*"\n'
    )
    try:
        found = {item.name: item.state for item in checks.check(stage).items}
        assert found["vhost.sh ends well, and gives guest nothing there"] == WRONG
    finally:
        broker.ctl("clear_permissions", "-p", "/vhost", "guest")
