# SPDX-License-Identifier: MPL-2.0
"""roost export and import: an export imported into an empty broker gives the same history,
memberships, markers and waiting mail; damaged lines are named; run twice is run once."""
import json
import os
import signal
import subprocess
import time

import pytest
import roost as library
from broker import Broker
from helpers import bodies, eventually, info, receive_all
from roost import Client

PASSWORD = "correct horse battery"


def roost(*words, code=0, stdin=None):
    done = subprocess.run([os.environ["ROOST_CLI"], *map(str, words)], capture_output=True, text=True,
                          timeout=120, check=False, input=stdin)
    assert done.returncode == code, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done


def lines_of(path):
    return [json.loads(line) for line in open(path, encoding="utf-8")]


def summary(done):
    return json.loads(done.stdout.splitlines()[-1])


def fill(broker):
    """A bit of everything; gives what is looked at later."""
    known = {}
    with Client(broker.url, "alice") as alice, Client(broker.url, "bob") as bob, \
            Client(broker.url, "张三") as zhang:
        alice.register("carol", PASSWORD)
        alice.register("mallory", PASSWORD)
        alice.enrol_key("carol", library.KeyPair.make().public, "laptop")
        alice.enrol_key("mallory", library.KeyPair.make().public)
        alice.revoke_key(name="mallory", is_all=True)
        alice.ban("mallory", "spam")
        gone_rule = alice.acl_add("*", 1, "topic:old.>")
        alice.acl_add("mallory", 3, "queue:*", is_allow=False)
        alice.acl_add("@guest", 2, "topic:weather.>")
        alice.acl_remove(gone_rule)
        alice.create_room("kitchen", topic="tea", description="hot")
        alice.create_room("club", privacy=library.Privacy.PRIVATE)
        bob.join("kitchen")
        zhang.join("kitchen")
        alice.invite("club", "bob", "come in")
        alice.invite("club", "张三")
        zhang.decline_invitation("club")
        alice.set_member("kitchen", "张三", library.RoomRole.BANNED)
        first = alice.send("room:kitchen", "spagetti")
        alice.edit(first.message_id, "spaghetti")
        bob.react(first.message_id, "👍")
        gone = alice.send("room:kitchen", "secret")
        alice.delete(gone.message_id)
        known["room"] = [first.message_id, gone.message_id]
        # Mail: some settled in order, some out of order, the rest waits.
        for number in range(10):
            alice.send("bob", b"mail %d" % number, headers=[(b"n", b"%d" % number), (b"raw", b"\xff\x00")], key=b"\xff\x00",
                       correlation_id=b"c%d" % number)
        inbox = bob.attach(window=10)
        got = [inbox.receive(10) for _ in range(10)]
        known["mail"] = 8
        got[3].ack()
        got[0].ack()
        assert bob.flush(10)
        inbox.close()
        worker = bob.attach("queue:work", window=100)
        for number in range(6):
            alice.send("queue:work", bytes([number, 255]), ttl_ms=86_400_000)
        jobs = [worker.receive(10) for _ in range(6)]
        jobs[1].ack()
        jobs[3].ack()
        jobs[2].reject("broken")
        jobs[4].fail("later", delay_ms=3_600_000)
        jobs[0].release()
        jobs[5].release()
        assert bob.flush(10)
        alice.send("topic:weather.oslo", b"rain")
        zhang.send("alice", "你好", receipts=3)
        page = alice.history("张三")
        alice.mark_read("张三", seq=page.items[-1].seq)
        alice.mark_read(scope="room:kitchen", seq=first.seq)
        bob.mark_read(scope="room:kitchen", seq=gone.seq)
    return known


@pytest.fixture
def filled(make_broker):
    broker = make_broker()
    known = fill(broker)
    assert broker.stop() == 0
    return broker, known


def look(client, who):
    """What a client sees, to be compared."""
    seen = {
        "rooms": [(r.name, r.topic, r.description, r.members, r.privacy) for r in client.rooms().items],
        "members": [(m.peer, m.role) for m in client.members("kitchen").items],
        "unread": [(u.peer, u.scope, u.unread, u.marker_seq) for u in client.conversations().items],
        "history": [(m.seq, m.message_id, m.sender, m.body, m.edited_ms, m.deleted_ms, m.headers,
                     m.reactions) for m in client.history(scope="room:kitchen").items],
        "talk": [(m.seq, m.sender, m.body, m.key, m.correlation_id)
                 for m in client.history("bob" if who == "alice" else "alice").items],
        "search": [m.message_id for m in client.search("spaghetti").items],
        "invitations": [(i.scope, i.text) for i in client.invitations().items],
        "keys": [(k.id, k.peer, k.key, k.label, k.created_ms, k.revoked_ms)
                 for k in client.keys().items],
        "rules": client.acl().items if who == "alice" else None,
        "users": [(u.name, u.role, u.is_active) for u in client.users().items],
        "dead": [(d.message.body, d.text) for d in client.dead_letters("queue:work").items],
        "queue": [getattr(info(client, "queue:work"), field)
                  for field in ("floor_seq", "waiting", "retry", "dead")],
        "mailbox": info(client, "bob").waiting,
    }
    return seen


