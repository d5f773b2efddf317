"""Stage 02: the vhost, and the user's three rights in it."""

import re
import uuid

from amqp import exceptions as amqp
from kombu import Queue

from workshop.broker import login
from workshop.broker.login import USER, VHOST
from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.checks.script import Ran, run_script
from workshop.desk import prepare

check = Check(__file__)
SCRIPT = "vhost.sh"
RIGHTS = ("configure", "write", "read")
OF_SCRIPT = (
    (r"(?m)\\[ \t]+$", "space_after_backslash"),
    (rf"clear_permissions\b.*\b{USER}\b", "rights_taken_away"),
)
# what rabbitmqctl and the shell say about set_permissions
OF_RABBITMQCTL = (
    (r"no_such_user,<?<?\W*\.\*|'\.\*' does not exist|user \W\.\*", "expression_for_user"),
    (r"irtual host \S+ does not exist|no_such_vhost", "rights_in_no_vhost"),
    ("no_such_user|does not exist", "rights_for_no_user"),
    ("yntax error|nterminated", "quote_not_closed"),
    ("invalid_regexp", "no_expression"),
    ("not enough arguments", "too_few_words"),
)


def after_the_script(look: Look) -> dict:
    """What vhost.sh does to a broker on which learner has no permissions in the vhost."""

    def run() -> dict:
        if look.is_untouched(SCRIPT):
            raise check.wrong("script_untouched")
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
            "refused": refused(look),
        }
        if existed and rights and not (VHOST in found["vhosts"] and found["rights"]):
            prepare.run_script(look.stage, SCRIPT, look.broker)  # restore the state from before
        return found

    return look.once("script", run)


def refused(look: Look) -> tuple[str, str] | None:
    """Declare, publish and read as learner, for real; return the first refusal, with its error."""
    queue = Queue(f"check-{uuid.uuid4().hex[:8]}", auto_delete=True)
    doing = "enter"
    try:
        with login.connect(look.broker) as connection, connection.channel() as channel:
            doing = "configure"
            bound = queue(channel)
            bound.declare()
            doing = "write"
            producer = connection.Producer(channel)
            producer.publish("hello", routing_key=queue.name)
            doing = "read"
            bound.get(no_ack=True)
            bound.delete()
    except (amqp.AMQPError, OSError) as error:
        return doing, str(error).strip()
    return None


@check.item(todo="a", file=SCRIPT)
def script_adds_the_vhost(look: Look) -> None:
    found = after_the_script(look)
    if VHOST in found["vhosts"]:
        return
    said = found["run"]
    if "delete_vhost" in look.read(SCRIPT):
        raise check.wrong("deletes_the_vhost", last=said.last)
    others = found["vhosts"] - found["before"] or {"vhost", "//vhost"} & found["vhosts"]
    if others:
        raise check.wrong("another_vhost", name=min(others))
    if "no_such_vhost" in said.said or "does not exist" in said.said:
        raise check.wrong("rights_before_the_vhost", last=said.last)
    raise check.wrong("no_vhost", last=said.last)


def expect_given(found: dict, text: str) -> None:
    """Raise Wrong unless the script gives the rights, with set_permissions, to learner."""
    said = found["run"]
    if wrong := check.first_wrong(OF_SCRIPT, text):
        raise wrong
    if "' not found" in said.said:
        raise check.wrong("no_such_command", last=said.last)
    if "set_permissions" not in text:
        raise check.wrong("no_set_permissions")
    if variable := re.search(r"\s(\$\{?\w+\}?)", text):
        raise check.wrong("variable", variable=variable[1], last=said.last)
    if found["guest"]:
        raise check.wrong("rights_for_guest")


def expect_understood(said: Ran, text: str) -> None:
    """Raise Wrong unless rabbitmqctl took the script's words, and for a vhost."""
    if wrong := check.first_wrong(OF_RABBITMQCTL, said.said, last=said.last):
        raise wrong
    if not re.search(r"\s(-p|--vhost)\b", text):
        raise check.wrong("no_vhost_named")
    if said.code:
        raise check.wrong("other_words", last=said.last)


def of_expressions(rights: dict[str, str], doing: str, error: str) -> str:
    """Why the three expressions do not let learner do something."""
    if curly := re.search("[“”„‘’]", " ".join(rights[key] for key in RIGHTS)):
        return check.says("typographic_quotes", quote=curly[0])
    name = re.search(r"access to \w+ '([^']*)'", error)
    if name and rights.get(doing):
        return check.says("no_match", expression=rights[doing], right=doing, name=name[1])
    return check.says("empty_expression")


@check.item(todo="b", file=SCRIPT, needs=(script_adds_the_vhost,))
def learner_has_the_rights(look: Look) -> None:
    found = after_the_script(look)
    rights = found["rights"]
    if not rights:
        text = look.read(SCRIPT)
        expect_given(found, text)
        expect_understood(found["run"], text)
        raise check.wrong("rights_elsewhere")
    if found["refused"]:
        doing, error = found["refused"]
        raise check.wrong(
            "refused",
            doing=check.says(doing),
            error=error,
            expressions=" ".join(f'"{rights[key]}"' for key in RIGHTS),
            why=of_expressions(rights, doing, error),
        )


@check.item(todo="b", file=SCRIPT, needs=(script_adds_the_vhost, learner_has_the_rights))
def guest_has_none(look: Look) -> None:
    found = after_the_script(look)
    if found["guest"]:
        raise check.wrong("guest_has_rights")
    if found["run"].code:
        raise check.wrong("script_failed", code=found["run"].code, last=found["run"].last)
