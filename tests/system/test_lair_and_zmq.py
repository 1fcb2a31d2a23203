# SPDX-License-Identifier: MPL-2.0
"""Lair Chat clients and ZeroMQ clients are in the same rooms, and so is whoever reads the file."""
import itertools
import os
import sqlite3
import threading

import pytest

from broker import eventually
from helpers import receive_all
from roost.schema import pb

PASSWORD = b"password123"
requests = itertools.count(1)


def call(raw, method, room=None, **fields):
    if room:
        fields["scope"] = f"room:{room}".encode()
    reply = raw.ask(pb.Call(request_id=next(requests), method=getattr(pb, method), **fields),
                    pb.REPLY)
    assert reply.code == 0, reply
    return reply


@pytest.fixture
def zed(lair, connect_raw):
    """A ZeroMQ peer that owns the room `general`."""
    raw = connect_raw(lair)
    raw.hello("zed")
    call(raw, "ROOM_CREATE", "general")
    return raw


@pytest.fixture
def alice(lair, zed, join):
    client = join(lair, "alice")
    client.say("JOIN_ROOM:general")
    client.until("ROOM_STATUS:general,alice")
    return client


def in_file(broker, room):
    path = f"file:{os.path.join(broker.data, 'roost.db')}?mode=ro"
    with sqlite3.connect(path, uri=True) as file:
        return [(name, bytes(body).decode()) for name, body in file.execute(
            "SELECT p.name, m.body FROM message m JOIN scope s ON s.id = m.scope_id "
            "JOIN peer p ON p.id = m.sender_id WHERE s.kind = 2 AND s.name = ? ORDER BY m.seq",
            (room,))]


def test_all_see_the_same_in_the_same_order(lair, zed, alice, join, connect):
    """Four writers of both kinds at once, a reader of each kind, and the file."""
    count, writers = 60, []
    bob = join(lair, "bob")
    bob.say("JOIN_ROOM:general")
    bob.until("ROOM_STATUS:general,bob")
    inbox = zed_inbox(lair, connect)
    alice.drain()
    others = [join(lair, name) for name in ("carol", "dora")]
    for other in others:
        other.say("JOIN_ROOM:general")
        other.until("CURRENT_ROOM:general")
    alice.drain()

    def over_lair(client, name):
        for number in range(count):
            client.say(f"{name} {number}")

    def over_zmq(name):
        client = connect(lair, name)
        client.call("ROOM_JOIN", scope=b"room:general")
        for number in range(count):
            client.send("room:general", f"{name} {number}".encode())

    for target, arguments in ((over_lair, (others[0], "carol")), (over_lair, (others[1], "dora")),
                              (over_zmq, ("emil",)), (over_zmq, ("fred",))):
        writers.append(threading.Thread(target=target, args=arguments))
        writers[-1].start()
    for writer in writers:
        writer.join()
    by_lair = [line for line in alice.lines(4 * count)]
    by_zmq = [f"{message.sender}: {message.body.decode()}" for message in receive_all(inbox, 4 * count)]
    assert by_lair == by_zmq == [f"{name}: {body}" for name, body in in_file(lair, "general")]
    for name in ("carol", "dora", "emil", "fred"):
        assert [line for line in by_lair if line.startswith(name)] == \
            [f"{name}: {name} {number}" for number in range(count)]


def zed_inbox(lair, connect):
    reader = connect(lair, "listener")
    reader.call("ROOM_JOIN", scope=b"room:general")
    return reader.attach("room:general")


def test_mail_both_ways(lair, zed, alice, connect):
    peer = connect(lair, "peer")
    inbox = peer.attach("peer:peer")
    assert alice.ask("DM:peer:over there").startswith("SYSTEM_MESSAGE:")
    message, = receive_all(inbox, 1)
    assert (message.sender, message.body) == ("alice", b"over there")
    peer.send("peer:alice", b"and back")
    assert alice.line() == "PRIVATE_MESSAGE:peer:and back"


