# SPDX-License-Identifier: MPL-2.0
"""Lines no client sends: tampered, short, oversized, half, interleaved, too many, too slow. Only who
sent them notices."""
import base64
import os
import socket
import time

import pytest

from broker import eventually
from lair_client import AUTHENTICATED, LairClient

TEXT_BYTES_MAX = 65536
TOO_LONG = "SYSTEM_MESSAGE:ERROR: The line is longer than 65536 bytes"


def tampered(client):
    line = bytearray(base64.b64decode(client.seal("LIST_ROOMS")))
    line[-1] ^= 1
    return base64.b64encode(line)


BAD_LINES = {
    "tampered": tampered,
    "short": lambda client: b"c2hvcnQ=",
    "empty": lambda client: b"",
    "only a CR": lambda client: b"\r",
    "no base64": lambda client: b"hello there, how are you?",
    "no padding": lambda client: client.seal("hi!").rstrip(b"="),
    "not sealed": lambda client: base64.b64encode(b'{"type":"login"}' * 4),
    "other key": lambda client: base64.b64encode(os.urandom(60)),
    "no UTF-8": lambda client: client.seal(b"caf\xe9"),
    "half a character": lambda client: client.seal("é".encode()[:1]),
    "a surrogate": lambda client: client.seal(b"\xed\xa0\x80"),
    "NUL in the line": lambda client: b"\0" * 40,
}


@pytest.fixture
def witness(lair, join):
    """Somebody in the same room who must not notice more than who is there."""
    return join(lair, "witness")


@pytest.mark.parametrize("kind", BAD_LINES)
def test_a_bad_line_closes_its_connection_only(lair, join, witness, kind):
    stranger = join(lair)
    stranger.raw_send(BAD_LINES[kind](stranger) + b"\n")
    assert stranger.is_closed()
    assert witness.is_silent(0.05)
    culprit = join(lair, "culprit")
    assert witness.lines(2)[1] == "ROOM_STATUS:Lobby,culprit"
    culprit.raw_send(BAD_LINES[kind](culprit) + b"\n")
    assert culprit.is_closed()
    assert witness.line() == "USER_LIST:witness"  # no ghost stays
    assert witness.ask("REQUEST_USER_LIST") == "USER_LIST:witness"


@pytest.mark.parametrize("key", [b"", b"hello", b"A" * 44, b"c2hvcnQ=", b'{"public_key":"x"}',
                                 base64.b64encode(bytes(32)), base64.b64encode(bytes(31)),
                                 base64.b64encode(bytes(33)), b"\xff" * 44])
def test_a_bad_key_ends_it_without_a_word(lair, join, witness, key):
    stranger = join(lair, greet=False)
    assert len(stranger.raw_line()) == 44
    stranger.raw_send(key + b"\n")
    assert stranger.is_closed()
    assert witness.ask("LIST_ROOMS") == "ROOM_LIST:Lobby"


