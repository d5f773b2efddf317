"""The learner's project is one that Django itself finds nothing wrong with."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from workshop import places
from workshop.desk import stages
from workshop.project.manage import manage

WITH_TESTS = [
    stage.name
    for stage in stages.all_stages()
    if "sums/tests.py" in stages.content(stage, solved=True)
]
DEPLOYED = stages.numbered()[-1].name


@pytest.mark.parametrize("name", WITH_TESTS)
def test_its_own_tests_pass_and_its_migrations_are_made(name, solved):
    path = solved(name).path
    done(path, {}, "test")
    done(path, {}, "makemigrations", "--check", "--dry-run")


@pytest.mark.parametrize("https", ["0", "1"])
def test_the_deployed_settings_have_no_warning(https, solved):
    path, there = deployed(solved)
    done(path, {**there, "HTTPS": https}, "check", "--deploy", "--fail-level", "WARNING")


def test_the_deployed_settings_lead_to_the_stacks_broker_alone(solved):
    path, there = deployed(solved)
    ask = "from celery import current_app as app\n"
    ask += "print(*[f().hostname for f in (app.connection_for_read, app.connection_for_write)])"
    there["BROKER_URLS"] = "amqp://elsewhere"
    assert done(path, there, "shell", "-v0", "-c", ask).split() == ["rabbitmq", "rabbitmq"]


def test_the_stack_runs_the_last_procfile_with_its_policy(solved):
    path = solved(DEPLOYED).path
    compose = (places.CHECKOUT / "docker-compose.yml").read_text()
    for name, command in re.findall(r"^(\w+): (.+)$", (path / "Procfile").read_text(), re.M):
        service = re.search(rf"^  {name}:.*?^    command: (.+?)$", compose, re.M | re.S)
        assert service, f"the stack has no {name}"
        if name != "web":  # gunicorn in place of runserver
            assert service[1].startswith(command), f"{name}: {service[1]}"

    script = (path / "policy.sh").read_text().replace("\\\n", "")
    words = shlex.split(script[script.index("set_policy") :])
    _, _, vhost, _, apply_to, name, pattern, definition = words
    definitions = json.loads((places.CHECKOUT / "docker" / "definitions.json").read_text())
    [policy] = definitions["policies"]
    assert policy == {
        "vhost": vhost,
        "name": name,
        "pattern": pattern,
        "apply-to": apply_to,
        "definition": json.loads(definition),
    }


def deployed(solved) -> tuple[Path, dict[str, str]]:
    """The last stage's project as in the image of the stack, and its variables."""
    path = solved(DEPLOYED).path
    shutil.copy(places.CHECKOUT / "docker" / "deployed.py", path / "celery_testing")
    return path, {
        "DJANGO_SETTINGS_MODULE": "celery_testing.deployed",
        "DJANGO_SECRET_KEY": example()["DJANGO_SECRET_KEY"],
    }


def done(path: Path, env: dict[str, str], *words: str) -> str:
    ran = manage(path, env, *words)
    assert ran.returncode == 0, ran.stdout
    return ran.stdout


def example() -> dict[str, str]:
    """What `.env.example` proposes."""
    lines = (places.CHECKOUT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
