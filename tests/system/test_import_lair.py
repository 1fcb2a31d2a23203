# SPDX-License-Identifier: MPL-2.0
"""roost import lair: the old password logs in, the old history is read, whatever is damaged is
named, and running it twice, also after kill -9, is running it once."""
import hashlib
import os
import signal
import sqlite3
import subprocess
import time
import uuid

import pytest

from broker import eventually
from import_helpers import call, command, counts, dump, hello, query, reasons, run
from import_sources import PASSWORD, Lair, ident
from roost.schema import pb

LATER = 4102444800  # 2100


def raw_id(word):
    return uuid.UUID(ident(f"message {word}")).bytes


def fill(lair):
    for name, role in (("ana", "admin"), ("bob", "user"), ("eva", "moderator"), ("kai", "guest")):
        lair.user(name, role=role)
    lair.user("gone", is_active=0)
    lair.room("general", members=("ana:owner", "bob", "eva:admin", "kai:guest"), topic="all things",
              description="for everybody")
    lair.room("cellar", by="bob", privacy="private", members=("bob:owner", "eva"))
    lair.room("vault", privacy="protected", members=("ana:owner",))
    lair.room("old", is_active=0)
    lair.room("dm-1", room_type="direct_message", privacy="private", members=("ana", "bob"))
    lair.message("hello", "general", "ana", "hello, Wörld", timestamp=1700001000)
    lair.message("reply", "general", "bob", "hi ana", timestamp=1700001001,
                 parent_message_id=ident("message hello"))
    lair.message("edited", "general", "bob", "as it is now", edited_at=1700001500)
    lair.message("deleted", "general", "eva", "shame", is_deleted=1, deleted_at=1700001600)
    lair.message("code", "general", "ana", "int main;", message_type="code")
    lair.message("image", "general", "ana", "cat.png", message_type="image",
                 metadata='{"width": 3}')
    lair.message("secret", "cellar", "bob", "psst")
    lair.message("direct", "dm-1", "ana", "only for you, bob")
    lair.message("back", "dm-1", "bob", "thanks, ana", timestamp=1700001100)
    lair.mark("message_reactions", "hello", "bob", reaction="👍")
    lair.mark("message_reactions", "hello", "eva", reaction="👍")
    lair.mark("message_read_receipts", "reply", "ana")
    lair.mark("message_read_receipts", "direct", "bob")
    lair.restrict("kai", "ban", reason="spam", expires_at=LATER)
    lair.restrict("kai", "ban", room="general")
    lair.restrict("bob", "kick", room="general")
    lair.restrict("bob", "mute")
    lair.add("audit_log", id=ident("audit 1"), event_type="auth", user_id=ident("user ana"),
             target_type="user", target_id=ident("user kai"), action="ban",
             details='{"why": "spam"}', ip_address="10.0.0.1", timestamp=1700002000)
    lair.add("sessions", id="s1", user_id=ident("user ana"), token="t")


@pytest.fixture
def source(tmp_path):
    lair = Lair(tmp_path / "lair.db")
    fill(lair)
    lair.invitation("cellar", "bob", "ana", expires_at=LATER)
    lair.invitation("cellar", "bob", "kai", status="declined", responded_at=1700000999)
    lair.invitation("cellar", "bob", "gone", expires_at=1700000400)
    lair.invitation("cellar", "bob", "eva", invitation_type="direct_message")
    return lair.close()


@pytest.fixture
def imported(tmp_path, source, make_broker):
    """A broker on imported data, and what the import said."""
    data = tmp_path / "imported"
    findings, summary, _ = run("lair", source, "--data", data)
    broker = make_broker(data=data, security__admins="nobody")
    broker.findings, broker.summary = findings, summary
    return broker


@pytest.fixture
def login(imported, connect_raw):
    def make(peer, secret=PASSWORD):
        raw = connect_raw(imported)
        return raw, hello(raw, peer, secret)
    return make


