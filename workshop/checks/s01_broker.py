"""Stage 01: a user of your own, and a letter that outlives the broker's stop."""

import subprocess
import sys

from workshop import setting
from workshop.checks import Check
from workshop.checks.look import Look, Wrong, run_script
from workshop.setting import PASSWORD, USER

check = Check()
SCRIPT, LETTER = "broker.sh", "letter.py"


def after_the_script(look: Look) -> dict:
    """What broker.sh does to a broker without the user, run twice."""

    def run() -> dict:
        if look.is_untouched(SCRIPT):
            raise Wrong("the script does nothing yet")
        users = look.broker.facts("users")
        existed = any(user["name"] == USER for user in users)
        busy = any(c["user"] == USER for c in look.broker.facts("connections"))
        rights = (look.broker.facts("users", USER, "permissions") or []) if existed else []
        if existed and not busy:  # so that the script itself must add the user
            look.broker.remove("users", USER)
        try:
            first, second = run_script(look, SCRIPT), run_script(look, SCRIPT)
            names = sorted(user["name"] for user in look.broker.facts("users"))
            right = setting.can_log_in(look.broker)
            return {"first": first, "second": second, "names": names, "right": right}
        finally:
            if existed and look.broker.facts("users", USER) is None:
                setting.run_script(look.stage, SCRIPT, look.broker)
            for right in rights:
                look.broker.give(right["vhost"], USER, right)

    return look.once("script", run)


@check.item("broker.sh adds the user learner", todo="a", file=SCRIPT)
def script_adds_the_user(look: Look) -> None:
    found = after_the_script(look)
    if USER not in found["names"]:
        raise Wrong(
            f"after `sh {SCRIPT}` the broker knows these users: {', '.join(found['names'])}. "
            f"The name is to be {USER}, in small letters. {found['first'].last}"
        )


@check.item(
    "learner can log in with the password sesame",
    todo="a",
    file=SCRIPT,
    needs=("broker.sh adds the user learner",),
)
def user_can_log_in(look: Look) -> None:
    if not after_the_script(look)["right"]:
        raise Wrong(
            f"the broker refuses {USER} with the password {PASSWORD} (403): "
            f"look at the password in {SCRIPT}"
        )


@check.item("broker.sh may be run twice", todo="b", file=SCRIPT)
def script_runs_twice(look: Look) -> None:
    found = after_the_script(look)
    if found["first"].code:
        raise Wrong(f"the first run ended with {found['first'].code}. {found['first'].last}")
    if found["second"].code:
        raise Wrong(
            f"the second run ended with {found['second'].code}. {found['second'].last}\n"
            "what should the script do where the user is there already?"
        )


@check.item("letter.py leaves a letter that outlives stop_app and start_app", todo="c", file=LETTER)
def letter_survives(look: Look) -> None:
    look.needs_file(LETTER)
    queue = look.queue
    try:
        done = subprocess.run(
            [sys.executable, LETTER, queue],
            cwd=look.path,
            capture_output=True,
            text=True,
            timeout=15,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Wrong(f"`python {LETTER} {queue}` was still running after 15 s") from None
    if "KeyError" in done.stderr:
        raise Wrong("delivery_mode is one of two words: transient, or the one of the lesson")
    if done.returncode:
        raise Wrong(f"`python {LETTER} QUEUE` failed: {done.stderr.strip().splitlines()[-1]}")
    try:
        if look.broker.queues("/").get(queue, {"total": 0})["total"] != 1:
            raise Wrong(f"`python {LETTER} QUEUE` left no letter in that queue of the vhost /")
        look.broker.ctl("stop_app")
        look.broker.start()
        kept = look.broker.queues("/").get(queue)
        if kept is None:
            raise Wrong("after the stop the queue is gone: which queues does a broker keep?")
        if kept["total"] != 1:
            raise Wrong(
                "the queue outlived the stop, the letter did not: how is it delivered, "
                "transient or persistent?"
            )
    finally:
        look.broker.start()
        look.broker.ctl("delete_queue", "-p", "/", queue, check=False)
