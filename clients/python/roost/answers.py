# SPDX-License-Identifier: MPL-2.0
"""What queries answer, as plain data, and how it is read from the protobuf messages."""
from __future__ import annotations

import dataclasses
from typing import Any, Callable, Dict, Generic, List, Optional, Tuple, Type, TypeVar

from .schema import pb
from .types import (InvitationStatus, Kind, Message, Privacy, Role, RoomRole, message_of,
                    presence_of)

INVITATION_TYPE = "application/x-roost-invitation"

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Page(Generic[T]):
    """One page. While has_more, ask again with after_seq or before_seq = next_seq, or with
    after_name = next_name."""

    items: List[T]
    has_more: bool
    next_seq: int
    next_name: str = ""


@dataclasses.dataclass(frozen=True)
class Address:
    """Where a peer was seen."""

    address: str
    source: str
    last_seen_ms: int


@dataclasses.dataclass(frozen=True)
class Peer:
    """Whoever the broker has met, here or on the local network."""

    name: str
    display_name: str
    nickname: str
    kind: str
    is_online: bool
    is_verified: bool
    first_seen_ms: int
    last_seen_ms: int
    left_ms: int
    connections: int
    addresses: Tuple[Address, ...] = ()  # the one seen last first
    label: str = ""  # what to show: nickname, else display name, user, host, address
    host_name: str = ""  # this and the next six: as a peer of the local network says
    group: str = ""
    version_token: str = ""
    charset: str = ""
    fingerprint: str = ""
    port: int = 0
    capabilities: int = 0
    transfers_ok: int = 0
    transfers_failed: int = 0
    transfer_bytes: int = 0
    latency_ms: int = 0
    is_relay: bool = False
    is_bootstrap: bool = False
    avatar: str = ""
    groups: str = ""  # a JSON array, as imported
    source: str = ""  # what it was imported from; "": seen
    reliability_ppm: int = 0  # 0 to 1,000,000


@dataclasses.dataclass(frozen=True)
class Conversation:
    """A direct conversation (peer) or a scope, and what is unread in it."""

    peer: str
    scope: str
    unread: int
    marker_seq: int
    last_seq: int
    last_ms: int


@dataclasses.dataclass(frozen=True)
class ConsumerInfo:
    """A consumer of a scope: how far it is, and what waits for it."""

    scope: str
    consumer: str
    floor_seq: int
    last_seq: int
    waiting: int
    leased: int
    retry: int
    scheduled: int
    dead: int
    attached_peer: str
    next_due_ms: int


@dataclasses.dataclass(frozen=True)
class DeadLetter:
    """A message that was given up, and why."""

    message: Message
    scope: str
    consumer: str
    reason: int
    text: str
    attempts: int
    died_ms: int


@dataclasses.dataclass(frozen=True)
class DeliveryState:
    """What has become of a message for one consumer."""

    message: Message
    state: str        # pending, leased, retry, scheduled, delivered, read, expired, dead, cancelled
    consumer: str
    attempts: int
    due_ms: int       # of the next attempt; 0: none is due later
    at_ms: int        # since when; 0: not kept
    reason: int
    text: str


@dataclasses.dataclass(frozen=True)
class TraceStep:
    """Something that happened to a message."""

    time_ms: int
    event: str
    scope: str
    consumer: str
    detail: str
    reason: int


@dataclasses.dataclass(frozen=True)
class Counter:
    """A number the broker keeps of itself."""

    name: str
    value: int
    actor: str
    unit: str


@dataclasses.dataclass(frozen=True)
class Room:
    """A room, and what we are in it."""

    name: str
    display_name: str
    topic: str
    description: str
    privacy: int  # Privacy, or a number of a newer broker; so are roles and status
    members: int
    my_role: int
    created_ms: int
    creator: str
    retention_ms: int
    is_archived: bool
    last_seq: int


@dataclasses.dataclass(frozen=True)
class Member:
    """Of a room. `role` is a RoomRole."""

    peer: str
    role: int
    joined_ms: int
    is_online: bool


@dataclasses.dataclass(frozen=True)
class Invitation:
    """To a room. `status` is an InvitationStatus."""

    invitation_id: bytes
    scope: str
    inviter: str
    invitee: str
    status: int
    text: str
    created_ms: int
    expires_ms: int
    responded_ms: int