def test_counts_and_findings(imported):
    assert counts(imported.summary, "users") == (5, 5, 0, 0)
    assert counts(imported.summary, "rooms") == (5, 4, 1, 0)
    assert counts(imported.summary, "messages") == (9, 9, 0, 0)
    assert counts(imported.summary, "message_reactions") == (2, 2, 0, 0)
    assert counts(imported.summary, "invitations") == (4, 3, 0, 1)
    assert counts(imported.summary, "user_moderation") == (4, 2, 0, 2)
    assert counts(imported.summary, "audit_log") == (1, 1, 0, 0)
    assert counts(imported.summary, "sessions") == (1, 0, 0, 1)
    assert imported.summary["complete"] and not imported.summary["dry_run"]
    assert "tokens" in reasons(imported.findings, "sessions")["all rows"]


def test_the_old_password_logs_in(imported, login):
    _, welcome = login("ana")
    assert (welcome.peer, welcome.is_verified, welcome.role) == (b"ana", True, pb.ADMIN)
    assert login("bob")[1].role == pb.USER
    assert login("eva")[1].role == pb.MODERATOR
    assert login("ana", b"wrong")[1].code == 2002
    assert login("kai")[1].code == 2007, "banned"
    assert login("gone")[1].code == 2008, "not active"
    users = {user.name: user for user in query(login("ana")[0], "USERS").users}
    assert users[b"kai"].ban_reason == b"spam"
    assert users[b"kai"].banned_until_ms == LATER * 1000
    assert users[b"bob"].created_ms == 1700000000000
    peers = {peer.name: peer for peer in query(login("ana")[0], "PEERS").peers}
    assert not peers[b"gone"].is_online and peers[b"gone"].last_seen_ms == 1710000000000


def test_history_is_read(imported, login):
    raw, _ = login("bob")
    messages = {m.message_id: m for m in query(raw, "HISTORY", scope=b"room:general").messages}
    hello_message = messages[raw_id("hello")]
    assert hello_message.body.decode() == "hello, Wörld" and hello_message.sender == b"ana"
    assert hello_message.created_ms == hello_message.stored_ms == 1700001000000
    assert [(r.emoji.decode(), r.count, r.is_mine) for r in hello_message.reactions] == [
        ("👍", 2, True)]
    assert messages[raw_id("reply")].parent_id == raw_id("hello")
    assert messages[raw_id("edited")].body == b"as it is now"
    assert messages[raw_id("edited")].edited_ms == 1700001500000
    assert messages[raw_id("deleted")].body == b""
    assert messages[raw_id("deleted")].deleted_ms == 1700001600000
    image = messages[raw_id("image")]
    assert (image.kind, image.body) == (pb.FILE_SHARE, b"cat.png")
    assert {h.name: h.value for h in image.headers} == {b"lair-type": b"image",
                                                       b"lair-metadata": b'{"width": 3}'}
    assert messages[raw_id("code")].kind == pb.TEXT
    direct = query(raw, "HISTORY", peer=b"ana").messages
    assert [(m.sender, m.body) for m in direct] == [(b"ana", b"only for you, bob"),
                                                    (b"bob", b"thanks, ana")]
    found = query(raw, "SEARCH", text="wörld".encode()).messages
    assert [m.message_id for m in found] == [raw_id("hello")]
    march = query(raw, "HISTORY", scope=b"room:general", from_ms=1700001001000,
                  to_ms=1700001002000).messages
    assert [m.body for m in march] == [b"hi ana"]


