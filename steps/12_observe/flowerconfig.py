"""Settings that `celery flower` reads from the folder in which it is started."""

import os

address = "127.0.0.1"  # other machines cannot reach it
port = int(os.environ.get("MONITOR_PORT", "5555"))
url_prefix = os.environ.get("MONITOR_PATH", "/flower").strip("/")  # where Jupyter's proxy serves it
basic_auth = ["learner:sesame"]
