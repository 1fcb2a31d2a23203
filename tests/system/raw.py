# SPDX-License-Identifier: MPL-2.0
"""A ZeroMQ client without a library, for tests that look at single frames or break the rules.

Owns one DEALER socket. Sends and receives protobuf messages (or any bytes) and does nothing by
itself: no heartbeats, no credit, no settling.
"""
import itertools
import time

import zmq

from roost.requests import scope_name
from roost.schema import MESSAGE_OF_TYPE, pack, pb, unpack
from roost.types import new_message_id

DEADLINE_MS = 10_000


class Raw:
    def __init__(self, url, routing_id=None, security=None, context=None):
        """`security`: a function that sets options of the socket."""
        self.socket = (context or zmq.Context.instance()).socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RCVHWM, 0)
        if routing_id:
            self.socket.setsockopt(zmq.ROUTING_ID, routing_id)
        if security:
            security(self.socket)
        self.socket.connect(url)
        self.numbers = itertools.count(1)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, message):
        """A protobuf message, bytes (one frame) or a list of bytes (several parts)."""
        if isinstance(message, list):
            self.socket.send_multipart(message)
        else:
            self.socket.send(message if isinstance(message, bytes) else pack(message))

    def receive(self, type_=None, timeout_ms=DEADLINE_MS):
        """The next message; with `type_` the next of that type, others are skipped."""
        deadline = time.monotonic() + timeout_ms / 1000
        while self.socket.poll(max(0, int((deadline - time.monotonic()) * 1000))):
            got, message = unpack(self.socket.recv())
            assert message is not None, "the broker sent something that is no message"
            if type_ is None or got == type_:
                return message
            if got == pb.PING and type_ != pb.PING:
                self.send(pb.Pong(echo=message.echo))
        return None

    def receive_any(self, *types):
        """The next message that is of one of these types."""
        deadline = time.monotonic() + DEADLINE_MS / 1000
        while time.monotonic() < deadline:
            message = self.receive(None)
            if message is None or isinstance(message, tuple(MESSAGE_OF_TYPE[t] for t in types)):
                assert message is not None, "nothing came"
                return message
        raise AssertionError("nothing of these types came")

    def ask(self, message, type_):
        self.send(message)
        answer = self.receive(type_)
        assert answer is not None, f"no {MESSAGE_OF_TYPE[type_].DESCRIPTOR.name} came"
        return answer

    def hello(self, peer, **fields):
        fields = {"version_min": 1, "version_max": 1, **fields}
        return self.ask(pb.Hello(peer=peer.encode(), **fields), pb.WELCOME)

    def attach(self, scope, handle=1, credit=1000, **fields):
        return self.ask(pb.Attach(handle=handle, scope=scope_name(scope), credit_messages=credit,
                                  **fields), pb.ATTACHED)

    def entry(self, to, body=b"x", **fields):
        return pb.Entry(message_id=fields.pop("message_id", None) or new_message_id(),
                        scope=scope_name(to), body=body, **fields)

    def store(self, to, count=1, body=b"x", **fields):
        """Sends `count` messages in one SEND and waits until all are answered."""
        first = next(self.numbers)
        for _ in range(count - 1):
            next(self.numbers)
        self.send(pb.Send(first_no=first,
                          entries=[self.entry(to, body, **fields) for _ in range(count)]))
        while True:
            stored = self.receive(pb.STORED)
            assert stored is not None and not stored.retry_code, stored
            if stored.upto_no >= first + count - 1:
                return stored
