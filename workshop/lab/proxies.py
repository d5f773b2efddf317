"""RabbitMQ's management page and Flower inside Jupyter, for jupyter-server-proxy.

They open at Jupyter's own address, under /management/ and /flower/, on a hub, too, and from Lab's
launcher. One thing does not open there: the page of a single queue in a vhost whose name has a
slash, because the proxy decodes the %2F in its address (jupyter-server-proxy 4.6.0).
"""

from pathlib import Path

from workshop.broker.node import Broker
from workshop.desk.prepare import own_ports

TITLE = "RabbitMQ"
ICON = Path(__file__).with_name("queue.svg")


def management() -> dict:
    """The configuration for jupyter-server-proxy: it starts nothing and forwards a port."""
    return {
        "command": [],
        "port": Broker().kept["ports"]["management"],
        "rewrite_response": keep_nothing,
        "launcher_entry": {"title": TITLE, "icon_path": str(ICON)},
        "new_browser_tab": False,
    }


def flower() -> dict:
    """The same for Flower, which is told its path (flowerconfig.py) and so gets it unchanged."""
    return {
        "command": [],
        "port": own_ports(Broker())["monitor"],
        "absolute_url": True,
        "launcher_entry": {"title": "Flower", "icon_path": str(ICON.with_name("flower.svg"))},
        "new_browser_tab": False,
    }


def keep_nothing(response) -> None:
    """Keep browsers from asking whether their cached copy is still good.

    Tornado marks each answer with an Etag; RabbitMQ 3.10.8 answers 412 if it is asked for one
    that is not its own, and its page stops working.
    """
    response.headers["Cache-Control"] = "no-store"
