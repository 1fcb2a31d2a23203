# SPDX-License-Identifier: MPL-2.0
"""What queries answer, as plain data, and how it is read from the protobuf messages."""
from __future__ import annotations

import dataclasses
from typing import Any, Callable, Dict, Generic, List, Tuple, Type, TypeVar

from .types import Message, message_of, presence_of

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
    address: str
    source: str
    last_seen_ms: int


@dataclasses.dataclass(frozen=True)
class Peer:
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
    message: Message
    scope: str
    consumer: str
    reason: int
    text: str
    attempts: int
    died_ms: int


@dataclasses.dataclass(frozen=True)
class TraceStep:
    time_ms: int
    event: str
    scope: str
    consumer: str
    detail: str
    reason: int


@dataclasses.dataclass(frozen=True)
class Counter:
    name: str
    value: int
    actor: str
    unit: str


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


READERS: Dict[str, Callable[[Any], Any]] = {
    "messages": message_of,
    "peers": _peer,
    "unread": lambda source: _plain(Conversation, source),
    "consumers": lambda source: _plain(ConsumerInfo, source),
    "dead": _dead_letter,
    "steps": lambda source: _plain(TraceStep, source),
    "counters": lambda source: _plain(Counter, source),
    "events": presence_of,
}


def page_of(answer: Tuple[List[Any], Any], field: str) -> Page[Any]:
    """The page in ([Result...], Fin); `field` is the list of Result the query fills."""
    results, fin = answer
    items = [READERS[field](item) for result in results for item in getattr(result, field)]
    return Page(items, fin.has_more, fin.next_seq, fin.next_name.decode("utf-8", "replace"))
