# SPDX-License-Identifier: MPL-2.0
"""Contract 7: a message ends as settled, expired, dead or cancelled, with time and reason, visible
to its sender; every refusal has a code, every drop a counter."""
import time

import pytest

from helpers import eventually, info, receive_all
from roost import RoostError, new_message_id
from roost.schema import pb

DELIVERED, READ, FATES = 1, 2, 4


def levels(receipts):
    return [(r.level.name, ident) for r in receipts for ident in r.message_ids]


def receipts_of(inbox, count, timeout=20):
    """Waits for receipts of `count` messages in all."""
    got = []
    deadline = time.monotonic() + timeout
    while sum(len(r.message_ids) for r in got) < count and time.monotonic() < deadline:
        got += inbox.receipts(0.2)
    return got


def events(client, ident):
    return [step.event for step in client.trace(ident).items]


def test_delivered_and_read_reach_the_sender(broker, connect):
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    mine = bob.attach()
    sent = [bob.send("alice", str(n), receipts=DELIVERED | READ) for n in range(5)]
    receive_all(alice.attach(), 5)
    assert levels(receipts_of(mine, 5)) == [("DELIVERED", s.message_id) for s in sent]
    alice.mark_read("bob", seq=sent[2].seq)
    assert levels(receipts_of(mine, 3)) == [("READ", s.message_id) for s in sent[:3]]
    alice.mark_read("bob", seq=sent[4].seq)
    assert levels(receipts_of(mine, 2)) == [("READ", s.message_id) for s in sent[3:]]


def test_receipts_wait_for_a_sender_who_is_away_and_survive_kill_9(broker, connect):
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    sent = [bob.send("alice", str(n), receipts=DELIVERED) for n in range(100)]
    bob.close()
    inbox = alice.attach()
    receive_all(inbox, 100)
    inbox.confirm()
    broker.restart()
    bob = connect(broker, "bob")
    mine = bob.attach()
    assert levels(receipts_of(mine, 100)) == [("DELIVERED", s.message_id) for s in sent]
    mine.confirm()
    broker.restart()
    bob.close()
    assert connect(broker, "bob").attach().receipts(0.3) == [], "each receipt comes once"


def test_no_receipt_for_who_did_not_ask(broker, connect):
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    mine = bob.attach()
    bob.send("alice", "quiet")
    asked = bob.send("alice", "loud", receipts=DELIVERED)
    inbox = alice.attach()
    receive_all(inbox, 2)
    assert levels(receipts_of(mine, 1)) == [("DELIVERED", asked.message_id)]
    assert mine.receipts(0.1) == []


def test_read_implies_delivered_and_two_devices_give_one_receipt(broker, connect):
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    mine = bob.attach()
    sent = bob.send("alice", "hello", receipts=DELIVERED)
    for consumer in ("phone", "laptop"):
        inbox = alice.attach(consumer=consumer, start="first")
        receive_all(inbox, 1)
        inbox.confirm()
    assert levels(receipts_of(mine, 1)) == [("DELIVERED", sent.message_id)]
    assert mine.receipts(0.2) == []


@pytest.mark.parametrize("restarts", [False, True])
def test_an_expired_message_is_reported(broker, connect, restarts):
    bob = connect(broker, "bob")
    mine = bob.attach()
    sent = [bob.send("alice", str(n), ttl_ms=700, receipts=FATES) for n in range(20)]
    kept = bob.send("alice", "kept")
    if restarts:
        broker.restart()
    receipts = receipts_of(mine, 20)
    assert levels(receipts) == [("EXPIRED", s.message_id) for s in sent]
    assert all(receipt.time_ms > 0 for receipt in receipts)
    inbox = connect(broker, "alice").attach()
    assert [m.message_id for m in receive_all(inbox, 1)] == [kept.message_id]
    assert inbox.receive(0.1) is None
    assert "expired" in events(bob, sent[0].message_id)


def test_a_rejected_message_is_a_dead_letter_with_its_reason(broker, connect):
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    mine = bob.attach()
    sent = bob.send("alice", "bad", receipts=FATES)
    inbox = alice.attach()
    inbox.receive(10).reject("cannot read it")
    inbox.confirm()
    receipts = receipts_of(mine, 1)
    assert levels(receipts) == [("DEAD", sent.message_id)] and receipts[0].reason == 5007
    letters = alice.dead_letters("alice").items
    assert [(d.message.message_id, d.reason, d.text) for d in letters] == [
        (sent.message_id, 5007, "cannot read it")]
    assert letters[0].message.body == b"bad" and letters[0].died_ms > 0
    assert info(alice, "alice").dead == 1
    assert "dead" in events(bob, sent.message_id)