def test_rooms_members_and_markers(imported, login):
    raw, _ = login("ana")
    rooms = {room.name: room for room in query(raw, "ROOMS").rooms}
    general = rooms[b"general"]
    assert (general.topic, general.description, general.privacy) == (
        b"all things", b"for everybody", pb.PUBLIC)
    assert (general.members, general.creator, general.my_role) == (3, b"ana", pb.OWNER)
    assert rooms[b"cellar"].privacy == pb.PRIVATE and rooms[b"vault"].privacy == pb.PROTECTED
    assert rooms[b"old"].is_archived
    members = {m.peer: m.role for m in query(raw, "MEMBERS", scope=b"room:general").members}
    assert members == {b"ana": pb.OWNER, b"bob": pb.MEMBER, b"eva": pb.ROOM_MODERATOR,
                       b"kai": pb.BANNED} or members == {
                           b"ana": pb.OWNER, b"bob": pb.MEMBER, b"eva": pb.ROOM_MODERATOR}
    invitations = query(raw, "INVITATIONS").invitations
    assert [(i.scope, i.inviter, i.text) for i in invitations] == [(b"room:cellar", b"bob", b"come")]
    assert call(raw, "INVITE_ACCEPT", scope=b"room:cellar").code == 0
    unread = query(raw, "UNREAD", scope=b"room:general").unread[0]
    assert unread.marker_seq > 0 and unread.unread == 2, "edited and deleted came after the reply"
    audit = query(raw, "AUDIT").audit
    assert [(a.actor, a.action, a.target, a.at_ms) for a in audit][0] == (
        b"ana", b"lair-ban", b"kai", 1700002000000)
    bob, _ = login("bob")
    assert call(bob, "ROOM_JOIN", scope=b"room:vault", password=b"").code != 0


def test_nothing_old_is_delivered_again(imported, login):
    ana, _ = login("ana")
    raw, _ = login("bob")
    for handle, scope in ((1, b"peer:bob"), ):
        raw.send(pb.Attach(handle=handle, scope=scope, consumer=b"main"))
        attached = raw.receive()
        assert isinstance(attached, pb.Attached), attached
        raw.send(pb.Credit(handle=handle, messages_total=100))
    ana.send(pb.Send(first_no=1, entries=[pb.Entry(message_id=os.urandom(16), scope=b"peer:bob",
                                                   body=b"new")]))
    delivered = raw.receive()
    assert [entry.body for entry in delivered.entries] == [b"new"]


def test_lair_clients_see_it_too(tmp_path, source, make_broker):
    from lair_client import LairClient
    run("lair", source, "--data", tmp_path / "imported")
    broker = make_broker(data=tmp_path / "imported", lair__listen="127.0.0.1:*")
    client = LairClient(broker.lair_address()).enter("bob")
    try:
        assert client.ask("JOIN_ROOM:general") == "ROOM_JOINED:general"
        client.drain()
        client.say("GET_HISTORY:20")
        assert "HISTORY:ana:hello, Wörld" in client.drain()
    finally:
        client.close()


def test_twice_is_once_and_the_source_is_not_touched(tmp_path, source):
    before = hashlib.sha256(open(source, "rb").read()).digest(), sorted(os.listdir(tmp_path))
    data = tmp_path / "twice"
    run("lair", source, "--data", data)
    first = dump(data)
    findings, summary, _ = run("lair", source, "--data", data)
    assert dump(data) == first
    assert summary["added"] == 0 and summary["skipped"] > 0
    assert not reasons(findings, "users")
    after = hashlib.sha256(open(source, "rb").read()).digest(), sorted(os.listdir(tmp_path))
    assert after == (before[0], sorted(before[1] + ["twice"]))
    verify = subprocess.run(command("verify", data / "roost.db"), capture_output=True, check=False)
    assert verify.returncode == 0, verify.stdout


def test_a_dry_run_writes_nothing_and_says_the_same(tmp_path, source):
    data = tmp_path / "dry"
    dry_findings, dry, _ = run("lair", source, "--data", data, "--dry-run")
    assert not data.exists()
    findings, summary, _ = run("lair", source, "--data", data)
    assert dry_findings == findings
    assert dry["tables"] == summary["tables"] and dry["dry_run"]
    before = dump(data)
    _, again, _ = run("lair", source, "--data", data, "--dry-run")
    assert dump(data) == before and again["added"] == 0


def test_a_running_broker_keeps_it_out(tmp_path, source, make_broker):
    broker = make_broker()
    _, _, error = run("lair", source, "--data", broker.data, code=5)
    assert "stop it" in error
    _, summary, _ = run("lair", source, "--data", broker.data, "--dry-run")
    assert summary["added"] > 0


