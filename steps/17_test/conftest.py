"""Fixtures for tests with a real worker: a vhost, a worker, and a database for worker and tests.

A test that uses `worker` needs `@pytest.mark.django_db(transaction=True)`, because the worker sees
only what is committed.
"""

import os
import subprocess
import uuid
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest
from celery import current_app
from django.db import connection

MANAGEMENT = os.environ.get("MANAGEMENT_URL", "http://guest:guest@localhost:15672")
EVERYTHING = {"configure": ".*", "write": ".*", "read": ".*"}


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory):
    """With SQLite, use a file: no other process would see a database in memory."""
    if connection.vendor == "sqlite":
        file = tmp_path_factory.mktemp("database") / "test.sqlite3"
        connection.settings_dict["TEST"]["NAME"] = str(file)


@pytest.fixture(scope="session")
def vhost():
    """The address of a vhost that exists only for this run, so that no other worker is in it."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    broker = urlsplit(current_app.conf.broker_url)
    with httpx.Client(base_url=f"{MANAGEMENT}/api") as api:
        api.put(f"/vhosts/{name}").raise_for_status()
        permissions = f"/permissions/{name}/{broker.username}"
        api.put(permissions, json=EVERYTHING).raise_for_status()
        yield broker._replace(path=f"/{name}").geturl()
        api.delete(f"/vhosts/{name}")


@pytest.fixture(scope="session")
def worker(vhost, django_db_setup, tmp_path_factory):
    """A worker for all queues. Senders in the tests use its vhost, too."""
    current_app.conf.update(broker_url=vhost, broker_read_url=vhost, broker_write_url=vhost)
    server = urlsplit(os.environ.get("DATABASE_URL", "sqlite:"))
    database = f"{server.scheme}://{server.netloc}/{connection.settings_dict['NAME']}"
    env = {**os.environ, "BROKER_URL": vhost, "BROKER_URLS": vhost, "DATABASE_URL": database}
    log = tmp_path_factory.mktemp("worker") / "worker.log"
    command = ["celery", "-A", "celery_testing", "worker", "--loglevel=info", "--concurrency=2"]
    with log.open("w") as file:
        process = subprocess.Popen(command, env=env, stdout=file, stderr=file)
    try:
        while not current_app.control.ping(timeout=0.5):
            assert process.poll() is None, log.read_text()
        yield log
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def elsewhere():
    """A function that calls another one on a new connection, which sees only what is committed."""

    def call(function):
        def work():
            try:
                return function()
            finally:
                connection.close()

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(work).result()

    return call