def test_dead_letters_can_be_redriven_and_purged(broker, connect):
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    inbox = alice.attach()
    sent = [bob.send("alice", str(n)) for n in range(4)]
    receive_all(inbox, 4, settle="reject")
    inbox.confirm()
    broker.restart()
    call = {"scope": "peer:alice", "consumer": "main"}
    assert alice.call("DEAD_REDRIVE", message_ids=sent[1].message_id, **call).count == 1
    assert [m.message_id for m in receive_all(inbox, 1)] == [sent[1].message_id]
    inbox.confirm()
    assert alice.call("DEAD_REDRIVE", all=True, **call).count == 3
    receive_all(inbox, 3, settle="reject")
    inbox.confirm()
    assert alice.call("DEAD_PURGE", all=True, **call).count == 3
    assert alice.dead_letters("alice").items == []
    assert inbox.receive(0.1) is None


def test_cancel_takes_back_what_nobody_has_leased(broker, connect):
    bob = connect(broker, "bob")
    mine = bob.attach()
    sent = [bob.send("alice", str(n), receipts=FATES) for n in range(3)]
    assert bob.cancel([sent[1].message_id]) == 1
    broker.restart()
    inbox = connect(broker, "alice").attach()
    got = receive_all(inbox, 2, settle=None)
    assert [m.message_id for m in got] == [sent[0].message_id, sent[2].message_id]
    assert levels(receipts_of(mine, 1)) == [("CANCELLED", sent[1].message_id)]
    assert "cancelled" in events(bob, sent[1].message_id)


def test_cancel_is_too_late_for_what_is_leased_and_not_for_strangers(broker, connect):
    bob, alice, eve = (connect(broker, name) for name in ("bob", "alice", "eve"))
    sent = bob.send("alice", "leased")
    inbox = alice.attach()
    received = inbox.receive(10)
    with pytest.raises(RoostError) as refused:
        bob.cancel([sent.message_id])
    assert refused.value.code == 5003
    received.ack()
    inbox.confirm()
    inbox.close()
    other = bob.send("alice", "bob's")
    with pytest.raises(RoostError):
        eve.cancel([other.message_id])
    assert alice.attach().waiting_at_attach == 1


def test_not_before_is_kept_also_over_a_restart(broker, connect):
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    due_ms = int(time.time() * 1000) + 1500
    bob.send("alice", "later", not_before_ms=due_ms)
    bob.send("alice", "now")
    inbox = alice.attach()
    assert receive_all(inbox, 1)[0].text == "now"
    inbox.confirm()
    assert info(alice, "alice").waiting == 1
    broker.restart()
    assert receive_all(inbox, 1)[0].text == "later"
    assert time.time() * 1000 >= due_ms


def test_every_step_of_a_message_can_be_traced(broker, connect):
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    sent = bob.send("alice", "hello")
    assert events(bob, sent.message_id)[0] == "stored"
    inbox = alice.attach()
    receive_all(inbox, 1)
    inbox.confirm()
    eventually(lambda: "settled" in events(bob, sent.message_id))
    with pytest.raises(RoostError) as unknown:
        bob.trace(new_message_id())
    assert unknown.value.code == 3005


def test_refusals_have_stable_codes(broker, connect):
    bob = connect(broker, "bob")
    cases = {
        4001: lambda: bob.send("alice", b"x" * (2 << 20)),
        3003: lambda: bob.send("nonsense:alice", "x"),
        1005: lambda: bob.send("alice", "x", priority=10),
        4003: lambda: bob.send("alice", "x", headers=[(b"h", b"v")] * 33),
        3004: lambda: bob.attach("bob", consumer="nobody", must_exist=True),
    }
    for code, action in cases.items():
        with pytest.raises(RoostError) as refused:
            action()
        assert refused.value.code == code
    assert bob.send("alice", "still alive").seq > 0


def test_no_such_peer_where_mailboxes_are_not_made_by_sending(make_broker, connect):
    broker = make_broker(mailbox__autocreate="off")
    bob = connect(broker, "bob")
    with pytest.raises(RoostError) as refused:
        bob.send("nobody", "x")
    assert refused.value.code == 3001
    connect(broker, "alice")
    assert bob.send("alice", "x").seq > 0


def test_an_entry_refused_for_good_does_not_stop_the_stream(broker, connect_raw):
    raw = connect_raw(broker)
    raw.hello("bob")
    entries = [raw.entry("alice", b"1"), raw.entry("alice", b"2", message_id=b"short"),
               raw.entry("alice", b"3")]
    raw.send(pb.Send(first_no=1, entries=entries))
    runs, exceptions, upto = 0, {}, 0
    while upto < 3:
        stored = raw.receive(pb.STORED)
        upto, runs = stored.upto_no, runs + sum(run.count for run in stored.runs)
        exceptions.update({e.no: e.code for e in stored.exceptions})
    assert runs == 2 and exceptions == {2: 1005}
