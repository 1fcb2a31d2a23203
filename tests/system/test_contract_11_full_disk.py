# SPDX-License-Identifier: MPL-2.0
"""Contract 11: full disk: sends are refused with a clear error, settles and reads still work, the
daemon stays up and recovers by itself."""
import os

import pytest

from helpers import bodies, eventually, numbered, receive_all
from raw import Raw
from roost import RoostTimeout
from roost.schema import pb

DISK_FULL = 6002


def fill(folder, name="ballast"):
    """Takes all space that is left; gives the file to remove."""
    path = os.path.join(folder, name)
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            pass
        try:
            while True:
                file.write(b"x")
        except OSError:
            pass
    return path


def refusal(broker):
    """What a bare SEND is answered now: the retry code of STORED, 0 when it was stored."""
    with Raw(broker.url) as raw:
        raw.hello("prober")
        raw.send(pb.Send(first_no=1, entries=[raw.entry("probe", b"x" * 50_000)]))
        stored = raw.receive(pb.STORED)
        return None if stored is None else stored.retry_code


def test_full_disk_refuses_sends_serves_the_rest_and_recovers(make_broker, small_disk, connect):
    broker = make_broker(data=small_disk / "data", store__reserve_bytes=1 << 20)
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    futures = [bob.send_async("alice", body.ljust(1000, b".")) for body in numbered(1000)]
    assert bob.flush(20) and all(future.exception() is None for future in futures)
    ballast = fill(small_disk)
    eventually(lambda: refusal(broker) == DISK_FULL, what="DISK_FULL for a send")
    assert broker.is_running()

    waiting = bob.send_async("alice", b"sent while full".ljust(100_000, b"."))
    with pytest.raises(RoostTimeout):
        bob._wait(waiting, 1, "STORED")   # refused, kept by the library, sent again

    inbox = alice.attach()
    got = receive_all(inbox, 1000)
    assert [body.rstrip(b".") for body in bodies(got)] == numbered(1000)
    inbox.confirm()                        # settles reach the disk
    assert len(alice.history("bob", limit=100).items) == 100
    assert alice.peers().items

    os.remove(ballast)
    assert waiting.result(20).seq > 0, "recovers by itself"
    assert receive_all(inbox, 1)[0].body.startswith(b"sent while full")
    assert refusal(broker) == 0
    inbox.confirm()
    broker.restart()
    assert inbox.receive(0.3) is None, "the settles made while full are still there"


def hello_answer(broker, name):
    """WELCOME or ERROR, whichever comes first: something does."""
    with Raw(broker.url) as raw:
        raw.send(pb.Hello(peer=name.encode(), version_min=1, version_max=1))
        return raw.receive_any(pb.WELCOME, pb.ERROR)


def fill_to_the_brim(broker, folder):
    """Until not even somebody new fits: the reserve is gone as well."""
    files = []
    for number in range(200):
        files.append(fill(folder, f"ballast{number}"))
        answer = hello_answer(broker, f"{number:0200}")
        if isinstance(answer, pb.Error):
            assert answer.code == DISK_FULL and answer.retryable and answer.retry_after_ms > 0
            return files
    raise AssertionError("there is always room")


def test_hello_waits_for_no_room(make_broker, small_disk, connect):
    """Without any room somebody new hears why at once; whoever is known is let in and can read."""
    broker = make_broker(data=small_disk / "data", store__reserve_bytes=1 << 20)
    bob = connect(broker, "bob")
    for body in numbered(100):
        bob.send_async("alice", body)
    assert bob.flush(20)
    bob.close()
    files = fill_to_the_brim(broker, small_disk)
    for number in range(20):
        answer = hello_answer(broker, f"somebody new {number}")
        assert isinstance(answer, pb.Error) and answer.code == DISK_FULL
    bob = connect(broker, "bob")
    assert len(bob.history("alice", limit=200).items) == 100
    assert broker.is_running()

    for file in files:
        os.remove(file)
    eventually(lambda: isinstance(hello_answer(broker, "somebody new"), pb.Welcome),
               what="WELCOME for somebody new")
    eventually(lambda: any(peer.name == "bob" for peer in bob.peers(online_only=True).items),
               what="that bob came is stored")


def test_kill_9_on_a_full_disk_loses_nothing(make_broker, small_disk, connect):
    broker = make_broker(data=small_disk / "data", store__reserve_bytes=1 << 20)
    bob = connect(broker, "bob")
    for body in numbered(500):
        bob.send_async("alice", body.ljust(1000, b"."))
    assert bob.flush(20)
    ballast = fill(small_disk)
    eventually(lambda: refusal(broker) == DISK_FULL, what="DISK_FULL for a send")
    broker.kill()
    os.remove(ballast)
    broker.start()
    got = receive_all(connect(broker, "alice").attach(), 500)
    assert [body.rstrip(b".") for body in bodies(got)] == numbered(500)
