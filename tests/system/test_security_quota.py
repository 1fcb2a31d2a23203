# SPDX-License-Identifier: MPL-2.0
"""Quotas and rates from outside: every refusal has its code, says when to come again, is counted and noted;
who keeps to the bounds loses nothing, and who does not disturbs nobody else."""
import socket
import threading
import time

import pytest
import zmq

from broker import eventually
from guard import PASSWORD, audit, call, enter, hello, register, send
from helpers import receive_all
from namespaces import Town, Unavailable
from raw import Raw
from roost.schema import pb

RATE_LIMITED, MAILBOX_FULL, SHARE_FULL = 4005, 4006, 4007
TOO_MANY_ROOMS, TOO_MANY_SESSIONS, TOO_MANY_CONNECTIONS = 4008, 4009, 4010


def test_no_bound_on_this_machine(broker, connect_raw):
    """The defaults are for brokers that others than this machine can ask."""
    raw = enter(connect_raw, broker, "ana")
    for _ in range(30):
        assert send(raw, "queue:q", count=1000, body=b"x" * 100) == 0


def test_rate_of_messages(make_broker, connect_raw):
    broker = make_broker(quota__messages_per_s=50, quota__burst_ms=1000)
    raw, other = enter(connect_raw, broker, "ana"), enter(connect_raw, broker, "bob")
    assert send(raw, "queue:q", count=50) == 0
    assert send(raw, "queue:q", count=50) == RATE_LIMITED
    assert 500 < raw.retry_after_ms <= 1001
    for _ in range(5):  # before its time: refused by the gateway, with what is left of the wait
        assert send(raw, "queue:q") == RATE_LIMITED
        assert raw.retry_after_ms <= 1001
    assert send(other, "queue:q", count=50) == 0  # it is a rate of one peer
    time.sleep(raw.retry_after_ms / 1000 + 0.05)
    assert send(raw, "queue:q", count=10) == 0
    assert [row for row in audit(raw) if row[0] == "quota"] == [("quota", "ana", "RATE_LIMITED", "")]


def test_rate_of_bytes_counts_all_sessions(make_broker, connect_raw):
    broker = make_broker(quota__bytes_per_s=100000, quota__burst_ms=1000)
    one, two = enter(connect_raw, broker, "ana"), enter(connect_raw, broker, "ana")
    assert send(one, "queue:q", body=b"x" * 120000) == 0
    assert send(two, "queue:q", body=b"x") == RATE_LIMITED


def test_a_library_waits_and_loses_nothing(make_broker, connect):
    """Sixty times the burst: everything arrives, in order, about as fast as the rate allows."""
    broker = make_broker(quota__messages_per_s=1000, quota__burst_ms=100)
    sender, receiver = connect(broker, "ana"), connect(broker, "bob")
    inbox = receiver.attach("peer:bob")
    began = time.monotonic()
    futures = [sender.send_async("peer:bob", b"%d" % number) for number in range(3000)]
    messages = receive_all(inbox, 3000, timeout=60)
    assert [message.body for message in messages] == [b"%d" % number for number in range(3000)]
    assert all(future.result(20) for future in futures)
    assert time.monotonic() - began > 2


def test_a_flood_delays_nobody_else(make_broker, connect_raw, connect):
    """One peer sends a hundred times what it may; another one is stored as quickly as before."""
    broker = make_broker(quota__messages_per_s=1000, quota__burst_ms=500)
    raw, honest = enter(connect_raw, broker, "mallory"), connect(broker, "ana")
    is_over = threading.Event()

    def flood():
        while not is_over.is_set():
            send(raw, "queue:flood", count=1000)

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        for number in range(200):
            assert honest.send("queue:honest", b"%d" % number, timeout=10)
    finally:
        is_over.set()
        thread.join(20)


def test_waiting_messages(make_broker, connect_raw, connect):
    """A full mailbox refuses what goes there and nothing else; reading makes room; the bound counts what
    waited before a restart."""
    broker = make_broker(quota__waiting_messages=100, quota__share_messages=0)
    ana, bob = enter(connect_raw, broker, "ana"), connect(broker, "bob")
    inbox_name = "peer:bob"
    codes = [send(ana, inbox_name, count=1) for _ in range(130)]
    assert codes[:100] == [0] * 100 and set(codes[100:]) == {MAILBOX_FULL}
    assert send(ana, "peer:carl") == 0
    inbox = bob.attach(inbox_name)
    receive_all(inbox, 60)
    eventually(lambda: time.sleep(0.05) or send(ana, inbox_name) == 0, what="there is room again")
    broker.restart()
    ana = enter(connect_raw, broker, "ana")
    codes = [send(ana, inbox_name) for _ in range(20)]  # the first tells the broker whom to ask about
    eventually(lambda: time.sleep(0.02) or send(ana, inbox_name) == MAILBOX_FULL or None,
               what="it is known how much waits")


def test_share_of_one_sender(make_broker, connect_raw):
    broker = make_broker(quota__share_messages=20, quota__waiting_messages=100)
    ana, bob = enter(connect_raw, broker, "ana"), enter(connect_raw, broker, "bob")
    codes = [send(ana, "queue:q") for _ in range(25)]
    assert codes == [0] * 20 + [SHARE_FULL] * 5
    assert [send(bob, "queue:q") for _ in range(20)] == [0] * 20
    assert send(ana, "queue:other") == 0
    assert ("quota", "ana", "SHARE_FULL", "") in audit(ana)


