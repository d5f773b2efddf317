"""Stage 16: three brokers as one, and senders and workers that survive the death of a broker."""

import re
from difflib import get_close_matches

import psutil

from workshop.broker.cluster import NAMES, Cluster, cluster
from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.machine.patience import wait_until
from workshop.machine.process import Running
from workshop.project import probe

check = Check(__file__)
CONFIGURATION, SETTINGS = "rabbitmq.conf", "celery_testing/settings.py"
NODES = {f"{name}@localhost" for name in NAMES}
BACKEND = "cluster_formation.peer_discovery_backend"
NODE = re.compile(r"cluster_formation\.classic_config\.nodes\.[\w-]+")
# the names of the backend, which RabbitMQ also uses if none is given
CLASSIC = {"classic_config", "classic", "config", "rabbit_peer_discovery_classic_config"}
# what else RabbitMQ knows in this section
OTHERS = re.compile(
    r"cluster_formation\.(node_type|discovery_retry_(limit|interval)|target_cluster_size_hint|"
    r"randomized_startup_delay_range\.(min|max)|registration\.enabled|node_cleanup\.\w+|"
    r"internal_lock_retries)"
)
MEANT = (BACKEND, "cluster_formation.classic_config.nodes.1")  # by a misspelled key
URLS = [f"amqp://learner:sesame@localhost:{port}//vhost" for port in (5691, 5692, 5693)]
SUMS = 5  # before a node dies, and again after that


def settings_of(look: Look) -> dict[str, str]:
    """The settings in rabbitmq.conf: {key: value}. Raises Wrong if RabbitMQ cannot read a line."""
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
        if is_unknown(key):
            raise check.wrong("unknown_key", key=key)
        found[key] = value
    return found


def is_unknown(key: str) -> bool:
    """Whether RabbitMQ does not know a key of this section, or one that resembles it."""
    if key == BACKEND or NODE.fullmatch(key) or OTHERS.fullmatch(key):
        return False
    return key.startswith("cluster_formation.") or bool(get_close_matches(key, MEANT, cutoff=0.8))


@check.item(todo="a", file=CONFIGURATION)
def brokers_know_each_other(look: Look) -> None:
    found = settings_of(look)
    nodes = [value for key, value in found.items() if NODE.fullmatch(key)]
    if not nodes and BACKEND not in found:
        raise check.wrong("nothing_set")
    if found.get(BACKEND, "classic_config") not in CLASSIC:
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
    send(look, brokers)
    wait_for_sums(worker, SUMS)
    leader = brokers.leader("sums")
    main = psutil.Process(worker.pid)
    main.suspend()  # so that the sums wait in the queue
    send(look, brokers)
    leader.kill()
    main.resume()
    wait_for_sums(worker, 2 * SUMS)
    return check.says("all_done", node=leader.node, waiting=SUMS, count=2 * SUMS)


def send(look: Look, brokers: Cluster) -> None:
    """Send SUMS sums, as the project does."""
    asked = {"send_sums": {"count": SUMS}}
    probe.value(look.ask_all(asked, env=brokers.environment)["send_sums"])


def wait_for_sums(worker: Running, count: int) -> None:
    """Return when this many different sums have been finished."""
    done = lambda: set(re.findall(r"sum_number\[(\S+)\] succeeded", worker.text()))  # noqa: E731
    wait_until(lambda: len(done()) >= count, limit=40, what=f"{count} sums")
