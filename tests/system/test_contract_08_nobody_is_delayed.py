# SPDX-License-Identifier: MPL-2.0
"""Contract 8: a slow, dead or hostile client delays nobody else and cannot make the broker's memory
grow without bound."""
import socket
import struct

import pytest

from helpers import bodies, counter, eventually, numbered, receive_all
from roost.schema import SIGNATURE, pack, pb

MIB = 1 << 20
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
READY = b"\x04\x29\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER\x08Identity\x00\x00\x00\x00"


def alive(broker, connect, name="probe"):
    """Others are served: a send and its delivery go through."""
    client = connect(broker, name)
    client.send(name, "ping")
    assert receive_all(client.attach(), 1)[0].text == "ping"
    client.close()


def tcp(broker):
    return socket.create_connection(("127.0.0.1", broker.port), timeout=10)


def test_a_client_that_never_reads(make_broker, connect, connect_raw):
    """40 MB wait for someone who grants all credit and reads nothing: nobody else notices, memory
    stays, and nothing is lost for him."""
    broker = make_broker(zmq__unread_max_bytes=4 * MIB)
    bob = connect(broker, "bob")
    for body in numbered(400):
        bob.send_async("sleeper", body + b"." * 100_000)
    assert bob.flush(60)
    alive(broker, connect)
    before = broker.rss_bytes()
    raw = connect_raw(broker)
    raw.hello("sleeper")
    raw.send(pb.Attach(handle=1, scope=b"peer:sleeper", credit_messages=1 << 40))
    for number in range(20):
        alive(broker, connect, f"probe{number}")
    assert broker.rss_bytes() - before < 32 * MIB
    raw.close()
    inbox = connect(broker, "sleeper").attach()
    got = [message.body[:7] for message in receive_all(inbox, 400, timeout=60)]
    assert got == numbered(400)


def test_a_slow_consumer_keeps_its_thousands_while_others_go_on(broker, connect):
    bob, slow, quick = (connect(broker, name) for name in ("bob", "slow", "quick"))
    waiting = slow.attach(window=10)
    for body in numbered(5000):
        bob.send_async("slow", body)
    inbox = quick.attach()
    for body in numbered(1000):
        bob.send_async("quick", body)
    assert bodies(receive_all(inbox, 1000)) == numbered(1000)
    assert bodies(receive_all(waiting, 5000, timeout=60)) == numbered(5000)


def test_credit_is_never_exceeded(broker, connect, connect_raw):
    bob = connect(broker, "bob")
    for body in numbered(100):
        bob.send_async("alice", body)
    assert bob.flush(20)
    raw = connect_raw(broker)
    raw.hello("alice")
    raw.attach("alice", credit=7)
    got = []
    while len(got) < 7:
        got += raw.receive(pb.DELIVER).entries
    assert raw.receive(pb.DELIVER, timeout_ms=200) is None and len(got) == 7
    raw.send(pb.Credit(handle=1, messages_total=7))   # a repeat
    raw.send(pb.Credit(handle=1, messages_total=3))   # an old one
    assert raw.receive(pb.DELIVER, timeout_ms=200) is None
    raw.send(pb.Credit(handle=1, messages_total=9))
    while len(got) < 9:
        got += raw.receive(pb.DELIVER).entries
    assert [entry.body for entry in got] == numbered(9)


def test_a_byte_limit_is_kept_to_a_message(broker, connect, connect_raw):
    """25,000 bytes of credit, bodies of 10,000: the one that passes the limit is the last."""
    bob = connect(broker, "bob")
    for _ in range(5):
        bob.send("alice", b"x" * 10_000)
    raw = connect_raw(broker)
    raw.hello("alice")
    raw.attach("alice", credit=100, credit_bytes=25_000)
    got = []
    while True:
        deliver = raw.receive(pb.DELIVER, timeout_ms=10_000 if len(got) < 2 else 300)
        if deliver is None:
            break
        got += deliver.entries
    assert len(got) in (2, 3)
    raw.send(pb.Credit(handle=1, messages_total=100, bytes_total=1_000_000))
    while len(got) < 5:
        got += raw.receive(pb.DELIVER).entries


def hello(**fields):
    return pb.Hello(**{"version_min": 1, "version_max": 1, **fields})


