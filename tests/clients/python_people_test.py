# SPDX-License-Identifier: MPL-2.0
"""Rooms, invitations, changes and accounts in the Python client: what each method asks for, and
how the answers are read."""
import inspect

import pytest

from roost import (InvitationStatus, Kind, Privacy, Reaction, Role, RoomRole, aio, client,
                   invitation_of, requests)
from roost.answers import page_of
from roost.people import People, room_scope
from roost.schema import pb
from roost.types import message_of

ID = bytes(range(16))


class Recorder(People):
    """Builds the requests as both clients do, and keeps the last."""

    def query(self, kind, field, timeout=30, **fields):
        self.asked, self.field = requests.query(kind, **fields), field

    def call(self, method, timeout=30, **fields):
        self.asked = requests.call(method, **fields)
        return pb.Reply(token=b"roost_x", invitation_id=ID,
                        scopes=[pb.ScopeName(scope="room:北京".encode())])

    @staticmethod
    def _then(answer, read):
        return read(answer)


KITCHEN = b"room:kitchen"
KEY = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
REQUESTS = [
    (lambda c: c.rooms(mine_only=True, after_name="a"),
     pb.Query(kind=pb.ROOMS, online_only=True, limit=500, after_name=b"a")),
    (lambda c: c.members("kitchen"), pb.Query(kind=pb.MEMBERS, scope=KITCHEN, limit=500)),
    (lambda c: c.create_room("kitchen", privacy=Privacy.PROTECTED, password="x", topic="tea",
                             description="hot", display_name="K", retention_ms=9),
     pb.Call(method=pb.ROOM_CREATE, scope=KITCHEN, privacy=pb.PROTECTED, password=b"x",
             topic=b"tea", description=b"hot", display_name=b"K", retention_ms=9)),
    (lambda c: c.join("room:kitchen", "x"),
     pb.Call(method=pb.ROOM_JOIN, scope=KITCHEN, password=b"x")),
    (lambda c: c.leave("kitchen"), pb.Call(method=pb.ROOM_LEAVE, scope=KITCHEN)),
    (lambda c: c.update_room("kitchen", topic=None, retention_ms=None, description="cold",
                             privacy=Privacy.PRIVATE),
     pb.Call(method=pb.ROOM_UPDATE, scope=KITCHEN, clear=10, description=b"cold",
             privacy=pb.PRIVATE)),
    (lambda c: c.archive_room("kitchen"), pb.Call(method=pb.ROOM_ARCHIVE, scope=KITCHEN)),
    (lambda c: c.set_member("kitchen", "bob", RoomRole.BANNED),
     pb.Call(method=pb.MEMBER_ROLE, scope=KITCHEN, peer=b"bob", room_role=pb.BANNED)),
    (lambda c: c.invitations(sent_by="alice", newest_first=True),
     pb.Query(kind=pb.INVITATIONS, peer=b"alice", newest_first=True, limit=50)),
    (lambda c: c.invite("kitchen", "bob", "come"),
     pb.Call(method=pb.INVITE, scope=KITCHEN, peer=b"bob", text=b"come")),
    (lambda c: c.accept_invitation(), pb.Call(method=pb.INVITE_ACCEPT)),
    (lambda c: c.accept_invitation("kitchen"), pb.Call(method=pb.INVITE_ACCEPT, scope=KITCHEN)),
    (lambda c: c.decline_invitation(is_all=True), pb.Call(method=pb.INVITE_DECLINE, all=True)),
    (lambda c: c.revoke_invitation(invitation_id=ID),
     pb.Call(method=pb.INVITE_REVOKE, invitation_id=ID)),
    (lambda c: c.revoke_invitation("kitchen", "bob"),
     pb.Call(method=pb.INVITE_REVOKE, scope=KITCHEN, peer=b"bob")),
    (lambda c: c.edit(ID, "né"), pb.Call(method=pb.MESSAGE_EDIT, message_ids=ID,
                                         body="né".encode())),
    (lambda c: c.delete(ID), pb.Call(method=pb.MESSAGE_DELETE, message_ids=ID)),
    (lambda c: c.react(ID, "+1"), pb.Call(method=pb.REACT, message_ids=ID, text=b"+1")),
    (lambda c: c.react(ID, "+1", is_on=False),
     pb.Call(method=pb.UNREACT, message_ids=ID, text=b"+1")),
    (lambda c: c.edits(ID), pb.Query(kind=pb.EDITS, message_ids=ID)),
    (lambda c: c.search("北京", scope="room:kitchen", offset=50),
     pb.Query(kind=pb.SEARCH, text="北京".encode(), scope=KITCHEN, limit=50, offset=50)),
    (lambda c: c.search("tea", "bob", before_seq=7, newest_first=True),
     pb.Query(kind=pb.SEARCH, text=b"tea", peer=b"bob", limit=50, before_seq=7,
              newest_first=True)),
    (lambda c: c.register("bob", "secret"),
     pb.Call(method=pb.USER_REGISTER, peer=b"bob", password=b"secret")),
    (lambda c: c.change_password("new", "old"),
     pb.Call(method=pb.USER_PASSWORD, password=b"new", text=b"old")),
    (lambda c: c.users(), pb.Query(kind=pb.USERS, limit=500)),
    (lambda c: c.set_role("bob", Role.MODERATOR),
     pb.Call(method=pb.USER_ROLE, peer=b"bob", role=pb.MODERATOR)),
    (lambda c: c.ban("bob", "spam", 99),
     pb.Call(method=pb.USER_BAN, peer=b"bob", text=b"spam", until_ms=99)),
    (lambda c: c.unban("bob"), pb.Call(method=pb.USER_UNBAN, peer=b"bob")),
    (lambda c: c.set_active("bob", True), pb.Call(method=pb.USER_ACTIVE, peer=b"bob", all=True)),
    (lambda c: c.unlock("bob"), pb.Call(method=pb.USER_UNLOCK, peer=b"bob")),
    (lambda c: c.create_token("laptop", 5),
     pb.Call(method=pb.TOKEN_CREATE, text=b"laptop", until_ms=5)),
    (lambda c: c.sessions("bob"), pb.Query(kind=pb.SESSIONS, peer=b"bob")),
    (lambda c: c.end_session(4711), pb.Call(method=pb.SESSION_END, seq=4711)),
    (lambda c: c.end_session(is_all=True, name="bob"),
     pb.Call(method=pb.SESSION_END, all=True, peer=b"bob")),
    (lambda c: c.enrol_key("bob", KEY, "phone"),
     pb.Call(method=pb.KEY_ENROL, peer=b"bob", key=KEY.encode(), text=b"phone")),
    (lambda c: c.invite_key("bob", "phone", 5),
     pb.Call(method=pb.KEY_CODE, peer=b"bob", text=b"phone", until_ms=5)),
    (lambda c: c.revoke_key(KEY), pb.Call(method=pb.KEY_REVOKE, key=KEY.encode())),
    (lambda c: c.revoke_key(key_id=7), pb.Call(method=pb.KEY_REVOKE, seq=7)),
    (lambda c: c.revoke_key(name="bob", is_all=True),
     pb.Call(method=pb.KEY_REVOKE, peer=b"bob", all=True)),
    (lambda c: c.keys("bob", after=3), pb.Query(kind=pb.KEYS, peer=b"bob", after_seq=3, limit=500)),
    (lambda c: c.audit(after=5), pb.Query(kind=pb.AUDIT, after_seq=5, limit=50)),
    (lambda c: c.acl(after=5), pb.Query(kind=pb.ACL, after_seq=5, limit=50)),
    (lambda c: c.acl_add("bob", 3, "queue:q"),
     pb.Call(method=pb.ACL_ALLOW, peer=b"bob", text=b"queue:q", actions=3)),
    (lambda c: c.acl_add("*", 2, "topic:>", is_allow=False),
     pb.Call(method=pb.ACL_DENY, peer=b"*", text=b"topic:>", actions=2)),
    (lambda c: c.acl_remove(7), pb.Call(method=pb.ACL_REMOVE, seq=7)),
    (lambda c: c.acl_test("bob", 1, "queue:q"),
     pb.Call(method=pb.ACL_TEST, peer=b"bob", text=b"queue:q", actions=1)),
]


