# SPDX-License-Identifier: MPL-2.0
"""Contract 3: the same sender and message id again is one message, answered DUPLICATE."""
from helpers import bodies, receive_all
from roost import new_message_id


def test_the_same_id_again_is_one_message(broker, connect):
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    ident = new_message_id()
    first = bob.send("alice", "one", message_id=ident)
    again = bob.send("alice", "one", message_id=ident)
    assert not first.is_duplicate and again.is_duplicate and again.seq == first.seq
    bob.send("alice", "two")
    assert bodies(receive_all(alice.attach(), 2)) == [b"one", b"two"]


def test_also_after_a_restart_and_from_another_session(broker, connect):
    ident = new_message_id()
    bob = connect(broker, "bob")
    first = bob.send("alice", "one", message_id=ident)
    broker.restart()
    assert bob.send("alice", "one", message_id=ident).is_duplicate
    other = connect(broker, "bob")
    again = other.send("alice", "one", message_id=ident)
    assert again.is_duplicate and again.seq == first.seq
    inbox = connect(broker, "alice").attach()
    assert inbox.waiting_at_attach == 1


def test_also_after_it_was_settled_and_indexed(broker, connect):
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    ident = new_message_id()
    first = bob.send("alice", "one", message_id=ident)
    inbox = alice.attach()
    receive_all(inbox, 1)
    inbox.confirm()
    bob.call("FLUSH_INDEX")
    again = bob.send("alice", "one", message_id=ident)
    assert again.is_duplicate and again.seq == first.seq
    assert inbox.receive(0.2) is None


def test_twice_in_one_batch_is_one_message(broker, connect):
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    ident = new_message_id()
    futures = [bob.send_async("alice", "one", message_id=ident) for _ in range(100)]
    answers = [future.result(20) for future in futures]
    assert [answer.is_duplicate for answer in answers] == [False] + [True] * 99
    assert len({answer.seq for answer in answers}) == 1
    assert alice.attach().waiting_at_attach == 1


def test_two_sessions_of_one_peer_send_the_same_at_once(broker, connect):
    one, two = connect(broker, "bob"), connect(broker, "bob")
    ids = [new_message_id() for _ in range(500)]
    futures = [client.send_async("alice", ident, message_id=ident)
               for ident in ids for client in (one, two)]
    answers = [future.result(30) for future in futures]
    assert sum(not answer.is_duplicate for answer in answers) == 500
    assert connect(broker, "alice").attach().waiting_at_attach == 500


def test_the_same_id_of_another_sender_is_another_message(broker, connect):
    ident = new_message_id()
    assert not connect(broker, "bob").send("alice", "b", message_id=ident).is_duplicate
    assert not connect(broker, "carol").send("alice", "c", message_id=ident).is_duplicate
    messages = receive_all(connect(broker, "alice").attach(), 2)
    assert [(m.sender, m.body) for m in messages] == [("bob", b"b"), ("carol", b"c")]
