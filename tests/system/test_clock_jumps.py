# SPDX-License-Identifier: MPL-2.0
"""The wall clock jumps under the running daemon, by hours, days and decades, and in many small steps:
nothing is lost, reordered or shown twice, and nothing expires before its time."""
import os
import struct
import threading
import time

import pytest

from helpers import bodies, info, numbered, receive_all

HOUR_S, DAY_S = 3600, 86400
TO_1970_S = -int(time.time()) + 10
TO_2038_S = (1 << 31) - int(time.time()) + 10
JUMPS = [HOUR_S, -HOUR_S, DAY_S, -DAY_S, TO_1970_S, TO_2038_S, TO_2038_S + 50 * 365 * DAY_S, 0]


@pytest.fixture
def clock(tmp_path):
    """clock.set(seconds): daemons started with clock.environment are so much ahead."""
    path = tmp_path / "clock"

    class Clock:
        environment = {"LD_PRELOAD": os.environ["ROOST_MOVED_CLOCK"], "ROOST_CLOCK_FILE": str(path),
                       "ASAN_OPTIONS": "verify_asan_link_order=0"}

        @staticmethod
        def set(seconds):
            with open(path, "r+b" if path.exists() else "wb") as out:
                out.write(struct.pack("@q", seconds))

    Clock.set(0)
    return Clock


def pour(client, count, is_over):
    for body in numbered(count):
        client.send("alice", body, ttl_ms=600_000)
        if is_over.wait(0.001):
            return


def test_jumps_while_messages_flow(make_broker, connect, clock):
    broker = make_broker(environment=clock.environment, cleanup__interval_s=1)
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    inbox, is_over = alice.attach(window=20), threading.Event()
    count = 50 * len(JUMPS) + 200
    sender = threading.Thread(target=pour, args=(bob, count, is_over))
    sender.start()
    got = []
    try:
        for ahead in JUMPS:
            clock.set(ahead)
            got += bodies(receive_all(inbox, 50))
        for step in range(50):
            clock.set(step * (7 if step % 2 else -7))
            got += bodies(receive_all(inbox, 4))
    finally:
        if len(got) < count:
            is_over.set()
        sender.join()
    assert got == numbered(count), "lost, reordered or twice"
    inbox.confirm()
    assert info(alice, "alice").waiting == 0


@pytest.mark.parametrize("ahead", [DAY_S, TO_2038_S, TO_1970_S],
                         ids=["a day on", "beyond 2038", "1970"])
def test_nothing_expires_before_its_time(make_broker, connect, clock, ahead):
    """Ten minutes to live, and the clock is set years on: by the steady clock nothing is over. Looked
    for it, too, in the sweeps that run each second."""
    broker = make_broker(environment=clock.environment, cleanup__interval_s=1)
    bob = connect(broker, "bob")
    for body in numbered(20):
        bob.send("alice", body, ttl_ms=600_000)
    clock.set(ahead)
    for number in range(3):   # a second each: the sweep has been by
        bob.send("other", str(number))
        time.sleep(0.7)
    inbox = connect(broker, "alice").attach()
    assert inbox.waiting_at_attach == 20
    assert bodies(receive_all(inbox, 20)) == numbered(20)


def test_what_is_to_come_later_comes_by_the_steady_clock(make_broker, connect, clock):
    """A retry two seconds on is not put off by a clock set back an hour."""
    broker = make_broker(environment=clock.environment)
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    inbox = alice.attach()
    bob.send("alice", "again")
    inbox.receive(10).release(delay_ms=2000)
    clock.set(-HOUR_S)
    received = inbox.receive(20)
    assert received is not None and received.body == b"again"
    received.ack()
    inbox.confirm()
