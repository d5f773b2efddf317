"""Stage 05: one place for settings, and an app that reads it."""

from workshop import probe
from workshop.checks import Check
from workshop.checks.look import Look, Wrong
from workshop.setting import PASSWORD, VHOST

check = Check()
SETTINGS = "celery_testing/settings.py"
CELERY = "celery_testing/celery.py"
INIT = "celery_testing/__init__.py"
TASK = "testing.workers.sum_number"
ELSEWHERE = "amqp://somebody:secret@localhost:5672/elsewhere"


def settings(look: Look, fact: str):
    """What Django's settings say, both facts asked for in one process."""
    asked = {"setting_of_broker": {}, "setting_of_imports": {}}
    return probe.value(look.once("settings", lambda: look.ask_all(asked))[fact])


@check.item("the broker's address comes from BROKER_URL", todo="a", file=SETTINGS)
def address_comes_from_the_environment(look: Look) -> None:
    look.needs_file(SETTINGS)
    broker = settings(look, "setting_of_broker")
    if broker is None:
        raise Wrong("Django's settings have no CELERY_BROKER_URL")
    look.is_your_vhost(broker)
    other = look.ask("setting_of_broker", environ={"BROKER_URL": ELSEWHERE})
    if other["vhost"] != "elsewhere":
        raise Wrong("with another BROKER_URL in the environment the setting stays as it was")


@check.item("no password stands in the code")
def no_password_in_the_code(look: Look) -> None:
    for file in sorted(look.path.rglob("*.py")):
        inside = file.relative_to(look.path)
        # letter.py and the scripts are of stages 01 and 02
        if inside.parts[0] in ("celery_testing", "testing") and PASSWORD in file.read_text():
            raise Wrong(f"{inside} has the password in it: it stands in .env, and there alone")


@check.item("CELERY_IMPORTS names testing.workers", todo="a", file=SETTINGS)
def imports_name_the_module(look: Look) -> None:
    look.needs_file(SETTINGS)
    found = settings(look, "setting_of_imports")
    if found is None:
        raise Wrong("Django's settings have no CELERY_IMPORTS")
    if isinstance(found, str):
        raise Wrong(f"CELERY_IMPORTS is the text {found!r}; it is a list of module names")
    if "testing.workers" not in found:
        raise Wrong(f"CELERY_IMPORTS is {found}; the tasks are in testing/workers.py")


@check.item(
    "a worker started with -A celery_testing has your vhost",
    todo="b",
    file=CELERY,
    needs=("the broker's address comes from BROKER_URL",),
)
def worker_reads_the_settings(look: Look) -> None:
    look.needs_file(CELERY)
    look.is_your_vhost(look.ask("app_of_project"))
    vhost = inspected(look)["broker"]["virtual_host"]
    if vhost != VHOST:
        raise Wrong(f"the running worker is in the vhost {vhost!r}")


@check.item(
    "that worker knows the task, by CELERY_IMPORTS",
    todo="b",
    file=CELERY,
    needs=(
        "CELERY_IMPORTS names testing.workers",
        "a worker started with -A celery_testing has your vhost",
    ),
)
def worker_knows_the_task(look: Look) -> None:
    found = inspected(look)
    conf = found["conf"]
    if "testing.workers" not in (conf.get("CELERY_IMPORTS") or conf.get("imports") or ()):
        raise Wrong("the running worker's configuration (inspect conf) names no testing.workers")
    if TASK not in (found["registered"] or []):
        raise Wrong(f"the running worker knows {found['registered']}, not {TASK}")


@check.item(
    "Django sends its tasks through the same app",
    todo="c",
    file=INIT,
    needs=("the broker's address comes from BROKER_URL",),
)
def django_has_the_app(look: Look) -> None:
    look.needs_file(INIT)
    found = look.ask("in_django")
    try:
        look.is_your_vhost(found["broker"])
    except Wrong as wrong:
        raise Wrong(
            f"in a web process the task belongs to the app {found['app_name']!r}: {wrong}.\n"
            "what does Django import first of the package celery_testing?"
        ) from None


def inspected(look: Look) -> dict:
    """What the running worker says of itself."""
    look.worker("celery_testing")
    name = f"{look.queue}@localhost"
    found = look.once("inspected", lambda: look.ask("worker_conf", worker=name))
    if not found["conf"]:
        raise Wrong("the worker runs, but gives the app of celery_testing/celery.py no answer")
    return found
