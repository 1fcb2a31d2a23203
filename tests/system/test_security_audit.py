# SPDX-License-Identifier: MPL-2.0
"""The audit log: every event that docs/SECURITY.md lists is made to happen, and is there once; nobody can fill it
with himself; and a row that was changed is found."""
import os
import re
import sqlite3
import subprocess
from pathlib import Path

import pytest

from broker import eventually
from guard import ADMINISTRATE, PASSWORD, READ, audit, call, enter, hello, register, send
from helpers import data_file
from roost.schema import pb

SECURITY = Path(os.environ["ROOST_SOURCE"], "docs/SECURITY.md")
MADE_ELSEWHERE = {"key-enrol", "key-code", "key-redeem", "key-revoke", "key-lock", "key-refused",  # test_curve.py
                  "quarantine"}                                         # below, with a file that is damaged


def documented():
    section = SECURITY.read_text().split("## What is noted")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `([a-z-]+)`", section, re.MULTILINE))


@pytest.fixture
def busy(make_broker, connect_raw):
    """A broker in which everything happened once; (broker, a session of its administrator)."""
    broker = make_broker(quota__share_messages=5, security__login_failures_max=2)
    root = enter(connect_raw, broker, "root")
    register(root, "ana")
    register(root, "bob")
    ana = enter(connect_raw, broker, "ana", PASSWORD)                                  # login
    for _ in range(2):
        assert hello(connect_raw(broker), "bob", b"wrong password").code in (2002, 2006)  # login-failed, lock
    for method, fields in [
            ("USER_UNLOCK", {"peer": b"bob"}), ("USER_ROLE", {"peer": b"bob", "role": pb.MODERATOR}),
            ("USER_BAN", {"peer": b"bob", "text": b"spam"}), ("USER_UNBAN", {"peer": b"bob"}),
            ("USER_ACTIVE", {"peer": b"bob", "all": False}), ("USER_ACTIVE", {"peer": b"bob", "all": True}),
            ("USER_PASSWORD", {"peer": b"bob", "password": b"another one"}),
            ("ROOM_CREATE", {"scope": b"room:hall"}), ("SCOPE_CREATE", {"scope": b"queue:q"})]:
        assert call(root, method, **fields).code == 0, method
    token = call(ana, "TOKEN_CREATE", text=b"laptop")
    assert call(ana, "SESSION_END", seq=1, all=True).code == 0 and token.token
    for name, role in ((b"ana", pb.READER), (b"ana", pb.ROOM_ROLE_NONE)):
        call(ana, "ROOM_JOIN", scope=b"room:hall")
        assert call(root, "MEMBER_ROLE", scope=b"room:hall", peer=name, room_role=role).code == 0
    for role in (pb.BANNED, pb.ROOM_ROLE_NONE):
        assert call(root, "MEMBER_ROLE", scope=b"room:hall", peer=b"ana", room_role=role).code == 0
    assert call(root, "ROOM_ARCHIVE", scope=b"room:hall").code == 0
    rule = call(root, "ACL_ALLOW", peer=b"ana", text=b"queue:q", actions=READ)
    assert call(root, "ACL_DENY", peer=b"*", text=b"queue:z", actions=ADMINISTRATE).code == 0
    assert call(root, "ACL_REMOVE", seq=rule.seq).code == 0
    assert [send(root, "queue:q") for _ in range(7)] == [0] * 5 + [4007] * 2           # quota
    assert root.attach("queue:q", handle=9, credit=1).code == 0
    delivered = root.receive(pb.DELIVER)
    root.send(pb.Settle(handle=9, confirm_id=1, ranges=[pb.SettleRange(
        first_delivery_no=delivered.first_delivery_no, outcome=pb.REJECT)]))
    assert root.receive(pb.SETTLED) is not None
    for method in ("DEAD_REDRIVE", "DEAD_PURGE"):
        assert call(root, method, scope=b"queue:q", consumer=b"main", all=True).code == 0
    assert call(root, "CONSUMER_REMOVE", scope=b"queue:q", consumer=b"main").code == 0
    other = enter(connect_raw, broker, "passer-by")
    other.send(pb.Goodbye())
    assert other.receive(pb.GOODBYE) is not None
    eventually(lambda: call(root, "PEER_REMOVE", peer=b"passer-by").code == 0, what="the peer is removed")
    broker.signal(1)                                                                    # reload
    broker.wait_for_log("configuration-read")
    eventually(lambda: "reload" in {row[0] for row in audit(root)}, what="it is noted")
    assert broker.stop() == 0                                                           # stop
    broker.start()
    return broker, enter(connect_raw, broker, "root")


