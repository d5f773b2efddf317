"""Stage E4: a long wait causes no second delivery, and a second delivery does no harm."""

from workshop.broker.redis import this_process_redis
from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.machine.patience import NotYet, wait_until
from workshop.project import probe
from workshop.project.manage import manage

check = Check(__file__)
SETTINGS, TASKS = "celery_testing/settings.py", "reminders/tasks.py"
NOWHERE = "redis://127.0.0.1:1/0"
COUNT = 3
ASK = f"from reminders.services import remind_in; [remind_in(1, 'tea') for _ in range({COUNT})]"


@check.item(todo="a", file=SETTINGS)
def message_may_wait(look: Look) -> str:
    look.needs_file(SETTINGS)
    redis = {"BROKER_URL": NOWHERE, "BROKER_URLS": NOWHERE}  # the settings may tell them apart
    asked = look.ask_all({"transport_options": {}}, env=redis)
    found = probe.value(asked["transport_options"])
    if found["visibility"] == "None":
        raise check.wrong("not_set")
    if not found["is_number"]:
        raise check.wrong("no_number", visibility=found["visibility"])
    if found["visibility"] <= found["needed"]:
        raise check.wrong("too_short", visibility=found["visibility"], needed=found["needed"])
    if not found["confirms"] or not found["patience"]:
        raise check.wrong("options_lost")
    return check.says("long_enough", hours=found["visibility"] / 3600)


@check.item(todo="b", file=TASKS)
def mail_is_sent_once(look: Look) -> None:
    look.needs_file(TASKS)
    look.migrate()
    found = look.once("reminded", lambda: look.ask("reminded"))
    if found["error"]:
        raise check.wrong("raised", error=found["error"])
    if found["once"]["mails"] != 1:
        raise check.wrong("other_count", count=found["once"]["mails"])
    if not found["once"]["marked"]:
        raise check.wrong("not_marked")
    if found["error again"]:
        raise check.wrong("raised_again", error=found["error again"])
    if found["again"]["mails"] != 1:
        raise check.wrong("sent_again")
    if found["together"]["mails"] != 1:
        raise check.wrong("sent_together", count=found["together"]["mails"])


@check.item(todo="b", file=TASKS, needs=(mail_is_sent_once,))
def failed_mail_is_tried_again(look: Look) -> None:
    found = look.once("reminded", lambda: look.ask("reminded"))
    if not found["error of the mail"]:
        raise check.wrong("hides_an_error")
    if found["failed"]["marked"]:
        raise check.wrong("marked_anyway")
    if not found["locked"]:
        raise check.wrong("not_locked")
    if found["after it"]["mails"] != 1:
        raise check.wrong("never_again", count=found["after it"]["mails"])


@check.item(needs=(message_may_wait, failed_mail_is_tried_again), is_drill=True)
def redis_delivers(look: Look) -> str:
    """Send three reminders through a private Redis and a real worker."""
    server = look.enter(this_process_redis().running())
    media = look.folder / "media"
    env = {"BROKER_URL": server.url(), "BROKER_URLS": server.url(), "MEDIA_ROOT": str(media)}
    look.start_worker(env=env)
    manage(look.path, {**look.environment, **env}, "shell", "--verbosity", "0", "-c", ASK)

    def mails() -> int:
        return sum(file.read_text().count("Subject:") for file in (media / "mails").glob("*"))

    try:
        wait_until(lambda: mails() >= COUNT, limit=30, what="the mails")
    except NotYet:
        raise check.wrong("too_few", count=mails(), whole=COUNT) from None
    if mails() > COUNT:
        raise check.wrong("too_many", count=mails(), whole=COUNT)
    return check.says("delivered", count=COUNT)
