"""Where RabbitMQ's own scripts are on this machine. Importing this needs no other module."""

import glob
import os
import shutil

SCRIPTS = ("rabbitmq-server", "rabbitmqctl", "rabbitmq-diagnostics", "rabbitmq-plugins")

# Debian's wrappers in /usr/sbin refuse an ordinary user: the scripts they wrap do not.
PLACES = (
    "/usr/lib/rabbitmq/bin",
    "/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin",
    "/opt/homebrew/opt/rabbitmq/sbin",
    "/usr/local/opt/rabbitmq/sbin",
    "/home/linuxbrew/.linuxbrew/opt/rabbitmq/sbin",
)


def find_sbin():
    """The folder that holds rabbitmq-server and rabbitmqctl, or None.

    `RABBITMQ_HOME` (a generic-unix folder) comes first, then the places where
    Debian, Ubuntu and Homebrew put them, then PATH.
    """
    places = []
    if os.environ.get("RABBITMQ_HOME"):
        places.append(os.path.join(os.environ["RABBITMQ_HOME"], "sbin"))
    for pattern in PLACES:
        places.extend(sorted(glob.glob(pattern), reverse=True))
    on_path = shutil.which("rabbitmq-server")
    if on_path and not on_path.startswith("/usr/sbin"):
        places.append(os.path.dirname(os.path.realpath(on_path)))
    for place in places:
        if all(os.access(os.path.join(place, name), os.X_OK) for name in SCRIPTS):
            return place
    return None
