"""Stage 05: one place for settings, and an app that reads it."""

import re
from difflib import get_close_matches

from workshop.broker import login
from workshop.broker.login import PASSWORD, VHOST
from workshop.checks.address import expect_your_vhost
from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.checks.wrong import Wrong
from workshop.machine.patience import by_clock
from workshop.project import probe

check = Check(__file__)
SETTINGS = "celery_testing/settings.py"
CELERY = "celery_testing/celery.py"
ENV = ".env"
OF_THE_PROJECT = ("celery_testing", "testing")
INIT = "celery_testing/__init__.py"
TASK = "testing.workers.sum_number"
ELSEWHERE = "amqp://somebody:secret@localhost:5672/elsewhere"


def settings(look: Look, fact: str):
    """What Django's settings say, all of it asked for in one process."""
    asked: dict[str, dict] = {
        "setting_of_broker": {},
        "setting_of_imports": {},
        "names_of_settings": {},
    }
    try:
        return probe.value(look.once("settings", lambda: look.ask_all(asked))[fact])
    except probe.Trouble as trouble:
        raise of_the_app(look, trouble) or trouble from None


def of_the_app(look: Look, trouble: probe.Trouble) -> probe.Trouble | None:
    """The trouble with a file that imports `app` from celery.py, if that has no such name."""
    if "cannot import name 'app' from 'celery_testing.celery'" not in trouble.what:
        return None
    made = re.search(r"^(\w+)\s*=\s*(?:celery\.)?Celery\(", look.read(CELERY), re.M)
    has = check.says("app_called", name=made[1]) if made else check.says("no_app")
    wrong = check.wrong("no_name_to_import", has=has, file=trouble.where)
    return probe.Trouble(str(wrong), CELERY, wrong.hints)


def missing(look: Look, name: str) -> Wrong:
    """The Wrong for a missing setting, with what was found instead."""
    there = settings(look, "names_of_settings")
    like = get_close_matches(name.lower(), [other.lower() for other in there], 1, 0.7)
    if name in there:
        return check.wrong("setting_is_none", name=name)
    near = [other for other in there if other.lower() in like]
    if near:
        return check.wrong("another_setting", name=name, near=near[0])
    return check.wrong("no_setting", name=name)


def expect_loaded(look: Look) -> None:
    """Raise Wrong, with the reason, unless BROKER_URL came from .env in time."""
    found = look.ask("env_file")
    if found["loaded"]:
        raise check.wrong("loaded_too_late")
    if found["names"] is None:
        why = check.says("no_env_file")
    elif "BROKER_URL" not in found["names"]:
        there = ", ".join(found["names"]) or check.says("nothing")
        why = check.says("not_in_env_file", there=there)
    else:
        why = check.says("env_file_not_read")
    raise check.wrong("not_loaded", why=why, url=login.url(look.broker))


@check.item(todo="a", file=SETTINGS)
def address_comes_from_the_environment(look: Look) -> None:
    look.needs_file(SETTINGS)
    if (look.path / ENV).is_file():
        look.needs_file(ENV)
    broker = settings(look, "setting_of_broker")
    if broker is None:
        raise missing(look, "CELERY_BROKER_URL")
    if "error" in broker:
        expect_your_vhost(broker, look.broker)
    other = look.ask("setting_of_broker", environ={"BROKER_URL": ELSEWHERE})
    if other["vhost"] != "elsewhere":
        raise check.wrong("not_from_environment")
    if broker["user"] is None:
        expect_loaded(look)
    expect_your_vhost(broker, look.broker)


@check.item()
def no_password_in_the_code(look: Look) -> None:
    for file in sorted(look.path.rglob("*.py")):
        inside = file.relative_to(look.path)
        # letter.py and the scripts belong to stages 01 and 02
        if inside.parts[0] in OF_THE_PROJECT and PASSWORD in file.read_text(errors="replace"):
            raise check.wrong("password_in_code", file=inside)


@check.item(todo="a", file=SETTINGS)
def imports_name_the_module(look: Look) -> None:
    look.needs_file(SETTINGS)
    found = settings(look, "setting_of_imports")
    if found is None:
        raise missing(look, "CELERY_IMPORTS")
    if isinstance(found, str):
        raise check.wrong("imports_as_text", imports=found)
    if any(one.startswith("<") for one in found):
        raise check.wrong("imports_without_quotes", imports=found)
    if "testing.workers" not in found:
        raise check.wrong("other_imports", imports=found)


def inspected(look: Look) -> dict:
    """What the running worker says about itself."""
    look.worker()
    name = f"{look.queue}@localhost"
    found = look.once(
        "inspected", lambda: look.ask("worker_conf", worker=name, seconds=by_clock(5))
    )
    if not found["conf"]:
        raise check.wrong("worker_without_answer")
    return found


@check.item(
    todo="b", file=CELERY, needs=(address_comes_from_the_environment, imports_name_the_module)
)
def worker_reads_the_settings(look: Look) -> None:
    look.needs_file(CELERY)
    broker = look.ask("app_of_project")
    if broker.get("host", "") is None:
        raise check.wrong("no_address")
    wanted = settings(look, "setting_of_broker")["url"]
    try:
        expect_your_vhost(broker, look.broker)
    except Wrong as wrong:
        if broker["url"] in (wanted, None):
            raise
        raise check.wrong("another_address", why=wrong) from None
    vhost = inspected(look)["broker"]["virtual_host"]
    if vhost != VHOST:
        raise check.wrong("worker_elsewhere", vhost=vhost)


@check.item(todo="b", file=CELERY, needs=(worker_reads_the_settings,))
def worker_knows_the_task(look: Look) -> None:
    found = inspected(look)
    conf = found["conf"]
    if "testing.workers" not in (conf.get("CELERY_IMPORTS") or conf.get("imports") or ()):
        raise check.wrong("worker_without_imports")
    if TASK not in (found["registered"] or []):
        raise check.wrong("task_unknown", known=found["registered"], task=TASK)


@check.item(todo="c", file=INIT, needs=(worker_reads_the_settings,))
def django_has_the_app(look: Look) -> None:
    look.needs_file(INIT)
    found = look.ask("in_django")
    if found["eager"]:
        raise check.wrong("always_eager")
    try:
        expect_your_vhost(found["broker"], look.broker)
    except Wrong as wrong:
        library = re.search(r"^\s*(from celery import|import celery)", look.read(INIT), re.M)
        name = "library_for_module" if library else "another_app"
        raise check.wrong(name, app=found["app_name"], why=wrong) from None
