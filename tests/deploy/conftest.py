"""The newest stage's project as the image contains it, and its settings."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from workshop import places

ASK = """
import json
import django
django.setup()
from celery_testing.celery import app
from django.conf import settings
print(json.dumps({
    "read": app.conf.broker_url, "write": app.conf.broker_write_url,
    "limit": app.conf.task_time_limit, "key": settings.SECRET_KEY,
    "database": settings.DATABASES["default"],
}))
"""


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deployed") / "project"
    command = [sys.executable, "-m", "tools.lay_out", str(folder)]
    subprocess.run(command, cwd=places.CHECKOUT, check=True, capture_output=True)
    shutil.copy(places.CHECKOUT / "docker" / "deployed.py", folder / "celery_testing")
    return folder


@pytest.fixture(scope="session")
def settings(project):
    """A function that gives the deployed project's settings, with some variables set."""

    def ask(**variables: str) -> dict:
        env = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "celery_testing.deployed"}
        done = subprocess.run(
            [sys.executable, "-c", ASK],
            cwd=project,
            env=env | variables,
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)

    return ask
