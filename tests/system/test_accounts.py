# SPDX-License-Identifier: MPL-2.0
"""Accounts over ZeroMQ: registration, passwords, tokens, lock-out, bans, the audit log; and all of
it after kill -9."""
import itertools
import os
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

import pytest

from broker import eventually
from roost.schema import pb

PASSWORD = b"correct horse"
requests = itertools.count(1)


def call(raw, method, **fields):
    return raw.ask(pb.Call(request_id=next(requests), method=pb.Method.Value(method), **fields),
                   pb.REPLY)


def query(raw, kind, **fields):
    """(rows of all parts, FIN)"""
    raw.send(pb.Query(request_id=next(requests), kind=pb.QueryKind.Value(kind), **fields))
    result = pb.Result()
    while True:
        message = raw.receive()
        assert message is not None and not isinstance(message, pb.Error), (kind, message)
        if isinstance(message, pb.Result):
            result.MergeFrom(message)
        elif isinstance(message, pb.Fin):
            return result, message


def hello(raw, peer, secret=b""):
    """WELCOME or ERROR."""
    raw.send(pb.Hello(version_min=1, version_max=1, peer=peer.encode(), credentials=secret))
    return raw.receive()


@pytest.fixture
def login(broker, connect_raw):
    def make(peer, secret=b""):
        raw = connect_raw(broker)
        answer = hello(raw, peer, secret)
        return raw, answer
    return make


@pytest.fixture
def guest(login):
    """A peer without an account. On this machine it may administrate (security.admins = auto)."""
    return login("guest")[0]


@pytest.fixture
def ana(guest):
    assert call(guest, "USER_REGISTER", peer=b"Ana", password=PASSWORD).code == 0


def test_register_and_log_in(broker, login, guest, ana):
    _, welcome = login("ana", PASSWORD)
    assert (welcome.peer, welcome.is_verified, welcome.role) == (b"Ana", True, pb.USER)
    assert login("ana", b"wrong")[1].code == 2002
    assert login("nobody", b"wrong")[1].code == 2002
    assert login("ana")[1].code == 2004
    assert not login("somebody")[1].is_verified
    assert call(guest, "USER_REGISTER", peer=b"ANA", password=b"xxxxxxxx").code == 2005
    assert call(guest, "USER_REGISTER", peer=b"a b", password=b"xxxxxxxx").code == 2001
    broker.restart()
    assert login("ana", PASSWORD)[1].is_verified


def test_nothing_secret_is_logged_or_stored(broker, login, guest, ana):
    raw, _ = login("ana", PASSWORD)
    token = call(raw, "TOKEN_CREATE", text=b"laptop").token
    assert login("ana", token)[1].is_verified
    login("ana", b"a wrong password")
    broker.stop()
    secrets = [PASSWORD, token, b"a wrong password"]
    log = "\n".join(broker.lines).encode()
    files = b"".join(path.read_bytes() for path in Path(broker.data).iterdir() if path.is_file())
    for secret in secrets:
        assert secret not in log and secret not in files
    broker.start()


def test_tokens_are_listed_used_and_ended(broker, login, guest, ana):
    raw, _ = login("ana", PASSWORD)
    token = call(raw, "TOKEN_CREATE", text=b"laptop").token
    short = call(raw, "TOKEN_CREATE", text=b"short", until_ms=int(time.time() * 1000) + 1500)
    assert token.startswith(b"roost_") and len(token) == 49
    sessions, _ = query(raw, "SESSIONS")
    assert [(s.label, s.peer) for s in sessions.sessions] == [(b"laptop", b"Ana"),
                                                              (b"short", b"Ana")]
    broker.restart()
    raw, welcome = login("Ana", token)
    assert welcome.is_verified and welcome.peer == b"Ana"
    assert login("bob", token)[1].code == 2002, "a token is good for its own account only"
    eventually(lambda: getattr(login("ana", short.token)[1], "code", 0) == 2002,
               what="the end of a token")
    assert call(raw, "SESSION_END", seq=sessions.sessions[0].id).count == 1
    assert login("ana", token)[1].code == 2002


