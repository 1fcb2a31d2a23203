# SPDX-License-Identifier: MPL-2.0
"""What applications see: messages, answers, events and errors. Plain data, no behaviour."""
from __future__ import annotations

import dataclasses
import enum
import os
import threading
import time
from typing import Any, List, Optional

VERSION = "0.1.0"  # also of the package; a test compares it with the broker's


class Kind(enum.IntEnum):
    """What a message is to people; SYSTEM and RECEIPT are made by the broker."""

    TEXT = 0
    FILE_SHARE = 1
    SHARE_GROUP = 2
    ACTION = 3
    RECEIPT = 4
    CUSTOM = 5
    SYSTEM = 6
    EDIT = 7
    DELETE = 8
    REACTION = 9


class Role(enum.IntEnum):
    """Of an account."""

    NONE = 0
    GUEST = 1
    USER = 2
    MODERATOR = 3
    ADMIN = 4


class Privacy(enum.IntEnum):
    """Of a room: PUBLIC anybody joins, PRIVATE by invitation and not listed, PROTECTED with the
    password, OPEN for everybody without joining."""

    NONE = 0
    PUBLIC = 1
    PRIVATE = 2
    PROTECTED = 3
    OPEN = 4


class RoomRole(enum.IntEnum):
    """Of a member of a room."""

    NONE = 0
    OWNER = 1
    MODERATOR = 2
    MEMBER = 3
    READER = 4
    BANNED = 5


class InvitationStatus(enum.IntEnum):
    """What became of an invitation."""

    PENDING = 1
    ACCEPTED = 2
    DECLINED = 3
    REVOKED = 4
    EXPIRED = 5


class Outcome(enum.IntEnum):
    """How a delivery is settled."""

    ACK = 1
    RELEASE = 2
    FAIL = 3
    REJECT = 4
    EXTEND = 5


class Level(enum.IntEnum):
    """What became of a message; as bits 1, 2 and 4 (fates) in `receipts` of send()."""

    DELIVERED = 1
    READ = 2
    EXPIRED = 3
    DEAD = 4
    CANCELLED = 5


RECEIPT_DELIVERED, RECEIPT_READ, RECEIPT_FATES = 1, 2, 4

# Codes that programs ask for; all of them are in docs/ERRORS.md.
NO_SESSION = 1008
BAD_CREDENTIALS = 2002
LOCKED_OUT = 2006
KEY_NOT_ENROLLED, KEY_REVOKED, KEY_OF_ANOTHER, BAD_CODE = 2023, 2024, 2025, 2026
TOO_LARGE = 4001
STALE_LEASE = 5001
DUPLICATE = 5002
TAKEN_OVER = 5005
BUSY = 6001
DISK_FULL = 6002
STOPPING = 6004
TIMEOUT = 6005


class RoostError(Exception):
    """The broker refused something. `code` is stable (docs/ERRORS.md), the text is for people."""

    def __init__(self, code: int, text: str = ""):
        super().__init__(f"{code}: {text}" if text else str(code))
        self.code, self.text = code, text

    @property
    def is_retryable(self) -> bool:
        """The same request may succeed later."""
        return self.code in (NO_SESSION, 1009, 1010, LOCKED_OUT) or 6000 <= self.code < 6100


class RoostTimeout(RoostError):
    """No answer in time. What was asked may or may not have been done."""

    def __init__(self, text: str):
        super().__init__(TIMEOUT, text)


class RoostClosed(RoostError):
    """The client was closed."""

    def __init__(self, text: str = "the client is closed"):
        super().__init__(STOPPING, text)


@dataclasses.dataclass(frozen=True)
class Stored:
    """The message is on the broker's disk."""

    message_id: bytes
    seq: int
    is_duplicate: bool


@dataclasses.dataclass(frozen=True)
class Reaction:
    """An emoji that `count` peers gave a message."""

    emoji: str
    count: int
    is_mine: bool


@dataclasses.dataclass(frozen=True)
class Message:
    """A stored message, delivered or of a page."""

    seq: int
    message_id: bytes
    sender: str
    body: bytes
    kind: Kind
    scope: str = ""
    content_type: str = ""
    headers: tuple = ()
    key: bytes = b""
    priority: int = 0
    reply_to: str = ""
    correlation_id: bytes = b""
    parent_id: bytes = b""
    created_ms: int = 0
    stored_ms: int = 0
    expires_ms: int = 0
    attempt: int = 0
    is_redelivered: bool = False
    is_sender_unverified: bool = False
    edited_ms: int = 0    # of a page: body is the newest text
    deleted_ms: int = 0   # a tombstone: body is empty
    reactions: tuple = ()  # of a page

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")


