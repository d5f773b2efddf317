"""The project on a second broker, which may be killed."""

from workshop.broker import login
from workshop.broker.spare import SecondBroker, second_broker
from workshop.checks.look import Look
from workshop.machine.process import Running
from workshop.project.web import Web

NAME = "second broker"


def start(look: Look) -> None:
    """Begin to start it, in the background."""
    look.ahead(NAME, lambda: look.enter(second_broker()))


def broker(look: Look) -> SecondBroker:
    """It, running until the look is over."""
    start(look)
    return look.once(NAME, lambda: None)


def _there(look: Look) -> dict[str, str]:
    """The environment of what runs on it."""
    return {"BROKER_URL": login.url(broker(look), broker(look).vhost)}


def worker(look: Look, name: str) -> Running:
    """A new worker of the project there, with the task that kills."""
    tasks = "workshop.project.tasks"
    return look.start_worker(name=name, concurrency=2, include=tasks, env=_there(look))


def web(look: Look) -> Web:
    """The web server of the project there."""
    look.migrate()
    return look.once("web on second", lambda: look.serve(_there(look)))
