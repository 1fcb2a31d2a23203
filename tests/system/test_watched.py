# SPDX-License-Identifier: MPL-2.0
"""A day of the daemon while a tool watches it. valgrind: what is lost for good, bytes that nobody wrote, memory
that is not one's own. A build with sanitizers: theirs; with the thread sanitizer, what two threads do at once.
Every gateway is used, with refusals and an orderly end: what is used seldom fails seldom noticed."""
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
SANITIZERS = os.environ.get("ROOST_SANITIZED", "")
VALGRIND = ["valgrind", "-q", "--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite",
            f"--error-exitcode={FINDING}"]
# libzmq and the others are not built for the sanitizer: it does not see how they hand something over.
OPTIONS = {"TSAN_OPTIONS": f"exitcode={FINDING} ignore_noninstrumented_modules=1",
           "ASAN_OPTIONS": f"exitcode={FINDING} detect_leaks=1", "UBSAN_OPTIONS": "halt_on_error=1"}


@pytest.fixture
def watched(make_broker):
    """A broker that is slower by twenty times, and keeps what the tool needs."""
    if not SANITIZERS and not shutil.which("valgrind"):
        pytest.skip("no valgrind (package valgrind)")
    broker = make_broker(prefix=[] if SANITIZERS else VALGRIND, is_started=False, environment=OPTIONS,
                         http__listen="127.0.0.1:*", lair__listen="127.0.0.1:*", security__seccomp="off",
                         zmq__heartbeat_ms=60000)
    broker.launch().wait_for_log(r"\bready\b", DEADLINE_S)
    broker.port = int(re.findall(r"tcp://127\.0\.0\.1:(\d+)", "\n".join(broker.log_of_run()))[-1])
    return broker


def findings(broker):
    """What the tool said: its lines are no lines of a log."""
    return [line for line in broker.lines if line.startswith("==") or "runtime error:" in line or
            "WARNING: ThreadSanitizer" in line]


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


def test_a_day_of_the_daemon(watched, connect, connect_raw, rest):
    work(watched, connect, connect_raw)
    web = rest(watched, "dora")
    web.post("/messages", scope="peer:alice", body="by HTTP")
    assert web.get("/peers")["items"]
    assert web.ask("GET", "/nope")[0] == 404
    chat = LairClient(watched.lair_address())
    chat.enter("erin", kind="register")
    assert chat.ask("LIST_ROOMS").startswith("ROOM_LIST:")
    chat.close()
    strangers(watched)
    watched.signal(1)
    watched.wait_for_log("configuration-read", DEADLINE_S)
    watched.signal(15)
    assert watched.wait(DEADLINE_S) == 0, findings(watched)
    assert not findings(watched)
