"""Failures made on purpose, and what a lesson needs to see them. It knows nothing of checks."""

from workshop import lazy_exports

__all__, __getattr__ = lazy_exports(
    {
        "workshop.broker.login": ["url"],
        "workshop.broker.versions": ["tasks_taken"],
        "workshop.drills.cluster": [
            "kill_the_leader",
            "new_queue",
            "send_in_a_minority",
            "work_while_a_node_dies",
        ],
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
            "stuck",
            "suspended",
            "tell",
        ],
        "workshop.drills.hostile": ["crashed_workers", "send_raw"],
        "workshop.drills.outbox": ["place_orders", "relay"],
        "workshop.drills.releases": ["reloaded", "restarted", "stopped", "sums_done"],
        "workshop.drills.testing": ["run_tests"],
        "workshop.drills.thumbnails": ["make_thumbnails", "press"],
        "workshop.drills.waiting": [
            "arrives_in",
            "done_before_b",
            "done_meanwhile",
            "mib_of",
            "order_of",
            "receipts_at_once",
            "requests_per_second",
            "leaked",
            "count_eight_sums",
        ],
        "workshop.machine.patience": ["Stopwatch", "wait_until"],
        "workshop.project.browser": ["admin", "browser", "title"],
        "workshop.project.clock": ["rewind_last_run", "sends"],
        "workshop.project.faults": ["Fault", "fault", "faults"],
        "workshop.project.follow": ["follow"],
        "workshop.project.log": ["jobs"],
        "workshop.project.service": ["Service", "flaky_service"],
        "workshop.project.traces": ["traced"],
        "workshop.project.tasks": ["add", "length", "much"],
    }
)
