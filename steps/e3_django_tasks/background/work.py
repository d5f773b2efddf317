"""Django tasks: nothing here depends on Celery."""

from django_tasks import task


@task
def count(x: int, y: int) -> int:
    """The guide's sum."""
    num = 0
    for _ in range(x):
        for _ in range(y):
            num += 1
    return num


@task
def divide(x: int, y: int) -> float:
    """Fail if y is 0."""
    return x / y


@task
async def greet(name: str) -> str:
    """A coroutine function, which a Celery task cannot be."""
    return f"Hello, {name}"
