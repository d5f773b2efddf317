"""Failures made on purpose, and what a lesson needs to see them. It knows nothing of checks."""

from workshop import lazily

HOMES = {
    "Service": "workshop.drills.failures",
    "Stopwatch": "workshop.machine.patience",
    "away": "workshop.project.clock",
    "browser": "workshop.project.browser",
    "url": "workshop.broker.login",
    "wait_until": "workshop.machine.patience",
    "connect": "workshop.drills.failures",
    "flaky_service": "workshop.drills.failures",
    "in_a_transaction": "workshop.drills.failures",
    "jobs": "workshop.project.log",
    "length": "workshop.project.tasks",
    "much": "workshop.project.tasks",
    "poison": "workshop.drills.failures",
    "publish_to_a_full_queue": "workshop.drills.failures",
    "publish_until_killed": "workshop.drills.failures",
    "run_twice": "workshop.drills.failures",
    "send": "workshop.drills.failures",
    "send_task": "workshop.drills.failures",
    "taken": "workshop.broker.versions",
    "tell": "workshop.drills.failures",
}
__all__ = list(HOMES)
__getattr__ = lazily(HOMES)
