# SPDX-License-Identifier: MPL-2.0
"""What roostd tells systemd: READY, WATCHDOG only while every actor moves, RELOADING, STOPPING.

A thread of the daemon is stopped with ptrace, as if it hung in a system call; the others go on.
"""
import ctypes
import os
import signal
import socket
import threading
import time

import pytest

from broker import eventually

PTRACE_CONT, PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 7, 17, 0x4206, 0x4207
WALL = 0x40000000

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def ptrace(request, thread):
    if libc.ptrace(request, thread, None, None) != 0:
        error = ctypes.get_errno()
        if request == PTRACE_SEIZE and error in (1, 38):
            pytest.skip("this system does not let a test stop a thread: " + os.strerror(error))
        raise OSError(error, os.strerror(error))


def thread_named(process, name):
    for thread in os.listdir(f"/proc/{process}/task"):
        with open(f"/proc/{process}/task/{thread}/comm", encoding="ascii") as file:
            if file.read().strip() == name[:15]:
                return int(thread)
    raise AssertionError(f"no thread {name}")


class Manager:
    """The end of NOTIFY_SOCKET that is systemd's. A thread reads it at once, as systemd does: who
    does not read makes the daemon wait."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.heard, self.seen = [], 0
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            for word in self.socket.recv(4096).decode().split("\n"):
                self.heard.append(word)
                if word == "":
                    return

    def listen(self, seconds):
        """All words that come in so many seconds."""
        before = len(self.heard)
        time.sleep(seconds)
        self.seen = len(self.heard)
        return self.heard[before:]

    def wait_for(self, word):
        """A word that comes behind the one waited for last."""
        eventually(lambda: word in self.heard[self.seen:], what=f"{word} from roostd")
        self.seen += self.heard[self.seen:].index(word) + 1

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"", self.socket.getsockname())


@pytest.fixture
def manager(tmp_path):
    manager = Manager(tmp_path / "notify")
    yield manager
    manager.close()


@pytest.fixture
def watched(make_broker, manager, tmp_path):
    """A broker that is to be fed every 300 ms, that is, whose limit is 0.9 s."""
    return make_broker(environment={"NOTIFY_SOCKET": str(tmp_path / "notify"),
                                    "WATCHDOG_USEC": "900000"})


def test_what_it_tells_systemd(watched, manager):
    manager.wait_for("READY=1")
    assert any(word.startswith("STATUS=listening on tcp://") for word in manager.heard)
    assert manager.listen(2).count("WATCHDOG=1") >= 2, "while all is well the watchdog is fed"
    watched.signal(signal.SIGHUP)
    manager.wait_for("RELOADING=1")
    manager.wait_for("READY=1")
    assert watched.stop() == 0
    manager.wait_for("STOPPING=1")


def test_the_watchdog_is_not_fed_while_an_actor_hangs(watched, manager, connect):
    manager.wait_for("READY=1")
    client = connect(watched, "bob")
    client.send("alice", "before")
    thread = thread_named(watched.process.pid, "persistence")
    ptrace(PTRACE_SEIZE, thread)
    ptrace(PTRACE_INTERRUPT, thread)
    os.waitpid(thread, WALL)
    try:
        waiting = client.send_async("alice", "meanwhile")
        watched.wait_for_log("actor-stalled.*name=persistence")
        manager.listen(0.5)  # what was said before
        assert "WATCHDOG=1" not in manager.listen(2), "an actor hangs: systemd is to know"
    finally:
        ptrace(PTRACE_DETACH, thread)
    manager.wait_for("WATCHDOG=1")
    waiting.result(20)