@dataclasses.dataclass(frozen=True)
class User:
    """An account."""

    name: str
    role: int
    is_active: bool
    banned_until_ms: int
    ban_reason: str
    created_ms: int
    login_ms: int
    is_online: bool


@dataclasses.dataclass(frozen=True)
class Session:
    """A token that was given out and not ended."""

    id: int
    peer: str
    kind: str
    label: str
    address: str
    created_ms: int
    used_ms: int
    expires_ms: int


@dataclasses.dataclass(frozen=True)
class DeviceKey:
    """A public key that proves who somebody is, or did until it was revoked."""

    id: int
    peer: str
    key: str
    label: str
    created_ms: int
    used_ms: int
    revoked_ms: int


@dataclasses.dataclass(frozen=True)
class AuditEntry:
    """One row of the audit log; `hash` covers it and the row before."""

    id: int
    at_ms: int
    actor: str
    action: str
    target: str
    detail: str
    hash: bytes


@dataclasses.dataclass(frozen=True)
class AclRule:
    """One rule of the access list; `actions` is a bit set: 1 send, 2 read, 4 create, 8 administrate."""

    id: int
    subject: str
    scope: str
    actions: int
    is_allow: bool
    created_ms: int
    creator: str


def _known(cls: Any, value: int) -> int:
    return cls(value) if value in cls._value2member_map_ else value


def _plain(cls: Type[T], source: Any, **more: Any) -> T:
    """The fields of the same name; bytes become text."""
    values: Dict[str, Any] = dict(more)
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        if field.name not in values:
            value = getattr(source, field.name)
            is_text = isinstance(value, bytes)
            values[field.name] = value.decode("utf-8", "replace") if is_text else value
    return cls(**values)


def _peer(source: Any) -> Peer:
    return _plain(Peer, source, addresses=tuple(_plain(Address, a) for a in source.addresses))


def _dead_letter(source: Any) -> DeadLetter:
    scope = source.scope.decode("utf-8", "replace")
    return _plain(DeadLetter, source, message=message_of(source.message, scope))


def _delivery_state(source: Any) -> DeliveryState:
    return _plain(DeliveryState, source, message=message_of(source.message))


def _room(source: Any) -> Room:
    return _plain(Room, source, privacy=_known(Privacy, source.privacy),
                  my_role=_known(RoomRole, source.my_role))


def _invitation(source: Any) -> Invitation:
    return _plain(Invitation, source, invitation_id=source.invitation_id,
                  status=_known(InvitationStatus, source.status))


def invitation_of(message: Message) -> Optional[Invitation]:
    """The invitation that the broker put into our mailbox as this message; None: it is none."""
    if message.kind != Kind.SYSTEM or message.content_type != INVITATION_TYPE:
        return None
    return _invitation(pb.Invitation.FromString(message.body))


READERS: Dict[str, Callable[[Any], Any]] = {
    "messages": message_of,
    "peers": _peer,
    "unread": lambda source: _plain(Conversation, source),
    "consumers": lambda source: _plain(ConsumerInfo, source),
    "dead": _dead_letter,
    "deliveries": _delivery_state,
    "steps": lambda source: _plain(TraceStep, source),
    "counters": lambda source: _plain(Counter, source),
    "events": presence_of,
    "rooms": _room,
    "members": lambda source: _plain(Member, source, role=_known(RoomRole, source.role)),
    "invitations": _invitation,
    "users": lambda source: _plain(User, source, role=_known(Role, source.role)),
    "sessions": lambda source: _plain(Session, source),
    "keys": lambda source: _plain(DeviceKey, source),
    "audit": lambda source: _plain(AuditEntry, source, hash=source.hash),
    "acl": lambda source: _plain(AclRule, source),
}


def page_of(answer: Tuple[List[Any], Any], field: str) -> Page[Any]:
    """The page in ([Result...], Fin); `field` is the list of Result the query fills."""
    results, fin = answer
    items = [READERS[field](item) for result in results for item in getattr(result, field)]
    return Page(items, fin.has_more, fin.next_seq, fin.next_name.decode("utf-8", "replace"))