def test_a_name_is_locked_and_stays_locked_after_a_kill(make_broker, connect_raw):
    broker = make_broker(security__login_failures_max=3, security__lock_s=600)
    raws = {}

    def attempt(peer, secret):
        return hello(connect_raw(broker), peer, secret)

    raws["guest"] = connect_raw(broker)
    hello(raws["guest"], "guest")
    assert call(raws["guest"], "USER_REGISTER", peer=b"ana", password=PASSWORD).code == 0
    for name in ("ana", "nobody"):
        assert [attempt(name, b"wrong").code for _ in range(3)] == [2002] * 3
    broker.restart()
    for name in ("ana", "nobody"):
        refused = attempt(name, PASSWORD)
        assert refused.code == 2006 and 500_000 < refused.retry_after_ms <= 600_000
    guest = connect_raw(broker)
    hello(guest, "guest")
    assert call(guest, "USER_UNLOCK", peer=b"ANA").count == 1
    assert attempt("ana", PASSWORD).is_verified
    audit, _ = query(guest, "AUDIT")
    noted = [(e.action, e.target) for e in audit.audit if e.action not in (b"start", b"login-failed")]
    assert noted == [
        (b"register", b"ana"), (b"lock", b"ana"), (b"lock", b"nobody"), (b"unlock", b"ana"),
        (b"login", b"ana")]


def test_bans_roles_and_deactivation(broker, login, guest, ana):
    assert call(guest, "USER_BAN", peer=b"ana", text=b"spam").code == 0
    broker.restart()
    assert login("ana", PASSWORD)[1].code == 2007
    assert login("ana", b"wrong")[1].code == 2002, "only who knows the password hears of the ban"
    admin, _ = login("guest")
    assert call(admin, "USER_UNBAN", peer=b"ana").count == 1
    assert call(admin, "USER_ACTIVE", peer=b"ana", all=False).count == 1
    assert login("ana", PASSWORD)[1].code == 2008
    assert call(admin, "USER_ACTIVE", peer=b"ana", all=True).count == 1
    assert call(admin, "USER_ROLE", peer=b"ana", role=pb.MODERATOR).count == 1
    assert login("ana", PASSWORD)[1].role == pb.MODERATOR
    users, fin = query(admin, "USERS")
    assert [(u.name, u.role, u.is_active) for u in users.users] == [(b"Ana", pb.MODERATOR, True)]
    assert not fin.has_more


def test_a_ban_ends_what_is_open(broker, login, guest, ana):
    raw, _ = login("ana", PASSWORD)
    assert call(guest, "USER_BAN", peer=b"ana").code == 0
    assert raw.receive(pb.GOODBYE).reason == 2007
    assert raw.ask(pb.Ping(), pb.NO_SESSION) is not None


def test_a_new_account_ends_sessions_of_its_name_that_proved_nothing(broker, login, guest):
    raw, welcome = login("Bob")
    assert not welcome.is_verified
    assert call(guest, "USER_REGISTER", peer=b"bob", password=PASSWORD).code == 0
    assert raw.receive(pb.GOODBYE).reason == 2004
    assert login("bob", PASSWORD)[1].is_verified


def test_rights_end_where_nobody_is_admin(make_broker, connect_raw):
    broker = make_broker(security__admins="root", security__registration="on")

    def connect(peer, secret=b""):
        raw = connect_raw(broker)
        hello(raw, peer, secret)
        return raw

    guest, root = connect("guest"), connect("root")
    for name in (b"ana", b"bob"):
        assert call(guest, "USER_REGISTER", peer=name, password=PASSWORD).code == 0
    ana = connect("ana", PASSWORD)
    for raw in (guest, ana):
        for method, fields in (("USER_ROLE", {"role": pb.ADMIN}), ("USER_BAN", {}),
                               ("USER_ACTIVE", {}), ("USER_UNLOCK", {}),
                               ("USER_PASSWORD", {"password": b"mine, not yours"}),
                               ("SESSION_END", {"all": True})):
            assert call(raw, method, peer=b"bob", **fields).code == 2003, method
        for kind in ("USERS", "AUDIT"):
            assert query(raw, kind)[1].code == 2003
        assert query(raw, "SESSIONS", peer=b"bob")[1].code == 2003
    assert call(guest, "TOKEN_CREATE").code == 2003
    assert call(root, "USER_ROLE", peer=b"ana", role=pb.ADMIN).code == 0
    assert call(ana, "USER_BAN", peer=b"bob").code == 0, "it counts at once"
    assert call(ana, "USER_ROLE", peer=b"ana", role=pb.USER).code == 2003, "not about oneself"