def test_the_same_on_the_other_side(filled, make_broker, tmp_path):
    broker, known = filled
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    roost("export", "--data", broker.data, first)
    assert os.stat(first).st_mode & 0o777 == 0o600
    elsewhere = tmp_path / "elsewhere"
    said = summary(roost("import", "--json", "--data", elsewhere, first))
    assert said["skipped"] == 0 and not said["cut_off"], said
    roost("export", "--data", elsewhere, second)
    one, two = lines_of(first), lines_of(second)
    assert one[0]["last_seq"] == two[0]["last_seq"]
    assert one[1:] == two[1:]
    records = {line["record"] for line in one}
    assert records >= {"peer", "account", "scope", "room", "member", "invitation", "message", "edit",
                       "tombstone", "reaction", "consumer", "exception", "marker", "audit",
                       "device_key", "acl"}, records
    roost("verify", elsewhere / "roost.db")
    # And by clients.
    other = make_broker(data=elsewhere)
    broker.start()
    for who in ("alice", "bob"):
        with Client(broker.url, who) as here, Client(other.url, who) as there:
            assert look(here, who) == look(there, who)
    with Client(other.url, "carol", credentials=PASSWORD) as carol:  # her password logs in
        carol.wait_ready(20)
        assert carol.role is library.Role.USER
    with Client(broker.url, "bob") as here, Client(other.url, "bob") as there:
        boxes = [client.attach() for client in (here, there)]
        assert boxes[0].waiting_at_attach == boxes[1].waiting_at_attach >= known["mail"]
        mails = [receive_all(box, box.waiting_at_attach) for box in boxes]
        assert bodies(mails[0]) == bodies(mails[1])
        assert [m.message_id for m in mails[0]] == [m.message_id for m in mails[1]]
    with Client(other.url, "alice") as alice:  # new messages come above everything that was
        assert alice.send("bob", b"new").seq > one[0]["last_seq"]
        assert alice.audit().items
        assert [rule.subject for rule in alice.acl().items] == ["mallory", "@guest"]
        assert not alice.acl_test("mallory", 1, "queue:work")
    roost("audit", "verify", other.data + "/roost.db")


def test_run_twice_is_run_once(filled, make_broker, tmp_path):
    broker, _ = filled
    file, elsewhere = tmp_path / "all.jsonl", tmp_path / "elsewhere"
    roost("export", "--data", broker.data, file)
    roost("import", "--data", elsewhere, file)
    again = summary(roost("import", "--json", "--data", elsewhere, file))
    assert again["added"] == 0 and again["present"] == len(lines_of(file)) - 2
    # Also when the broker went on meanwhile: what was settled stays settled.
    other = make_broker(data=elsewhere)
    with Client(other.url, "bob") as bob:
        box = bob.attach()
        receive_all(box, box.waiting_at_attach)
        eventually(lambda: info(bob, "bob").waiting == 0)
    roost("import", "--data", elsewhere, file, code=5)  # it runs
    assert other.stop() == 0
    assert summary(roost("import", "--json", "--data", elsewhere, file))["added"] == 0
    other.start()
    with Client(other.url, "bob") as bob:
        assert bob.attach().waiting_at_attach == 0


def test_only_into_an_empty_one(filled, tmp_path):
    broker, _ = filled
    file = tmp_path / "all.jsonl"
    roost("export", "--data", broker.data, file)
    before = lines_of(file)[1:]
    assert "empty" in roost("import", "--data", broker.data, file, code=5).stderr
    roost("export", "--data", broker.data, file)
    assert lines_of(file)[1:] == before
    # One that ran and was not used is empty.
    fresh = Broker(tmp_path / "fresh").start()
    assert fresh.stop() == 0
    roost("import", "--data", fresh.data, file)


