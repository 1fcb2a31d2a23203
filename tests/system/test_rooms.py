# SPDX-License-Identifier: MPL-2.0
"""Rooms and invitations from outside: whatever was answered holds after kill -9; a large room costs
one row per message; who has no right reads and writes nothing."""
import itertools
import sqlite3

import pytest

from helpers import ask_file, data_file
from roost.schema import pb

ERR = {"NO_SUCH_SCOPE": 3002, "NOT_MEMBER": 5012, "ALREADY_INVITED": 5014, "ROOM_ARCHIVED": 5017,
       "ROOM_BANNED": 5018, "NO_SUCH_INVITATION": 3006, "EXISTS": 5020, "LAST_OWNER": 5015,
       "NOT_ALLOWED": 2003}


def scopes(reply):
    """The rooms a REPLY names."""
    return [name.scope for name in reply.scopes]


class Person:
    """A raw session that calls and asks."""

    def __init__(self, raw, name):
        self.raw, self.name = raw, name
        self.ids = itertools.count(1)
        raw.hello(name)

    def call(self, method, room=None, **fields):
        if room:
            fields["scope"] = f"room:{room}".encode()
        if isinstance(fields.get("peer"), str):
            fields["peer"] = fields["peer"].encode()
        return self.raw.ask(pb.Call(request_id=next(self.ids), method=getattr(pb, method), **fields),
                            pb.REPLY)

    def must(self, method, room=None, **fields):
        reply = self.call(method, room, **fields)
        assert reply.code == 0, reply
        return reply

    def query(self, kind, **fields):
        self.raw.send(pb.Query(request_id=next(self.ids), kind=getattr(pb, kind), **fields))
        rows = pb.Result()
        while True:
            type_message = self.raw.receive_any(pb.RESULT, pb.FIN)
            if isinstance(type_message, pb.Fin):
                return type_message, rows
            rows.MergeFrom(type_message)

    def say(self, room, body=b"x"):
        """0 or the code it was refused with."""
        stored = self.raw.store(f"room:{room}", body=body)
        return stored.exceptions[0].code if stored.exceptions else 0


@pytest.fixture
def person(connect_raw):
    return lambda broker, name: Person(connect_raw(broker), name)


def members(broker, room):
    return dict(ask_file(broker, "SELECT p.name, m.role FROM member m JOIN peer p ON p.id = m.peer_id"
                         " JOIN scope s ON s.id = m.scope_id WHERE s.name = ?", room))


def test_what_was_answered_holds_after_kill(broker, person):
    """kill -9 right after each answer."""
    def again():
        broker.kill()
        broker.start()
        return person(broker, "ana"), person(broker, "bob")

    ana, bob = person(broker, "ana"), person(broker, "bob")
    ana.must("ROOM_CREATE", "Tea", topic=b"green")
    ana, bob = again()
    assert members(broker, "Tea") == {"ana": 1}
    assert ana.call("ROOM_CREATE", "tea").code == ERR["EXISTS"]
    bob.must("ROOM_JOIN", "tea")
    ana, bob = again()
    assert members(broker, "Tea") == {"ana": 1, "bob": 3}
    assert bob.say("Tea", b"hello") == 0
    ana, bob = again()
    assert [m.body for m in ana.query("HISTORY", scope=b"room:Tea")[1].messages] == [b"hello"]
    ana.must("MEMBER_ROLE", "Tea", peer="bob", room_role=pb.ROOM_MODERATOR)
    ana, bob = again()
    assert members(broker, "Tea") == {"ana": 1, "bob": 2}
    ana.must("ROOM_LEAVE", "Tea")
    ana, bob = again()
    assert members(broker, "Tea") == {"bob": 1}
    bob.must("ROOM_UPDATE", "Tea", description=b"for all", clear=2)
    ana, bob = again()
    room = ana.query("ROOMS", scope=b"room:tea")[1].rooms[0]
    assert (room.topic, room.description, room.members) == (b"", b"for all", 1)
    bob.must("MEMBER_ROLE", "Tea", peer="ana", room_role=pb.BANNED)
    ana, bob = again()
    assert ana.call("ROOM_JOIN", "Tea").code == ERR["ROOM_BANNED"]
    bob.must("ROOM_ARCHIVE", "Tea")
    ana, bob = again()
    assert bob.say("Tea") == ERR["ROOM_ARCHIVED"]
    actions = [row[0] for row in ask_file(broker, "SELECT action FROM audit ORDER BY id")
               if row[0] != "start"]
    assert actions == ["room-role", "room-ban", "room-archive"]


def test_invitations_hold_after_kill(broker, person):
    def again():
        broker.kill()
        broker.start()
        return person(broker, "ana"), person(broker, "bob")

    ana, bob = person(broker, "ana"), person(broker, "bob")
    for room in ("a", "b", "c", "d"):
        ana.must("ROOM_CREATE", room, privacy=pb.PRIVATE)
    ids = [ana.must("INVITE", room, peer="bob", text=b"come").invitation_id
           for room in ("a", "b", "c", "d")]
    ana, bob = again()
    assert ana.call("INVITE", "a", peer="bob").code == ERR["ALREADY_INVITED"]
    found = bob.query("INVITATIONS")[1].invitations
    assert [i.invitation_id for i in found] == ids
    assert [(i.scope, i.inviter, i.text) for i in found][0] == (b"room:a", b"ana", b"come")
    assert scopes(bob.must("INVITE_ACCEPT")) == [b"room:d"], "the newest"
    ana, bob = again()
    assert members(broker, "d") == {"ana": 1, "bob": 3}
    bob.must("INVITE_DECLINE", "a")
    ana, bob = again()
    assert [i.scope for i in bob.query("INVITATIONS")[1].invitations] == [b"room:b", b"room:c"]
    ana.must("INVITE_REVOKE", "b", peer="bob")
    ana, bob = again()
    assert bob.call("INVITE_ACCEPT", "b").code == ERR["NO_SUCH_INVITATION"]
    reply = bob.must("INVITE_ACCEPT", all=True)
    assert (reply.count, reply.failed, scopes(reply)) == (1, 0, [b"room:c"])
    ana, bob = again()
    assert members(broker, "c") == {"ana": 1, "bob": 3}
    assert not bob.query("INVITATIONS")[1].invitations