@pytest.mark.parametrize("ask, wanted", REQUESTS)
def test_what_is_asked(ask, wanted):
    recorder = Recorder()
    ask(recorder)
    assert recorder.asked == wanted


def test_every_method_and_query_about_people_can_be_asked():
    asked = {type(wanted).__name__: set() for _, wanted in REQUESTS}
    for _, wanted in REQUESTS:
        value = wanted.kind if isinstance(wanted, pb.Query) else wanted.method
        asked[type(wanted).__name__].add(value)
    assert asked["Call"] == {value for value in pb.Method.values() if value >= 16}
    assert asked["Query"] == {value for value in pb.QueryKind.values() if value >= 16}


def test_what_calls_give():
    recorder = Recorder()
    assert recorder.create_token() == "roost_x"
    assert recorder.invite("kitchen", "bob") == ID
    assert recorder.accept_invitation(is_all=True) == ["room:北京"]
    with pytest.raises(KeyError):
        recorder.update_room("kitchen", privacy=None)  # there is no empty privacy


def test_both_clients_have_all_of_them():
    names = [name for name, _ in inspect.getmembers(People, inspect.isfunction)]
    for cls in (client.Client, aio.AsyncClient):
        assert issubclass(cls, People) and all(hasattr(cls, name) for name in names)
    assert inspect.iscoroutinefunction(aio.AsyncClient._then)


