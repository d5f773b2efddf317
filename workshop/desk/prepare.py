"""What a stage needs: the earlier stages' work on the broker, the ports, the commands."""

import os
import re
import subprocess

from workshop import places
from workshop.broker import login
from workshop.broker.node import Broker
from workshop.desk.stages import Stage, before
from workshop.errors import CourseError
from workshop.machine import cards, environment
from workshop.machine.patience import run_through
from workshop.machine.ports import claim, is_taken, proxied_at, published_ports

WEB_PORT = 8000  # Django's own
SCRIPT = re.compile(r".*\.sh")  # what sets the broker up, unlike what the learner tries on it


def web_port(broker: Broker) -> int:
    """The port of this checkout's web server: kept, unless another program holds it."""
    kept = broker.kept.get("web")
    moved = published_ports().get("web", kept) != kept
    if kept is None or moved or (is_taken(kept) and not _ours(kept)):
        kept = claim(places.home(), {"web": WEB_PORT}, {})["web"]
        broker.keep(web=kept)
    return kept


def _ours(port: int) -> bool:
    """Whether something that this checkout started listens there."""
    return any(found.listens(port) for found in cards.running())


def enter(broker: Broker) -> None:
    """Make this process, and all that it starts, find this checkout's commands."""
    path = os.environ.get("PATH", "").split(os.pathsep)
    ours = [str(broker.bin), str(places.VENV_BIN)]
    os.environ["PATH"] = os.pathsep.join(ours + [part for part in path if part not in ours])
    if os.environ.get("PORT") != str(broker.kept.get("web")):  # a PORT from the shell is not ours
        keep_web_port(broker)


def keep_web_port(broker: Broker) -> None:
    """Set $PORT to the current port of this checkout's web server, and tell Django about it."""
    port = web_port(broker)
    os.environ["PORT"] = str(port)
    if path := proxied_at(port):
        os.environ["PROXIED_AT"] = path
        os.environ["WEB_HOSTS"] = "*"  # the hub's name, whatever it is: its proxy lets one user in


def replay(stage: Stage, broker: Broker) -> list[str]:
    """Run the broker scripts of the earlier stages whose work is missing; return their names.

    They are the solutions themselves: a late joiner starts where everyone else is.
    """
    is_there = {
        "login": login.can_log_in,
        "vhost": login.may_use,
        "policy": lambda broker: broker.policies(login.VHOST),
    }
    ran = []
    for earlier in before(stage):
        if earlier.provides and not is_there[earlier.provides](broker):
            for name in filter(SCRIPT.fullmatch, earlier.todo):
                run_script(earlier, name, broker)
                ran.append(f"{earlier.name}/{name}")
    return ran


def run_script(stage: Stage, name: str, broker: Broker) -> None:
    """Run a solution's script against this checkout's node."""
    done = run_through(
        ["sh", str(stage.solution / name)],
        limit=60,  # each rabbitmqctl in it takes half a second
        env=environment.clean(PATH=f"{broker.bin}{os.pathsep}{os.environ['PATH']}"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        raise CourseError(f"{stage.name}/{name} failed: {done.stderr.strip()}", "make doctor")
