# SPDX-License-Identifier: MPL-2.0
"""Builds the protobuf requests from what applications say, the same for Client and AsyncClient."""
from __future__ import annotations

from typing import Any, Dict, Iterable, Optional, Tuple, Union

from .schema import pb
from .types import Kind, new_message_id

Body = Union[str, bytes, bytearray, memoryview]
STARTS = {"default": pb.START_DEFAULT, "new": pb.START_NEW, "first": pb.START_FIRST,
          "seq": pb.START_SEQ, "time": pb.START_TIME}


def scope_name(to: str) -> bytes:
    """'alice' means the mailbox 'peer:alice'; 'queue:work' is taken as it is."""
    if not to:
        raise ValueError("to whom? a peer's name or a scope such as queue:work")
    return to.encode() if ":" in to else b"peer:" + to.encode()


def credentials(given: Body) -> bytes:
    """A password or a token."""
    return given.encode() if isinstance(given, str) else bytes(given)


def entry(to: str, body: Body, kind: int = Kind.TEXT, *, message_id: Optional[bytes] = None,
          content_type: str = "", headers: Iterable[Tuple[bytes, bytes]] = (), key: bytes = b"",
          priority: int = 0, reply_to: str = "", correlation_id: bytes = b"",
          parent_id: bytes = b"", created_ms: int = 0, not_before_ms: int = 0, ttl_ms: int = 0,
          receipts: int = 0) -> Any:
    made = pb.Entry(
        message_id=message_id or new_message_id(), scope=scope_name(to),
        body=body.encode() if isinstance(body, str) else bytes(body), kind=int(kind),
        content_type=content_type.encode(), key=key, priority=priority,
        reply_to=scope_name(reply_to) if reply_to else b"", correlation_id=correlation_id,
        parent_id=parent_id, created_ms=created_ms, not_before_ms=not_before_ms, ttl_ms=ttl_ms,
        receipts=int(receipts))
    for name, value in headers:
        made.headers.add(name=name, value=value)
    return made


def attach(scope: str, consumer: str, start: str, start_value: int, lease_ms: int,
           must_exist: bool, ephemeral: bool = False) -> Any:
    if start not in STARTS:
        raise ValueError(f"start must be one of {', '.join(STARTS)}")
    return pb.Attach(scope=scope_name(scope), consumer=consumer.encode(), start=STARTS[start],
                     start_value=start_value, lease_ms=lease_ms, must_exist=must_exist,
                     ephemeral=ephemeral)


def where(peer: Optional[str], scope: Optional[str]) -> Dict[str, bytes]:
    if peer is not None and scope is not None:
        raise ValueError("give a peer or a scope, not both")
    if peer is not None:
        return {"peer": peer.encode()}
    return {} if scope is None else {"scope": scope_name(scope)}


def history(peer: Optional[str], scope: Optional[str], limit: int, offset: int, after_seq: int,
            before_seq: int, from_ms: int, to_ms: int, newest_first: bool) -> Any:
    if peer is None and scope is None:
        raise ValueError("give a peer or a scope")
    return pb.Query(kind=pb.HISTORY, limit=limit, offset=offset, after_seq=after_seq,
                    before_seq=before_seq, from_ms=from_ms, to_ms=to_ms,
                    newest_first=newest_first, **where(peer, scope))


def query(kind: str, **fields: Any) -> Any:
    """Any query by the name of its kind; text becomes bytes."""
    return pb.Query(kind=pb.QueryKind.Value(kind), **_encoded(fields))


def call(method: str, **fields: Any) -> Any:
    """Any call by the name of its method; text becomes bytes."""
    return pb.Call(method=pb.Method.Value(method), **_encoded(fields))


def ids(message_ids: Iterable[bytes]) -> bytes:
    return b"".join(message_ids)


def _encoded(fields: Dict[str, Any]) -> Dict[str, Any]:
    return {name: value.encode() if isinstance(value, str) else value
            for name, value in fields.items()}
