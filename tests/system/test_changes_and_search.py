# SPDX-License-Identifier: MPL-2.0
"""Edits, deletions, reactions and search over ZeroMQ, with kill -9 right after each answer."""
import itertools
import sqlite3

import pytest

from broker import eventually
from roost.schema import pb
from roost.types import new_message_id

requests = itertools.count(1)
EDIT, DELETE, REACTION = 7, 8, 9


def call(raw, method, **fields):
    return raw.ask(pb.Call(request_id=next(requests), method=pb.Method.Value(method), **fields),
                   pb.REPLY)


def query(raw, kind, **fields):
    """(messages of all parts, FIN)"""
    raw.send(pb.Query(request_id=next(requests), kind=pb.QueryKind.Value(kind), **fields))
    result = pb.Result()
    while True:
        message = raw.receive()
        assert message is not None and not isinstance(message, pb.Error), (kind, message)
        if isinstance(message, pb.Result):
            result.MergeFrom(message)
        elif isinstance(message, pb.Fin):
            return list(result.messages), message


def found(raw, text, **fields):
    messages, fin = query(raw, "SEARCH", text=text.encode(), **fields)
    assert fin.code == 0, fin
    return [m.body.decode() for m in messages]


@pytest.fixture
def broker(make_broker):
    """With one administrator, so that the others see only what is theirs."""
    return make_broker(security__admins="root")


@pytest.fixture
def peer(broker, connect_raw):
    def make(name):
        raw = connect_raw(broker)
        raw.hello(name)
        return raw
    return make


def send(raw, to, body):
    message_id = new_message_id()
    raw.store(to, body=body.encode(), message_id=message_id)
    return message_id


def test_changes_hold_after_kill(broker, peer):
    ana = peer("ana")
    one, two = send(ana, "bob", "helo"), send(ana, "bob", "oops")
    reply = call(ana, "MESSAGE_EDIT", message_ids=one, body=b"hello")
    assert (reply.code, reply.count) == (0, 1) and reply.seq and len(reply.message_id) == 16
    broker.restart()  # kill -9
    ana, bob = peer("ana"), peer("bob")
    assert call(bob, "REACT", message_ids=one, text="👍".encode()).count == 1
    broker.restart()
    ana, bob = peer("ana"), peer("bob")
    assert call(bob, "REACT", message_ids=one, text="👍".encode()).count == 0
    assert call(ana, "MESSAGE_DELETE", message_ids=two).count == 1
    broker.restart()
    ana, bob = peer("ana"), peer("bob")
    shown, _ = query(bob, "HISTORY", peer=b"ana")
    assert [m.body for m in shown] == [b"hello", b""]
    assert shown[0].edited_ms and [(r.emoji.decode(), r.count, r.is_mine)
                                   for r in shown[0].reactions] == [("👍", 1, True)]
    assert shown[1].deleted_ms and not shown[1].reactions
    assert [m.body for m in query(bob, "EDITS", message_ids=one)[0]] == [b"helo"]
    assert query(bob, "EDITS", message_ids=two)[1].code == 5019
    assert call(ana, "MESSAGE_EDIT", message_ids=two, body=b"x").code == 5019
    assert call(bob, "MESSAGE_EDIT", message_ids=one, body=b"x").code == 2003
    assert call(peer("eve"), "REACT", message_ids=one, text=b"x").code == 3005


def deliveries(session, count):
    entries = []
    while len(entries) < count:
        entries += session.receive(pb.DELIVER).entries
    return entries


def test_live_consumers_get_changes_in_order(peer):
    """Each of the two is told in his mailbox what the other one changed."""
    ana, bob, phone = peer("ana"), peer("bob"), peer("bob")
    bob.attach("bob")
    message_id = send(ana, "bob", "helo")
    call(ana, "MESSAGE_EDIT", message_ids=message_id, body=b"hello")
    call(phone, "REACT", message_ids=message_id, text=b"+1")
    call(phone, "UNREACT", message_ids=message_id, text=b"+1")
    call(ana, "MESSAGE_DELETE", message_ids=message_id)
    entries = deliveries(bob, 3)
    assert [e.kind for e in entries] == [pb.TEXT, EDIT, DELETE]
    assert [e.body for e in entries[1:]] == [b"hello", b""]
    assert all(e.parent_id == message_id for e in entries[1:])
    assert all(e.sender == b"ana" for e in entries)
    ana.attach("ana")
    entries = deliveries(ana, 2)
    assert [(e.kind, e.sender, e.body, e.key) for e in entries] == \
        [(REACTION, b"bob", b"+1", b"+"), (REACTION, b"bob", b"+1", b"-")]
    assert all(e.parent_id == message_id for e in entries)


