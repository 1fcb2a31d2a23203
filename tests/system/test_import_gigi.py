# SPDX-License-Identifier: MPL-2.0
"""roost import gigi: both encodings, every kind of content, and what waited still waits."""
import json
import sqlite3
import uuid

import pytest

from import_helpers import counts, dump, hello, query, reasons, run
from import_sources import Gigi, ident
from roost.schema import pb

FILE = {"type": "FileShare", "share_code": "abc", "filename": "träume.pdf", "file_size": 12345,
        "file_type": "application/pdf"}
THUMB = {"type": "FileShareWithThumbnail", "share_code": "def", "filename": "cat.png",
         "file_size": 77, "file_type": "image/png", "thumbnail_path": "thumbs/cat.webp"}
GROUP = {"type": "ShareGroup", "group_id": "g-1", "group_name": "friends",
         "inviter_nickname": "me"}


def text(words):
    return {"type": "Text", "text": words}


def without_type(content):
    return {key: value for key, value in content.items() if key != "type"}


@pytest.fixture
def source(tmp_path):
    gigi = Gigi(tmp_path / "gigi.db")
    gigi.message("old", text("quoted words"), is_quoted=True, timestamp=1700001000000)
    gigi.message("new", text("bare words \U0001f431"), timestamp=1700001000001, direction="Received",
                 sender_nickname="bob", recipient_nickname="me", read=1, read_at=1700002000000)
    gigi.message("file", FILE, is_quoted=True, timestamp=1700001000002)
    gigi.message("thumb", THUMB, timestamp=1700001000003)
    gigi.message("share", GROUP, timestamp=1700001000004)
    gigi.message("group", text("to all"), group="friends", timestamp=1700001000005)
    gigi.message("theirs", text("from eva"), is_quoted=True, group="friends", direction="Received",
                 sender_nickname="eva", timestamp=1700001000006)
    gigi.message("waiting", text("until you are home"), timestamp=1700001000007)
    gigi.message("waiting too", text("and this"), is_quoted=True, timestamp=1700001000008)
    gigi.message("acked", text("you have it"), timestamp=1700001000009)
    gigi.message("late", text("too late"), timestamp=1700001000010)
    gigi.queue("waiting")
    gigi.queue("waiting too", is_quoted=True, status="InProgress")
    gigi.queue("acked")
    gigi.queue("late", expires_at=1700605800000)
    gigi.queue("old", status="Delivered")
    gigi.queue("unknown")
    gigi.acknowledge("acked", is_quoted=True)
    gigi.acknowledge("old", kind="Read")
    gigi.add("contacts", peer_id="12D3KooW", name="bob")
    return gigi.close()


@pytest.fixture
def broker(tmp_path, source, make_broker):
    findings, summary, _ = run("gigi", source, "--as", "me", "--data", tmp_path / "data")
    broker = make_broker(data=tmp_path / "data")
    broker.findings, broker.summary = findings, summary
    return broker


@pytest.fixture
def session(broker, connect_raw):
    def make(peer):
        raw = connect_raw(broker)
        assert not isinstance(hello(raw, peer), pb.Error)
        return raw
    return make


def by_id(messages):
    return {str(uuid.UUID(bytes=message.message_id)): message for message in messages}


def test_counts(broker):
    assert counts(broker.summary, "messages") == (11, 11, 0, 0)
    assert counts(broker.summary, "offline_queue") == (6, 4, 1, 1)
    assert counts(broker.summary, "message_acknowledgments") == (2, 1, 1, 0)
    assert counts(broker.summary, "contacts") == (1, 0, 0, 1)
    assert "message" in reasons(broker.findings, "offline_queue")[ident("gigi unknown")]


def test_every_kind_comes_through(session):
    messages = by_id(query(session("me"), "HISTORY", peer=b"bob", limit=100).messages)
    assert messages[ident("gigi old")].body == b"quoted words"
    assert messages[ident("gigi new")].body.decode() == "bare words \U0001f431"
    assert (messages[ident("gigi new")].sender, messages[ident("gigi old")].sender) == (b"bob", b"me")
    assert messages[ident("gigi old")].created_ms == 1700001000000
    for word, kind, content in (("file", pb.FILE_SHARE, FILE), ("thumb", pb.FILE_SHARE, THUMB),
                                ("share", pb.SHARE_GROUP, GROUP)):
        message = messages[ident(f"gigi {word}")]
        assert (message.kind, message.content_type) == (kind, b"application/json")
        assert json.loads(message.body) == without_type(content)
    assert ident("gigi group") not in messages
    room = query(session("me"), "HISTORY", scope=b"room:friends").messages
    assert [(m.sender, m.body) for m in room] == [(b"me", b"to all"), (b"eva", b"from eva")]
    members = {m.peer: m.role for m in query(session("me"), "MEMBERS", scope=b"room:friends").members}
    assert members == {b"me": pb.OWNER, b"eva": pb.MEMBER}


