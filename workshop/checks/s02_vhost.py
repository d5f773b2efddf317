"""Stage 02: the vhost, and the user's three rights in it."""

import re
import uuid

from amqp import exceptions as amqp
from kombu import Queue

from workshop.broker import login
from workshop.broker.login import USER, VHOST
from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.checks.script import run_script
from workshop.checks.wrong import Wrong
from workshop.desk import prepare

check = Check(__file__)
SCRIPT = "vhost.sh"
RIGHTS = ("configure", "write", "read")


def after_the_script(look: Look) -> dict:
    """What vhost.sh does to a broker on which learner has no right in the vhost."""

    def run() -> dict:
        if look.is_untouched(SCRIPT):
            raise Wrong("the script does nothing yet")
        existed = look.broker.facts("vhosts", VHOST) is not None
        vhosts = {vhost["name"] for vhost in look.broker.facts("vhosts")}
        rights = look.broker.facts("permissions", VHOST, USER) if existed else None
        busy = any(c["vhost"] == VHOST for c in look.broker.facts("connections"))
        if existed and not busy and not look.broker.queues(VHOST):
            look.broker.remove("vhosts", VHOST)  # so that the script itself must add it
        elif rights:
            look.broker.remove("permissions", VHOST, USER)
        done = run_script(look, SCRIPT)
        found = {
            "run": done,
            "vhosts": {vhost["name"] for vhost in look.broker.facts("vhosts")},
            "before": vhosts,
            "rights": look.broker.facts("permissions", VHOST, USER),
            "guest": look.broker.facts("permissions", VHOST, "guest"),
            "tried": try_rights(look),
        }
        if existed and rights and not (VHOST in found["vhosts"] and found["rights"]):
            prepare.run_script(look.stage, SCRIPT, look.broker)  # as it was before the look
        return found

    return look.once("script", run)


def try_rights(look: Look) -> str:
    """Declare, publish and read as learner, for real: the first that is refused, or nothing."""
    queue = Queue(f"check-{uuid.uuid4().hex[:8]}", auto_delete=True)
    doing = "enter the vhost"
    try:
        with login.connect(look.broker) as connection, connection.channel() as channel:
            doing = "declare a queue (configure)"
            bound = queue(channel)
            bound.declare()
            doing = "publish to it (write)"
            producer = connection.Producer(channel)
            producer.publish("hello", routing_key=queue.name)
            doing = "take the message (read)"
            bound.get(no_ack=True)
            bound.delete()
    except (amqp.AMQPError, OSError) as error:
        return f"learner may not {doing}: {str(error).strip()}"
    return ""


@check.item(todo="a", file=SCRIPT)
def script_adds_the_vhost(look: Look) -> None:
    found = after_the_script(look)
    if VHOST in found["vhosts"]:
        return
    new, said = found["vhosts"] - found["before"], found["run"]
    if "delete_vhost" in look.read(SCRIPT):
        raise Wrong(
            f"the script uses delete_vhost, and ends without a vhost /vhost. {said.last}",
            "What does delete_vhost do where there is no such vhost yet?",
            "It fails, and `set -e` ends the script. Where there is one, all its queues are lost.",
            "Take the line with delete_vhost out.",
        )
    if new or {"vhost", "//vhost"} & found["vhosts"]:
        other = min(new or {"vhost", "//vhost"} & found["vhosts"])
        raise Wrong(
            f"the script added the vhost {other}: the name is to be /vhost, with one slash. "
            f"Take it away again with: rabbitmqctl delete_vhost {other}"
        )
    if "no_such_vhost" in said.said or "does not exist" in said.said:
        raise Wrong(
            "the script gives rights in a vhost that is not there yet: in which order do its "
            f"lines stand? {said.last}",
            "Which comes first, the vhost or the rights in it?",
            "`set -e` ends the script at the first line that fails: read what that line said.",
            "First add_vhost, then set_permissions.",
        )
    raise Wrong(f"after `sh {SCRIPT}` the broker has no vhost /vhost. {said.last}")


