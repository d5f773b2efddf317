"""RabbitMQ's management page and Flower inside Jupyter, for jupyter-server-proxy.

They open at Jupyter's own address, under /management/ and /flower/, also on a hub, and from Lab's
launcher. There is one exception: the page of a single queue does not open if its vhost's name has a
slash, because the proxy decodes the %2F in the address (jupyter-server-proxy 4.6.0).
"""

from pathlib import Path

from workshop.broker.node import Broker
from workshop.desk.prepare import own_ports

TITLE = "RabbitMQ"
ICON = Path(__file__).with_name("queue.svg")


def management() -> dict:
    """The configuration for jupyter-server-proxy, which starts nothing and only forwards a port."""
    return {
        "command": [],
        "port": Broker().kept["ports"]["management"],
        "rewrite_response": keep_nothing,
        "launcher_entry": {"title": TITLE, "icon_path": str(ICON)},
        "new_browser_tab": False,
    }


def flower() -> dict:
    """The same for Flower, which expects the full path, because flowerconfig.py sets its prefix."""
    return {
        "command": [],
        "port": own_ports(Broker())["monitor"],
        "absolute_url": True,
        "launcher_entry": {"title": "Flower", "icon_path": str(ICON.with_name("flower.svg"))},
        "new_browser_tab": False,
    }


def keep_nothing(response) -> None:
    """Keep browsers from asking whether their cached copy is still good.

    Tornado adds an ETag to each answer. RabbitMQ 3.10.8 answers 412 to a request with an ETag that
    it did not issue, and its page stops working.
    """
    response.headers["Cache-Control"] = "no-store"
