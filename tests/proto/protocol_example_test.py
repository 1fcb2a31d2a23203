# SPDX-License-Identifier: MPL-2.0
"""The client of docs/PROTOCOL.md, taken out of the text and run against a broker made of sixty
lines that is mean in the ways the text speaks of: it refuses for a while, stores without answering
and forgets the session, answers duplicates, and refuses one message for good.

usage: protocol_example_test.py STUB_FOLDER PROTOCOL.md
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

import zmq

HEAD = b"\xb5\x0c\x01"


class Broker(threading.Thread):
    """One thread, one ROUTER, messages in a dictionary."""

    def __init__(self, pb):
        super().__init__(daemon=True)
        self.pb = pb
        self.classes = {number: getattr(pb, "".join(w.capitalize() for w in name.split("_")))
                        for name, number in pb.Type.items() if number}
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.stored = {}        # message id -> body, in order
        self.sessions = {}      # routing id -> answered number
        self.troubles = ["disk full", "forget the session"]
        self.settled = []
        self.resumed = 0

    def say(self, routing, number, message):
        frame = HEAD + bytes([number]) + message.SerializeToString()
        self.socket.send_multipart([routing, frame])

    def run(self):
        while True:
            routing, frame = self.socket.recv_multipart()
            assert frame[:3] == HEAD
            message = self.classes[frame[3]]()
            message.ParseFromString(frame[4:])
            if frame[3] != self.pb.HELLO and routing not in self.sessions:
                self.say(routing, self.pb.NO_SESSION, self.pb.NoSession())
                continue
            getattr(self, "on_" + type(message).__name__.lower())(routing, message)

    def on_hello(self, routing, hello):
        pb = self.pb
        self.resumed += len(hello.resume_token) == 16
        self.sessions[routing] = 0
        limits = pb.Limits(frame_bytes_max=1 << 20, body_bytes_max=1 << 19, entries_max=3,
                           heartbeat_ms=1000, lease_ms=30000, publish_bytes=1 << 20)
        self.say(routing, pb.WELCOME, pb.Welcome(
            version=1, boot_id=bytes(16), resume_token=b"t" * 16, limits=limits, publish_upto=4))
        self.say(routing, pb.PING, pb.Ping(echo=b"still there?"))

    def on_pong(self, routing, pong):
        assert pong.echo == b"still there?"

    def on_ping(self, routing, ping):
        self.say(routing, self.pb.PONG, self.pb.Pong(echo=ping.echo))

    def on_send(self, routing, send):
        pb, answered = self.pb, self.sessions[routing]
        if send.first_no != answered + 1:
            return                          # behind a refusal: go back N
        if self.troubles and self.troubles[0] == "disk full":
            del self.troubles[0]
            self.say(routing, pb.STORED, pb.Stored(upto_no=answered, publish_upto=answered + 4,
                                                   retry_code=6002, retry_after_ms=50))
            return
        exceptions = []
        for number, entry in enumerate(send.entries, send.first_no):
            if entry.message_id in self.stored:
                exceptions.append(pb.StoredException(no=number, code=5002, seq=1))
            elif entry.body == b"bad":
                exceptions.append(pb.StoredException(no=number, code=3001, text="no such peer"))
            else:
                self.stored[entry.message_id] = entry.body
        if self.troubles:                   # stored, but the answer is lost
            del self.troubles[0]
            del self.sessions[routing]
            self.say(routing, pb.NO_SESSION, pb.NoSession())
            return
        answered += len(send.entries)
        self.sessions[routing] = answered
        self.say(routing, pb.STORED, pb.Stored(upto_no=answered, publish_upto=answered + 4,
                                               exceptions=exceptions))

    def on_attach(self, routing, attach):
        pb = self.pb
        self.say(routing, pb.ATTACHED, pb.Attached(handle=attach.handle, waiting=2))
        receipt = pb.ReceiptEntry(level=pb.READ, scope=b"peer:bob", first_seq=3, last_seq=5)
        self.say(routing, pb.RECEIPT, pb.Receipt(handle=attach.handle, delivery_no=1,
                                                 entries=[receipt]))
        for number, body in enumerate((b"one", b"two"), 2):
            delivery = pb.Delivery(seq=number, message_id=bytes(16), sender=b"bob", body=body)
            self.say(routing, pb.DELIVER, pb.Deliver(
                handle=attach.handle, first_delivery_no=number, entries=[delivery]))

    def on_settle(self, routing, settle):
        self.settled += [entry.first_delivery_no for entry in settle.ranges]

    def on_credit(self, routing, credit):
        pass

    def on_goodbye(self, routing, goodbye):
        del self.sessions[routing]
        self.say(routing, self.pb.GOODBYE, self.pb.Goodbye())


def main():
    stubs, text = sys.argv[1], pathlib.Path(sys.argv[2]).read_text()
    sys.path.insert(0, stubs)
    import broker_pb2
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1, "docs/PROTOCOL.md has one program"
    broker = Broker(broker_pb2)
    broker.start()
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder, "client.py")
        program.write_text(blocks[0])

        def run(*arguments):
            return subprocess.run(
                [sys.executable, program, f"tcp://127.0.0.1:{broker.port}", "alice", *arguments],
                env=dict(os.environ, PYTHONPATH=stubs), capture_output=True, text=True, timeout=30)

        bodies = [f"message {number}" for number in range(20)]
        sent = run("send", "peer:bob", *bodies[:10], "bad", *bodies[10:])
        assert sent.returncode == 1, sent
        assert "refused 3001 no such peer: bad\nstored 20" in sent.stdout, sent
        received = run("recv", "peer:alice", "2")
        assert received.returncode == 0, received
        assert received.stdout == "receipt READ peer:bob 3-5\nbob: one\nbob: two\n", received
    assert [body.decode() for body in broker.stored.values()] == bodies, "order"
    assert not broker.troubles and broker.resumed == 1
    assert broker.settled == [1, 2, 3], broker.settled
    print("the example of docs/PROTOCOL.md works")


main()
