# SPDX-License-Identifier: MPL-2.0
"""The access list from outside: every action x role x relation, each cell asserted; rules that count at once
and after kill -9; and `roost acl`."""
import itertools
import json
import os
import subprocess

import pytest

from guard import (ADMINISTRATE, CREATE, NOT_ALLOWED, PASSWORD, READ, SEND, audit, call, enter, hello, query,
                   register, send)
from roost.schema import pb

PEOPLE = {"root": "named", "ada": "admin", "max": "moderator", "ana": "user", "bob": "user", "gus": "guest",
          "eve": None}
handles = itertools.count(1)


@pytest.fixture
def closed(make_broker, connect_raw):
    """A broker whose access list denies what it does not name, as beyond loopback; its people, by name."""
    broker = make_broker(security__acl_default="deny", security__admins="root", mailbox__autocreate="on")
    first = enter(connect_raw, broker, "root")
    register(first, "root")
    root = enter(connect_raw, broker, "root", PASSWORD)
    people = {"root": root}
    for name, role in list(PEOPLE.items())[1:]:
        if role:
            register(root, name, role)
        people[name] = enter(connect_raw, broker, name, PASSWORD if role else b"")
    for scope in ("queue:jobs", "queue:other", "topic:news.a", "topic:news.secret"):
        assert call(root, "SCOPE_CREATE", scope=scope.encode()).code == 0
        assert send(root, scope) == 0
    assert call(root, "ROOM_CREATE", scope=b"room:hall").code == 0
    attach(root, "queue:jobs")
    people["broker"] = broker
    return people


def attach(raw, scope):
    attached = raw.attach(scope, handle=next(handles), credit=0)
    return attached.code


def history(raw, scope):
    return query(raw, "HISTORY", scope=scope.encode())[1].code


def inspect(raw, scope):
    return query(raw, "INSPECT", scope=scope.encode(), consumer=b"main")[1].code


def remove_consumer(raw, scope):
    return call(raw, "CONSUMER_REMOVE", scope=scope.encode(), consumer=b"nobody's").code


_names = itertools.count(1)


def create(raw, scope):
    scope = f"{scope}{next(_names)}"
    method = "ROOM_CREATE" if scope.startswith("room:") else "SCOPE_CREATE"
    return call(raw, method, scope=scope.encode()).code


def send_new(raw, scope):
    return send(raw, f"{scope}{next(_names)}")


RULES = [
    (True, "ana", SEND | READ, "queue:jobs*"), (True, "ana", CREATE | SEND, "queue:mine*"),
    (True, "@user", READ, "topic:news.*"), (False, "bob", READ, "topic:news.secret"),
    (True, "@moderator", ADMINISTRATE | READ, "queue:*"), (True, "*", SEND, "peer:*"),
    (False, "@guest", SEND, "peer:ana"), (True, "@unverified", SEND, "topic:drop.>"),
    (True, "@user", READ | SEND | CREATE, "room:*"),
]
NOBODY = frozenset()
ADMINS = frozenset({"root", "ada"})


def those(*names):
    return frozenset(names)


# What, by which scope, and who may besides administrators: (with an empty list, with RULES).
TABLE = [
    (send, "queue:jobs", NOBODY, those("ana")),
    (send, "queue:other", NOBODY, NOBODY),
    (send, "peer:ana", NOBODY, those("ana", "bob", "max", "eve")),
    (send, "peer:bob", NOBODY, those("ana", "bob", "max", "gus", "eve")),
    (send, "topic:news.a", NOBODY, NOBODY),
    (send_new, "topic:drop.", NOBODY, NOBODY),  # eve may send there, and not make it
    (send_new, "queue:mine", NOBODY, those("ana")),
    (attach, "queue:jobs", NOBODY, those("ana", "max")),
    (attach, "queue:other", NOBODY, those("max")),
    (attach, "topic:news.a", NOBODY, those("ana", "bob")),
    (attach, "topic:news.secret", NOBODY, those("ana")),
    (attach, "topic:news.*", NOBODY, those("ana")),
    (attach, "topic:news.>", NOBODY, NOBODY),
    (attach, "topic:*.secret", NOBODY, NOBODY),
    (attach, "topic:>", NOBODY, NOBODY),
    (history, "queue:jobs", NOBODY, those("ana", "max")),
    (history, "queue:other", NOBODY, those("max")),
    (history, "topic:news.a", NOBODY, those("ana", "bob")),
    (history, "topic:news.secret", NOBODY, those("ana")),
    (inspect, "queue:jobs", NOBODY, those("max")),
    (create, "queue:mine", NOBODY, those("ana")),
    (create, "queue:theirs", NOBODY, NOBODY),
    (create, "room:r", NOBODY, those("ana", "bob")),
]


