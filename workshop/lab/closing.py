"""`make stop`: end what this checkout started, and name what the learner started."""

from workshop.broker.node import Broker
from workshop.health import workers
from workshop.lab import jupyter
from workshop.machine import cards


def close_course() -> None:
    """End every process, JupyterLab and RabbitMQ of this checkout, and nothing else."""
    running = list(cards.running())
    cards.end_all()
    for found in running:
        print(f"✓ ended     {found.command}")
    for server in list(jupyter.servers()):
        jupyter.end(server)
        print("✓ ended     JupyterLab")
    if Broker().stop():
        print("✓ ended     RabbitMQ")
    left = workers.strays()
    for worker in left:
        print(f"· not ended: a worker that you started, pid {worker.pid}")
        print(f"  → kill {worker.pid}")
    if not left:
        print("nothing of this checkout is running")
