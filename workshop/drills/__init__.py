"""Failures made on purpose, and what a lesson needs to see them. It knows nothing of checks."""

from workshop import face

__all__, __getattr__ = face(
    {
        "workshop.broker.login": ["url"],
        "workshop.broker.versions": ["taken"],
        "workshop.drills.failures": [
            "connect",
            "impatient",
            "in_a_transaction",
            "poison",
            "publish_to_a_full_queue",
            "publish_until_killed",
            "run_twice",
            "send",
            "send_task",
            "tell",
        ],
        "workshop.machine.patience": ["Stopwatch", "wait_until"],
        "workshop.project.browser": ["admin", "browser", "title"],
        "workshop.project.clock": ["away", "sends"],
        "workshop.project.follow": ["follow"],
        "workshop.project.log": ["jobs"],
        "workshop.project.service": ["Service", "flaky_service"],
        "workshop.project.tasks": ["add", "length", "much"],
    }
)
