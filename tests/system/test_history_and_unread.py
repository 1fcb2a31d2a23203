# SPDX-License-Identifier: MPL-2.0
"""What is stored can be asked for: history by key, offset, time and ids; unread counts; markers;
everything since."""
import time

import pytest

from helpers import bodies, numbered, receive_all
from roost import Kind, RoostError


@pytest.fixture
def talk(broker, connect):
    """alice and bob wrote 60 messages in turn; carol and bob 10. Half is indexed, half is not."""
    bob, alice, carol = (connect(broker, name) for name in ("bob", "alice", "carol"))
    sent = []
    for number, body in enumerate(numbered(60)):
        sent.append(alice.send("bob", body) if number % 2 else bob.send("alice", body))
        if number == 30:
            bob.call("FLUSH_INDEX")
    for number in range(10):
        carol.send("bob", f"from carol {number}")
    return broker, bob, alice, carol, sent


def pages(ask, key):
    """All pages, following next_seq."""
    got, at = [], 0
    while True:
        page = ask(**({key: at} if at else {}))
        got += page.items
        if not page.has_more:
            return got
        assert page.next_seq != at
        at = page.next_seq


def test_both_sides_see_the_same_conversation_by_pages(talk):
    _, bob, alice, _, sent = talk
    for client, other in ((bob, "alice"), (alice, "bob")):
        got = pages(lambda **at: client.history(other, limit=7, **at), "after_seq")
        assert bodies(got) == numbered(60)
        assert [message.seq for message in got] == [stored.seq for stored in sent]
        back = pages(lambda **at: client.history(other, limit=7, newest_first=True, **at),
                     "before_seq")
        assert bodies(back) == numbered(60)[::-1]
    assert {message.sender for message in got} == {"alice", "bob"}


def test_limit_and_offset(talk):
    _, bob, _, _, _ = talk
    assert bodies(bob.history("alice", limit=10, offset=25).items) == numbered(10, first=25)
    newest = bob.history("alice", limit=10, offset=5, newest_first=True)
    assert bodies(newest.items) == numbered(60)[::-1][5:15] and newest.has_more
    last = bob.history("alice", limit=10, offset=55)
    assert bodies(last.items) == numbered(5, first=55) and not last.has_more
    assert bob.history("alice", limit=10, offset=60).items == []


def test_by_time(talk):
    _, bob, _, _, _ = talk
    everything = bob.history("alice", limit=100).items
    middle = everything[30].stored_ms
    before = bob.history("alice", to_ms=middle, limit=100).items
    after = bob.history("alice", from_ms=middle, limit=100).items
    assert bodies(before + after) == numbered(60)
    assert all(m.stored_ms < middle for m in before) and all(m.stored_ms >= middle for m in after)


def test_by_ids_and_only_what_is_ours(talk):
    _, bob, alice, carol, sent = talk
    ids = [stored.message_id for stored in sent[10:20]]
    assert sorted(bodies(bob.messages(ids).items)) == numbered(10, first=10)
    assert bodies(alice.messages(ids[:1]).items) == numbered(1, first=10)


def test_a_scope_has_history_too(broker, connect):
    boss = connect(broker, "boss")
    for body in numbered(5):
        boss.send("queue:work", body)
    receive_all(connect(broker, "worker").attach("queue:work", start="first"), 5)
    assert bodies(boss.history(scope="queue:work").items) == numbered(5)


def test_unread_counts_what_others_wrote_and_the_marker_only_rises(talk):
    broker, bob, alice, _, sent = talk
    assert bob.unread("alice") == 30 and alice.unread("bob") == 30
    assert bob.unread("carol") == 10 and bob.unread() == 40
    bob.mark_read("alice", seq=sent[29].seq)
    assert bob.unread("alice") == 15 and bob.unread() == 25
    bob.mark_read("alice", seq=sent[3].seq)
    assert bob.unread("alice") == 15, "a marker never goes back"
    broker.restart()
    assert bob.unread("alice") == 15 and alice.unread("bob") == 30
    bob.mark_read("alice", seq=sent[-1].seq)
    assert bob.unread("alice") == 0


def test_settling_is_not_reading(broker, connect):
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    bob.send("alice", "hello")
    inbox = alice.attach()
    receive_all(inbox, 1)
    inbox.confirm()
    assert alice.unread("bob") == 1


def test_conversations_are_listed_newest_first(talk):
    _, bob, alice, _, sent = talk
    mine = bob.conversations().items
    assert [c.peer for c in mine] == ["carol", "alice"]
    assert [c.unread for c in mine] == [10, 30]
    assert mine[1].last_seq == sent[-1].seq
    assert [c.peer for c in alice.conversations().items] == ["bob"]


def test_sync_gives_everything_since(talk):
    _, bob, _, carol, sent = talk
    got = pages(lambda **at: bob.sync(limit=20, **at), "after_seq")
    assert len(got) == 70 and [m.seq for m in got] == sorted(m.seq for m in got)
    tail = bob.sync(after_seq=sent[50].seq)
    assert bodies(tail.items)[:9] == numbered(9, first=51) and len(tail.items) == 19
    assert len(carol.sync().items) == 10


def test_every_field_of_a_message_comes_back(broker, connect):
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    parent = bob.send("alice", "question").message_id
    now = int(time.time() * 1000)
    fields = dict(kind=Kind.FILE_SHARE, content_type="application/json", key=b"k\x00ey", priority=9,
                  headers=[(b"a", b"\x00\xff"), (b"a", b"2")], correlation_id=b"c" * 64,
                  parent_id=parent, created_ms=now - 5000)
    bob.send("alice", b"\x00\x01\xff", reply_to="queue:answers", ttl_ms=60_000, **fields)
    received = receive_all(alice.attach(), 2)[1]
    for message in (received, alice.history("bob").items[1]):
        assert message.body == b"\x00\x01\xff" and message.sender == "bob"
        assert message.headers == ((b"a", b"\x00\xff"), (b"a", b"2"))
        for name, value in fields.items():
            if name != "headers":
                assert getattr(message, name) == value, name
        assert message.reply_to == "queue:answers"
        assert abs(message.expires_ms - message.stored_ms - 60_000) < 1000
        assert message.stored_ms >= now and message.is_sender_unverified


def test_pages_have_a_maximum(broker, connect):
    bob = connect(broker, "bob")
    with pytest.raises(RoostError) as refused:
        bob.history("alice", limit=501)
    assert refused.value.code == 1005


def test_names_of_any_language_are_one_peer_however_they_are_typed(broker, connect):
    composed, decomposed = "J\u00fcrgen", "Ju\u0308rgen"
    bob, juergen = connect(broker, "bob"), connect(broker, composed)
    bob.send(composed, "one")
    bob.send("J\u00dcRGEN", "two")
    assert bodies(receive_all(juergen.attach(), 2)) == [b"one", b"two"]
    with pytest.raises(RoostError):
        bob.send(decomposed, "names come in NFC")
