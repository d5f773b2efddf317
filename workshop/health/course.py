"""What the course has left on the broker and in the desk."""

from workshop.broker import login
from workshop.broker.node import Broker
from workshop.desk import progress, stages
from workshop.health.broker import without_broker
from workshop.health.finding import Finding
from workshop.machine import cards


def rights() -> Finding:
    """The user, vhost and permissions that the last stage begun depends on."""
    stage, broker = progress.last_begun(), Broker()
    given = [one.provides for one in stages.before(stage)] if stage else []
    if stage is None or "login" not in given:
        return Finding("rights", "nothing is needed yet")
    if not broker.is_ready():
        return without_broker("rights")
    missing = ""
    if not login.can_log_in(broker):
        missing = f"{login.USER} cannot log in with the password of stage 01"
    elif "vhost" in given and broker.facts("vhosts", login.VHOST) is None:
        missing = f"there is no vhost {login.VHOST}"
    elif "vhost" in given and not login.may_use(broker):
        missing = f"{login.USER} does not have all permissions in {login.VHOST}"
    if missing:
        return Finding(
            "rights",
            missing,
            f"Stage {stage.number} needs it.",
            f"workshop begin {stage.number}",
        )
    return Finding("rights", f"as stage {stage.number} needs them")


def leftovers() -> Finding:
    """Commands whose notebook or terminal has gone."""
    left = [one for one in cards.running() if not one.owner_lives]
    if left:
        whose = "; ".join(f"{one.command} (pid {one.guard.pid})" for one in left)
        return Finding(
            "leftovers",
            f"still running, although their notebook is closed: {whose}",
            "They hold ports and take messages.",
            "make stop",
        )
    return Finding("leftovers", "none")
