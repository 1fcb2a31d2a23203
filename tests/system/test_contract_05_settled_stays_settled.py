# SPDX-License-Identifier: MPL-2.0
"""Contract 5: settled is never delivered again after SETTLED; unsettled is, within its lease plus
backoff."""
import time

from helpers import bodies, info, numbered, receive_all
from roost.schema import pb

BRISK = {"retry__preset": "brisk", "retry__first_s": 1}


def test_settled_survives_kill_9(broker, connect):
    bob = connect(broker, "bob")
    for round_ in range(4):
        for body in numbered(100, first=100 * round_):
            bob.send_async("alice", body)
        assert bob.flush(20)
        alice = connect(broker, "alice")
        inbox = alice.attach()
        assert bodies(receive_all(inbox, 100)) == numbered(100, first=100 * round_)
        inbox.confirm()
        broker.restart()
        alice.close()
    assert connect(broker, "alice").attach().waiting_at_attach == 0


def test_an_expired_lease_is_delivered_again(make_broker, connect_raw, connect):
    """The lease is 300 ms, the first retry due at once: the same session gets it again."""
    broker = make_broker(**BRISK)
    connect(broker, "bob").send("alice", "work")
    raw = connect_raw(broker)
    raw.hello("alice")
    raw.attach("alice", lease_ms=300)
    first = raw.receive(pb.DELIVER)
    began = time.monotonic()
    second = raw.receive(pb.DELIVER)
    assert second.entries[0].message_id == first.entries[0].message_id
    assert second.first_delivery_no > first.first_delivery_no
    assert second.entries[0].redelivered and second.entries[0].attempt == 2
    assert time.monotonic() - began > 0.25


def test_an_extended_lease_is_not_delivered_again(make_broker, connect):
    broker = make_broker(**BRISK)
    bob, alice, other = (connect(broker, name) for name in ("bob", "alice", "worker"))
    inbox, second = alice.attach("queue:q", lease_ms=500), None
    bob.send("queue:q", "work")
    received = inbox.receive(10)
    second = other.attach("queue:q")
    deadline = time.monotonic() + 1.6
    while time.monotonic() < deadline:
        received.extend()
        assert second.receive(0.1) is None
    received.ack()
    inbox.confirm()
    assert info(bob, "queue:q").waiting == 0


def test_a_stale_lease_settles_nothing(make_broker, connect, connect_raw):
    """The lease of one worker ran out and another has the message: the first one's ACK is stale."""
    broker = make_broker(**BRISK)
    bob = connect(broker, "bob")
    slow, quick = connect_raw(broker), connect_raw(broker)
    slow.hello("slow"), quick.hello("quick")
    slow.attach("queue:q", lease_ms=200, credit=1)
    bob.send("queue:q", "work")
    stale = slow.receive(pb.DELIVER).first_delivery_no
    quick.attach("queue:q", lease_ms=60_000)
    fresh = quick.receive(pb.DELIVER)
    assert fresh.entries[0].body == b"work"
    settled = slow.ask(pb.Settle(handle=1, confirm_id=1, ranges=[
        pb.SettleRange(first_delivery_no=stale, outcome=pb.ACK)]), pb.SETTLED)
    assert [(e.delivery_no, e.code) for e in settled.exceptions] == [(stale, 5001)]
    assert info(bob, "queue:q").waiting == 1
    settled = quick.ask(pb.Settle(handle=1, confirm_id=2, ranges=[
        pb.SettleRange(first_delivery_no=fresh.first_delivery_no, outcome=pb.ACK)]), pb.SETTLED)
    assert not settled.exceptions
    assert info(bob, "queue:q").waiting == 0


def test_failed_messages_come_again_by_the_schedule(make_broker, connect):
    """Retry n is due 1, 2, 4 ... s after the message was stored; then it is dead."""
    broker = make_broker(retry__preset="brisk", retry__first_s=1, retry__attempts_max=2)
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    inbox = alice.attach()
    stored = bob.send("alice", "bad", receipts=4)
    times = []
    for attempt in (1, 2, 3):
        received = inbox.receive(20)
        assert received.attempt == attempt
        times.append(time.time() - received.stored_ms / 1000)
        received.fail("cannot")
    assert times[1] >= 0.95 and times[2] >= 1.95
    receipts = bob.attach().receipts(20)
    assert [(r.level.name, r.message_ids, r.reason) for r in receipts] == [
        ("DEAD", (stored.message_id,), 5006)]
    assert inbox.receive(0.2) is None


def test_a_delay_of_the_application_wins(make_broker, connect):
    broker = make_broker()
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    inbox = alice.attach()
    bob.send("alice", "later")
    began = time.monotonic()
    inbox.receive(10).fail("busy", delay_ms=400)
    assert inbox.receive(10).attempt == 2
    assert time.monotonic() - began >= 0.39
    bob.send("alice", "much later")
    received = inbox.receive(10)
    assert received.text == "much later" and received.attempt == 1
    received.release(delay_ms=300)
    again = inbox.receive(10)
    assert again.text == "much later" and again.attempt == 1, "a release is no failure"


def test_coming_online_makes_retries_due_at_once(make_broker, connect):
    """The patient schedule waits minutes; who comes back gets it now, oldest first."""
    broker = make_broker()
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    inbox = alice.attach()
    for body in numbered(5):
        bob.send("alice", body)
    receive_all(inbox, 5, settle="fail")
    inbox.confirm()
    assert inbox.receive(0.2) is None
    alice.close()
    again = receive_all(connect(broker, "alice").attach(), 5)
    assert bodies(again) == numbered(5) and {message.attempt for message in again} == {2}
