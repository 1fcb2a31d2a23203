# SPDX-License-Identifier: MPL-2.0
"""Rooms, invitations, changes of messages, search, accounts: what Client and AsyncClient share.

Each method builds one query or call and hands it to query() or call() of the class it is mixed
into. With AsyncClient the result is to be awaited. Every call that returns has been committed.
"""
from __future__ import annotations

from typing import Any, Callable, Optional

from . import requests
from .requests import Body
from .types import Privacy, Role, RoomRole

CLEAR_BITS = {"display_name": 1, "topic": 2, "description": 4, "retention_ms": 8}


def room_scope(room: str) -> str:
    """'kitchen' and 'room:kitchen' are the same room."""
    return room if room.startswith("room:") else "room:" + room


class People:
    """Room names are given bare ("kitchen"); messages of a room are those of scope
    "room:kitchen": send to it, attach to it, ask for its history like of any other scope."""

    query: Callable[..., Any]
    call: Callable[..., Any]
    _then: Callable[[Any, Callable[[Any], Any]], Any]

    # ------------------------------------------------------------ rooms

    def rooms(self, mine_only: bool = False, limit: int = 500, after_name: str = "",
              timeout: float = 30) -> Any:
        """A Page of Room: public, protected and open ones, and those we are a member of."""
        return self.query("ROOMS", "rooms", timeout, online_only=mine_only, limit=limit,
                          after_name=after_name)

    def members(self, room: str, limit: int = 500, after_name: str = "",
                timeout: float = 30) -> Any:
        """A Page of Member, by name."""
        return self.query("MEMBERS", "members", timeout, scope=room_scope(room), limit=limit,
                          after_name=after_name)

    def create_room(self, room: str, *, privacy: int = Privacy.PUBLIC, password: str = "",
                    display_name: str = "", topic: str = "", description: str = "",
                    retention_ms: int = 0, timeout: float = 30) -> Any:
        """We become its owner. RoostError EXISTS when there is one of this name."""
        return self.call("ROOM_CREATE", timeout, scope=room_scope(room), privacy=int(privacy),
                         password=password, display_name=display_name, topic=topic,
                         description=description, retention_ms=retention_ms)

    def join(self, room: str, password: str = "", timeout: float = 30) -> Any:
        """Joining again is no error."""
        return self.call("ROOM_JOIN", timeout, scope=room_scope(room), password=password)

    def leave(self, room: str, timeout: float = 30) -> Any:
        """Our consumers of the room go with us."""
        return self.call("ROOM_LEAVE", timeout, scope=room_scope(room))

    def update_room(self, room: str, *, timeout: float = 30, **fields: Any) -> Any:
        """Sets display_name, topic, description, privacy, password, retention_ms; None empties
        one, what is not named stays."""
        clear = 0
        given = {}
        for name, value in fields.items():
            if value is None:
                clear |= CLEAR_BITS[name]
            else:
                given[name] = int(value) if name == "privacy" else value
        return self.call("ROOM_UPDATE", timeout, scope=room_scope(room), clear=clear, **given)

    def archive_room(self, room: str, timeout: float = 30) -> Any:
        """It can be read, not written to any more."""
        return self.call("ROOM_ARCHIVE", timeout, scope=room_scope(room))

    def set_member(self, room: str, peer: str, role: int, timeout: float = 30) -> Any:
        """RoomRole.NONE removes, RoomRole.BANNED keeps out."""
        return self.call("MEMBER_ROLE", timeout, scope=room_scope(room), peer=peer,
                         room_role=int(role))

    # ------------------------------------------------------------ invitations

    def invitations(self, sent_by: str = "", newest_first: bool = False, limit: int = 50,
                    timeout: float = 30) -> Any:
        """A Page of Invitation: pending ones to us; with our own name as sent_by those we sent."""
        return self.query("INVITATIONS", "invitations", timeout, peer=sent_by,
                          newest_first=newest_first, limit=limit)

    def invite(self, room: str, peer: str, text: str = "", timeout: float = 30) -> Any:
        """Gives the invitation's id. The peer finds it in its mailbox, too (Message.invitation)."""
        return self._then(self.call("INVITE", timeout, scope=room_scope(room), peer=peer,
                                    text=text), lambda reply: reply.invitation_id)

    def accept_invitation(self, room: str = "", *, invitation_id: bytes = b"",
                          is_all: bool = False, timeout: float = 30) -> Any:
        """Of a room, of an id, all of them, or the newest. Gives the scopes that were joined."""
        return self._answer("INVITE_ACCEPT", room, invitation_id, is_all, timeout)

    def decline_invitation(self, room: str = "", *, invitation_id: bytes = b"",
                           is_all: bool = False, timeout: float = 30) -> Any:
        """As accept_invitation()."""
        return self._answer("INVITE_DECLINE", room, invitation_id, is_all, timeout)

    def _answer(self, method: str, room: str, invitation_id: bytes, is_all: bool,
                timeout: float) -> Any:
        reply = self.call(method, timeout, scope=room_scope(room) if room else "",
                          invitation_id=invitation_id, all=is_all)
        return self._then(reply, lambda reply: [item.scope.decode("utf-8", "replace")
                                                for item in reply.scopes])

    def revoke_invitation(self, room: str = "", peer: str = "", *, invitation_id: bytes = b"",
                          timeout: float = 30) -> Any:
        """By its id, or by room and peer."""
        return self.call("INVITE_REVOKE", timeout, scope=room_scope(room) if room else "",
                         peer=peer, invitation_id=invitation_id)

    # ------------------------------------------------------------ messages

    def edit(self, message_id: bytes, body: Body, timeout: float = 30) -> Any:
        """Our own message has another text from now on; edits() has the earlier ones."""
        text = body.encode() if isinstance(body, str) else bytes(body)
        return self.call("MESSAGE_EDIT", timeout, message_ids=message_id, body=text)

    def delete(self, message_id: bytes, timeout: float = 30) -> Any:
        """A tombstone stays in its place."""
        return self.call("MESSAGE_DELETE", timeout, message_ids=message_id)

    def react(self, message_id: bytes, emoji: str, is_on: bool = True, timeout: float = 30) -> Any:
        """Doing it twice is doing it once."""
        return self.call("REACT" if is_on else "UNREACT", timeout, message_ids=message_id,
                         text=emoji)

    def edits(self, message_id: bytes, timeout: float = 30) -> Any:
        """A Page of Message: earlier texts, oldest first."""
        return self.query("EDITS", "messages", timeout, message_ids=message_id)

    def search(self, text: str, peer: Optional[str] = None, scope: Optional[str] = None, *,
               limit: int = 50, offset: int = 0, before_seq: int = 0, newest_first: bool = False,
               timeout: float = 30) -> Any:
        """A Page of Message with all words of `text`, best first. While has_more: with next_seq 0
        raise offset by the items that came, else before_seq = next_seq and offset 0."""
        return self.query("SEARCH", "messages", timeout, text=text, limit=limit, offset=offset,
                          before_seq=before_seq, newest_first=newest_first,
                          **requests.where(peer, scope))

    # ------------------------------------------------------------ accounts

    def register(self, name: str, password: str, timeout: float = 30) -> Any:
        """Makes an account, where the broker lets us."""
        return self.call("USER_REGISTER", timeout, peer=name, password=password)

    def change_password(self, password: str, old: str = "", *, name: str = "",
                        timeout: float = 30) -> Any:
        """One's own (with the old one), or as an administrator that of `name`."""
        return self.call("USER_PASSWORD", timeout, peer=name, password=password, text=old)

    def users(self, limit: int = 500, after_name: str = "", timeout: float = 30) -> Any:
        """A Page of User (administrators)."""
        return self.query("USERS", "users", timeout, limit=limit, after_name=after_name)

    def set_role(self, name: str, role: int, timeout: float = 30) -> Any:
        """Of an account (administrators)."""
        return self.call("USER_ROLE", timeout, peer=name, role=int(Role(role)))

    def ban(self, name: str, reason: str = "", until_ms: int = 0, timeout: float = 30) -> Any:
        """until_ms 0: for ever."""
        return self.call("USER_BAN", timeout, peer=name, text=reason, until_ms=until_ms)

    def unban(self, name: str, timeout: float = 30) -> Any:
        """Ends a ban before its time."""
        return self.call("USER_UNBAN", timeout, peer=name)

    def set_active(self, name: str, is_active: bool, timeout: float = 30) -> Any:
        """An account that is not active cannot log in."""
        return self.call("USER_ACTIVE", timeout, peer=name, all=is_active)

    def unlock(self, name: str, timeout: float = 30) -> Any:
        """Forgets its failed logins."""
        return self.call("USER_UNLOCK", timeout, peer=name)

    def create_token(self, label: str = "", until_ms: int = 0, timeout: float = 30) -> Any:
        """Gives a token to be used as credentials; it is shown this once."""
        return self._then(self.call("TOKEN_CREATE", timeout, text=label, until_ms=until_ms),
                          lambda reply: reply.token.decode("ascii"))

    def sessions(self, name: str = "", timeout: float = 30) -> Any:
        """A Page of Session: our tokens; an administrator: those of `name`."""
        return self.query("SESSIONS", "sessions", timeout, peer=name)

    def end_session(self, session_id: int = 0, *, is_all: bool = False, name: str = "",
                    timeout: float = 30) -> Any:
        """The token is worth nothing any more."""
        return self.call("SESSION_END", timeout, seq=session_id, all=is_all, peer=name)

    def enrol_key(self, name: str, key: str, label: str = "", timeout: float = 30) -> Any:
        """Whoever has the secret key to this public one is `name` (administrators). The account is
        made where there is none."""
        return self.call("KEY_ENROL", timeout, peer=name, key=key, text=label)

    def invite_key(self, name: str, label: str = "", until_ms: int = 0, timeout: float = 30) -> Any:
        """Gives a code that enrols one key for `name`; it is shown this once (administrators). The
        device uses it as its credentials, one time."""
        return self._then(self.call("KEY_CODE", timeout, peer=name, text=label, until_ms=until_ms),
                          lambda reply: reply.token.decode("ascii"))

    def revoke_key(self, key: str = "", *, key_id: int = 0, name: str = "", is_all: bool = False,
                   timeout: float = 30) -> Any:
        """One key, or all keys and codes of `name`: sessions end, nobody gets in with it again. Our
        own, or as an administrator."""
        return self.call("KEY_REVOKE", timeout, key=key, seq=key_id, peer=name, all=is_all)

    def keys(self, name: str = "", after: int = 0, limit: int = 500, timeout: float = 30) -> Any:
        """A Page of DeviceKey: ours; an administrator: those of `name`, or all."""
        return self.query("KEYS", "keys", timeout, peer=name, after_seq=after, limit=limit)

    def audit(self, after: int = 0, limit: int = 50, timeout: float = 30) -> Any:
        """A Page of AuditEntry (administrators)."""
        return self.query("AUDIT", "audit", timeout, after_seq=after, limit=limit)

    def acl(self, after: int = 0, limit: int = 50, timeout: float = 30) -> Any:
        """A Page of AclRule (administrators)."""
        return self.query("ACL", "acl", timeout, after_seq=after, limit=limit)

    def acl_add(self, subject: str, actions: int, scope: str, is_allow: bool = True,
                timeout: float = 30) -> Any:
        """A rule: `subject` (an account, "@group" or "*") may, or may not, do `actions` (1 send, 2 read,
        4 create, 8 administrate) with what the pattern `scope` matches. Gives its id."""
        method = "ACL_ALLOW" if is_allow else "ACL_DENY"
        return self._then(self.call(method, timeout, peer=subject, text=scope, actions=actions),
                          lambda reply: reply.seq)

    def acl_remove(self, rule: int, timeout: float = 30) -> Any:
        """Forgets a rule."""
        return self.call("ACL_REMOVE", timeout, seq=rule)

    def acl_test(self, name: str, action: int, scope: str, timeout: float = 30) -> Any:
        """Whether the access list lets `name` do this."""
        return self._then(self.call("ACL_TEST", timeout, peer=name, text=scope, actions=action),
                          lambda reply: reply.count > 0)


__all__ = ["Privacy", "People", "Role", "RoomRole", "room_scope"]