@check.item(todo="b", file=SCRIPT, needs=(script_adds_the_vhost,))
def learner_has_the_rights(look: Look) -> None:
    found = after_the_script(look)
    text, said = look.read(SCRIPT), found["run"]
    if not found["rights"]:
        if re.search(r"\\[ \t]+$", text, re.M):
            raise Wrong(
                "a backslash joins two lines only if it is the last character of the first: "
                "here a space comes after it"
            )
        if re.search(rf"clear_permissions\b.*\b{USER}\b", text):
            raise Wrong(
                "the script takes the permissions away again: clear_permissions is for guest, if "
                "guest has any"
            )
        if "' not found" in said.said:
            raise Wrong(f"rabbitmqctl has no such command. {said.last}")
        if "set_permissions" not in text:
            raise Wrong(
                "the script never calls set_permissions: tags and topic permissions do not let a "
                "user into a vhost"
            )
        if variable := re.search(r"\s(\$\{?\w+\}?)", text):
            raise Wrong(
                f"learner has no permissions in /vhost. What does the shell put in place of "
                f"{variable[1]}? {said.last}"
            )
        if found["guest"]:
            raise Wrong(
                "the script gives the rights to guest, and learner has none: everyone knows "
                "guest's password. Take them away: rabbitmqctl clear_permissions -p /vhost guest"
            )
        if re.search(r"no_such_user,<?<?\W*\.\*|'\.\*' does not exist|user \W\.\*", said.said):
            raise Wrong(
                f"rabbitmqctl took an expression for the user: the user comes before them. "
                f"{said.last}"
            )
        if re.search(r"irtual host \S+ does not exist|no_such_vhost", said.said):
            raise Wrong(
                f"the rights are for a vhost that is not there: in which order do the lines "
                f"stand, and how is the vhost written? {said.last}"
            )
        if "no_such_user" in said.said or "does not exist" in said.said:
            raise Wrong(
                f"the script gives the rights to a user who is not there: yours is {USER}, letter "
                f"for letter. {said.last}"
            )
        if "yntax error" in said.said or "nterminated" in said.said:
            raise Wrong(f"the shell cannot read the script: is every quote closed? {said.last}")
        if "invalid_regexp" in said.said:
            raise Wrong(
                f"an expression is none: for everything it is a dot and a star, .* in quotes. "
                f"{said.last}"
            )
        if "not enough arguments" in said.said:
            raise Wrong(
                "rabbitmqctl wants more words: the vhost after -p, the user, and three "
                "expressions, for configure, write and read"
            )
        if not re.search(r"\s(-p|--vhost)\b", text):
            raise Wrong(
                "the script names no vhost for the rights: without -p they are rights in the "
                "vhost /. Take those away: rabbitmqctl clear_permissions -p / learner"
            )
        if said.code:
            raise Wrong(
                f"rabbitmqctl wants other words: the vhost after -p, the user, three expressions. "
                f"The shell reads .* as file names: put each into quotes. {said.last}"
            )
        raise Wrong("learner has no rights in /vhost: which vhost stands after -p?")
    if found["tried"]:
        shown = " ".join(f'"{found["rights"][key]}"' for key in RIGHTS)
        right = next((key for key in RIGHTS if f"({key})" in found["tried"]), "")
        name = re.search(r"access to \w+ '([^']*)'", found["tried"])
        why = "an empty one lets nothing through"
        if right and name and found["rights"][right]:
            why = (
                f'"{found["rights"][right]}", for {right}, does not match the name {name[1]}: '
                "everything is a dot and a star"
            )
        if curly := re.search("[“”„‘’]", shown):
            why = f'the quotes are typographic, {curly[0]}: the shell knows only straight ones, "'
        raise Wrong(
            f"{found['tried']}\nthe three expressions, for configure, write and read, are {shown}: "
            f"{why}"
        )


@check.item(todo="b", file=SCRIPT, needs=(script_adds_the_vhost, learner_has_the_rights))
def guest_has_none(look: Look) -> None:
    found = after_the_script(look)
    if found["guest"]:
        raise Wrong(
            "guest has permissions in /vhost: everyone knows guest's password. "
            f"Take the line out of {SCRIPT}, then: rabbitmqctl clear_permissions -p /vhost guest"
        )
    if found["run"].code:
        raise Wrong(f"the script ended with {found['run'].code}. {found['run'].last}")