def test_rows_that_do_not_fit_are_named(tmp_path):
    lair = Lair(tmp_path / "odd.db")
    lair.user("ana")
    lair.user("Ana")
    lair.user("with blank")
    lair.user("weak", password_hash="$2b$12$bcrypt")
    lair.user("nohash", password_hash="$argon2id$v=19$m=4194304,t=9,p=1$AAECAwQFBgc$AAECAwQFBgcICQ")
    lair.user("times", created_at="yesterday", last_seen=-5)
    lair.db.execute("INSERT INTO users VALUES ('not-a-uuid', 'x', NULL, '', '', 1, 1, 1, 1, 'user',"
                    " '{}', '{}')")
    lair.db.execute("INSERT INTO users VALUES (?, CAST(x'ff41' AS TEXT), NULL, '', '', 1, 1, 1, 1,"
                    " 'user', '{}', '{}')", [ident("user bad")])
    lair.room("general", members=("ana", "nobody"))
    lair.room("a:b")
    lair.room("GENERAL", members=("ana",))
    lair.message("fine", "general", "ana", "fine")
    lair.message("no author", "general", "nobody", "x")
    lair.message("no room", "nowhere", "ana", "x")
    lair.message("of bad room", "a:b", "ana", "x")
    lair.message("bytes", "general", "ana", b"\xff\xfe")
    lair.message("number", "general", "ana", "x", timestamp="soon")
    lair.db.execute("INSERT INTO messages (id, room_id, user_id, content, timestamp) VALUES"
                    " (?, ?, ?, CAST(x'c328' AS TEXT), 1)",
                    [ident("message utf"), ident("room general"), ident("user ana")])
    lair.message("large", "general", "ana", "x" * (1 << 20) + "y")
    lair.mark("message_reactions", "unknown", "ana", reaction="👍")
    source = lair.close()
    findings, summary, _ = run("lair", source, "--data", tmp_path / "data")
    users, messages = reasons(findings, "users"), reasons(findings, "messages")
    assert "but for its case" in users[ident("user Ana")]
    assert "white space" in users[ident("user with blank")] or users[ident("user with blank")]
    assert "Argon2id" in users[ident("user weak")] and "Argon2id" in users[ident("user nohash")]
    assert "created_at" in users[ident("user times")]
    assert "UUID" in users["not-a-uuid"]
    assert "UTF-8" in users[ident("user bad")]
    assert counts(summary, "users") == (8, 4, 0, 4)
    assert counts(summary, "messages") == (8, 1, 0, 7)
    assert "but for its case" in reasons(findings, "rooms")[ident("room GENERAL")]
    assert "author" in messages[ident("message no author")]
    assert "room" in messages[ident("message no room")]
    assert "was not taken over" in messages[ident("message of bad room")]
    assert "not a text" in messages[ident("message bytes")]
    assert "whole number" in messages[ident("message number")]
    assert "UTF-8" in messages[ident("message utf")]
    assert "bytes" in messages[ident("message large")]
    assert "not here" in list(reasons(findings, "message_reactions").values())[0]


def test_the_older_generation(tmp_path, make_broker, connect_raw):
    lair = Lair(tmp_path / "older.db", is_newer=False)
    fill(lair)
    lair.add("room_invites", id=ident("invite 1"), room_id=ident("room cellar"),
             invited_by=ident("user bob"), invited_user=ident("user ana"), created_at=1700000300)
    lair.add("room_invites", id=ident("invite 2"), room_id=ident("room cellar"),
             invited_by=ident("user bob"), invite_code="abc", created_at=1700000300)
    findings, summary, _ = run("lair", lair.close(), "--data", tmp_path / "data")
    assert counts(summary, "room_invites") == (2, 1, 0, 1)
    assert "code" in reasons(findings, "room_invites")[ident("invite 2")]
    raw = connect_raw(make_broker(data=tmp_path / "data"))
    hello(raw, "ana", PASSWORD)
    assert [i.scope for i in query(raw, "INVITATIONS").invitations] == [b"room:cellar"]