def check(people, column):
    wrong, cells = [], 0
    for row in TABLE:
        action, scope, may = row[0], row[1], row[2 + column] | ADMINS
        for name in PEOPLE:
            code = action(people[name], scope)
            cells += 1
            is_allowed = code == 0
            if is_allowed != (name in may) or code not in (0, NOT_ALLOWED, 3002):
                wrong.append((action.__name__, scope, name, code, "expected",
                              "to be allowed" if name in may else "to be refused"))
    assert not wrong, "\n".join(map(str, wrong))
    return cells


def test_matrix(closed):
    """Every action x role x relation: at first nothing is allowed but to administrators, then what RULES say,
    and then nothing again."""
    cells = check(closed, 0)
    ids = []
    for is_allow, who, actions, scope in RULES:
        reply = call(closed["root"], "ACL_ALLOW" if is_allow else "ACL_DENY", peer=who.encode(),
                     text=scope.encode(), actions=actions)
        assert (reply.code, reply.count) == (0, 1), reply
        ids.append(reply.seq)
    cells += check(closed, 1)
    for number in ids:
        assert call(closed["root"], "ACL_REMOVE", seq=number).count == 1
    cells += check(closed, 0)
    assert cells >= 200


def test_own_mailbox_is_ones_own(closed):
    """No rule is needed to read it, and none lets somebody else."""
    for name in PEOPLE:
        assert attach(closed[name], f"peer:{name}") == 0, name
        for other in PEOPLE:
            if other != name:
                assert attach(closed[name], f"peer:{other}") == NOT_ALLOWED, (name, other)


def test_only_administrators_write_it(closed):
    for name in PEOPLE:
        expected = 0 if name in ADMINS else NOT_ALLOWED
        fields = {"peer": b"*", "text": b"*", "actions": SEND}
        reply = call(closed[name], "ACL_ALLOW", **fields)
        assert reply.code == expected, name
        assert call(closed[name], "ACL_TEST", **{**fields, "text": b"queue:x"}).code == expected, name
        assert query(closed[name], "ACL")[1].code == expected, name
        assert call(closed[name], "ACL_REMOVE", seq=reply.seq or 1).code == expected, name


def test_wrong_rules(closed):
    def add(who, scope, actions):
        return call(closed["root"], "ACL_ALLOW", peer=who, text=scope, actions=actions).code

    assert add(b"@everybody", b"*", SEND) == 2001
    assert add(b"ana", b"jobs", SEND) == 3003
    assert add(b"ana", b"topic:a..b", SEND) == 3003
    call_fields = {"request_id": 1, "method": pb.ACL_ALLOW, "peer": b"ana", "text": b"*"}
    for actions in (0, 16):
        closed["root"].send(pb.Call(actions=actions, **call_fields))
        assert isinstance(closed["root"].receive_any(pb.ERROR, pb.REPLY), pb.Error)


def test_counts_at_once_for_who_is_attached(closed):
    """A rule that denies ends what is open, with the reason; one that allows lets in again."""
    root, ana = closed["root"], closed["ana"]
    allowed = call(root, "ACL_ALLOW", peer=b"ana", text=b"*", actions=READ | SEND)
    assert allowed.code == 0
    assert ana.attach("topic:news.*", handle=90).code == 0
    assert ana.attach("peer:ana", handle=91).code == 0
    assert send(root, "topic:news.a", body=b"before") == 0
    delivered = ana.receive(pb.DELIVER)
    assert delivered.entries[0].body == b"before"
    denied = call(root, "ACL_DENY", peer=b"@user", text=b"topic:news.secret", actions=READ)
    assert denied.code == 0
    detach = ana.receive(pb.DETACH)
    assert (detach.handle, detach.code) == (90, NOT_ALLOWED)
    assert ana.attach("topic:news.*", handle=92).code == NOT_ALLOWED
    assert ana.attach("topic:news.a", handle=93).code == 0
    assert call(root, "ACL_REMOVE", seq=denied.seq).count == 1
    assert ana.attach("topic:news.*", handle=94).code == 0
    assert send(ana, "queue:other") == 0
    assert call(root, "ACL_REMOVE", seq=allowed.seq).count == 1
    assert {ana.receive(pb.DETACH).handle for _ in range(2)} == {93, 94}
    assert send(ana, "queue:other") == NOT_ALLOWED
    assert send(root, "peer:ana", body=b"still there") == 0  # its mailbox stays attached


