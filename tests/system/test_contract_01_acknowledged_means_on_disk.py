# SPDX-License-Identifier: MPL-2.0
"""Contract 1: STORED is sent only after a commit with full sync that holds the message."""
import threading

import pytest

from helpers import bodies, eventually, numbered, receive_all
from roost import RoostError


@pytest.mark.parametrize("kill_after", [1, 50, 700, 3000])
def test_acknowledged_survives_kill_9(broker, connect, kill_after):
    """kill -9 in the middle of a pipelined stream: what was acknowledged is there, in order."""
    bob = connect(broker, "bob")
    acknowledged = []
    reached = threading.Event()

    def answered(future, body):
        if future.exception() is None:
            acknowledged.append(body)
            if len(acknowledged) >= kill_after:
                reached.set()

    def pour():
        try:
            for body in numbered(20_000):
                future = bob.send_async("alice", body)
                future.add_done_callback(lambda future, body=body: answered(future, body))
        except RoostError:
            pass  # closed below: the sender dies with the broker and sends nothing again

    sender = threading.Thread(target=pour)
    sender.start()
    assert reached.wait(20)
    broker.kill()
    bob.close()
    sender.join()
    on_disk = list(acknowledged)
    broker.start()
    alice = connect(broker, "alice")
    inbox = alice.attach()
    got = bodies(receive_all(inbox, inbox.waiting_at_attach))
    assert got == numbered(len(got)), "delivered out of order, or with a hole"
    assert len(got) >= len(on_disk) >= kill_after
    assert got[:len(on_disk)] == on_disk


def test_each_acknowledgement_waits_for_a_sync(make_broker, connect, strace, tmp_path):
    """One message after the other: at least one fdatasync or fsync for each STORED."""
    trace = tmp_path / "trace"
    broker = make_broker(prefix=strace("-e", "trace=fdatasync,fsync", "-o", str(trace)))
    bob = connect(broker, "bob")
    bob.send("alice", "warm-up creates the mailbox")
    before = trace.read_text().count("sync(")
    for body in numbered(20):
        bob.send("alice", body)
    assert trace.read_text().count("sync(") - before >= 20


def test_a_failed_sync_acknowledges_nothing(make_broker, connect, strace):
    """fdatasync fails with EIO: the broker ends without STORED; everything acknowledged before
    is there after the restart."""
    fault = strace("-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=40+",
                   "-o", "/dev/null")
    broker = make_broker(prefix=fault)
    bob = connect(broker, "bob")
    acknowledged = []
    with pytest.raises(RoostError):
        for body in numbered(500):
            bob.send("alice", body, timeout=3)
            acknowledged.append(body)
    assert broker.wait() not in (0, None)
    bob.close()
    broker.prefix = []
    broker.start()
    inbox = connect(broker, "alice").attach()
    got = bodies(receive_all(inbox, inbox.waiting_at_attach))
    assert got[:len(acknowledged)] == acknowledged
    assert len(got) <= len(acknowledged) + 1  # the one in doubt may be there


def test_a_message_in_the_socket_of_a_dead_broker_is_not_acknowledged(broker, connect):
    bob = connect(broker, "bob")
    bob.send("alice", "one")
    broker.kill()
    future = bob.send_async("alice", "two")
    eventually(lambda: bob.reconnects > 0)
    assert not future.done()
    broker.start()
    assert future.result(20).seq > 0
    inbox = connect(broker, "alice").attach()
    assert bodies(receive_all(inbox, 2)) == [b"one", b"two"]
