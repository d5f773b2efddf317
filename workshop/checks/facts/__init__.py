"""Facts about the learner's project. Each function runs inside it, in a separate process
(project/probe.py), and returns JSON. None needs any other part of the course."""

from workshop.checks.facts.common import libraries, migrate
from workshop.checks.facts.s03_worker import call, effort, send, workers_module
from workshop.checks.facts.s04_view import known_routes, routes, view
from workshop.checks.facts.s05_settings import (
    app_of_project,
    env_file,
    in_django,
    names_of_settings,
    setting_of_broker,
    setting_of_imports,
    worker_conf,
)
from workshop.checks.facts.s07_result import progress, results, submit
from workshop.checks.facts.s08_reliable import receipts_of_a_task_that_runs_twice, reliable
from workshop.checks.facts.s09_failure import retries_of_tell, send_poison
from workshop.checks.facts.s10_workflow import chord_of, cuts, send_a_bad_part
from workshop.checks.facts.s11_schedule import reports, schedule
from workshop.checks.facts.s12_observe import called_before_publish, carried, filtered
from workshop.checks.facts.s13_measure import age_of, canaries, send_canary, sent_back
from workshop.checks.facts.s14_route import routed, send_both
from workshop.checks.facts.s15_pool import memory_limit, send_leaks, send_receipts
from workshop.checks.facts.s16_cluster import addresses, send_sums
from workshop.checks.facts.s18_deploy import parts_of_message, sent_message, supervised
from workshop.checks.facts.s20_thumbnails import grids, killed, sent_pictures, thumbnails
from workshop.checks.facts.se1_outbox import (
    packed_twice,
    placed,
    relay_killed,
    relayed,
    row_lock,
    two_relays,
)
from workshop.checks.facts.se2_hostile import accepted, exported, hostile
from workshop.checks.facts.se3_django_tasks import backend_name, enqueued, outcomes
from workshop.checks.facts.se4_redis import reminded, transport_options

__all__ = [
    "accepted",
    "addresses",
    "age_of",
    "app_of_project",
    "backend_name",
    "call",
    "called_before_publish",
    "canaries",
    "carried",
    "chord_of",
    "cuts",
    "effort",
    "enqueued",
    "env_file",
    "exported",
    "filtered",
    "grids",
    "hostile",
    "in_django",
    "killed",
    "known_routes",
    "libraries",
    "memory_limit",
    "migrate",
    "names_of_settings",
    "outcomes",
    "packed_twice",
    "parts_of_message",
    "placed",
    "progress",
    "receipts_of_a_task_that_runs_twice",
    "relay_killed",
    "relayed",
    "reliable",
    "reminded",
    "reports",
    "results",
    "retries_of_tell",
    "routed",
    "routes",
    "row_lock",
    "schedule",
    "send",
    "send_a_bad_part",
    "send_both",
    "send_canary",
    "send_leaks",
    "send_poison",
    "send_receipts",
    "send_sums",
    "sent_back",
    "sent_message",
    "sent_pictures",
    "setting_of_broker",
    "setting_of_imports",
    "submit",
    "supervised",
    "thumbnails",
    "transport_options",
    "two_relays",
    "view",
    "worker_conf",
    "workers_module",
]