def test_counts_at_once_for_another_role(closed):
    root, ana = closed["root"], closed["ana"]
    assert call(root, "ACL_ALLOW", peer=b"@user", text=b"queue:jobs", actions=READ | SEND).code == 0
    assert ana.attach("queue:jobs", handle=80).code == 0
    assert send(ana, "queue:jobs") == 0
    assert call(root, "USER_ROLE", peer=b"ANA", role=pb.GUEST).code == 0  # names have no case
    assert ana.receive(pb.DETACH).handle == 80
    assert send(ana, "queue:jobs") == NOT_ALLOWED
    assert call(root, "USER_ROLE", peer=b"ana", role=pb.USER).code == 0
    assert ana.attach("queue:jobs", handle=81).code == 0
    assert send(ana, "queue:jobs") == 0


def test_survives_a_kill(closed, connect_raw):
    root, broker = closed["root"], closed["broker"]
    assert call(root, "ACL_ALLOW", peer=b"ana", text=b"queue:jobs", actions=READ).code == 0
    broker.restart()
    ana, bob = (enter(connect_raw, broker, name, PASSWORD) for name in ("ana", "bob"))
    assert (attach(ana, "queue:jobs"), attach(bob, "queue:jobs")) == (0, NOT_ALLOWED)
    assert (history(ana, "queue:jobs"), history(bob, "queue:jobs")) == (0, NOT_ALLOWED)
    assert (send(ana, "queue:jobs"), send(bob, "queue:jobs")) == (NOT_ALLOWED, NOT_ALLOWED)


def test_a_name_is_not_enough(make_broker, connect_raw):
    """A rule for an account is not for somebody who only calls himself so."""
    broker = make_broker(security__acl_default="deny", security__admins="root")
    root = enter(connect_raw, broker, "root")
    register(root, "root")
    root = enter(connect_raw, broker, "root", PASSWORD)
    assert call(root, "SCOPE_CREATE", scope=b"queue:jobs").code == 0
    assert call(root, "ACL_ALLOW", peer=b"carl", text=b"queue:jobs", actions=SEND | READ).code == 0
    carl = enter(connect_raw, broker, "carl")
    assert (send(carl, "queue:jobs"), attach(carl, "queue:jobs")) == (NOT_ALLOWED, NOT_ALLOWED)
    register(root, "carl")
    assert hello(connect_raw(broker), "carl").code == 2004  # from now on he proves it
    carl = enter(connect_raw, broker, "carl", PASSWORD)
    assert (send(carl, "queue:jobs"), attach(carl, "queue:jobs")) == (0, 0)


def test_search_and_pages_leave_out_what_is_not_allowed(closed):
    root, ana, bob = closed["root"], closed["ana"], closed["bob"]
    assert call(root, "ACL_ALLOW", peer=b"ana", text=b"topic:>", actions=READ).code == 0
    assert send(root, "topic:news.a", body=b"walrus in the bay") == 0
    assert call(root, "FLUSH_INDEX").code == 0
    found = {name: len(query(closed[name], "SEARCH", text=b"walrus")[0].messages) for name in ("ana", "bob")}
    assert found == {"ana": 1, "bob": 0}
    ids = [row.message_id for row in query(ana, "HISTORY", scope=b"topic:news.a")[0].messages]
    assert len(query(ana, "BY_ID", message_ids=b"".join(ids))[0].messages) == len(ids)
    assert len(query(bob, "BY_ID", message_ids=b"".join(ids))[0].messages) == 0