def test_registration_can_be_closed(make_broker, connect_raw):
    broker = make_broker(security__admins="root", security__registration="off")
    guest, root = connect_raw(broker), connect_raw(broker)
    hello(guest, "guest")
    hello(root, "root")
    assert call(guest, "USER_REGISTER", peer=b"ana", password=PASSWORD).code == 2003
    assert call(root, "USER_REGISTER", peer=b"ana", password=PASSWORD).code == 0


def test_a_password_is_changed_with_the_old_one(broker, login, guest, ana):
    raw, _ = login("ana", PASSWORD)
    token = call(raw, "TOKEN_CREATE").token
    assert call(raw, "USER_PASSWORD", password=b"brand new one").code == 2002
    assert call(raw, "USER_PASSWORD", password=b"brand new one", text=b"wrong").code == 2002
    assert call(raw, "USER_PASSWORD", password=b"brand new one", text=PASSWORD).code == 0
    assert login("ana", PASSWORD)[1].code == 2002
    assert login("ana", b"brand new one")[1].is_verified
    assert login("ana", token)[1].code == 2002, "tokens end with the password"
    assert call(guest, "USER_PASSWORD", peer=b"ana", password=b"newer than new").code == 0
    assert login("ana", b"newer than new")[1].is_verified


def test_mail_waits_for_an_account_and_its_sender_is_verified(broker, login, guest, ana):
    guest.store("ana", 1)
    raw, _ = login("ana", PASSWORD)
    attached = raw.attach("ana")
    assert attached.code == 0 and attached.waiting == 1
    assert raw.receive(pb.DELIVER).entries[0].sender_unverified
    login("Ana", PASSWORD)[0].store("ana", 1)
    assert not raw.receive(pb.DELIVER).entries[0].sender_unverified


def test_registered_is_on_disk_when_it_is_said(make_broker, connect_raw):
    """kill -9 right after each REPLY: the account is there."""
    broker = make_broker()
    for number in range(5):
        raw = connect_raw(broker)
        hello(raw, "guest")
        assert call(raw, "USER_REGISTER", peer=b"user%d" % number, password=PASSWORD).code == 0
        broker.kill()
        broker.start()
        assert hello(connect_raw(broker), f"user{number}", PASSWORD).is_verified


def test_the_audit_log_shows_what_was_changed(broker, login, guest, ana):
    login("ana", PASSWORD)
    broker.stop()
    path = Path(broker.data) / "roost.db"

    def verify():
        return subprocess.run([os.environ["ROOST_CLI"], "verify", str(path)], check=False,
                              capture_output=True, text=True)

    assert verify().returncode == 0
    with sqlite3.connect(path) as db:
        assert [row[0] for row in db.execute("SELECT action FROM audit ORDER BY id")] == [
            "start", "register", "login", "stop"]
        db.execute("UPDATE audit SET actor = 'mallory' WHERE id = 1")
    found = verify()
    assert found.returncode == 1 and "audit: " in found.stdout and "id 1" in found.stdout
    broker.start()


def test_two_hundred_log_in_at_once(broker, connect_raw, guest):
    count = 200
    answers, raws = {}, [connect_raw(broker) for _ in range(count)]
    assert call(guest, "USER_REGISTER", peer=b"u", password=PASSWORD).code == 0
    hashed = sqlite3.connect(Path(broker.data) / "roost.db").execute(
        "SELECT password_hash FROM account").fetchone()[0]
    broker.stop()
    with sqlite3.connect(Path(broker.data) / "roost.db") as db:  # 200 registrations would take as long
        for number in range(count):
            peer = db.execute("INSERT INTO peer (name, folded, created_ms) VALUES (?1, ?1, 0)",
                              (f"u{number}",)).lastrowid
            db.execute("INSERT INTO account (peer_id, password_hash, role, created_ms)"
                       " VALUES (?, ?, 2, 0)", (peer, hashed))
    broker.start()
    begin = time.monotonic()

    def log_in(number):
        """Until it is let in: a machine with other work may have no time for a while."""
        for _ in range(10):
            raws[number].send(pb.Hello(version_min=1, version_max=1, peer=b"u%d" % number,
                                       credentials=PASSWORD))
            answers[number] = raws[number].receive(timeout_ms=20_000)
            if answers[number] is not None and not getattr(answers[number], "retryable", False):
                return

    threads = [threading.Thread(target=log_in, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{count} logins took {time.monotonic() - begin:.2f} s")
    assert all(isinstance(answer, pb.Welcome) and answer.is_verified
               for answer in answers.values()) and len(answers) == count