def test_every_event_is_there(busy):
    _, root = busy
    rows = audit(root)
    counts = {action: sum(row[0] == action for row in rows) for action in {row[0] for row in rows}}
    expected = documented() - MADE_ELSEWHERE
    assert expected - set(counts) == set(), f"documented, and not there: {expected - set(counts)}"
    assert set(counts) - documented() == set(), f"not documented: {set(counts) - documented()}"
    several = {"start": 2, "register": 2, "session-end": 1}
    wrong = {action: count for action, count in counts.items() if count != several.get(action, 1)}
    assert wrong == {}, rows
    by_action = {row[0]: row for row in rows}
    assert by_action["start"][2] == by_action["stop"][2] == f"roost {os.environ['ROOST_VERSION']}"
    assert by_action["quota"] == ("quota", "root", "SHARE_FULL", "")
    assert by_action["login-failed"][:3] == ("login-failed", "", "bob")
    assert by_action["lock"][2] == "bob"
    assert by_action["consumer-remove"] == ("consumer-remove", "root", "queue:q", "main")
    assert by_action["peer-remove"] == ("peer-remove", "root", "passer-by", "")


def test_nobody_fills_it(make_broker, connect_raw):
    """A thousand refusals, and two hundred failed logins of one name, are a handful of rows."""
    broker = make_broker(quota__messages_per_s=1, security__login_failures_max=1000)
    root = enter(connect_raw, broker, "root")
    register(root, "ana")
    mallory = enter(connect_raw, broker, "mallory")
    for _ in range(1000):
        send(mallory, "queue:q")
    for _ in range(20):
        assert hello(connect_raw(broker), "ana", b"wrong password").code == 2002
    rows = audit(root)
    assert len([row for row in rows if row[0] == "quota"]) == 1
    assert len([row for row in rows if row[0] == "login-failed"]) == 1


def test_what_is_damaged_is_noted(make_broker, connect_raw):
    broker = make_broker()
    ana = enter(connect_raw, broker, "ana")
    body = b"these bytes are going to be changed on the disk"
    assert send(ana, "queue:q", body=body) == 0
    assert broker.stop() == 0
    path = data_file(broker)
    content = Path(path).read_bytes()
    assert content.count(body) == 1
    Path(path).write_bytes(content.replace(body, body.swapcase()))
    broker.start()
    ana = enter(connect_raw, broker, "ana")
    assert ana.attach("queue:q", handle=1).code == 0
    eventually(lambda: "quarantine" in {row[0] for row in audit(ana)}, what="it is noted")
    assert [row[2] for row in audit(ana) if row[0] == "quarantine"] == ["1"]


@pytest.mark.parametrize("change,finding", [
    ("UPDATE audit SET detail = 'nothing' WHERE id = 4", "was changed"),
    ("UPDATE audit SET at_ms = at_ms + 1 WHERE id = 4", "was changed"),
    ("UPDATE audit SET actor = 'bob' WHERE id = 4", "was changed"),
    ("DELETE FROM audit WHERE id = 4", "are missing"),
    ("UPDATE audit SET hash = zeroblob(32) WHERE id = 4", "was changed"),
], ids=["detail", "time", "actor", "removed", "hash"])
def test_verify_finds_a_changed_row(make_broker, connect_raw, change, finding):
    broker = make_broker()
    root = enter(connect_raw, broker, "root")
    for name in ("ana", "bob", "carl", "dora"):
        register(root, name)
    assert broker.stop() == 0
    path = data_file(broker)

    def verify():
        done = subprocess.run([os.environ["ROOST_CLI"], "audit", "verify", path], capture_output=True, text=True,
                              check=False)
        return done.returncode, done.stdout

    assert verify()[0] == 0
    database = sqlite3.connect(path)
    database.execute(change)
    database.commit()
    database.close()
    code, text = verify()
    assert code == 1 and finding in text