def test_open_on_this_machine(broker, connect_raw):
    """As ever: nobody is asked for anything, unless a rule denies, which then counts for everybody but named
    administrators."""
    ana, bob = enter(connect_raw, broker, "ana"), enter(connect_raw, broker, "bob")
    assert (send(ana, "queue:q"), attach(bob, "queue:q"), attach(bob, "topic:>")) == (0, 0, 0)
    assert call(ana, "ACL_DENY", peer=b"*", text=b"queue:q", actions=SEND).code == 0
    assert (send(ana, "queue:q"), send(bob, "queue:q"), send(bob, "queue:p")) == (NOT_ALLOWED, NOT_ALLOWED, 0)


def test_every_change_is_in_the_audit_log(closed):
    root = closed["root"]
    rule = call(root, "ACL_ALLOW", peer=b"ana", text=b"queue:jobs", actions=SEND | READ).seq
    assert call(root, "ACL_ALLOW", peer=b"ana", text=b"queue:jobs", actions=SEND | READ).count == 0  # the same
    assert call(root, "ACL_DENY", peer=b"*", text=b"topic:>", actions=READ).code == 0
    assert call(root, "ACL_REMOVE", seq=rule).code == 0
    rows = [row for row in audit(root) if row[0].startswith("acl-")]
    assert rows == [("acl-allow", "root", "ana", "send,read queue:jobs"), ("acl-deny", "root", "*", "read topic:>"),
                    ("acl-remove", "root", "ana", "send,read queue:jobs")]


# ------------------------------------------------------------------------------------------- roost acl

@pytest.fixture
def roost(broker):
    def run(*words, peer="root"):
        done = subprocess.run([os.environ["ROOST_CLI"], *words], capture_output=True, text=True, check=False,
                              timeout=60, env={**os.environ, "ROOST_URL": broker.url, "ROOST_PEER": peer})
        return done.returncode, done.stdout, done.stderr
    return run


def test_command(roost):
    code, out, err = roost("acl", "allow", "ana", "send,read", "queue:jobs*")
    assert (code, err) == (0, "") and out.startswith("allowed: rule 1")
    assert "was there already" in roost("acl", "allow", "ana", "send,read", "queue:jobs*")[1]
    code, out, _ = roost("acl", "deny", "*", "all", "topic:secret.>", "--json")
    assert (code, json.loads(out)) == (0, {"done": "denied", "id": 2, "new": True})
    rules = [json.loads(line) for line in roost("acl", "list", "-j")[1].splitlines()]
    assert [(r["id"], r["allow"], r["subject"], r["actions"], r["scope"], r["creator"]) for r in rules] == [
        (1, True, "ana", "send,read", "queue:jobs*", "root"),
        (2, False, "*", "send,read,create,administrate", "topic:secret.>", "root")]
    assert "queue:jobs*" in roost("acl", "list")[1]
    assert roost("acl", "test", "ana", "read", "topic:secret.a")[:2] == (1, "denied: a rule denies it (rule 2)\n")
    assert roost("acl", "test", "bob", "send", "queue:x")[0] == 0
    answer = json.loads(roost("acl", "test", "ana", "read", "topic:>", "-j")[1])
    assert (answer["allowed"], answer["rule"]) == (False, 2)
    assert roost("acl", "remove", "2")[0] == 0
    assert roost("acl", "remove", "2")[0] == 4
    assert roost("acl", "test", "ana", "read", "topic:secret.a")[0] == 0


@pytest.mark.parametrize("words", [
    ("acl", "allow", "ana", "fly", "*"), ("acl", "allow", "ana", "", "*"), ("acl", "allow", "ana", "send"),
    ("acl", "remove", "x"), ("acl", "remove", "0"), ("acl", "test", "ana", "send,read", "queue:a"),
])
def test_command_used_wrongly(roost, words):
    code, out, err = roost(*words)
    assert (code, out) == (2, "") and err.startswith("roost: ")


def test_command_says_what_is_wrong_with_a_rule(roost):
    code, _, err = roost("acl", "allow", "@users", "send", "*")
    assert code != 0 and "@user" in err
    code, _, err = roost("acl", "allow", "ana", "send", "jobs")
    assert code != 0 and "peer:, room:, queue: or topic:" in err


def test_command_has_help(roost):
    for word in ("list", "allow", "deny", "remove", "test"):
        code, out, _ = roost("acl", word, "--help")
        assert code == 0 and f"roost acl {word}" in out