def test_what_is_here_already_stays(tmp_path, source, make_broker, connect_raw):
    broker = make_broker()
    raw = connect_raw(broker)
    hello(raw, "ana2")
    assert call(raw, "USER_REGISTER", peer=b"Bob", password=b"of another bob").code == 0
    assert call(raw, "ROOM_CREATE", scope=b"room:cellar").code == 0
    assert call(raw, "ROOM_CREATE", scope=b"room:General", topic=b"ours").code == 0
    assert call(raw, "ROOM_CREATE", scope=b"room:vault", privacy=pb.PRIVATE).code == 0
    broker.stop()
    findings, _, _ = run("lair", source, "--data", broker.data)
    assert "stays as it is" in reasons(findings, "users")[ident("user bob")]
    assert "not shown to everybody" in reasons(findings, "rooms")[ident("room cellar")]
    assert "not for everybody" in reasons(findings, "rooms")[ident("room vault")]
    assert "was not taken over" in reasons(findings, "messages")[ident("message secret")]
    assert "differs" in reasons(findings, "rooms")[ident("room general")]
    broker.start()
    bob = connect_raw(broker)
    assert hello(bob, "bob", b"of another bob").is_verified
    room = query(bob, "ROOMS", scope=b"room:general").rooms[0]
    assert (room.name, room.topic, room.my_role) == (b"General", b"ours", pb.MEMBER)


def test_history_is_kept_as_long_as_it_was_said(tmp_path, make_broker, connect_raw):
    for name, keep in (("soon", 0), ("later", 30)):
        lair = Lair(tmp_path / f"{name}.db")
        lair.user("ana")
        lair.room(name, members=("ana",))
        for number in range(3):
            lair.message(f"{name} {number}", name, "ana", "old")
        run("lair", lair.close(), "--data", tmp_path / "data", "--keep", keep)
    broker = make_broker(data=tmp_path / "data", retention__history_s=60, cleanup__interval_s=1)
    raw = connect_raw(broker)
    hello(raw, "ana", PASSWORD)
    eventually(lambda: not query(raw, "HISTORY", scope=b"room:soon").messages,
               what="the end of what was to be kept no longer")
    assert len(query(raw, "HISTORY", scope=b"room:later").messages) == 3


@pytest.mark.parametrize("privacy,is_taken", [("public", True), ("system", True),
                                              ("private", False)])
def test_the_lobby_is_the_lobby(tmp_path, privacy, is_taken):
    lair = Lair(tmp_path / "lobby.db")
    lair.user("ana")
    lair.room("Lobby", privacy=privacy, members=("ana",))
    lair.message("one", "Lobby", "ana", "hello")
    source = lair.close()
    for words, data in ((("--dry-run",), "none"), ((), "data")):
        _, summary, _ = run("lair", source, "--data", tmp_path / data, *words)
        assert counts(summary, "messages") == ((1, 1, 0, 0) if is_taken else (1, 0, 0, 1))
        assert counts(summary, "rooms")[1:] == ((0, 1, 0) if is_taken else (0, 0, 1))


def large(path, count=30000):
    lair = Lair(path)
    for name in ("ana", "bob", "eva"):
        lair.user(name)
    lair.room("general", members=("ana:owner", "bob", "eva"))
    lair.room("dm-1", room_type="direct_message", members=("ana", "bob"))
    for number in range(count):
        who = ("ana", "bob", "eva")[number % 3]
        room = "dm-1" if number % 5 == 0 and who != "eva" else "general"
        lair.message(number, room, who, f"message {number} " + "x" * (number % 200),
                     timestamp=1700001000 + number, edited_at=1700009000 if number % 50 == 1 else None)
    return lair.close()


