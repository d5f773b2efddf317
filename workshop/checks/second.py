"""The project on a second broker, which may be killed."""

from workshop.broker import login
from workshop.broker.spare import SecondBroker, second_broker
from workshop.checks.look import Look
from workshop.machine.process import Running
from workshop.project.web import Web

NAME = "second broker"


def start(look: Look) -> None:
    """Begin to start the second broker, in the background."""
    look.ahead(NAME, lambda: look.enter(second_broker()))


def broker(look: Look) -> SecondBroker:
    """The second broker, running until the look is over."""
    start(look)
    return look.once(NAME, lambda: None)


def _there(look: Look) -> dict[str, str]:
    """The environment for what runs on it."""
    return {"BROKER_URL": login.url(broker(look), broker(look).vhost)}


def worker(look: Look, name: str) -> Running:
    """A new worker of the project on the second broker, with the poison task."""
    tasks = "workshop.project.tasks"
    return look.start_worker(name=name, concurrency=2, include=tasks, env=_there(look))


def web(look: Look) -> Web:
    """The web server of the project there."""
    look.migrate()
    return look.once("web on second", lambda: look.serve(_there(look)))
