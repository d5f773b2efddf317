"""Stage 01: a user of your own, and a letter that outlives the broker's stop."""

import subprocess
import sys

from workshop import environment, setting
from workshop.checks import Check
from workshop.checks.look import Look, Wrong, run_script
from workshop.setting import PASSWORD, USER

check = Check()
SCRIPT, LETTER = "broker.sh", "letter.py"
ADDED = "broker.sh adds the user learner"


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
            first, second = run_script(look, SCRIPT), run_script(look, SCRIPT)
            names = {user["name"] for user in look.broker.facts("users")}
            right = setting.can_log_in(look.broker)
            new = sorted(names - users)
            return {"first": first, "second": second, "names": names, "new": new, "right": right}
        finally:
            if USER in users and look.broker.facts("users", USER) is None:
                setting.run_script(look.stage, SCRIPT, look.broker)
            for right in rights:
                look.broker.give(right["vhost"], USER, right)

    return look.once("script", run)


@check.item(
    ADDED,
    todo="a",
    file=SCRIPT,
    hints=(
        "Which command of rabbitmqctl makes a user? `rabbitmqctl help` lists them all.",
        "It stands below TODO a, and takes the name, then the password. "
        "`rabbitmqctl list_users` shows what came of it.",
        "rabbitmqctl add_user NAME PASSWORD, with learner and sesame for the two.",
    ),
)
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
    if PASSWORD in found["names"]:
        raise Wrong(
            f"the script added a user called {PASSWORD}: the name comes first, then the password. "
            f"Take it away again with: rabbitmqctl delete_user {PASSWORD}"
        )
    if new:
        raise Wrong(
            f"the script added {new}: the name is to be {USER}, letter for letter, in small "
            f"letters. Take it away again with: rabbitmqctl delete_user {new}"
        )
    raise Wrong(f"after `sh {SCRIPT}` the broker has no user {USER}. {said.last}")


@check.item(
    "learner can log in with the password sesame",
    todo="a",
    file=SCRIPT,
    needs=(ADDED,),
    hints=(
        "Is the password in the script the one of the exercise sheet, letter for letter?",
        "`rabbitmqctl authenticate_user learner sesame` asks the broker itself.",
        "The last word of the line that adds the user is the password: sesame.",
    ),
)
def user_can_log_in(look: Look) -> None:
    if not after_the_script(look)["right"]:
        raise Wrong(
            f"the broker refuses {USER} with the password {PASSWORD} (403): "
            f"look at the password in {SCRIPT}"
        )


@check.item(
    "broker.sh may be run twice",
    todo="b",
    file=SCRIPT,
    needs=(ADDED,),
    hints=(
        "What does add_user say where the user is there already, and what does `set -e` make "
        "of that?",
        "In the shell, `first || second` runs second only where first failed. It stands on the "
        "line that adds the user.",
        "rabbitmqctl add_user … || rabbitmqctl change_password NAME PASSWORD",
    ),
)
def script_runs_twice(look: Look) -> None:
    found = after_the_script(look)
    if found["first"].code:
        raise Wrong(f"the first run ended with {found['first'].code}. {found['first'].last}")
    if found["second"].code:
        raise Wrong(
            f"the second run ended with {found['second'].code}. {found['second'].end}\n"
            "what should the script do where the user is there already?"
        )


@check.item(
    "letter.py leaves a letter that outlives stop_app and start_app",
    todo="c",
    file=LETTER,
    hints=(
        "What has to outlive the stop: the queue, the letter, or both?",
        "Two lines below TODO c: a queue is durable or not, a letter is transient or "
        "persistent. The lesson's `What survives a stop?` tries all of them.",
        'durable=True for the queue; for the letter, "persistent" instead of "transient".',
    ),
)
def letter_survives(look: Look) -> None:
    look.needs_file(LETTER)
    queue = look.queue
    try:
        done = subprocess.run(
            [sys.executable, LETTER, queue],
            cwd=look.path,
            env=environment.clean(),
            capture_output=True,
            text=True,
            timeout=15,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Wrong(f"`python {LETTER} {queue}` was still running after 15 s") from None
    said = (done.stderr.strip() or "nothing").splitlines()[-1]
    if "KeyError" in said:
        raise Wrong(
            f"delivery_mode is one of two words, in quotes: transient, or persistent. Kombu knows "
            f"no mode {said.removeprefix('KeyError: ')}"
        )
    if said.startswith("NameError"):
        raise Wrong(f"`python {LETTER} QUEUE` failed: {said}. Is it a word? Then it wants quotes")
    if done.returncode:
        raise Wrong(f"`python {LETTER} QUEUE` failed: {said}")
    try:
        if look.broker.queues("/").get(queue, {"total": 0})["total"] != 1:
            raise Wrong(
                f"`python {LETTER} QUEUE` left no letter in QUEUE: which queue does it publish to? "
                "The name is sys.argv[1], the word after letter.py"
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