def test_nobody_is_given_what_was_deleted(peer):
    ana = peer("ana")
    message_id = send(ana, "bob", "secret")
    call(ana, "MESSAGE_DELETE", message_ids=message_id)
    bob = peer("bob")
    bob.attach("bob")
    first = bob.receive(pb.DELIVER).entries[0]
    assert first.message_id == message_id and first.body == b"" and first.deleted_ms


def test_changes_cannot_be_published(peer):
    ana = peer("ana")
    for number, kind in enumerate((pb.SYSTEM, EDIT, DELETE, REACTION, pb.RECEIPT_KIND), 1):
        ana.send(pb.Send(first_no=number, entries=[ana.entry("bob", b"x", kind=kind)]))
        stored = ana.receive(pb.STORED)
        assert stored.exceptions[0].code == 1005, kind


def test_search_finds_before_and_after_indexing(broker, peer):
    ana, bob, eve = peer("ana"), peer("bob"), peer("eve")
    send(ana, "bob", "The quick brown fox")
    send(bob, "ana", "北京大学生前来应聘")
    changed = send(ana, "bob", "日本語を勉強する")
    gone = send(ana, "bob", "a brown bear")
    send(eve, "topic:news", "brown sugar")
    assert call(ana, "MESSAGE_EDIT", message_ids=changed, body="英語を勉強する".encode()).count == 1
    assert call(ana, "MESSAGE_DELETE", message_ids=gone).count == 1

    def check():
        assert sorted(found(ana, "brown")) == ["The quick brown fox", "brown sugar"]
        assert found(eve, "brown") == ["brown sugar"]
        assert found(ana, "brown", peer=b"bob") == ["The quick brown fox"]
        assert found(ana, "大学") == found(bob, "应聘") == ["北京大学生前来应聘"]
        assert found(ana, "日本") == [] and found(bob, "英語") == ["英語を勉強する"]
        assert found(ana, "fox qui") == ["The quick brown fox"]
        assert found(eve, "fox") == [] and found(ana, "bear") == []
        assert found(ana, '"*" OR NEAR(') == []

    check()
    assert call(ana, "FLUSH_INDEX").code == 0
    check()
    broker.restart()
    ana, bob, eve = peer("ana"), peer("bob"), peer("eve")
    check()


def searched_seq(broker):
    with sqlite3.connect(f"file:{broker.data}/roost.db?mode=ro", uri=True) as db:
        return db.execute("SELECT value FROM progress WHERE name = 'searched_seq'").fetchone()[0]


def test_an_idle_broker_has_indexed_everything(broker, peer):
    ana = peer("ana")
    for _ in range(3):
        ana.store("bob", count=1000, body=b"one of very many")
    eventually(lambda: searched_seq(broker) >= 3000)
    messages, fin = query(ana, "SEARCH", text=b"many one", limit=500)
    assert len(messages) == 500 and fin.has_more and fin.next_seq == 0


def test_rooms_are_searched_by_their_members(peer):
    ana, bob, eve = peer("ana"), peer("bob"), peer("eve")
    assert call(ana, "ROOM_CREATE", scope=b"room:attic").code == 0
    assert call(bob, "ROOM_JOIN", scope=b"room:attic").code == 0
    message_id = send(ana, "room:attic", "treasure map")
    assert found(bob, "treasure") == found(bob, "map", scope=b"room:attic") == ["treasure map"]
    assert found(eve, "treasure") == []
    assert call(bob, "REACT", message_ids=message_id, text=b"!").count == 1
    assert call(eve, "REACT", message_ids=message_id, text=b"!").code == 3005
    assert call(bob, "MESSAGE_DELETE", message_ids=message_id).code == 2003
    assert call(ana, "MESSAGE_DELETE", message_ids=message_id).count == 1
    assert found(bob, "treasure") == []