def test_what_waited_waits(session):
    raw = session("bob")
    raw.send(pb.Attach(handle=1, scope=b"peer:bob", consumer=b"main"))
    assert isinstance(raw.receive(), pb.Attached)
    raw.send(pb.Credit(handle=1, messages_total=100))
    entries = []
    while len(entries) < 2:
        entries += raw.receive().entries
    assert [entry.body for entry in entries] == [b"until you are home", b"and this"]
    raw.send(pb.Settle(handle=1, confirm_id=1, ranges=[pb.SettleRange(
        first_delivery_no=1, last_delivery_no=2, outcome=pb.ACK)]))
    answer = raw.receive()
    assert isinstance(answer, pb.Settled), answer
    me = session("me")
    me.send(pb.Attach(handle=1, scope=b"peer:me", consumer=b"main"))
    assert isinstance(me.receive(), pb.Attached)
    me.send(pb.Credit(handle=1, messages_total=100))
    receipt = me.receive()
    assert isinstance(receipt, pb.Receipt), receipt
    assert [entry.level for entry in receipt.entries] == [pb.DELIVERED]


def test_marks_and_expiry(broker, session):
    unread = query(session("me"), "UNREAD", peer=b"bob").unread[0]
    assert unread.unread == 0
    markers = query(session("bob"), "UNREAD", peer=b"me").unread[0]
    assert markers.marker_seq > 0 and markers.unread == 7, "read up to the first one"
    steps = query(session("me"), "TRACE", message_ids=uuid.UUID(ident("gigi late")).bytes).steps
    assert b"expired" in [step.event for step in steps]


def test_twice_is_once(tmp_path, source):
    data = tmp_path / "twice"
    run("gigi", source, "--as", "me", "--data", data)
    first = dump(data)
    _, summary, _ = run("gigi", source, "--as", "me", "--data", data)
    assert dump(data) == first and summary["added"] == 0
    _, dry, _ = run("gigi", source, "--as", "me", "--data", data, "--dry-run")
    assert dry["tables"] == summary["tables"]


def test_rows_that_do_not_fit_are_named(tmp_path):
    gigi = Gigi(tmp_path / "odd.db")
    gigi.message("fine", text("fine"))
    gigi.message("word", text("x"), direction="Sideways")
    gigi.message("kind", {"type": "Video", "text": "x"})
    gigi.message("field", {**FILE, "file_size": "large"})
    gigi.message("nobody", text("x"), recipient_nickname=None)
    gigi.message("json", text("x"), content_json="{not json")
    gigi.message("time", text("x"), timestamp=b"\0")
    gigi.message("group", text("x"), group="friends", group_name=None)
    gigi.db.execute("UPDATE messages SET id = 'no uuid at all' WHERE id = ?", [ident("gigi fine")])
    path = gigi.close()
    findings, summary, _ = run("gigi", path, "--as", "me", "--data", tmp_path / "data")
    messages = reasons(findings, "messages")
    assert counts(summary, "messages")[1] == 1 and "no uuid at all" not in messages
    for word, reason in (("word", "direction"), ("kind", "Video"), ("field", "field"),
                         ("nobody", "recipient"), ("json", "JSON"), ("group", "group_name"), ("time", "timestamp")):
        assert reason in messages[ident(f"gigi {word}")], (word, messages)
    run("gigi", path, "--data", tmp_path / "data", code=2)


def test_waiting_messages_stay_between_settled_ones(tmp_path):
    """A second file adds delivered messages around ones that wait: only these are still due."""
    for number in (1, 2):
        gigi = Gigi(tmp_path / f"{number}.db")
        for place in range(10):
            gigi.message(f"{number} {place}", text(f"{number} {place}"))
        gigi.queue(f"{number} 4")
        run("gigi", gigi.close(), "--as", "me", "--data", tmp_path / "data")
    database = sqlite3.connect(tmp_path / "data" / "roost.db")
    due = database.execute(
        "SELECT CAST(m.body AS TEXT) FROM consumer c JOIN message m ON m.scope_id = c.scope_id"
        " JOIN scope s ON s.id = c.scope_id WHERE s.name = 'bob' AND m.seq > c.floor_seq AND NOT"
        " EXISTS (SELECT 1 FROM exception e WHERE e.consumer_id = c.id AND m.seq BETWEEN e.seq AND"
        " e.last_seq) ORDER BY m.seq").fetchall()
    assert due == [("1 4",), ("2 4",)]
