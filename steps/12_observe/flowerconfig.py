"""What `celery flower` reads at its start, in the folder in which it is started."""

import os

address = "127.0.0.1"  # nobody else's machine can reach it
port = int(os.environ.get("MONITOR_PORT", "5555"))
url_prefix = os.environ.get("MONITOR_PATH", "/flower").strip("/")  # so that a proxy can show it
basic_auth = ["learner:sesame"]