def test_killed_in_the_middle_and_run_again(tmp_path):
    source = large(tmp_path / "large.db")
    run("lair", source, "--data", tmp_path / "straight")
    kills = 0
    for delay in (0.05, 0.15, 0.3, 0.5):
        process = subprocess.Popen(command("import", "lair", source, "--data", tmp_path / "killed"),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        kills += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait(20)
    assert kills >= 2, "it was too fast to be killed"
    _, summary, _ = run("lair", source, "--data", tmp_path / "killed")
    assert summary["present"] > 0 and summary["skipped"] == 0

    def without_seq(data):
        database = sqlite3.connect(f"file:{data}/roost.db?mode=ro", uri=True)
        rows = database.execute(
            "SELECT lower(hex(m.message_id)), p.name, s.name, m.kind, m.created_ms, m.stored_ms,"
            " m.body, m.flags, m.conversation FROM message m JOIN peer p ON p.id = m.sender_id"
            " JOIN scope s ON s.id = m.scope_id ORDER BY m.seq").fetchall()
        waiting = database.execute(
            "SELECT count(*) FROM consumer c JOIN message m ON m.scope_id = c.scope_id"
            " WHERE m.seq > c.floor_seq").fetchone()
        database.close()
        return rows, waiting

    assert without_seq(tmp_path / "killed") == without_seq(tmp_path / "straight")
    assert without_seq(tmp_path / "killed")[1] == (0,)


def test_damaged_pages_cost_their_rows_only(tmp_path):
    source = large(tmp_path / "damaged.db", count=3000)
    database = sqlite3.connect(source)
    page_size = database.execute("PRAGMA page_size").fetchone()[0]
    try:
        pages = [row[0] for row in database.execute(
            "SELECT pageno FROM dbstat WHERE name = 'messages' AND pagetype = 'leaf'")]
    except sqlite3.OperationalError:
        pages = []
    ids = {row[0] for row in database.execute("SELECT id FROM messages")}
    database.close()
    if not pages:  # no dbstat in this SQLite: leaves of tables begin with 13
        with open(source, "rb") as file:
            content = file.read()
        first = content.index(b"message 1500 ") // page_size + 1
        second = content.index(b"message 300 ") // page_size + 1
        pages = [second, first]
        damaged = pages
    else:
        damaged = [pages[3], pages[len(pages) // 2], pages[-1]]
    with open(source, "r+b") as file:
        for page in damaged:
            file.seek((page - 1) * page_size)
            file.write(b"\xa5" * page_size)
    findings, summary, _ = run("lair", source, "--data", tmp_path / "data")
    read, added, _, skipped = counts(summary, "messages")
    assert read == len(ids) and added + skipped == read and 0 < skipped < 300
    lost = reasons(findings, "messages")
    assert len(lost) == skipped and set(lost) <= ids
    assert all("damaged" in reason for reason in lost.values())
    first = dump(tmp_path / "data")
    run("lair", source, "--data", tmp_path / "data")
    assert dump(tmp_path / "data") == first


def test_a_wal_is_read_and_left_alone(tmp_path):
    path = tmp_path / "wal.db"
    lair = Lair(path, journal="WAL")
    lair.db.execute("PRAGMA wal_autocheckpoint = 0")
    fill(lair)
    lair.db.commit()
    files = {name: hashlib.sha256((tmp_path / name).read_bytes()).digest()
             for name in ("wal.db", "wal.db-wal", "wal.db-shm")}
    _, summary, _ = run("lair", path, "--data", tmp_path / "data")
    assert counts(summary, "messages") == (9, 9, 0, 0)
    assert files == {name: hashlib.sha256((tmp_path / name).read_bytes()).digest()
                     for name in files}
    lair.close()
    assert not (tmp_path / "wal.db-wal").exists()
    _, summary, _ = run("lair", path, "--data", tmp_path / "data")
    assert summary["added"] == 0
    assert sorted(p.name for p in tmp_path.glob("wal.db*")) == ["wal.db"]


def test_what_is_no_such_file(tmp_path):
    (tmp_path / "text").write_text("not a database, but long enough to have a header " * 10)
    _, _, error = run("lair", tmp_path / "text", "--data", tmp_path / "data", code=1)
    assert "not an SQLite file" in error
    run("lair", tmp_path / "missing", "--data", tmp_path / "data", code=4)
    database = sqlite3.connect(tmp_path / "other.db")
    database.execute("CREATE TABLE users (name TEXT)")
    database.commit()
    database.close()
    _, _, error = run("lair", tmp_path / "other.db", "--data", tmp_path / "data", code=1)
    assert "Lair Chat" in error
