# SPDX-License-Identifier: MPL-2.0
"""What the tests of the security model share: raw sessions of accounts, and calls by them."""
import itertools

from roost.schema import pb

PASSWORD = b"correct horse"
SEND, READ, CREATE, ADMINISTRATE = 1, 2, 4, 8
NOT_ALLOWED = 2003
ROLES = {"guest": pb.GUEST, "user": pb.USER, "moderator": pb.MODERATOR, "admin": pb.ADMIN}
_requests = itertools.count(1)


def call(raw, method, **fields):
    return raw.ask(pb.Call(request_id=next(_requests), method=pb.Method.Value(method), **fields),
                   pb.REPLY)


def query(raw, kind, **fields):
    """(rows of all parts, FIN)"""
    raw.send(pb.Query(request_id=next(_requests), kind=pb.QueryKind.Value(kind), **fields))
    result = pb.Result()
    while True:
        message = raw.receive_any(pb.RESULT, pb.FIN)
        if isinstance(message, pb.Fin):
            return result, message
        result.MergeFrom(message)


def hello(raw, peer, secret=b""):
    """WELCOME or ERROR."""
    raw.send(pb.Hello(version_min=1, version_max=1, peer=peer.encode(), credentials=secret))
    return raw.receive_any(pb.WELCOME, pb.ERROR)


def enter(connect_raw, broker, peer, secret=b""):
    raw = connect_raw(broker)
    answer = hello(raw, peer, secret)
    assert isinstance(answer, pb.Welcome), answer
    raw.name = peer
    return raw


def register(root, name, role="user"):
    assert call(root, "USER_REGISTER", peer=name.encode(), password=PASSWORD).code == 0
    if role != "user":
        assert call(root, "USER_ROLE", peer=name.encode(), role=ROLES[role]).code == 0


def send(raw, scope, count=1, body=b"x"):
    """Code of the first entry that was refused, or of the refusal of all; 0: stored."""
    first = next(raw.numbers)
    for _ in range(count - 1):
        next(raw.numbers)
    raw.send(pb.Send(first_no=first, entries=[raw.entry(scope, body) for _ in range(count)]))
    while True:
        stored = raw.receive(pb.STORED)
        assert stored is not None
        if stored.retry_code:
            raw.numbers = itertools.count(stored.upto_no + 1)
            raw.retry_after_ms = stored.retry_after_ms
            return stored.retry_code
        if stored.exceptions:
            return stored.exceptions[0].code
        if stored.upto_no >= first + count - 1:
            return 0


def audit(raw):
    """[(action, actor, target, detail)] of all rows, oldest first."""
    rows, after = [], 0
    while True:
        result, fin = query(raw, "AUDIT", after_seq=after, limit=500)
        assert fin.code == 0, fin
        rows += [(row.action, row.actor.decode(), row.target.decode(), row.detail.decode())
                 if isinstance(row.action, str) else
                 (row.action.decode(), row.actor.decode(), row.target.decode(), row.detail.decode())
                 for row in result.audit]
        if not fin.has_more:
            return rows
        after = fin.next_seq
