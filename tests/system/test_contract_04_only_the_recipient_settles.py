# SPDX-License-Identifier: MPL-2.0
"""Contract 4: a message leaves a recipient's queue only when the recipient settled it."""
from helpers import bodies, eventually, info, numbered, receive_all
from roost.schema import pb


def test_received_and_not_settled_is_delivered_again(broker, connect):
    bob = connect(broker, "bob")
    for body in numbered(10):
        bob.send("alice", body)
    alice = connect(broker, "alice")
    assert bodies(receive_all(alice.attach(), 10, settle=None)) == numbered(10)
    alice.close()
    again = receive_all(connect(broker, "alice").attach(), 10)
    assert bodies(again) == numbered(10)
    assert all(message.is_redelivered for message in again)


def test_a_socket_write_is_no_delivery(broker, connect, connect_raw):
    """A session that takes everything off the wire and vanishes has received nothing."""
    bob = connect(broker, "bob")
    futures = [bob.send_async("alice", body) for body in numbered(500)]
    assert futures[-1].result(20)
    raw = connect_raw(broker)
    raw.hello("alice")
    raw.attach("alice", credit=1000)
    taken = 0
    while taken < 500:
        taken += len(raw.receive(pb.DELIVER).entries)
    raw.close()
    inbox = connect(broker, "alice").attach()
    assert bodies(receive_all(inbox, 500)) == numbered(500)


def test_settled_leaves_for_good_also_out_of_order(broker, connect):
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    for body in numbered(20):
        bob.send("alice", body)
    inbox = alice.attach()
    for index in range(20):
        received = inbox.receive(10)
        if index % 2:
            received.ack()
    inbox.confirm()
    broker.restart()
    alice.close()
    rest = bodies(receive_all(connect(broker, "alice").attach(), 10))
    assert rest == numbered(20)[::2]


def test_every_consumer_of_a_mailbox_gets_its_own_copy(broker, connect):
    """Two devices of one peer: what one settled still waits for the other."""
    bob, phone, laptop = (connect(broker, name) for name in ("bob", "alice", "alice"))
    inboxes = [phone.attach(consumer="phone", start="first"),
               laptop.attach(consumer="laptop", start="first")]
    for body in numbered(50):
        bob.send("alice", body)
    assert bodies(receive_all(inboxes[0], 50)) == numbered(50)
    inboxes[0].confirm()
    assert bodies(receive_all(inboxes[1], 50)) == numbered(50)


def test_competing_workers_of_a_queue_share_the_messages(broker, connect):
    workers = [connect(broker, f"worker{number}") for number in range(3)]
    inboxes = [worker.attach("queue:resize", window=5) for worker in workers]
    boss = connect(broker, "boss")
    futures = [boss.send_async("queue:resize", body) for body in numbered(300)]
    assert futures[-1].result(20)
    got = {}
    while sum(map(len, got.values())) < 300:
        for number, inbox in enumerate(inboxes):
            received = inbox.receive(0.05)
            if received:
                got.setdefault(number, []).append(received.body)
                received.ack()
    assert sorted(body for part in got.values() for body in part) == numbered(300)
    assert len(got) == 3, "every worker got something"
    assert all(part == sorted(part) for part in got.values())
    eventually(lambda: info(boss, "queue:resize").waiting == 0)


def test_work_of_a_worker_that_vanished_goes_to_another(broker, connect):
    one, two = connect(broker, "one"), connect(broker, "two")
    boss = connect(broker, "boss")
    inbox = one.attach("queue:work", window=10)
    for body in numbered(10):
        boss.send("queue:work", body)
    receive_all(inbox, 10, settle=None)
    second = two.attach("queue:work")
    assert second.receive(0.1) is None
    one.close()
    messages = receive_all(second, 10)
    assert bodies(messages) == numbered(10) and all(m.is_redelivered for m in messages)
