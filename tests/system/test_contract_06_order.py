# SPDX-License-Identifier: MPL-2.0
"""Contract 6: order is kept per scope and consumer, also under failure and with pipelining."""
import random
import threading
import time

from helpers import bodies, numbered, receive_all


def test_a_pipelined_stream_arrives_in_order(broker, connect):
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    inbox = alice.attach(window=100)
    futures = [bob.send_async("alice", body) for body in numbered(5000)]
    assert bodies(receive_all(inbox, 5000)) == numbered(5000)
    seqs = [future.result(20).seq for future in futures]
    assert seqs == sorted(seqs) and len(set(seqs)) == 5000


def test_order_holds_over_kills_of_the_broker(broker, connect):
    """The sender keeps pouring through three kills; the receiver sees one unbroken sequence."""
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    inbox = alice.attach(window=200)
    sender = threading.Thread(
        target=lambda: [bob.send_async("alice", body) for body in numbered(6000)])
    sender.start()
    got = []
    for target in (500, 2000, 4000):
        got += receive_all(inbox, target - len(got))
        broker.restart()
    got += receive_all(inbox, 6000 - len(got))
    sender.join()
    assert bodies(got) == numbered(6000)
    inbox.confirm()
    assert inbox.receive(0.2) is None


def test_messages_behind_a_released_one_keep_their_order(broker, connect):
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    for body in numbered(10):
        bob.send("alice", body)
    inbox = alice.attach(window=1)
    first = inbox.receive(10)
    assert first.body == numbered(1)[0]
    first.release()
    got = bodies(receive_all(inbox, 10))
    assert sorted(got) == numbered(10)
    got.remove(numbered(1)[0])  # a released message comes again now or next
    assert got == numbered(10)[1:]


def test_several_senders_and_scopes_do_not_mix(broker, connect):
    rng = random.Random(6)
    senders = {name: connect(broker, name) for name in ("bob", "carol", "dave")}
    scopes = ["alice", "queue:one", "queue:two"]
    counts = {}
    for _ in range(3000):
        name, scope = rng.choice(list(senders)), rng.choice(scopes)
        number = counts[(name, scope)] = counts.get((name, scope), 0) + 1
        senders[name].send_async(scope, f"{name} {number}")
    assert all(client.flush(30) for client in senders.values())
    alice = connect(broker, "alice")
    for scope in scopes:
        expected = sum(count for (_, to), count in counts.items() if to == scope)
        seen = {}
        for message in receive_all(alice.attach(scope), expected):
            name, number = message.text.split()
            assert int(number) == seen.get(name, 0) + 1, f"{scope}: {message.text} after {seen}"
            seen[name] = int(number)


def test_a_refusal_that_passes_does_not_reorder(make_broker, connect):
    """More is sent at once than the broker takes: it refuses, the library sends again in order."""
    broker = make_broker(zmq__publish_window=1000, zmq__publish_max_bytes=65536)
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    inbox = alice.attach()
    for body in numbered(4000):
        bob.send_async("alice", body.ljust(100, b"."))
    got = [body.rstrip(b".") for body in bodies(receive_all(inbox, 4000))]
    assert got == numbered(4000)


def test_who_sends_too_fast_keeps_his_order(make_broker, connect):
    """A frame that is refused for its rate is sent again later; what was sent behind it waits for it."""
    broker = make_broker(quota__messages_per_s=4000, quota__burst_ms=500)
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    inbox = alice.attach()
    began = time.monotonic()
    for body in numbered(8000):
        bob.send_async("alice", body)
    assert bodies(receive_all(inbox, 8000)) == numbered(8000)
    assert time.monotonic() - began >= 1, "6,000 of them had to wait"
