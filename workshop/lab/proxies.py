"""A door in Jupyter itself, for jupyter-server-proxy: RabbitMQ's management under /management/.

It opens at Jupyter's own address, on a hub, too, and from Lab's launcher. One thing does not
open there: the page of a single queue in a vhost whose name has a slash, for the proxy
decodes the %2F of its address (jupyter-server-proxy 4.6.0).
"""

from pathlib import Path

from workshop.broker.node import Broker

TITLE = "RabbitMQ"
ICON = Path(__file__).with_name("queue.svg")


def management() -> dict:
    """What jupyter-server-proxy wants to know: nothing is started, a port is handed on."""
    return {
        "command": [],
        "port": Broker().kept["ports"]["management"],
        "rewrite_response": keep_nothing,
        "launcher_entry": {"title": TITLE, "icon_path": str(ICON)},
        "new_browser_tab": False,
    }


def keep_nothing(response) -> None:
    """Let no browser ask whether what it has is still good.

    Tornado marks each answer with an Etag; RabbitMQ 3.10.8, asked for one that it did not
    give, answers 412, and its page stops.
    """
    response.headers["Cache-Control"] = "no-store"
