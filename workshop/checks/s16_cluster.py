"""Stage 16: three brokers that are one, and senders and workers that survive the death of one."""

import re

from workshop.broker.cluster import NAMES, Cluster, cluster
from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.machine.process import Running
from workshop.project import probe

check = Check(__file__)
CONFIGURATION, SETTINGS = "rabbitmq.conf", "celery_testing/settings.py"
NODES = {f"{name}@localhost" for name in NAMES}
BACKEND = "cluster_formation.peer_discovery_backend"
NODE = re.compile(r"cluster_formation\.classic_config\.nodes\.\w+")
# the module's own name is right, too
CLASSIC = {"classic_config", "rabbit_peer_discovery_classic_config"}
URLS = [f"amqp://learner:sesame@localhost:{port}//vhost" for port in (5691, 5692, 5693)]
SUMS = 5  # before the death of a node, and again after it


def settings_of(look: Look) -> dict[str, str]:
    """The lines of rabbitmq.conf, {key: value}. Raises Wrong if RabbitMQ could not read one."""
    look.needs_file(CONFIGURATION)
    found: dict[str, str] = {}
    for line in look.read(CONFIGURATION).splitlines():
        words = line.split("#")[0].strip()
        if not words:
            continue
        key, equals, value = (part.strip() for part in words.partition("="))
        if not equals:
            raise check.wrong("no_equals_sign", line=words)
        if key in found:
            raise check.wrong("key_twice", key=key)
        if key.startswith("cluster_formation.") and key != BACKEND and not NODE.fullmatch(key):
            raise check.wrong("unknown_key", key=key)
        found[key] = value
    return found


@check.item(todo="a", file=CONFIGURATION)
def brokers_know_each_other(look: Look) -> None:
    found = settings_of(look)
    nodes = [value for key, value in found.items() if NODE.fullmatch(key)]
    if BACKEND not in found:
        raise check.wrong("no_backend" if nodes else "nothing_set")
    if found[BACKEND] not in CLASSIC:
        raise check.wrong("another_backend", value=found[BACKEND])
    if strange := [node for node in nodes if node not in NODES]:
        raise check.wrong("no_such_node", node=strange[0])
    if missing := sorted(NODES - set(nodes)):
        raise check.wrong("node_missing", missing=", ".join(missing))


@check.item(todo="b", file=SETTINGS)
def senders_know_every_broker(look: Look) -> None:
    look.needs_file(SETTINGS)
    own = look.environment["BROKER_URL"]
    several = look.ask("addresses", urls=";".join(URLS))
    one = look.ask("addresses", urls="")
    if one["write"] != [own]:
        raise check.wrong("without_the_variable", found=", ".join(one["write"]) or "nothing")
    if set(several["read"]) & set(URLS):
        raise check.wrong("workers_too")
    if several["write"] == [own]:
        raise check.wrong("one_address")
    if several["write"] != URLS:
        raise check.wrong("other_addresses", found=", ".join(several["write"]))


@check.item(
    todo="a",
    file=CONFIGURATION,
    needs=(brokers_know_each_other, senders_know_every_broker),
    is_drill=True,
)
def nothing_is_lost_with_a_broker(look: Look) -> str:
    look.migrate()
    configuration = (look.path / CONFIGURATION).read_text()
    brokers = look.once("cluster", lambda: look.enter(cluster(configuration)))
    worker = look.start_worker(concurrency=1, env=brokers.environment)
    send(look, brokers, worker, SUMS)
    leader = brokers.leader("sums")
    leader.kill()
    send(look, brokers, worker, 2 * SUMS)
    return check.says("all_done", node=leader.node, count=2 * SUMS)


def send(look: Look, brokers: Cluster, worker: Running, done: int) -> None:
    """Send SUMS sums; return when `done` have been finished in all."""
    asked = {"send_sums": {"count": SUMS}}
    probe.value(look.ask_all(asked, env=brokers.environment)["send_sums"])
    worker.wait_for(r"sum_number\[.*succeeded", count=done, limit=40)
