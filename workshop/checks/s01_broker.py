"""Stage 01: a user of your own, and a letter that survives a stop of the broker."""

import re
import subprocess
import sys

from workshop.broker import login
from workshop.broker.login import PASSWORD, USER
from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.checks.script import run_script
from workshop.desk import prepare
from workshop.machine import environment
from workshop.machine.patience import NotYet, run_through

check = Check(__file__)
SCRIPT, LETTER = "broker.sh", "letter.py"
SECONDS = 15  # a letter takes less than one
# what Python says last about letter.py
OF_PYTHON = (
    (r"KeyError(: )?(?P<mode>.*)", "no_such_mode"),
    ("name '(true|false)'", "true_in_small_letters"),
    ("^NameError", "word_without_quotes"),
    (f"'/' refused for user '{USER}'", "letter_of_another_user"),
)


def after_the_script(look: Look) -> dict:
    """What broker.sh does to a broker without the user, run twice."""

    def run() -> dict:
        if look.is_untouched(SCRIPT):
            raise check.wrong("script_untouched")
        users = {user["name"] for user in look.broker.facts("users")}
        busy = any(c["user"] == USER for c in look.broker.facts("connections"))
        rights = (look.broker.facts("users", USER, "permissions") or []) if USER in users else []
        if USER in users and not busy:  # so that the script itself must add the user
            look.broker.remove("users", USER)
        try:
            first, right_first = run_script(look, SCRIPT), login.can_log_in(look.broker)
            second, right = run_script(look, SCRIPT), login.can_log_in(look.broker)
            names = {user["name"] for user in look.broker.facts("users")}
            return {
                "first": first,
                "second": second,
                "names": names,
                "new": sorted(names - users),
                "right_first": right_first,
                "right": right,
            }
        finally:
            if USER in users and look.broker.facts("users", USER) is None:
                prepare.run_script(look.stage, SCRIPT, look.broker)
            for right in rights:
                look.broker.set_permissions(right["vhost"], USER, right)

    return look.once("script", run)


@check.item(todo="a", file=SCRIPT)
def script_adds_the_user(look: Look) -> None:
    found = after_the_script(look)
    if USER in found["names"]:
        return
    new, said = ", ".join(found["new"]), found["first"]
    if "sudo" in look.read(SCRIPT):
        raise check.wrong("with_sudo", last=said.last)
    if "Password is not provided" in said.said:
        raise check.wrong("name_without_password")
    if PASSWORD in found["names"]:
        raise check.wrong("password_as_name")
    if re.search(rf'Deleting user "{USER}"', said.said):
        raise check.wrong("deleted_again")
    if new:
        raise check.wrong("another_name", new=new)
    raise check.wrong("no_user", last=said.last)


@check.item(todo="a", file=SCRIPT, needs=(script_adds_the_user,))
def user_can_log_in(look: Look) -> None:
    found = after_the_script(look)
    if found["first"].code == 0 and found["right"] and not found["right_first"]:
        raise check.wrong("two_passwords")
    if not found["right"]:
        raise check.wrong("another_password")


@check.item(todo="b", file=SCRIPT, needs=(script_adds_the_user,))
def script_runs_twice(look: Look) -> None:
    first, second = (after_the_script(look)[run] for run in ("first", "second"))
    if first.code:
        raise check.wrong("first_run_failed", code=first.code, last=first.last)
    if second.code:
        raise check.wrong("second_run_failed", code=second.code, end=second.end)


def expect_no_error(look: Look) -> None:
    """Run letter.py. Raises Wrong unless it succeeds."""
    try:
        done = run_through(
            [sys.executable, LETTER, look.queue],
            limit=SECONDS,
            cwd=look.path,
            env=environment.clean(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    except NotYet:
        raise check.wrong("still_running", queue=look.queue, limit=SECONDS) from None
    if done.returncode:
        said = (done.stderr.strip() or check.says("nothing")).splitlines()[-1]
        raise check.first_wrong(OF_PYTHON, said, said=said) or check.wrong(
            "letter_failed", said=said
        )


def expect_letter(look: Look) -> None:
    """Raise Wrong unless there is one letter in the queue."""
    made = look.broker.facts("queues", "/", look.queue)
    if made is None and "exclusive" in look.read(LETTER):
        raise check.wrong("exclusive_queue")
    if made and made["auto_delete"]:
        raise check.wrong("auto_delete_queue")
    if look.broker.queues("/").get(look.queue, {"total": 0})["total"] != 1:
        raise check.wrong("nothing_left", what=check.says("no_letter" if made else "no_queue"))


@check.item(todo="c", file=LETTER)
def letter_survives(look: Look) -> None:
    look.needs_file(LETTER)
    try:
        expect_no_error(look)
        expect_letter(look)
        look.broker.restart_app()
        kept = look.broker.queues("/").get(look.queue)
        if kept is None:
            raise check.wrong("queue_not_durable")
        if kept["total"] != 1:
            raise check.wrong("letter_not_persistent")
    finally:
        look.broker.start()
        look.broker.remove("queues", "/", look.queue)
