# SPDX-License-Identifier: MPL-2.0
"""A disk on which each sync takes a second: the broker answers meanwhile, bounds what it keeps, and
stores everything in the end. (How fast it answers: bench/trouble.)"""
import time

import pytest

from helpers import bodies, eventually, numbered, receive_all
from roost.schema import pb

MIB = 1 << 20
PINGS = 20


@pytest.fixture
def on_slow_disk(fault_disk, make_broker):
    def make(**settings):
        return make_broker(data=f"{fault_disk.path}/data", **settings)
    make.disk = fault_disk
    return make


def test_a_ping_does_not_wait_for_a_commit(on_slow_disk, connect_raw):
    """20 questions and answers, one after the other, go through between SEND and its STORED."""
    broker = on_slow_disk()
    raw = connect_raw(broker)
    raw.hello("bob")
    raw.store("alice")
    on_slow_disk.disk.slow("sync", 1000)
    raw.send(pb.Send(first_no=2, entries=[raw.entry("alice")]))
    for number in range(PINGS):
        raw.send(pb.Ping(echo=str(number).encode()))
        answer = raw.receive_any(pb.PONG, pb.STORED)
        assert isinstance(answer, pb.Pong), f"STORED came before PONG {number}"
        assert answer.echo == str(number).encode()
    assert raw.receive(pb.STORED, timeout_ms=20_000).upto_no == 2
    on_slow_disk.disk.clear()


def test_what_pours_in_is_bounded_and_not_lost(on_slow_disk, connect):
    """Senders that do not wait, on a disk that stands still for seconds: memory stays, nobody is
    cut off, and everything is there in order."""
    broker = on_slow_disk(zmq__publish_total_max_bytes=16 * MIB, zmq__publish_max_bytes=4 * MIB)
    senders = [connect(broker, f"s{number}") for number in range(4)]
    for sender in senders:
        sender.send("warm", "up")
    before = broker.rss_bytes()
    on_slow_disk.disk.slow("sync", 1000)
    count, size = 300, 50_000
    futures = [sender.send_async(f"r{index}", body.ljust(size, b"."))
               for body in numbered(count) for index, sender in enumerate(senders)]
    largest, began = 0, time.monotonic()
    while time.monotonic() - began < 4:
        largest = max(largest, broker.rss_bytes())
        time.sleep(0.05)
    assert largest - before < 96 * MIB, "bounded by the credit, not by what is sent"
    on_slow_disk.disk.clear()
    eventually(lambda: all(future.done() for future in futures), timeout=60, what="all to be stored")
    assert not any(future.exception() for future in futures)
    for index in range(4):
        got = receive_all(connect(broker, f"r{index}").attach(), count, timeout=60)
        assert [body.rstrip(b".") for body in bodies(got)] == numbered(count)


def test_short_writes_lose_nothing(on_slow_disk, connect):
    """Every write that writes only half: the rest is written by the next."""
    broker = on_slow_disk()
    bob = connect(broker, "bob")
    on_slow_disk.disk.fault("write", 1, 0, for_ever=True)
    for body in numbered(50):
        bob.send("alice", body)
    assert on_slow_disk.disk.counts()["faults"] > 50
    on_slow_disk.disk.clear()
    broker.kill()
    on_slow_disk.disk.cut("drop")
    broker.start()
    inbox = connect(broker, "alice").attach()
    assert bodies(receive_all(inbox, inbox.waiting_at_attach)) == numbered(50)
