# SPDX-License-Identifier: MPL-2.0
"""A broker in a hundred lines, in memory, for the tests of the Python client's state machine.

Owns one mailbox log and its consumers. Durable is what lies in `log` and `settled`; everything
else dies with crash(). It keeps the rules of the protocol that a client may rely on: publish
numbers, go-back-n, duplicates by message id, deliveries in order, credit. Raises AssertionError
when the client breaks a rule.
"""
import collections

from roost.schema import pack, pb, unpack


class ModelBroker:
    def __init__(self, publish_window=50, publish_bytes=10_000):
        self.publish_window, self.publish_bytes = publish_window, publish_bytes
        self.log = []                       # (message_id, scope, body) in commit order
        self.ids = {}                       # message_id -> seq
        self.settled = collections.Counter()  # seq -> how often it was settled for good
        self.dead = set()
        self.refuse_ids = set()             # refused for good
        self.crash()

    # ------------------------------------------------------------ faults

    def crash(self):
        """Everything volatile is gone; so is every connection."""
        self.has_session = False
        self.next_no = 1
        self.is_rewound = False
        self.handle = 0
        self.credit = self.delivered = 0
        self.leases = {}                    # delivery_no -> seq
        self.next_delivery_no = 1

    def _lease_of(self, seq):
        return any(leased == seq for leased in self.leases.values())

    # ------------------------------------------------------------ frames

    def receive(self, frame, retry_from=None):
        """Gives the answers to one frame; `retry_from`: refuse SEND entries from this index on."""
        type_, message = unpack(frame)
        assert message is not None, frame
        if type_ == pb.HELLO:
            self.crash()
            self.has_session = True
            limits = pb.Limits(frame_bytes_max=1 << 20, body_bytes_max=1000, entries_max=7,
                               heartbeat_ms=5000, lease_ms=30000, publish_bytes=self.publish_bytes)
            return [pack(pb.Welcome(version=1, boot_id=b"b" * 16, resume_token=b"t" * 16,
                                    limits=limits, publish_upto=self.publish_window))]
        if not self.has_session:
            return [pack(pb.NoSession())]
        handler = {pb.SEND: self._send, pb.ATTACH: self._attach, pb.CREDIT: self._credit,
                   pb.SETTLE: self._settle, pb.PING: lambda ping: [pb.Pong(echo=ping.echo)],
                   pb.DETACH: lambda detach: []}[type_]
        answers = handler(message, retry_from) if type_ == pb.SEND else handler(message)
        return [pack(answer) for answer in answers]

    def _send(self, send, retry_from):
        assert 1 <= len(send.entries) <= 7
        if send.first_no != self.next_no:
            assert self.is_rewound, f"gap: {send.first_no} instead of {self.next_no}"
            return []
        self.is_rewound = False
        stored = pb.Stored()
        scope = b""
        for index, entry in enumerate(send.entries):
            scope = entry.scope or scope
            if retry_from is not None and index >= retry_from:
                self.is_rewound = True
                stored.retry_code, stored.retry_after_ms = 6001, 20
                break
            self._store(entry, scope, stored)
            self.next_no += 1
        stored.upto_no = self.next_no - 1
        stored.publish_upto = self.next_no - 1 + self.publish_window
        return [stored]

    def _store(self, entry, scope, stored):
        assert scope and len(entry.body) <= 1000
        if entry.message_id in self.refuse_ids:
            stored.exceptions.add(no=self.next_no, code=3001, text="no such peer")
        elif entry.message_id in self.ids:
            stored.exceptions.add(no=self.next_no, code=5002, seq=self.ids[entry.message_id])
        else:
            self.log.append((entry.message_id, scope, entry.body))
            self.ids[entry.message_id] = len(self.log)
            stored.runs.add(first_no=self.next_no, count=1, first_seq=len(self.log))

    def _attach(self, attach):
        self.handle, self.credit, self.delivered = attach.handle, attach.credit_messages, 0
        waiting = sum(not self.settled[seq] for seq in range(1, len(self.log) + 1))
        return [pb.Attached(handle=attach.handle, lease_ms=30000, scope=attach.scope,
                            waiting=waiting)]

    def _credit(self, credit):
        assert credit.handle == self.handle and credit.messages_total >= self.credit
        self.credit = credit.messages_total
        return []

    def _settle(self, settle):
        assert settle.ranges, "a SETTLE must name something"
        settled = pb.Settled(handle=settle.handle, confirm_id=settle.confirm_id)
        for range_ in settle.ranges:
            last = range_.last_delivery_no or range_.first_delivery_no
            for no in range(range_.first_delivery_no, last + 1):
                assert 0 < no < self.next_delivery_no, f"settles {no}, which was not delivered"
                if range_.outcome == pb.EXTEND:
                    continue
                seq = self.leases.pop(no, None)
                if seq is None:
                    settled.exceptions.add(delivery_no=no, code=5001)
                elif range_.outcome in (pb.ACK, pb.REJECT):
                    self.settled[seq] += 1
                    if range_.outcome == pb.REJECT:
                        self.dead.add(seq)
        return [settled] if settle.confirm_id else []

    # ------------------------------------------------------------ what the broker does by itself

    def deliver(self, count_max):
        """DELIVER frames for up to `count_max` messages, in order."""
        frames = []
        for seq, (message_id, _, body) in enumerate(self.log, 1):
            if len(frames) >= count_max or not self.handle or self.delivered >= self.credit:
                break
            if self.settled[seq] or self._lease_of(seq):
                continue
            deliver = pb.Deliver(handle=self.handle, first_delivery_no=self.next_delivery_no)
            deliver.entries.add(seq=seq, message_id=message_id, sender=b"model", body=body,
                                attempt=1)
            self.leases[self.next_delivery_no] = seq
            self.next_delivery_no += 1
            self.delivered += 1
            frames.append(pack(deliver))
        return frames

    def expire_leases(self):
        self.leases.clear()

    def redrive(self):
        for seq in self.dead:
            self.settled[seq] = 0
        self.dead.clear()
