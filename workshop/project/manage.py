"""`python manage.py …`, to its end."""

import subprocess
from pathlib import Path

from workshop.errors import CourseError
from workshop.machine import environment, warm


def manage(project: Path, env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of Django's in a project; its output is in `stdout`.

    `env` is laid over `environment.clean()`.
    """
    return subprocess.run(
        [*warm.python(), "manage.py", *words],
        cwd=project,
        env=environment.clean(**env),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def migrate(project: Path, env: dict[str, str]) -> None:
    """Make the project's tables. Raises CourseError with Django's last words."""
    done = manage(project, env, "migrate", "--verbosity", "0")
    if done.returncode:
        raise CourseError(f"manage.py migrate: {done.stdout.strip()[-300:]}", "workshop check")