def test_waiting_bytes(make_broker, connect_raw):
    broker = make_broker(quota__waiting_bytes=10000, quota__share_bytes=0)
    ana = enter(connect_raw, broker, "ana")
    assert [send(ana, "queue:q", body=b"x" * 4000) for _ in range(4)] == [0, 0, MAILBOX_FULL, MAILBOX_FULL]


def test_rest_says_when_to_come_again(make_broker, rest):
    broker = make_broker(http__listen="127.0.0.1:*", quota__share_messages=1, quota__messages_per_s=3,
                         quota__burst_ms=1000)
    ana = rest(broker, "ana")

    def post(scope):
        status, answer = ana.ask("POST", "/messages", {"scope": scope, "body": "x"})
        return status, answer.get("error")

    first, second = post("queue:q"), post("queue:q")
    assert first[0] == 201
    assert second[0] == 429 and (second[1]["code"], second[1]["retryable"]) == (SHARE_FULL, True)
    answers = [post(f"queue:r{number}") for number in range(10)]
    limited = [error for status, error in answers if status == 429]
    assert limited and {error["code"] for error in limited} == {RATE_LIMITED}
    assert limited[0]["retryable"] is True


def test_rooms_of_one_owner(make_broker, connect_raw):
    broker = make_broker(quota__rooms_per_owner=3)
    ana, bob = enter(connect_raw, broker, "ana"), enter(connect_raw, broker, "bob")
    codes = [call(ana, "ROOM_CREATE", scope=b"room:r%d" % number).code for number in range(5)]
    assert codes == [0, 0, 0, TOO_MANY_ROOMS, TOO_MANY_ROOMS]
    assert call(bob, "ROOM_CREATE", scope=b"room:b").code == 0
    assert call(ana, "ROOM_LEAVE", scope=b"room:r0").code == 0
    assert call(ana, "ROOM_CREATE", scope=b"room:r9").code == 0
    assert ("quota", "ana", "TOO_MANY_ROOMS", "") in audit(ana)


def test_sessions_of_one_account(make_broker, connect_raw):
    broker = make_broker(quota__sessions_per_account=4)
    root = enter(connect_raw, broker, "root")
    register(root, "ana")
    sessions = [enter(connect_raw, broker, "ana", PASSWORD) for _ in range(4)]
    refused = hello(connect_raw(broker), "ana", PASSWORD)
    assert (refused.code, refused.retryable) == (TOO_MANY_SESSIONS, True) and refused.retry_after_ms > 0
    sessions[0].send(pb.Goodbye())
    assert sessions[0].receive(pb.GOODBYE) is not None
    eventually(lambda: isinstance(hello(connect_raw(broker), "ana", PASSWORD), pb.Welcome),
               what="there is room for another session")
    for _ in range(10):
        enter(connect_raw, broker, "nobody")  # without an account there is none to be bounded
    assert ("quota", "ana", "TOO_MANY_SESSIONS", "") in audit(root)


@pytest.fixture
def town():
    try:
        town = Town()
    except Unavailable as why:
        pytest.skip(str(why))
    yield town
    town.close()


def test_connections_of_one_address(town, make_broker, connect_raw):
    """From another machine: ZeroMQ sessions, Lair Chat and HTTP connections; on this one they are not
    counted."""
    town.machine("server")
    town.machine("client")
    town.plug("server", "e0", "10.7.1.1/24", wire="w")
    town.plug("client", "e0", "10.7.1.2/24", wire="w")
    broker = make_broker(is_started=False, prefix=town.enter("server"), arguments=["--insecure"],
                         zmq__listen="tcp://10.7.1.1:7667", lair__listen="10.7.1.1:7669",
                         http__listen="10.7.1.1:7668", quota__connections_per_address=5,
                         http__connections_per_address=100)
    broker.launch().wait_for_log(r"\bready\b")

    def dial(port):
        return socket.create_connection(("10.7.1.1", port), 10)

    def is_closed(connection):
        connection.settimeout(5)
        try:
            return connection.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False

    def lair():
        held = [dial(7669) for _ in range(5)]
        for connection in held:
            connection.settimeout(5)
            assert connection.recv(1)  # its key
        assert is_closed(dial(7669))
        held.pop().close()
        eventually(lambda: dial(7669).recv(1), what="another one is let in")

    def http():
        held = [dial(7668) for _ in range(5)]
        for connection in held:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 10.7.1.1:7668\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
        assert is_closed(dial(7668))

    def zeromq():
        context = zmq.Context()  # its threads are of that machine
        raws = [Raw("tcp://10.7.1.1:7667", context=context) for _ in range(6)]
        answers = [hello(raw, f"p{number}") for number, raw in enumerate(raws)]
        assert [isinstance(answer, pb.Welcome) for answer in answers] == [True] * 5 + [False]
        assert (answers[5].code, answers[5].retryable) == (TOO_MANY_CONNECTIONS, True)
        raws[0].send(pb.Goodbye())
        assert raws[0].receive(pb.GOODBYE) is not None
        assert isinstance(hello(raws[5], "p5"), pb.Welcome)
        for raw in raws:
            raw.close()
        context.term()

    for part in (lair, http, zeromq):
        town.run_in("client", part)