def read(field, *items):
    result = pb.Result()
    getattr(result, field).extend(items)
    return page_of(([result], pb.Fin(has_more=True, next_seq=3, next_name=b"x")), field).items


def test_rows_of_pages():
    (room,) = read("rooms", pb.Room(name="北京".encode(), privacy=pb.PRIVATE, my_role=pb.READER,
                                    members=3, is_archived=True, last_seq=8))
    assert (room.name, room.privacy, room.my_role) == ("北京", Privacy.PRIVATE, RoomRole.READER)
    assert room.is_archived and room.members == 3 and room.last_seq == 8 and room.topic == ""
    (member,) = read("members", pb.Member(peer=b"bob", role=pb.OWNER, is_online=True))
    assert member.role is RoomRole.OWNER and member.peer == "bob" and member.is_online
    (user,) = read("users", pb.User(name=b"bob", role=pb.ADMIN, ban_reason=b"spam"))
    assert user.role is Role.ADMIN and user.ban_reason == "spam" and not user.is_active
    (session,) = read("sessions", pb.Session(id=4, label=b"laptop"))
    assert session.id == 4 and session.label == "laptop"
    (entry,) = read("audit", pb.AuditEntry(id=4, action=b"user-ban", hash=bytes(32)))
    assert entry.hash == bytes(32) and entry.action == "user-ban"
    (newer,) = read("members", pb.Member(peer=b"bob", role=17))
    assert newer.role == 17  # of a newer broker


def test_invitations_as_rows_and_as_mail():
    wire = pb.Invitation(invitation_id=ID, scope=KITCHEN, inviter=b"alice", status=pb.PENDING,
                         text=b"come", expires_ms=7)
    (row,) = read("invitations", wire)
    assert row.invitation_id == ID and row.status is InvitationStatus.PENDING
    delivery = pb.Delivery(seq=1, message_id=ID, kind=pb.SYSTEM, body=wire.SerializeToString(),
                           content_type=b"application/x-roost-invitation")
    assert invitation_of(message_of(delivery)) == row
    delivery.kind = pb.TEXT  # said by somebody else than the broker
    assert invitation_of(message_of(delivery)) is None
    assert room_scope("kitchen") == room_scope("room:kitchen") == "room:kitchen"


def test_messages_that_changed():
    delivery = pb.Delivery(seq=1, message_id=ID, edited_ms=5, deleted_ms=6)
    delivery.reactions.add(emoji="👍".encode(), count=2, is_mine=True)
    message = message_of(delivery)
    assert (message.edited_ms, message.deleted_ms) == (5, 6)
    assert message.reactions == (Reaction("👍", 2, True),)
    assert message_of(pb.Delivery(kind=pb.EDIT, message_id=ID)).kind is Kind.EDIT
