"""Stage 01: a user of your own, and a letter that outlives the broker's stop."""

import re
import subprocess
import sys

from workshop.broker import login
from workshop.broker.login import PASSWORD, USER
from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.checks.script import run_script
from workshop.checks.wrong import Wrong
from workshop.desk import prepare
from workshop.machine import environment
from workshop.machine.patience import NotYet, run_through

check = Check(__file__)
SCRIPT, LETTER = "broker.sh", "letter.py"
SECONDS = 15  # a letter takes less than one
OF_CLIENTS = (
    "Who else can end the life of a queue, besides the broker?",
    "durable is about the broker's stop; exclusive and auto_delete are about its clients.",
)


def after_the_script(look: Look) -> dict:
    """What broker.sh does to a broker without the user, run twice."""

    def run() -> dict:
        if look.is_untouched(SCRIPT):
            raise Wrong("the script does nothing yet")
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
                look.broker.give(right["vhost"], USER, right)

    return look.once("script", run)


@check.item(todo="a", file=SCRIPT)
def script_adds_the_user(look: Look) -> None:
    found = after_the_script(look)
    if USER in found["names"]:
        return
    new, said = ", ".join(found["new"]), found["first"]
    if "sudo" in look.read(SCRIPT):
        raise Wrong(
            f"the script says sudo: the broker is your own, and runs as you. {said.last}",
            "Whose is the broker of this course: the machine's, or yours?",
            "sudo runs a command as another user, who has another rabbitmqctl, or none.",
            "Take the word sudo out of the script, and leave the rest.",
        )
    if "Password is not provided" in found["first"].said:
        raise Wrong(
            "rabbitmqctl was given a name and no password: the two are separate words, with no "
            "quotes around both"
        )
    if PASSWORD in found["names"]:
        raise Wrong(
            f"the script added a user called {PASSWORD}: the name comes first, then the password. "
            f"Take it away again with: rabbitmqctl delete_user {PASSWORD}"
        )
    if re.search(rf'Deleting user "{USER}"', said.said):
        raise Wrong(
            f"the script adds the user {USER}, and then deletes it",
            "Which of the script's commands comes last?",
            "`delete_user` takes a user away, with all its permissions.",
            "Take the line with delete_user out.",
        )
    if new:
        raise Wrong(
            f"the script added {new}: the name is to be {USER}, letter for letter, in small "
            f"letters. Take it away again with: rabbitmqctl delete_user {new}"
        )
    raise Wrong(f"after `sh {SCRIPT}` the broker has no user {USER}. {said.last}")


@check.item(todo="a", file=SCRIPT, needs=(script_adds_the_user,))
def user_can_log_in(look: Look) -> None:
    found = after_the_script(look)
    if found["first"].code == 0 and found["right"] and not found["right_first"]:
        raise Wrong(
            f"after the first run of {SCRIPT} the password is not {PASSWORD}, after the second "
            "it is: two commands set two passwords"
        )
    if not found["right"]:
        raise Wrong(
            f"the broker refuses {USER} with the password {PASSWORD} (403): "
            f"look at the password in {SCRIPT}"
        )


@check.item(todo="b", file=SCRIPT, needs=(script_adds_the_user,))
def script_runs_twice(look: Look) -> None:
    found = after_the_script(look)
    if found["first"].code:
        raise Wrong(f"the first run ended with {found['first'].code}. {found['first'].last}")
    if found["second"].code:
        raise Wrong(
            f"the second run ended with {found['second'].code}. {found['second'].end}\n"
            "what should the script do where the user is there already?"
        )


@check.item(todo="c", file=LETTER)
def letter_survives(look: Look) -> None:
    look.needs_file(LETTER)
    queue = look.queue
    try:
        done = run_through(
            [sys.executable, LETTER, queue],
            limit=SECONDS,
            cwd=look.path,
            env=environment.clean(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    except NotYet:
        raise Wrong(f"`python {LETTER} {queue}` was still running after {SECONDS} s") from None
    said = (done.stderr.strip() or "nothing").splitlines()[-1]
    if "KeyError" in said:
        raise Wrong(
            f"delivery_mode is one of two words, in quotes: transient, or persistent. Kombu knows "
            f"no mode {said.removeprefix('KeyError: ')}"
        )
    if "name 'true'" in said or "name 'false'" in said:
        raise Wrong(f"`python {LETTER} QUEUE` failed: {said}. Python writes True and False")
    if said.startswith("NameError"):
        raise Wrong(f"`python {LETTER} QUEUE` failed: {said}. Is it a word? Then it wants quotes")
    if f"'/' refused for user '{USER}'" in said:
        raise Wrong(
            f"`python {LETTER} QUEUE` failed: {said}. The letter goes into the vhost /, where "
            f"guest may publish and {USER} may not: leave the address as it was"
        )
    if done.returncode:
        raise Wrong(f"`python {LETTER} QUEUE` failed: {said}")
    try:
        made = look.broker.facts("queues", "/", queue)
        if made is None and "exclusive" in look.read(LETTER):
            raise Wrong(
                "an exclusive queue is deleted when the connection that declared it is closed",
                *OF_CLIENTS,
                "Take exclusive out, and keep durable=True.",
            )
        if made and made["auto_delete"]:
            raise Wrong(
                "a queue with auto_delete is deleted when its last consumer leaves",
                *OF_CLIENTS,
                "Take auto_delete out, and keep durable=True.",
            )
        if look.broker.queues("/").get(queue, {"total": 0})["total"] != 1:
            what = "no letter in QUEUE" if made else "no queue QUEUE"
            raise Wrong(
                f"`python {LETTER} QUEUE` left {what}: which queue does it declare, with "
                "declare=[queue], and to which does it publish? The name is sys.argv[1], the word "
                "after letter.py"
            )
        look.broker.restart_app()
        kept = look.broker.queues("/").get(queue)
        if kept is None:
            raise Wrong("after the stop the queue is gone: a broker keeps durable queues alone")
        if kept["total"] != 1:
            raise Wrong(
                "the queue outlived the stop, the letter did not: how is it delivered, "
                "transient or persistent?"
            )
    finally:
        look.broker.start()
        look.broker.remove("queues", "/", queue)
