"""The project on a second broker, which may be killed."""

from workshop.broker.spare import SecondBroker, second_broker
from workshop.checks.look import Look
from workshop.machine.process import Running
from workshop.project.sandbox import on
from workshop.project.web import Web


def start(look: Look) -> None:
    """Begin to start it, in the background."""
    look.ahead("second", lambda: look.enter(second_broker()))


def broker(look: Look) -> SecondBroker:
    """It, running until the look is over."""
    return look.once("second", lambda: look.enter(second_broker()))


def worker(look: Look, name: str) -> Running:
    """A new worker of the project there, with the task that kills."""
    env = on(broker(look))
    return look.start_worker(name=name, concurrency=2, include="workshop.project.tasks", env=env)


def web(look: Look) -> Web:
    """The web server of the project there."""
    look.migrate()
    return look.once("web on second", lambda: look.serve(on(broker(look))))
