# SPDX-License-Identifier: MPL-2.0
"""DELIVERIES: each message of a consumer is found in exactly the state it is in, by page after page;
and the lists beside it: who waits most, all dead letters."""
import pytest

from helpers import bodies, numbered, receive_all
from roost import RoostError

STATES = ["pending", "leased", "retry", "scheduled", "delivered", "read", "expired", "dead", "cancelled"]


def deliveries(client, scope, state, limit=500, consumer="main"):
    """All pages of one state."""
    rows, after = [], 0
    while True:
        page = client.query("DELIVERIES", "deliveries", scope=scope, consumer=consumer, text=state,
                            limit=limit, after_seq=after)
        assert len(page.items) <= limit
        rows += page.items
        if not page.has_more:
            return rows
        assert page.next_seq > after
        after = page.next_seq


def texts(rows):
    return [row.message.body.decode() for row in rows]


def standing(client, scope):
    """text -> state, and no message twice."""
    found = {}
    for state in STATES:
        for row in deliveries(client, scope, state, limit=2):
            text = row.message.body.decode()
            assert text not in found, f"{text} is {found.get(text)} and {state}"
            assert row.state == state and row.consumer == "main"
            found[text] = state
    return found


def test_every_message_is_in_one_state(make_broker, connect):
    broker = make_broker(retry__first_s=3600, retry__attempts_max=3)
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    words = ["read", "delivered", "retry", "dead", "released", "leased"]
    stored = {word: bob.send("peer:alice", word.encode()) for word in words}
    stored["cancelled"] = bob.send("peer:alice", b"cancelled")
    stored["scheduled"] = bob.send("peer:alice", b"scheduled", not_before_ms=4_000_000_000_000)
    bob.cancel([stored["cancelled"].message_id])
    inbox = alice.attach()
    taken = {received.text: received for received in (inbox.receive(20) for _ in words)}
    taken["read"].ack()
    taken["delivered"].ack()
    taken["retry"].fail("no time")
    taken["dead"].reject("never")
    taken["released"].release(3_600_000)
    inbox.confirm()
    alice.mark_read(peer="bob", seq=stored["read"].seq)
    bob.send("peer:carol", b"not hers")
    late = bob.send("peer:alice", b"pending")
    inbox.receive(20).release()
    assert late.seq
    expected = {"read": "read", "delivered": "delivered", "retry": "retry", "dead": "dead",
                "released": "retry", "leased": "leased", "cancelled": "cancelled", "scheduled": "scheduled"}
    found = standing(alice, "peer:alice")
    assert found.pop("pending") in ("pending", "leased")
    assert found.pop("released") in ("retry", "scheduled", "pending")
    expected.pop("released")
    assert found == expected
    dead = deliveries(alice, "peer:alice", "dead")[0]
    assert dead.text == "never" and dead.reason == 5007 and dead.at_ms > 0
    retry = next(row for row in deliveries(alice, "peer:alice", "retry") if row.message.body == b"retry")
    assert retry.attempts == 1 and retry.due_ms > retry.message.stored_ms


def test_what_is_left_out_waits(broker, connect):
    """Settled out of order, above the floor: delivered; what lies between is pending again."""
    alice = connect(broker, "alice")
    for body in numbered(50):
        alice.send_async("queue:work", body)
    assert alice.flush(20)
    with alice.attach("queue:work") as inbox:
        received = [inbox.receive(20) for _ in range(20)]
        for one in received[1::2]:
            one.ack()
        inbox.confirm()
        assert len(deliveries(alice, "queue:work", "leased", 7)) == 10 + 30
    delivered = texts(deliveries(alice, "queue:work", "delivered", 3))
    assert delivered == [body.decode() for body in numbered(20)[1::2]]
    pending = texts(deliveries(alice, "queue:work", "pending", 7))
    assert pending == [body.decode() for body in numbered(50) if body.decode() not in delivered]


def test_after_a_restart(broker, connect):
    alice = connect(broker, "alice")
    for body in numbered(30):
        alice.send_async("queue:work", body)
    assert alice.flush(20)
    with alice.attach("queue:work") as inbox:
        assert len(bodies(receive_all(inbox, 10))) == 10
        inbox.confirm()
    broker.restart()
    alice = connect(broker, "alice")
    assert texts(deliveries(alice, "queue:work", "delivered", 4)) == [body.decode() for body in numbered(10)]
    assert texts(deliveries(alice, "queue:work", "pending", 4)) == [body.decode() for body in numbered(30)[10:]]


def test_what_is_not_allowed(make_broker, connect):
    broker = make_broker(security__admins="root")
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    bob.send("peer:alice", b"hers")
    alice.attach().close()
    assert texts(deliveries(alice, "peer:alice", "pending")) == ["hers"]
    for state in STATES:
        with pytest.raises(RoostError):
            deliveries(bob, "peer:alice", state)
    with pytest.raises(RoostError):
        deliveries(alice, "peer:alice", "gone")
    with pytest.raises(RoostError):
        bob.query("DEAD_LETTERS", "dead")


def test_dead_letters_of_everybody(broker, connect):
    alice = connect(broker, "alice")
    for scope, count in (("queue:a", 3), ("queue:b", 4), ("peer:alice", 2)):
        for body in numbered(count):
            alice.send(scope, body)
        with alice.attach(scope) as inbox:
            for _ in range(count):
                inbox.receive(20).reject(f"of {scope}")
            inbox.confirm()
    rows, offset = [], 0
    while True:
        page = alice.query("DEAD_LETTERS", "dead", limit=2, offset=offset)
        rows += page.items
        offset += len(page.items)
        if not page.has_more:
            break
    found = [(row.scope, row.text) for row in rows]
    assert len(found) == 9
    assert found.count(("queue:b", "of queue:b")) == 4 and found.count(("peer:alice", "of peer:alice")) == 2


def test_who_waits_most_comes_first(broker, connect):
    alice = connect(broker, "alice")
    for number in range(600):
        alice.send_async(f"peer:idle-{number}", b"one")
    for body in numbered(40):
        alice.send_async("queue:late", body)
    assert alice.flush(30)
    page = alice.query("INSPECT", "consumers")
    assert len(page.items) == 500
    assert page.items[0].scope == "queue:late" and page.items[0].waiting == 40
    waiting = [item.waiting for item in page.items]
    assert waiting == sorted(waiting, reverse=True)
