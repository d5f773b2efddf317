"""Stage 02: the vhost, and the user's three rights in it."""

import uuid

from amqp import exceptions as amqp
from kombu import Queue

from workshop import setting
from workshop.checks import Check
from workshop.checks.look import Look, Wrong, run_script
from workshop.setting import USER, VHOST

check = Check()
SCRIPT = "vhost.sh"
NOTHING = {"configure": "", "write": "", "read": ""}


def after_the_script(look: Look) -> dict:
    """What vhost.sh does to a broker on which learner has no right in the vhost."""

    def run() -> dict:
        if look.is_untouched(SCRIPT):
            raise Wrong("the script does nothing yet")
        existed = look.broker.facts("vhosts", VHOST) is not None
        rights = look.broker.facts("permissions", VHOST, USER) if existed else None
        busy = any(c["vhost"] == VHOST for c in look.broker.facts("connections"))
        if existed and not busy and not look.broker.queues(VHOST):
            look.broker.remove("vhosts", VHOST)  # so that the script itself must add it
        elif rights:
            look.broker.remove("permissions", VHOST, USER)
        done = run_script(look, SCRIPT)
        found = {
            "run": done,
            "vhosts": [vhost["name"] for vhost in look.broker.facts("vhosts")],
            "rights": look.broker.facts("permissions", VHOST, USER),
            "guest": look.broker.facts("permissions", VHOST, "guest"),
            "tried": try_rights(look),
        }
        if existed and rights and not (VHOST in found["vhosts"] and found["rights"]):
            setting.run_script(look.stage, SCRIPT, look.broker)  # as it was before the look
        return found

    return look.once("script", run)


def try_rights(look: Look) -> str:
    """Declare, publish and read as learner, for real: the first that is refused, or nothing."""
    queue = Queue(f"check-{uuid.uuid4().hex[:8]}", auto_delete=True)
    doing = "enter the vhost"
    try:
        with setting.connect(look.broker) as connection, connection.channel() as channel:
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


@check.item("vhost.sh adds the vhost /vhost", todo="a", file=SCRIPT)
def script_adds_the_vhost(look: Look) -> None:
    found = after_the_script(look)
    if VHOST not in found["vhosts"]:
        raise Wrong(
            f"after `sh {SCRIPT}` the broker has these vhosts: {' '.join(found['vhosts'])}. "
            f"{found['run'].last}\nthe guide's vhost begins with a slash, and with one only"
        )


@check.item(
    "learner may declare, publish and read there",
    todo="b",
    file=SCRIPT,
    needs=("vhost.sh adds the vhost /vhost",),
)
def learner_has_the_rights(look: Look) -> None:
    found = after_the_script(look)
    if not found["rights"]:
        if "Usage" in found["run"].said:
            raise Wrong("rabbitmqctl wants other words. The shell reads .* as file names: quote it")
        raise Wrong(
            f"learner has no permissions in /vhost. In which vhost does the script give them? "
            f"It is named after -p. {found['run'].last}"
        )
    if found["tried"]:
        rights = found["rights"]
        shown = " ".join(f'"{rights[key]}"' for key in NOTHING)
        raise Wrong(
            f"{found['tried']}\nthe three expressions, for configure, write and read, are {shown}: "
            "an empty one lets nothing through"
        )


@check.item(
    "vhost.sh ends well, and gives guest nothing there",
    todo="b",
    file=SCRIPT,
    needs=("vhost.sh adds the vhost /vhost",),
)
def guest_has_none(look: Look) -> None:
    found = after_the_script(look)
    if found["guest"]:
        raise Wrong(
            "guest has permissions in /vhost: everyone knows guest's password. "
            f"Take the line out of {SCRIPT}, then: rabbitmqctl clear_permissions -p /vhost guest"
        )
    if found["run"].code:
        raise Wrong(f"the script ended with {found['run'].code}. {found['run'].last}")
