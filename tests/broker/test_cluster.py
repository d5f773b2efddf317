"""A cluster of spare nodes: what is said if it cannot be, and that nothing of it is left."""

import psutil
import pytest

from workshop.broker import cluster as clusters
from workshop.broker.cluster import Cluster, cluster
from workshop.errors import CourseError
from workshop.machine import cards


def test_too_little_memory_is_said_before_anything_starts(learner, monkeypatch):
    monkeypatch.setattr(clusters, "NODE_MIB", 10**9)
    brokers = Cluster("")
    with pytest.raises(CourseError, match=r"three brokers need about \d+ MB of memory"):
        brokers.start()
    assert not brokers.folder.exists()


def test_brokers_that_do_not_find_each_other_are_said_and_ended(learner, monkeypatch):
    monkeypatch.setattr(clusters, "FORMING_SECONDS", 1)
    pids = []
    is_whole = Cluster.is_whole

    def note(brokers: Cluster) -> bool:
        pids.extend(node.pid for node in brokers.nodes)
        return is_whole(brokers)

    monkeypatch.setattr(Cluster, "is_whole", note)
    with pytest.raises(CourseError, match="have not found each other"), cluster("# nothing\n"):
        pass
    assert pids and not any(psutil.pid_exists(pid) for pid in pids if pid)
    assert not [found for found in cards.running() if found.name.startswith("second")]