def test_texts_up_to_64_kib(lair, join, witness):
    a = join(lair, "alice")
    witness.until("ROOM_STATUS:Lobby,alice")
    for text in ("x" * (TEXT_BYTES_MAX - 1), "y" * TEXT_BYTES_MAX, "é" * (TEXT_BYTES_MAX // 2)):
        a.say(text)
        assert witness.line() == f"alice: {text}"
    long = "DM:witness:" + "z" * (TEXT_BYTES_MAX - 11)
    a.say(long)
    assert witness.line() == "PRIVATE_MESSAGE:alice:" + long[11:]
    assert a.line() == "SYSTEM_MESSAGE:DM sent to witness: " + long[11:]
    a.say("GET_HISTORY:1")
    assert a.line() == "HISTORY:alice:" + "é" * (TEXT_BYTES_MAX // 2)
    assert a.ask("x" * (TEXT_BYTES_MAX + 1)) == TOO_LONG
    assert a.ask("LIST_ROOMS") == "ROOM_LIST:Lobby"  # it goes on
    assert witness.is_silent()


@pytest.mark.parametrize("size", [90_000, 200_000, 5_000_000])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_longer_line_is_told_so(lair, join, witness, size, end):
    a = join(lair, "alice")
    witness.until("ROOM_STATUS:Lobby,alice")
    a.raw_send(b"A" * size + end)
    assert a.line() == TOO_LONG
    if not end:
        a.raw_send(b"\n")
    assert a.ask("LIST_ROOMS") == "ROOM_LIST:Lobby"  # the rest of it is skipped
    assert witness.is_silent()


def test_nul_is_refused_with_a_line(lair, join, witness):
    a = join(lair, "alice")
    witness.until("ROOM_STATUS:Lobby,alice")
    for text in ("a\0b", "\0", "DM:witness:\0", "CREATE_ROOM:\0"):
        assert a.ask(text) == "SYSTEM_MESSAGE:ERROR: A message must not contain NUL"
    stranger = join(lair)
    assert "NUL" in stranger.ask("\0")
    assert witness.is_silent()


def test_lines_in_pieces(lair, join):
    """Byte by byte, with CRLF, two connections at once, the last line without an end."""
    a, b = join(lair), join(lair)
    lines = [client.seal('{"type":"register","username":"%s","password":"password123"}' % name)
             + end for client, name, end in ((a, "alice", b"\r\n"), (b, "bob", b"\n"))]
    for position in range(max(len(line) for line in lines)):
        for client, line in zip((a, b), lines):
            client.raw_send(line[position:position + 1])
    assert a.line() == AUTHENTICATED and b.line() == AUTHENTICATED
    a.drain()
    half = a.seal("from alice") + b"\n"
    a.raw_send(half[:20])
    b.say("from bob")
    assert a.line() == "bob: from bob"
    a.raw_send(half[20:])
    b.until("alice: from alice")
    b.raw_send(b.seal("DM:alice:last words"))
    b.socket.shutdown(socket.SHUT_WR)
    assert b.line() == "SYSTEM_MESSAGE:DM sent to alice: last words"
    assert b.is_closed()
    # Mail and the list of users come by different ways: in either order.
    assert sorted(a.lines(2)) == ["PRIVATE_MESSAGE:bob:last words", "USER_LIST:alice"]


def test_each_line_comes_in_one_piece(lair, join, witness):
    """The client loses a line that comes in two pieces: a line that fits a segment is never cut."""
    a = join(lair, "alice")
    witness.until("ROOM_STATUS:Lobby,alice")
    for size in range(0, 3000, 97):
        a.say("x" * size)
        witness.socket.settimeout(10)
        assert witness.socket.recv(65536).endswith(b"\n")


def test_bursts_of_2000_lines_pass(lair, join, witness):
    a = join(lair, "alice")
    witness.until("ROOM_STATUS:Lobby,alice")
    a.say(*(f"line {number}" for number in range(1900)))
    assert witness.lines(1900) == [f"alice: line {number}" for number in range(1900)]
    assert a.is_silent()
    # Beyond the burst each line is answered: taken, or refused with an error.
    b = join(lair, "bob")
    a.drain()
    b.drain()
    witness.drain()
    b.say(*["REQUEST_USER_LIST"] * 6000)
    lines = b.lines(6000)
    refused = [line for line in lines if line.startswith("SYSTEM_MESSAGE:ERROR: Too many lines")]
    assert 1000 < len(refused) < 4100
    assert all(line.startswith("USER_LIST:") for line in lines if line not in refused)
    assert a.ask("LIST_ROOMS") == "ROOM_LIST:Lobby"


def test_a_slow_reader_is_closed_and_nobody_waits_for_him(lair, join, witness):
    slow, a = join(lair, "slow"), join(lair, "alice")
    witness.until("ROOM_STATUS:Lobby,alice")
    slow.until("ROOM_STATUS:Lobby,alice")
    text = "x" * 60_000
    lines = 0
    for _ in range(400):
        a.say(text)
        got = witness.line(5)
        lines += 1
        if got.startswith("USER_LIST:"):
            assert "slow" not in got
            break
        assert got == f"alice: {text}"
    else:
        raise AssertionError("the slow reader was never closed")
    assert lines > 20  # he had time
    lair.wait_for_log("reader-too-slow")
    # What was written to him before is whole.
    while (raw := slow.raw_line()) is not None:
        data = base64.b64decode(raw, validate=True)
        assert slow.cipher.decrypt(data[:12], data[12:], None).decode() == f"alice: {text}"


def test_who_asks_and_does_not_read_is_closed(lair, join, witness):
    greedy = join(lair, "greedy")
    witness.until("ROOM_STATUS:Lobby,greedy")
    for _ in range(50):
        greedy.say("y" * 60_000)
        witness.line()
    try:
        greedy.say(*["GET_HISTORY:50"] * 40)
    except (ConnectionResetError, BrokenPipeError):
        pass
    assert witness.line() == "USER_LIST:witness"
    assert lair.rss_bytes() < 400 << 20


def test_a_slow_writer_delays_nobody(lair, join, witness):
    writers = [join(lair) for _ in range(20)]
    line = writers[0].seal("x" * 60000)
    for at in range(0, 4000, 100):
        for writer in writers:
            writer.raw_send(line[at:at + 100])
        assert witness.ask("LIST_ROOMS") == "ROOM_LIST:Lobby"


def test_300_half_open_handshakes(make_broker, join):
    broker = make_broker(lair__listen="127.0.0.1:*", lair__handshake_s=3)
    witness = join(broker, "witness")
    began = time.monotonic()
    half = [join(broker, greet=False) for _ in range(300)]
    for client in half[::2]:
        client.raw_send(b"WGmv9FBUlzLLqu1e")
    asked = time.monotonic()
    join(broker, "alice")  # with the others half open
    assert time.monotonic() - asked < 5
    witness.until("ROOM_STATUS:Lobby,alice")
    for client in half:
        assert len(client.raw_line()) == 44
        assert client.is_closed()
    assert time.monotonic() - began > 2
    assert witness.ask("LIST_ROOMS") == "ROOM_LIST:Lobby"


def test_connections_beyond_the_limit(make_broker, join):
    broker = make_broker(lair__listen="127.0.0.1:*", lair__connections_max=20)
    clients = [join(broker) for _ in range(20)]
    extra = join(broker, greet=False)
    assert extra.is_closed()
    assert clients[0].enter("alice", kind="register")
    clients.pop().close()
    eventually(lambda: _can_greet(join, broker), what="a free place")
    assert clients[0].ask("LIST_ROOMS") == "ROOM_LIST:Lobby"


def _can_greet(join, broker):
    client = join(broker, greet=False)
    return client.raw_line() is not None


def test_connections_that_come_and_go(lair, join, witness):
    """Nothing of a connection survives it."""
    def sockets():
        folder, count = f"/proc/{lair.process.pid}/fd", 0
        for name in os.listdir(folder):
            try:
                count += os.readlink(f"{folder}/{name}").startswith("socket:")
            except FileNotFoundError:
                pass  # closed meanwhile
        return count

    before = sockets()
    for number in range(300):
        client = LairClient(lair.lair_address(), greet=number % 3 != 0)
        if number % 3 == 1:
            client.say("hello")
        if number % 2:
            client.reset()
        else:
            client.close()
    eventually(lambda: sockets() == before, what="the end of the connections")
    assert witness.ask("REQUEST_USER_LIST") == "USER_LIST:witness"


def test_it_stops_with_clients_connected(lair, join, witness):
    clients = [join(lair) for _ in range(5)]
    assert lair.stop() == 0
    assert witness.is_closed()
    assert all(client.is_closed() for client in clients)