def test_an_invitation_waits_in_the_mailbox(broker, person):
    ana = person(broker, "ana")
    bob = person(broker, "bob")
    bob.raw.close()
    ana.must("ROOM_CREATE", "Tea", privacy=pb.PRIVATE)
    reply = ana.must("INVITE", "Tea", peer="bob", text=b"come")
    broker.kill()
    broker.start()
    bob = person(broker, "bob")
    bob.raw.attach("peer:bob")
    entry = bob.raw.receive(pb.DELIVER).entries[0]
    assert (entry.kind, entry.sender) == (pb.SYSTEM, b"ana")
    assert entry.content_type == b"application/x-roost-invitation"
    invitation = pb.Invitation.FromString(entry.body)
    assert invitation.scope == b"room:Tea" and invitation.inviter == b"ana"
    assert invitation.invitation_id == reply.invitation_id
    assert bob.must("INVITE_ACCEPT", invitation_id=invitation.invitation_id).count == 1


def test_strangers_are_kept_out(make_broker, person):
    broker = make_broker(security__admins="root")
    ana, eve, root = (person(broker, name) for name in ("ana", "eve", "root"))
    ana.must("ROOM_CREATE", "attic", privacy=pb.PRIVATE)
    assert ana.say("attic", b"secret") == 0
    assert eve.say("attic") == ERR["NOT_MEMBER"]
    assert eve.call("ROOM_JOIN", "attic").code == ERR["NOT_ALLOWED"]
    assert eve.call("INVITE", "attic", peer="eve").code == ERR["NOT_MEMBER"]
    assert eve.call("ROOM_UPDATE", "attic", topic=b"mine").code == ERR["NOT_MEMBER"]
    assert eve.query("HISTORY", scope=b"room:attic")[0].code == ERR["NOT_MEMBER"]
    assert eve.query("MEMBERS", scope=b"room:attic")[0].code == ERR["NOT_MEMBER"]
    assert eve.raw.attach("room:attic").code == ERR["NOT_MEMBER"]
    assert [room.name for room in eve.query("ROOMS")[1].rooms] == [b"Lobby"]
    assert [room.name for room in root.query("ROOMS")[1].rooms] == [b"attic", b"Lobby"]
    assert eve.say("Lobby", b"hi all") == 0
    assert [m.body for m in ana.query("HISTORY", scope=b"room:Lobby")[1].messages] == [b"hi all"]


def test_members_get_what_is_said(broker, person):
    ana, bob = person(broker, "ana"), person(broker, "bob")
    ana.must("ROOM_CREATE", "Tea")
    assert ana.say("Tea", b"before") == 0
    bob.must("ROOM_JOIN", "Tea")
    assert ana.say("Tea", b"after") == 0
    assert bob.raw.attach("room:Tea").code == 0
    assert bob.raw.receive(pb.DELIVER).entries[0].body == b"after", "what came since it joined"
    unread = bob.query("UNREAD")[1].unread
    assert [(u.scope, u.unread) for u in unread] == [(b"room:Tea", 1)]
    bob.raw.send(pb.Sync(request_id=900, after_seq=0, limit=50))
    assert [m.body for m in bob.raw.receive(pb.RESULT).messages] == [b"before", b"after"]
    bob.raw.receive(pb.FIN)
    bob.must("ROOM_LEAVE", "Tea")
    bob.raw.send(pb.Sync(request_id=901, after_seq=0, limit=50))
    assert isinstance(bob.raw.receive_any(pb.RESULT, pb.FIN), pb.Fin), "what was said there stays there"


def test_ten_thousand_members_cost_one_row_per_message(broker, person):
    ana = person(broker, "ana")
    ana.must("ROOM_CREATE", "Tea")
    assert broker.stop() == 0
    database = sqlite3.connect(data_file(broker))
    with database:
        scope = database.execute("SELECT id FROM scope WHERE name = 'Tea'").fetchone()[0]
        database.executemany("INSERT INTO peer (name, folded, created_ms) VALUES (?1, ?1, 1)",
                             ((f"m{number:05d}",) for number in range(9_999)))
        database.execute("INSERT INTO member SELECT ?, id, 3, 1, 0 FROM peer WHERE name GLOB 'm0*'",
                         (scope,))
        database.execute("UPDATE room SET member_count = 10000 WHERE scope_id = ?", (scope,))
    database.close()
    broker.start()
    tables = ("message", "consumer", "exception", "marker", "member", "peer_conversation",
              "message_id", "message_conversation")

    def rows():
        return {table: ask_file(broker, f"SELECT count(*) FROM {table}")[0][0] for table in tables}

    ana, before = person(broker, "ana"), rows()
    for number in range(20):
        assert ana.say("Tea", b"m%d" % number) == 0
    ana.must("FLUSH_INDEX")
    after = rows()
    grown = {table: after[table] - before[table] for table in tables}
    assert grown == {"message": 20, "consumer": 0, "exception": 0, "marker": 0, "member": 0,
                     "peer_conversation": 1, "message_id": 20, "message_conversation": 20}
    page = ana.query("MEMBERS", scope=b"room:Tea", limit=500)
    assert len(page[1].members) == 500 and page[0].has_more
