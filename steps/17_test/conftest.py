"""Fixtures for tests with a real worker: a vhost, a worker, and a database for worker and tests.

The broker needs its management plugin; set MANAGEMENT_URL if that is not on localhost. The worker
gets its broker and its database through BROKER_URL, BROKER_URLS and DATABASE_URL, which the
settings must read.
"""

import os
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote, urlsplit

import httpx
import pytest
from celery import current_app
from django.db import connection

MANAGEMENT = os.environ.get("MANAGEMENT_URL", "http://guest:guest@localhost:15672")
EVERYTHING = {"configure": ".*", "write": ".*", "read": ".*"}
LIMIT = 60  # seconds, for the worker to start and to stop


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings, tmp_path_factory):
    """With SQLite, use a file: no other process would see a database in memory."""
    if connection.vendor == "sqlite":
        file = tmp_path_factory.mktemp("database") / "test.sqlite3"
        connection.settings_dict["TEST"]["NAME"] = str(file)


@pytest.fixture(scope="session", autouse=True)
def broker_url():
    """The address of a vhost for this run alone, so that no test sends to the project's."""
    broker = urlsplit(current_app.conf.broker_url)
    url = broker._replace(path=f"/test-{uuid.uuid4().hex[:8]}").geturl()
    current_app.conf.update(broker_url=url, broker_read_url=url, broker_write_url=url)
    return url


@pytest.fixture(scope="session")
def vhost(broker_url):
    """Create the vhost, and remove it after the last test."""
    broker = urlsplit(broker_url)
    permissions = f"/permissions{broker.path}/{broker.username or 'guest'}"
    with httpx.Client(base_url=f"{MANAGEMENT}/api", timeout=30) as api:
        api.put(f"/vhosts{broker.path}").raise_for_status()
        api.put(permissions, json=EVERYTHING).raise_for_status()
        yield broker_url
        api.delete(f"/vhosts{broker.path}").raise_for_status()


@pytest.fixture(scope="session")
def worker_process(vhost, django_db_setup, tmp_path_factory, pytestconfig):
    """A worker for all queues, in the vhost and with the test database; its value is the log."""
    server = urlsplit(os.environ.get("DATABASE_URL", "sqlite:"))
    name = quote(connection.settings_dict["NAME"])  # the test database, once it is set up
    database = f"{server.scheme}://{server.netloc}/{name}?{server.query}"
    env = {**os.environ, "BROKER_URL": vhost, "BROKER_URLS": vhost, "DATABASE_URL": database}
    command = [sys.executable, "-m", "celery", "-A", "celery_testing", "worker"]
    command += ["--loglevel=info", "--concurrency=2"]
    log = tmp_path_factory.mktemp("worker") / "worker.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            command, cwd=pytestconfig.rootpath, env=env, stdout=file, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + LIMIT
        while not current_app.control.ping(timeout=0.5):
            assert process.poll() is None, f"the worker ended:\n{log.read_text()}"
            assert time.monotonic() < deadline, f"the worker is not ready:\n{log.read_text()}"
        yield log
    finally:
        process.terminate()  # a warm shutdown, which waits for running tasks
        try:
            process.wait(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def worker(worker_process, transactional_db):
    """The worker, and a database in which the test commits: a worker sees only what is committed.

    Like `live_server`, it needs no mark.
    """
    return worker_process


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