GARBAGE = {
    "nothing": b"",
    "one byte": b"\xb5",
    "wrong signature": b"GET / HTTP/1.1\r\n\r\n",
    "wrong version": SIGNATURE + b"\x02" + pack(hello(version_min=2, version_max=2))[3:],
    "unknown type": SIGNATURE + b"\x01\xee",
    "a type of the broker": pack(pb.Welcome(version=1)),
    "broken protobuf": SIGNATURE + b"\x01\x01" + b"\xff" * 40,
    "HELLO without a name": pack(hello()),
    "HELLO with a reserved name": pack(hello(peer=b"lan:bob@host")),
    "HELLO with a control character": pack(hello(peer=b"bo\nb")),
    "HELLO of version 0": pack(pb.Hello(peer=b"bob")),
    "many small fields": SIGNATURE + b"\x01\x10" + b"\x12\x00" * 500_000,
    "several parts": [b"a", b"b", b"c"],
    "an empty part before a message": [b"", pack(hello(peer=b"bob"))],
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_refused_and_counted(broker, connect, connect_raw, name):
    raw = connect_raw(broker)
    raw.send(GARBAGE[name])
    answer = raw.receive(timeout_ms=500)
    if answer is not None:
        assert answer.DESCRIPTOR.name == "Error" and 1000 < answer.code < 5000, answer
        assert answer.text
    alive(broker, connect)


def test_requests_without_a_session_are_told_so(broker, connect_raw):
    raw = connect_raw(broker)
    for message in (pb.Send(first_no=1, entries=[raw.entry("alice")]), pb.Ping(),
                    pb.Query(request_id=1, kind=pb.PEERS),
                    pb.Attach(handle=1, scope=b"peer:alice")):
        raw.send(message)
        assert raw.receive(timeout_ms=2000).DESCRIPTOR.name == "NoSession"


def test_a_query_that_cannot_be_read_is_answered_to_its_request(broker, connect_raw):
    raw = connect_raw(broker)
    raw.hello("bob")
    error = raw.ask(pb.Query(request_id=77, kind=99), pb.ERROR)
    assert (error.request_id, error.code, error.type) == (77, 1011, pb.QUERY)


def test_credit_beyond_all_bounds_and_settles_of_nothing(broker, connect, connect_raw):
    """A client that lies: absurd credit, settles for others, handles that do not exist."""
    raw = connect_raw(broker)
    raw.hello("liar")
    raw.attach("liar", credit=(1 << 63) - 1)
    everything = pb.SettleRange(first_delivery_no=1, last_delivery_no=1 << 60, outcome=pb.ACK)
    for message in (
            pb.Settle(handle=1, ranges=[everything]),
            pb.Settle(handle=99, ranges=[pb.SettleRange(first_delivery_no=1, outcome=pb.ACK)]),
            pb.Credit(handle=99, messages_total=1), pb.Detach(handle=99),
            pb.Credit(handle=1, messages_total=(1 << 64) - 1),
            pb.Send(first_no=500, entries=[raw.entry("alice")])):
        raw.send(message)
    alive(broker, connect)
    assert broker.is_running()


def test_more_published_than_granted_is_refused_not_buffered(make_broker, connect_raw, strace):
    """3,000 KiB come at once on a disk that takes 600 ms a sync: the window is the limit."""
    slow = strace("-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_exit=600000",
                  "-o", "/dev/null")
    broker = make_broker(prefix=slow, zmq__publish_window=1000, zmq__publish_max_bytes=65536)
    raw = connect_raw(broker)
    raw.hello("flood")
    for number in range(300):
        raw.send(pb.Send(first_no=number + 1, entries=[raw.entry("alice", b"x" * 10_000)]))
    codes, upto = set(), 0
    while not codes:
        stored = raw.receive(pb.STORED)
        codes.update({stored.retry_code} - {0})
        upto = stored.upto_no
    assert codes == {1010} and upto < 300
    assert raw.ask(pb.Ping(echo=b"still here"), pb.PONG).echo == b"still here"


def test_garbage_on_the_bare_socket(broker, connect):
    for junk in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\xff" * 64, b"\x00",
                 b"\x16\x03\x01" + bytes(200)):
        with tcp(broker) as raw:
            raw.sendall(junk)
    alive(broker, connect)


@pytest.mark.parametrize("size", [1 << 31, 1 << 32, 1 << 62])
def test_a_giant_frame_is_cut_off_at_its_announcement(broker, connect, size):
    """ZMTP by hand: a frame that announces more than the limit costs nothing."""
    before = broker.rss_bytes()
    with tcp(broker) as raw:
        raw.sendall(GREETING)
        raw.recv(64)
        raw.sendall(READY)
        raw.sendall(b"\x02" + struct.pack(">Q", size) + b"x" * 1000)
        raw.settimeout(10)
        try:
            while raw.recv(4096):
                pass
        except ConnectionError:
            pass  # a reset is as good as an end
    assert broker.rss_bytes() - before < 16 * MIB
    alive(broker, connect)


def test_half_a_multipart_message(broker, connect):
    """A first part whose second never comes, from many connections."""
    held = []
    for _ in range(50):
        raw = tcp(broker)
        raw.sendall(GREETING)
        raw.recv(64)
        raw.sendall(READY + b"\x01\x05hello")
        held.append(raw)
    alive(broker, connect)
    for raw in held:
        raw.close()
    alive(broker, connect, "probe2")


def test_silent_connections_are_dropped(broker, connect):
    """Connections that never say a word do not keep others out and are closed by the broker."""
    held = [tcp(broker) for _ in range(100)]
    alive(broker, connect)
    held[0].settimeout(40)
    data = held[0].recv(64)
    while data:
        data = held[0].recv(64)
    for raw in held:
        raw.close()


def ends(raw):
    """Reads until the broker closes it; answers what keeps a ZMTP connection alive."""
    raw.settimeout(40)
    try:
        while data := raw.recv(4096):
            if b"\x04PING" in data:
                raw.sendall(b"\x04\x05\x04PONG")
    except ConnectionError:
        pass


def test_connections_that_never_get_a_session_are_cut(broker, connect, connect_raw):
    """Whoever is let in by ZMTP and says no HELLO, or one that is refused, is not kept; whoever has a session
    is, however silent."""
    quiet = connect_raw(broker)
    quiet.hello("quiet")
    before = counter(connect(broker, "watcher"), "connections_cut_total")
    held = [tcp(broker) for _ in range(20)]
    for raw in held:
        raw.sendall(GREETING)
        raw.recv(64)
        raw.sendall(READY)
    held[0].sendall(b"\x00" + bytes([len(pack(hello()))]) + pack(hello()))
    for raw in held:
        ends(raw)
        raw.close()
    assert quiet.ask(pb.Ping(echo=b"still here"), pb.PONG).echo == b"still here"
    assert counter(connect(broker, "watcher"), "connections_cut_total") >= before + 20


def test_counters_show_what_was_refused(broker, connect, connect_raw):
    bob = connect(broker, "bob")
    raw = connect_raw(broker)
    raw.hello("eve")
    before = counter(bob, "protocol_errors_total")
    for _ in range(5):
        raw.send(b"nonsense")
    eventually(lambda: counter(bob, "protocol_errors_total") == before + 5)
