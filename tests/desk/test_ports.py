"""The ports of what a checkout's stages start."""

import socket

from workshop.desk import prepare


def test_a_taken_port_moves_and_the_other_stays(broker):
    before = prepare.own_ports(broker)
    assert prepare.own_ports(broker) == before
    with socket.create_server(("127.0.0.1", before["monitor"])):
        moved = prepare.own_ports(broker)
        assert moved["web"] == before["web"] and moved["monitor"] != before["monitor"]
        assert prepare.own_ports(broker) == moved
    broker.keep(**before)
