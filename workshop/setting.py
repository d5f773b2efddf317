"""What a stage stands on: the broker, its user and vhost, the ports, the environment."""

import os
import re
import subprocess
from urllib.parse import quote

import amqp
from kombu import Connection

from workshop import environment, places, process
from workshop.broker import Broker
from workshop.errors import CourseError
from workshop.patience import by_clock, run_through
from workshop.ports import claim, is_taken, proxied_at, told
from workshop.stages import Stage, all_stages

WEB_PORT = 8000  # Django's own
USER, PASSWORD, VHOST = "learner", "sesame", "/vhost"
SCRIPT = re.compile(r".*\.sh")  # what sets the broker up, beside what the learner tries on it


def url(broker: Broker, vhost: str = VHOST) -> str:
    """The learner's address on this checkout's broker, as the guide writes it."""
    return f"amqp://{USER}:{PASSWORD}@localhost:{broker.port}/{vhost}"


def web_port(broker: Broker) -> int:
    """The port of this checkout's web server: kept, unless another program holds it."""
    kept = broker.kept.get("web")
    moved = told().get("web", kept) != kept
    if kept is None or moved or (is_taken(kept) and not _ours(kept)):
        kept = claim(places.home(), {"web": WEB_PORT}, {})["web"]
        broker.keep(web=kept)
    return kept


def _ours(port: int) -> bool:
    """Whether something that this checkout started listens there."""
    return any(found.listens(port) for found in process.running())


def enter(broker: Broker) -> None:
    """Make this process, and all that it starts, find this checkout's commands."""
    path = os.environ.get("PATH", "").split(os.pathsep)
    ours = [str(broker.bin), str(places.VENV_BIN)]
    os.environ["PATH"] = os.pathsep.join(ours + [part for part in path if part not in ours])
    if os.environ.get("PORT") != str(broker.kept.get("web")):  # a PORT of the shell's is not ours
        keep_web_port(broker)


def keep_web_port(broker: Broker) -> None:
    """Let $PORT be the port of this checkout's web server, as it is now, and say so to Django."""
    port = web_port(broker)
    os.environ["PORT"] = str(port)
    if path := proxied_at(port):
        os.environ["PROXIED_AT"] = path
        os.environ["WEB_HOSTS"] = "*"  # the hub's name, whatever it is: its proxy lets one user in


def replay(stage: Stage, broker: Broker) -> list[str]:
    """Run the broker scripts of the earlier stages whose work is not there; their names.

    They are the solutions themselves: a late joiner stands where everyone stands.
    """
    missing = {"01_broker": lambda: not can_log_in(broker), "02_vhost": lambda: not may_use(broker)}
    ran = []
    for earlier in all_stages():
        if earlier == stage:
            break
        if missing.get(earlier.name, lambda: False)():
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


def can_log_in(broker: Broker, user: str = USER, password: str = PASSWORD) -> bool:
    """Whether the broker lets this user in with this password, tried over AMQP."""
    address = f"amqp://{quote(user)}:{quote(password)}@127.0.0.1:{broker.port}//"
    try:
        with Connection(address, connect_timeout=by_clock(5)) as connection:
            connection.connect()
    except amqp.AccessRefused:
        return False
    except amqp.NotAllowed:  # known, but with nothing to do in the vhost /
        return True
    return True


def may_use(broker: Broker) -> bool:
    """Whether the learner's user has the whole of the learner's vhost."""
    found = broker.facts("permissions", VHOST, USER) or {}
    return {found.get(right) for right in ("configure", "write", "read")} == {".*"}


def connect(broker: Broker, vhost: str = VHOST) -> Connection:
    """A kombu connection as the learner's user."""
    return Connection(url(broker, vhost), connect_timeout=by_clock(5))