@dataclasses.dataclass(frozen=True)
class Receipt:
    """What became of messages we sent and wanted to know of."""

    level: Level
    scope: str
    peer: str
    message_ids: tuple
    first_seq: int
    last_seq: int
    time_ms: int
    reason: int


@dataclasses.dataclass(frozen=True)
class PresenceEvent:
    """Somebody came or went."""

    peer: str
    is_online: bool
    time_ms: int
    reason: str
    display_name: str
    event_id: int = 0
    is_verified: bool = False  # the peer has an account


def message_of(delivery: Any, scope: str = "") -> Message:
    """A Message from the protobuf Delivery."""
    return Message(
        seq=delivery.seq,
        message_id=delivery.message_id,
        sender=delivery.sender.decode("utf-8", "replace"),
        body=delivery.body,
        kind=Kind(delivery.kind) if delivery.kind in Kind._value2member_map_ else Kind.CUSTOM,
        scope=delivery.scope.decode("utf-8", "replace") or scope,
        content_type=delivery.content_type.decode("utf-8", "replace"),
        headers=tuple((h.name, h.value) for h in delivery.headers),
        key=delivery.key,
        priority=delivery.priority,
        reply_to=delivery.reply_to.decode("utf-8", "replace"),
        correlation_id=delivery.correlation_id,
        parent_id=delivery.parent_id,
        created_ms=delivery.created_ms,
        stored_ms=delivery.stored_ms,
        expires_ms=delivery.expires_ms,
        attempt=delivery.attempt,
        is_redelivered=delivery.redelivered,
        is_sender_unverified=delivery.sender_unverified,
        edited_ms=delivery.edited_ms,
        deleted_ms=delivery.deleted_ms,
        reactions=tuple(Reaction(r.emoji.decode("utf-8", "replace"), r.count, r.is_mine)
                        for r in delivery.reactions),
    )


def receipts_of(receipt: Any) -> List[Receipt]:
    """The Receipts in a protobuf Receipt; levels this version does not know are left out."""
    return [
        Receipt(
            level=Level(entry.level), scope=entry.scope.decode("utf-8", "replace"),
            peer=entry.peer.decode("utf-8", "replace"),
            message_ids=tuple(entry.message_ids[k:k + 16]
                              for k in range(0, len(entry.message_ids), 16)),
            first_seq=entry.first_seq, last_seq=entry.last_seq, time_ms=entry.time_ms,
            reason=entry.reason)
        for entry in receipt.entries if entry.level in Level._value2member_map_
    ]


def role_of(welcome: Any) -> Role:
    """The role that a WELCOME names; NONE for one that this version does not know."""
    known = welcome is not None and welcome.role in Role._value2member_map_
    return Role(welcome.role) if known else Role.NONE


def presence_of(event: Any) -> PresenceEvent:
    return PresenceEvent(
        peer=event.peer.decode("utf-8", "replace"), is_online=event.is_online,
        time_ms=event.time_ms, reason=event.reason.decode("utf-8", "replace"),
        display_name=event.display_name.decode("utf-8", "replace"), event_id=event.event_id,
        is_verified=event.is_verified)


_id_lock = threading.Lock()
_id_last = 0


def new_message_id(now_ms: Optional[int] = None) -> bytes:
    """A UUIDv7 (RFC 9562), rising within this process also when the clock goes back."""
    global _id_last
    with _id_lock:
        stamp = (int(time.time() * 1000) if now_ms is None else now_ms) << 12
        _id_last = max(_id_last + 1, stamp)
        value = _id_last
    head = ((value >> 12) & 0xFFFFFFFFFFFF) << 16 | 0x7000 | (value & 0xFFF)
    tail = 0x8000000000000000 | (int.from_bytes(os.urandom(8), "big") >> 2)
    return head.to_bytes(8, "big") + tail.to_bytes(8, "big")


def settle_future(future: Any, result: Any) -> None:
    """Puts a result or an exception into a future, unless it is cancelled or settled already."""
    if future is None or future.done():
        return
    try:
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
    except Exception:  # cancelled by another thread in between: nobody waits for it
        if not future.done():
            raise
