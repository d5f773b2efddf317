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
    asked = {"setting_of_broker": {}, "setting_of_imports": {}, "names_of_settings": {}}
    try:
        return probe.value(look.once("settings", lambda: look.ask_all(asked))[fact])
    except probe.Trouble as trouble:
        raise of_the_app(look, trouble) or trouble from None


def of_the_app(look: Look, trouble: probe.Trouble) -> probe.Trouble | None:
    """The trouble of a file that imports `app` from celery.py, if that has no such name."""
    if "cannot import name 'app' from 'celery_testing.celery'" not in trouble.what:
        return None
    made = re.search(r"^(\w+)\s*=\s*(?:celery\.)?Celery\(", look.read(CELERY), re.M)
    has = f"the app is called {made[1]}" if made else "no app is made"
    return probe.Trouble(
        f"{has} here, and {trouble.where} imports app",
        CELERY,
        (
            "Which name does celery.py give the app, and which name do other files import?",
            f"Look at the line with Celery(...) in {CELERY}, and at the import in {INIT}.",
            'app = Celery("tasks"), and app.config_from_object(...)',
        ),
    )


def missing(look: Look, name: str) -> Wrong:
    """A setting that is not there, and what stands there instead."""
    there = settings(look, "names_of_settings")
    like = get_close_matches(name.lower(), [other.lower() for other in there], 1, 0.7)
    if name in there:
        return Wrong(
            f"{name} is None: os.environ.get found no such variable, and has no default. Is there "
            "a comma between the two, and a quote on both sides of each?"
        )
    near = [other for other in there if other.lower() in like]
    if near:
        return Wrong(f"Django's settings have no {name}, but {near[0]}: look at its letters")
    return Wrong(f"Django's settings have no {name}")


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
        raise Wrong(
            "with another BROKER_URL in the environment the setting stays as it was: does it "
            "read BROKER_URL, by this name?"
        )
    if broker["user"] is None:
        expect_loaded(look)
    expect_your_vhost(broker, look.broker)


def expect_loaded(look: Look) -> None:
    """Raise Wrong, with what keeps it from that, unless BROKER_URL came from .env in time."""
    found = look.ask("env_file")
    if found["loaded"]:
        raise Wrong(
            "the setting is the default: it reads BROKER_URL before load_dotenv has read .env",
            "In which order does Python run the lines of settings.py?",
            "load_dotenv puts what is in .env into the environment. Before that line "
            "os.environ has no BROKER_URL.",
            'First load_dotenv(BASE_DIR / ".env"), then CELERY_BROKER_URL = …',
        )
    of_file = (
        "Where does BROKER_URL come from, if nobody sets it in the terminal?",
        'load_dotenv(BASE_DIR / ".env") reads the file .env next to manage.py: `ls -a` lists it.',
        f"In .env: BROKER_URL={login.url(look.broker)}",
    )
    if found["names"] is None:
        raise Wrong("there is no file .env next to manage.py, so BROKER_URL is not set", *of_file)
    if "BROKER_URL" not in found["names"]:
        names = ", ".join(found["names"]) or "nothing"
        raise Wrong(f".env has no BROKER_URL; it has: {names}", *of_file)
    raise Wrong(
        "settings.py does not read .env, so BROKER_URL is not set: does it call load_dotenv, with "
        "the path of .env?",
        *of_file,
    )


@check.item()
def no_password_in_the_code(look: Look) -> None:
    for file in sorted(look.path.rglob("*.py")):
        inside = file.relative_to(look.path)
        # letter.py and the scripts are of stages 01 and 02
        if inside.parts[0] in OF_THE_PROJECT and PASSWORD in file.read_text(errors="replace"):
            raise Wrong(f"{inside} has the password in it: it stands in .env, and there alone")


@check.item(todo="a", file=SETTINGS)
def imports_name_the_module(look: Look) -> None:
    look.needs_file(SETTINGS)
    found = settings(look, "setting_of_imports")
    if found is None:
        raise missing(look, "CELERY_IMPORTS")
    if isinstance(found, str):
        raise Wrong(f"CELERY_IMPORTS is the text {found!r}; it is a list of module names: [ ]")
    if any(one.startswith("<") for one in found):
        raise Wrong(f"CELERY_IMPORTS is {found}: it is a list of names, each of them in quotes")
    if "testing.workers" not in found:
        raise Wrong(
            f"CELERY_IMPORTS is {found}; the tasks are in testing/workers.py: from the folder of "
            "manage.py that is the module testing.workers"
        )


@check.item(
    todo="b", file=CELERY, needs=(address_comes_from_the_environment, imports_name_the_module)
)
def worker_reads_the_settings(look: Look) -> None:
    look.needs_file(CELERY)
    broker = look.ask("app_of_project")
    if broker.get("host", "") is None:
        raise Wrong(
            "the app of celery_testing/celery.py has no address: it goes to guest@localhost. It "
            "reads no setting of Django's whose name begins with CELERY_: look at the namespace"
        )
    wanted = settings(look, "setting_of_broker")["url"]
    try:
        expect_your_vhost(broker, look.broker)
    except Wrong as wrong:
        if broker["url"] in (wanted, None):
            raise
        raise Wrong(
            f"the app has another address than CELERY_BROKER_URL: {wrong}. An address in celery.py "
            "goes before the settings",
            "Where else does the app get an address from?",
            f"Look for broker= and for conf in {CELERY}.",
            'app = Celery("tasks"), without broker=',
        ) from None
    vhost = inspected(look)["broker"]["virtual_host"]
    if vhost != VHOST:
        raise Wrong(f"the running worker is in the vhost {vhost!r}")


@check.item(todo="b", file=CELERY, needs=(worker_reads_the_settings,))
def worker_knows_the_task(look: Look) -> None:
    found = inspected(look)
    conf = found["conf"]
    if "testing.workers" not in (conf.get("CELERY_IMPORTS") or conf.get("imports") or ()):
        raise Wrong("the running worker's configuration (inspect conf) names no testing.workers")
    if TASK not in (found["registered"] or []):
        raise Wrong(f"the running worker knows {found['registered']}, not {TASK}")


@check.item(todo="c", file=INIT, needs=(worker_reads_the_settings,))
def django_has_the_app(look: Look) -> None:
    look.needs_file(INIT)
    found = look.ask("in_django")
    if found["eager"]:
        raise Wrong(
            "task_always_eager is on: Django runs the tasks itself, and sends no message",
            "Which process runs a task with this setting?",
            "It is for tests: delay() then calls the task, and waits for it.",
            f"Take CELERY_TASK_ALWAYS_EAGER out of {SETTINGS}.",
        )
    try:
        expect_your_vhost(found["broker"], look.broker)
    except Wrong as wrong:
        dot = ""
        if re.search(r"^\s*(from celery import|import celery)", look.read(INIT), re.M):
            dot = (
                "\n`from celery` is the library; the module beside this file is .celery, with a dot"
            )
        raise Wrong(
            f"in a web process the task belongs to the app {found['app_name']!r}: {wrong}.\n"
            f"what does Django import first of the package celery_testing?{dot}"
        ) from None


def inspected(look: Look) -> dict:
    """What the running worker says of itself."""
    look.worker("celery_testing")
    name = f"{look.queue}@localhost"
    found = look.once(
        "inspected", lambda: look.ask("worker_conf", worker=name, seconds=by_clock(5))
    )
    if not found["conf"]:
        raise Wrong("the worker runs, but gives the app of celery_testing/celery.py no answer")
    return found