@pytest.mark.parametrize("body, line", [
    (b"two\nlines", "zed: two\nlines"),
    (b"a\0b", "zed: a�b"),
    (b"\xff\xfe binary \xe9", "zed: �� binary �"),
    (b"", "zed: "),
    (b"\r\n", "zed: \r\n"),
    ("世界 🌍".encode(), "zed: 世界 🌍"),
    (b"x" * 65536, "zed: " + "x" * 65536),
    (b"PRIVATE_MESSAGE:root:hi", "zed: PRIVATE_MESSAGE:root:hi"),
], ids=["lines", "nul", "binary", "empty", "crlf", "utf8", "64 KiB", "a command"])
def test_any_body_keeps_the_lines_whole(zed, alice, body, line):
    zed.store("room:general", body=body)
    assert alice.line() == line
    zed.store("peer:alice", body=body)
    assert alice.line() == "PRIVATE_MESSAGE:zed:" + line.removeprefix("zed: ")
    assert alice.ask("LIST_ROOMS") == "ROOM_LIST:Lobby,general"
    alice.say("GET_HISTORY:1")
    assert alice.line() == "HISTORY:" + line.replace(": ", ":", 1)


def test_a_body_larger_than_a_line(zed, alice):
    zed.store("room:general", body=b"x" * 500_000)
    assert alice.line().startswith("zed: xxx")
    assert alice.ask("LIST_ROOMS") == "ROOM_LIST:Lobby,general"


def test_presence_shows_lair_users(lair, zed, alice, connect):
    watcher = connect(lair, "watcher")

    def online():
        return {peer.name for peer in watcher.peers(online_only=True).items}

    assert "alice" in online()
    alice.close()
    eventually(lambda: "alice" not in online(), what="the end of alice's session")


def test_changes_over_zmq_reach_lair(zed, alice):
    zed.send(pb.Send(first_no=next(zed.numbers), entries=[zed.entry("room:general", b"frist")]))
    assert alice.line() == "zed: frist"
    found = alice.ask("SEARCH_MESSAGES:frist")
    identity = found.removeprefix("SEARCH_RESULTS:").split(":")[0]
    call(zed, "MESSAGE_EDIT", message_ids=bytes.fromhex(identity.replace("-", "")), body=b"first")
    assert alice.line() == f"MESSAGE_EDITED:zed:{identity}:first"
    reply = zed.entry("room:general", b"re", parent_id=bytes.fromhex(identity.replace("-", "")))
    zed.send(pb.Send(first_no=next(zed.numbers), entries=[reply]))
    assert alice.line() == f"REPLY:zed:{identity}:re"


def test_rooms_that_are_not_for_all(lair, zed, alice, join):
    call(zed, "ROOM_CREATE", "secret", privacy=pb.PRIVATE)
    call(zed, "ROOM_CREATE", "locked", privacy=pb.PROTECTED, password=b"open sesame")
    listed = alice.ask("LIST_ROOMS").removeprefix("ROOM_LIST:").split(",")
    assert "secret" not in listed and "general" in listed
    for room in ("secret", "locked"):
        assert alice.ask(f"JOIN_ROOM:{room}") == f"ROOM_ERROR:Failed to join room '{room}'"
    call(zed, "INVITE", "secret", peer=b"alice")
    assert alice.line() == "SYSTEM_MESSAGE:zed invited you to join room 'secret'"
    alice.say("ACCEPT_INVITATION:secret")
    assert alice.lines(2) == ["ROOM_JOINED:secret", "CURRENT_ROOM:secret"]


@pytest.mark.parametrize("role", ["BANNED", "ROOM_ROLE_NONE"])
def test_who_is_removed_from_a_room_hears_no_more(zed, alice, role):
    call(zed, "ROOM_UPDATE", "general", privacy=pb.PRIVATE)
    zed.store("room:general", body=b"for members")
    assert alice.line() == "zed: for members"
    call(zed, "MEMBER_ROLE", "general", peer=b"alice", room_role=getattr(pb, role))
    zed.store("room:general", body=b"not for alice")
    alice.say("and I?")
    lines = alice.drain()
    assert "zed: not for alice" not in lines
    assert lines[:2] == ["ROOM_LEFT:general", "CURRENT_ROOM:Lobby"], lines


def test_who_is_banned_is_disconnected(lair, zed, alice, join):
    call(zed, "USER_BAN", peer=b"alice", text=b"spam")
    while (line := alice.line()) is not None:
        assert line.startswith("SYSTEM_MESSAGE:"), line  # it may be told why
    again = join(lair)
    assert again.authenticate("login", "alice").startswith("Authentication failed: ")


def test_a_name_with_an_account_needs_its_password(lair, alice, connect_raw):
    raw = connect_raw(lair)
    raw.send(pb.Hello(version_min=1, version_max=1, peer=b"alice"))
    assert raw.receive(pb.ERROR) is not None
    raw = connect_raw(lair)
    assert raw.hello("alice", credentials=PASSWORD).is_verified