def test_damaged_lines_are_named(filled, tmp_path):
    broker, _ = filled
    file = tmp_path / "all.jsonl"
    roost("export", "--data", broker.data, file)
    lines = open(file, encoding="utf-8").read().splitlines()
    place = {json.loads(line)["record"]: n for n, line in enumerate(lines)}
    changed = {
        place["peer"] + 0: lambda line: line[:len(line) // 2],
        place["account"]: lambda line: line.replace("$argon2id$", "$md5$"),
        place["message"]: lambda line: line.replace('"kind":', '"kind":"x","was":'),
        place["marker"]: lambda line: line.replace('"peer":"', '"peer":"nobody-'),
        place["member"]: lambda line: '["no object"]',
        place["reaction"]: lambda line: line + "}",
        place["scope"]: lambda line: line.replace('"scope":"', '"scope":"nowhere:'),
        place["acl"] - 1: lambda line: line.replace('"scope":"queue:*"', '"scope":"quite:*"'),
        place["acl"]: lambda line: line.replace('"subject":"@guest"', '"subject":"@quest"'),
    }
    for n, change in changed.items():
        lines[n] = change(lines[n])
    lines.insert(len(lines) - 1, "x" * 100)
    lines.insert(len(lines) - 1, "")
    damaged = tmp_path / "damaged.jsonl"
    damaged.write_text("\n".join(lines) + "\n", encoding="utf-8")
    for words in (["--dry-run"], ["--data", tmp_path / "elsewhere"]):
        done = roost("import", "--json", *words, damaged)
        found = [json.loads(line) for line in done.stdout.splitlines()]
        said = found.pop()
        named = {item["line"] for item in found}
        assert named >= {n + 1 for n in changed} | {len(lines) - 2, len(lines) - 1}, found
        assert said["skipped"] == len(found) and said["added"] + said["skipped"] == len(lines) - 2
        assert all(item["reason"] for item in found)
    assert not os.path.exists(tmp_path / "elsewhere" / "roost.db-restored")
    roost("verify", tmp_path / "elsewhere" / "roost.db")
    # What is no export, or not whole.
    cut = tmp_path / "cut.jsonl"
    cut.write_text("\n".join(lines[:20]) + "\n", encoding="utf-8")
    assert "cut off" in roost("import", "--data", tmp_path / "cut", cut, code=1).stderr
    for text in ("", "hello\n", '{"record":"peer"}\n', '{"record":"roost-export","version":9}\n',
                 '{"record":"roost-export","version":1}\n'):
        cut.write_text(text, encoding="utf-8")
        roost("import", "--data", tmp_path / "none", cut, code=1)
    roost("import", "--data", tmp_path / "none", tmp_path / "missing", code=4)


def test_killed_in_the_middle_and_run_again(tmp_path):
    broker = Broker(tmp_path / "data").start()
    with Client(broker.url, "alice") as alice:
        sends = [alice.send_async("bob", b"m" * 500) for _ in range(15_000)]
        for send in sends:
            send.result(60)
    assert broker.stop() == 0
    file, elsewhere = tmp_path / "all.jsonl", tmp_path / "elsewhere"
    roost("export", "--data", broker.data, file)
    kills = 0
    for delay in (0.02, 0.05, 0.08, 0.1, 0.15, 0.2):
        process = subprocess.Popen([os.environ["ROOST_CLI"], "import", "--data", str(elsewhere), str(file)],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        kills += process.wait(20) == -signal.SIGKILL
    assert kills >= 2, "the machine is too fast for this test"
    roost("import", "--data", elsewhere, file)
    again = tmp_path / "again.jsonl"
    roost("export", "--data", elsewhere, again)
    assert lines_of(file)[1:] == lines_of(again)[1:]


def test_of_some_scopes_and_by_pipes(filled, tmp_path):
    broker, known = filled
    text = roost("export", "--data", broker.data, "--scope", "room:kitchen", "-").stdout
    lines = [json.loads(line) for line in text.splitlines()]
    assert {line["scope"] for line in lines if "scope" in line} == {"room:kitchen"}
    assert not [line for line in lines if line["record"] in ("account", "acl", "audit")]
    assert lines[-1] == {"record": "end", "rows": len(lines) - 2}
    said = summary(roost("import", "--json", "--data", tmp_path / "part", "-", stdin=text))
    assert said["skipped"] == 0
    # Never over something else.
    (tmp_path / "thesis").write_text("my thesis")
    roost("export", "--data", broker.data, tmp_path / "thesis", code=5)
    assert (tmp_path / "thesis").read_text() == "my thesis"
