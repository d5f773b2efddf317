"""Run the tests of a project or of a copy, for a lesson that compares the runs."""

from workshop.machine.warm import Warm
from workshop.project import tests
from workshop.project.project import Project


def run_tests(project: Project, *files: str) -> str:
    """Run these tests with pytest, or all: the counts, then each failed test with its error."""
    with Warm() as warm:
        found = tests.run(project.path, files, env=project.env, warm=warm)
    red = (*found.failed, *found.broken)
    counts = f"{len(found.passed)} passed, {len(red)} failed"
    return "\n".join([counts, *(f"  {name}\n    {error}" for name, error in red)])
