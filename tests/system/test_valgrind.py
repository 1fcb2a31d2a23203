# SPDX-License-Identifier: MPL-2.0
"""The daemon under valgrind: what is lost for good (definite leaks), bytes that nobody wrote, memory that is
not one's own. Every gateway is used, with refusals, floods and an orderly end, as what is used seldom
leaks seldom noticed."""
import os
import re
import shutil
import socket

import pytest

from helpers import bodies, numbered, receive_all
from lair_client import LairClient
from rest import say
from roost import RoostError
from roost.schema import pb

DEADLINE_S = 120
FINDING = 99
pytestmark = [
    pytest.mark.skipif(not shutil.which("valgrind"), reason="no valgrind (package valgrind)"),
    pytest.mark.skipif(bool(os.environ.get("ROOST_SANITIZED")), reason="a sanitized build does not run in valgrind"),
]


@pytest.fixture
def checked(make_broker):
    """A broker in valgrind; it is slower by twenty times, and gives up nothing that valgrind needs."""
    prefix = ["valgrind", "-q", "--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite",
              f"--error-exitcode={FINDING}", "--trace-children=no"]
    broker = make_broker(prefix=prefix, is_started=False, http__listen="127.0.0.1:*", lair__listen="127.0.0.1:*",
                         security__seccomp="off", zmq__heartbeat_ms=60000)
    broker.launch().wait_for_log(r"\bready\b", DEADLINE_S)
    broker.port = int(re.findall(r"tcp://127\.0\.0\.1:(\d+)", "\n".join(broker.log_of_run()))[-1])
    return broker


def findings(broker):
    """What valgrind said; it is the only one here whose lines begin so."""
    return [line for line in broker.lines if line.startswith("==")]


def work(broker, connect, connect_raw):
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    inbox = alice.attach()
    for body in numbered(200):
        bob.send_async("alice", body)
    assert bodies(receive_all(inbox, 200, timeout=DEADLINE_S)) == numbered(200)
    bob.create_room("tea")
    alice.join("tea")
    bob.send("room:tea", "hello")
    assert bob.search("hello") is not None
    bob.register("carol", "a password of hers", timeout=DEADLINE_S)
    with pytest.raises(RoostError):
        connect(broker, "carol", credentials="not hers")
    raw = connect_raw(broker)
    for junk in (b"", b"nonsense", [b"a", b"b", b"c"], pb.Ping(), pb.Hello(peer=b"bo\nb", version_min=1, version_max=1)):
        raw.send(junk)
    raw.receive(timeout_ms=5000)


def strangers(broker):
    for port, junk in ((broker.port, b"\xff" * 64), (broker.lair_address()[1], b"A" * 200_000),
                       (broker.http_address()[1], b"GET / HTTP/1.1\r\nHost: x\r\n")):
        with socket.create_connection(("127.0.0.1", port), 10) as link:
            link.sendall(junk)
    for text in (b"GET / HTTP/1.1\r\n\r\n", b"POST /api/v1/queues HTTP/1.1\r\nContent-Length: 5\r\n\r\n{{{{{"):
        say(broker.http_address(), text)


def test_a_day_of_the_daemon(checked, connect, connect_raw, rest):
    work(checked, connect, connect_raw)
    web = rest(checked, "dora")
    web.post("/messages", scope="peer:alice", body="by HTTP")
    assert web.get("/peers")["items"]
    assert web.ask("GET", "/nope")[0] == 404
    chat = LairClient(checked.lair_address())
    chat.enter("erin", kind="register")
    assert chat.ask("LIST_ROOMS").startswith("ROOM_LIST:")
    chat.close()
    strangers(checked)
    checked.signal(1)
    checked.wait_for_log("configuration-read", DEADLINE_S)
    checked.signal(15)
    assert checked.wait(DEADLINE_S) == 0, findings(checked)
    assert not findings(checked)
