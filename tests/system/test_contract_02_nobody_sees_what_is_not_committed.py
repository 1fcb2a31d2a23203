# SPDX-License-Identifier: MPL-2.0
"""Contract 2: nobody is shown a message that is not committed."""
import time

import pytest

from roost import RoostError


def test_a_message_whose_sync_fails_is_not_shown_before(make_broker, connect, strace):
    """The receiver is attached and eager; the sync of the message fails: he sees nothing of it."""
    fault = strace("-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=30+",
                   "-o", "/dev/null")
    broker = make_broker(prefix=fault)
    deliveries = []
    alice = connect(broker, "alice", observer=lambda what, about: deliveries.append(about[1].body)
                    if what == "delivery" else None)
    alice.attach()
    bob = connect(broker, "bob")
    acknowledged = []
    with pytest.raises(RoostError):
        for number in range(300):
            bob.send("alice", str(number), timeout=3)
            acknowledged.append(str(number).encode())
    assert broker.wait() != 0
    alice.close()
    assert set(deliveries) <= set(acknowledged), "shown and never acknowledged"


def test_a_message_is_not_shown_while_its_sync_lasts(make_broker, connect, strace):
    """Each sync is held up for 0.4 s: a message that came sooner was shown before it was on the disk."""
    held_up = strace("-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_enter=400000",
                     "-o", "/dev/null")
    broker = make_broker(prefix=held_up)
    inbox = connect(broker, "alice").attach()
    bob = connect(broker, "bob")
    bob.send("alice", "warm-up")
    assert inbox.receive(20).body == b"warm-up"
    began = time.monotonic()
    bob.send_async("alice", "slow")
    assert inbox.receive(20).body == b"slow"
    assert time.monotonic() - began >= 0.4


def test_history_shows_nothing_that_a_kill_takes_back(broker, connect):
    """What a query showed before a kill is there after it."""
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    futures = [bob.send_async("alice", str(number)) for number in range(3000)]
    seen = {}
    while not futures[-1].done():
        for message in alice.history("bob", newest_first=True, limit=50).items:
            seen[message.seq] = message.message_id
    broker.restart()
    ids = list(seen.values())
    found = {}
    for start in range(0, len(ids), 500):
        page = alice.messages(ids[start:start + 500])
        found.update({message.seq: message.message_id for message in page.items})
    assert found == seen
