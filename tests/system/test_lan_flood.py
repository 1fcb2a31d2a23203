# SPDX-License-Identifier: MPL-2.0
"""Made-up peers by the ten thousand, from as many addresses: memory and table stay bounded, and those
who are known stay whole.

ROOST_TEST_ALL=1: a million of them instead of 50,000.
"""
import collections
import os
import socket
import struct
import threading
import time

import pytest

from broker import eventually
from helpers import ask_file, bodies, receive_all
from lan_peer import ANSENTRY, BR_ENTRY, CAPUTF8, PORT

IP_PKTINFO = 8  # of Linux; Python has no name for it
ROOM = 500
COUNT = 1_000_000 if os.environ.get("ROOST_TEST_ALL") == "1" else 50_000
PER_SECOND = 10_000
GROWTH_BYTES_MAX = 96 << 20


class Forger:
    """Entries whose source is any address of 127.0.0.0/8, each from another one."""

    def __init__(self, broker):
        self.broker, self.sent = (broker, PORT), 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("0.0.0.0", 0))

    def send(self, count):
        began = time.monotonic()
        for number in range(self.sent, self.sent + count):
            source = socket.inet_aton(f"127.{200 + number // 65536 % 50}.{number // 256 % 256}.{number % 256}")
            body = f"Forged {number}\0group".encode().ljust(200, b"x")
            head = f"1:{number + 1}:forged{number}:host{number}:{BR_ENTRY | CAPUTF8}:".encode()
            self.socket.sendmsg([head + body + b"\0"],
                                [(socket.IPPROTO_IP, IP_PKTINFO,
                                  struct.pack("@i4s4s", 0, source, bytes(4)))], 0, self.broker)
            if number % 100 == 0:
                ahead = (number - self.sent) / PER_SECOND - (time.monotonic() - began)
                if ahead > 0:
                    time.sleep(ahead)
        self.sent += count

    def close(self):
        self.socket.close()


@pytest.fixture
def forger(lan):
    # A sanitizer keeps what is freed for a while, which is not what is measured here.
    lan.make(peers__unverified_max=ROOM, ipmsg__peers_max=ROOM,
             environment={"ASAN_OPTIONS": "quarantine_size_mb=1:thread_local_quarantine_size_kb=64"})
    forger = Forger(lan.address)
    yield forger
    forger.close()


def rows(broker):
    return dict(ask_file(broker, "SELECT name, nickname FROM peer WHERE is_lan = 1"))


def counters(client, actor):
    """By name; what was never counted is 0."""
    return collections.Counter({counter.name: counter.value for counter in client.stats().items
                                if counter.actor == actor})


def test_a_flood_of_made_up_peers(lan, connect, forger):
    zed = connect(lan.broker, "zed")
    inbox = zed.attach("peer:zed")
    ann, ben, cat = (lan.peer(last, user=user, nickname=user.title())
                     for last, user in ((2, "ann"), (3, "ben"), (4, "cat")))
    for peer in (ann, ben, cat):
        peer.enter()
        peer.wait_for(ANSENTRY)
    ann.deliver("@zed hello")                         # she has messages
    zed.call("PEER_NICKNAME", peer="lan:ben@pc", text="Benjamin")  # he has a name here
    eventually(lambda: "lan:cat@pc" in rows(lan.broker))
    cat.leave()
    zed.send("peer:lan:cat@pc", b"for when you are back")
    forger.send(2 * ROOM)                             # all there is room for
    before = lan.broker.rss_bytes()
    failures = []

    def talk():
        """Meanwhile."""
        try:
            for number in range(COUNT // PER_SECOND * 2):
                ann.deliver(f"@zed {number}", gap_s=2)
                zed.send("peer:lan:ann@pc", f"{number}".encode())
                ann.wait_texts(number + 1, timeout=30)
        except AssertionError as error:
            failures.append(error)

    talker = threading.Thread(target=talk)
    talker.start()
    began = time.monotonic()
    forger.send(COUNT)
    took_s = time.monotonic() - began
    talker.join()
    grown = lan.broker.rss_bytes() - before
    assert not failures, failures
    heard = counters(zed, "ipmsg-gateway")
    found = rows(lan.broker)
    print(f"{COUNT} forged entries in {took_s:.0f} s: {heard['frames_in_total']} read, "
          f"{heard['sessions_refused_total']} refused, {len(found)} rows, "
          f"memory grew by {grown / 2**20:.1f} MiB to {(before + grown) / 2**20:.0f} MiB")
    assert heard["frames_in_total"] > COUNT / 2, "hardly any was read: nothing was tested"
    assert len(found) <= ROOM + 3 and grown < GROWTH_BYTES_MAX
    assert found["lan:ben@pc"] == "Benjamin" and {"lan:ann@pc", "lan:cat@pc"} <= set(found)
    assert bodies(receive_all(inbox, 2)) == [b"hello", b"0"]
    cat.enter()
    assert cat.wait_texts(1) == ["zed: for when you are back"]
    assert zed.peer_stats()["lan"] <= ROOM + 3
