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

# Django's own port, and Flower's
FIRST_PORTS = {"web": 8000, "monitor": 5555}
SCRIPT = re.compile(r".*\.sh")  # what sets the broker up, unlike what the learner tries on it


def own_ports(broker: Broker) -> dict[str, int]:
    """The ports of this checkout's servers: the same each time, unless another program has one."""
    published, ports = published_ports(), {use: broker.kept.get(use) for use in FIRST_PORTS}
    good = {
        use: port
        for use, port in ports.items()
        if port and published.get(use, port) == port and (not is_taken(port) or _ours(port))
    }
    if len(good) == len(ports):
        return good
    found = claim(places.home(), FIRST_PORTS, good, keep=good)
    broker.keep(**found)
    return found


def _ours(port: int) -> bool:
    """Whether something that this checkout started listens there."""
    return any(found.listens(port) for found in cards.running())


def enter(broker: Broker) -> None:
    """Make this process, and all that it starts, find this checkout's commands."""
    path = os.environ.get("PATH", "").split(os.pathsep)
    ours = [str(broker.bin), str(places.VENV_BIN)]
    os.environ["PATH"] = os.pathsep.join(ours + [part for part in path if part not in ours])
    port = broker.kept["ports"]["management"]
    os.environ["MANAGEMENT_URL"] = f"http://guest:guest@127.0.0.1:{port}"
    for name, use in (("PORT", "web"), ("MONITOR_PORT", "monitor")):
        if os.environ.get(name) != str(broker.kept.get(use)):  # a PORT from the shell is not ours
            set_ports(broker)


def set_ports(broker: Broker) -> None:
    """Set $PORT and $MONITOR_PORT, and the paths at which Jupyter serves those two ports."""
    ports = own_ports(broker)
    os.environ["PORT"] = str(ports["web"])
    os.environ["MONITOR_PORT"] = str(ports["monitor"])
    os.environ["MONITOR_PATH"] = f"{os.environ.get('JUPYTERHUB_SERVICE_PREFIX', '/')}flower"
    if path := proxied_at(ports["web"]):
        os.environ["PROXIED_AT"] = path
        os.environ["WEB_HOSTS"] = "*"  # the hub's name varies; its proxy admits only this user


def replay(stage: Stage, broker: Broker) -> list[str]:
    """Run the broker scripts of the earlier stages whose work is missing; return their names.

    They are the solutions themselves: a late joiner starts where everyone else is.
    """
    is_there = {
        "login": login.can_log_in,
        "vhost": login.may_use,
        "policy": lambda broker: has_policy(broker, "sums"),
        "policy of quick": lambda broker: has_policy(broker, "quick"),
    }
    ran = []
    for earlier in before(stage):
        if earlier.provides and not is_there[earlier.provides](broker):
            for name in filter(SCRIPT.fullmatch, earlier.todo):
                run_script(earlier, name, broker)
                ran.append(f"{earlier.name}/{name}")
    return ran


def has_policy(broker: Broker, queue: str) -> bool:
    """Whether a queue of this name has a policy in the learner's vhost."""
    return any(re.search(policy["pattern"], queue) for policy in broker.policies(login.VHOST))


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
