# SPDX-License-Identifier: MPL-2.0
"""What the tests of live things ask by: HTTP with JSON, event streams, and an actor held still.

Owns connections of one test. An event stream is read by bare sockets, byte for byte as a browser
would: chunks, then lines.
"""
import contextlib
import ctypes
import http.client
import json
import os
import queue
import socket
import threading
import time
from urllib.parse import quote

DEADLINE_S = 20


def request(broker, path, method="GET", body=None, token=None, peer=None, headers=None):
    """(status, headers, text) of one request."""
    connection = http.client.HTTPConnection(*broker.http_address(), timeout=DEADLINE_S)
    sent = dict(headers or {})
    if token:
        sent["Authorization"] = f"Bearer {token}"
    if peer:
        sent["Roost-Peer"] = peer
    data = None
    if body is not None:
        data = json.dumps(body)
        sent["Content-Type"] = "application/json"
    try:
        connection.request(method, path, data, sent)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


def get(broker, path, **who):
    """The JSON of a GET that must succeed."""
    status, _, text = request(broker, path, **who)
    assert status == 200, f"{path}: {status} {text}"
    return json.loads(text)


class Event:
    def __init__(self, kind, data, number):
        self.kind, self.data, self.id = kind, data, number

    def __repr__(self):
        return f"{self.kind} {self.id} {self.data}"


class Stream:
    """GET /events in a thread of its own; ends with the test."""

    def __init__(self, broker, topics, last_id=None, token=None, peer=None, is_read=True):
        self.socket = socket.create_connection(broker.http_address(), timeout=DEADLINE_S)
        host = "%s:%d" % broker.http_address()
        lines = [f"GET /events?topics={quote(topics)} HTTP/1.1", f"Host: {host}"]
        lines += [f"Last-Event-ID: {last_id}"] if last_id else []
        lines += [f"Authorization: Bearer {token}"] if token else []
        lines += [f"Roost-Peer: {peer}"] if peer else []
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.events, self.comments = queue.Queue(), 0
        self.last_id = last_id
        self.status, self.refusal = None, ""
        self.is_over = threading.Event()
        self._is_there = threading.Event()
        if is_read:
            threading.Thread(target=self._read, daemon=True).start()

    # ------------------------------------------------------------ reading

    def _read(self):
        try:
            self._take(self.socket.makefile("rb"))
        except (OSError, ValueError):
            pass        # closed, by whomever
        self._is_there.set()
        self.is_over.set()

    def _take(self, file):
        self.status = int(file.readline().split()[1])
        headers = {}
        for line in iter(file.readline, b"\r\n"):
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        if self.status != 200:
            self.refusal = file.read(int(headers["content-length"])).decode()
            return
        self._is_there.set()
        self.socket.settimeout(None)
        rest = b""
        while True:
            size = int(file.readline(), 16)
            if size == 0:
                return
            rest += file.read(size)
            file.readline()
            *blocks, rest = rest.split(b"\n\n")
            for block in blocks:
                self._take_block(block.decode())

    def _take_block(self, block):
        kind, data, number = "message", [], None
        for line in block.split("\n"):
            field, _, value = line.partition(": ")
            if line.startswith(":"):
                self.comments += 1
            elif field == "event":
                kind = value
            elif field == "data":
                data.append(value)
            elif field == "id":
                number = self.last_id = value
        if data:
            self.events.put(Event(kind, json.loads("\n".join(data)), number))

    # ------------------------------------------------------------ for tests

    def answered(self):
        """The status of the answer."""
        assert self._is_there.wait(DEADLINE_S), "no answer to GET /events"
        return self.status

    def next(self, kind=None, timeout=DEADLINE_S):
        """The next event (of this kind: others are left out)."""
        deadline = time.monotonic() + timeout
        while True:
            event = self.events.get(timeout=max(0.001, deadline - time.monotonic()))
            if kind is None or event.kind == kind:
                return event

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


# ---------------------------------------------------------------- an actor held still

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207


def thread_of(broker, actor):
    """The thread of an actor, by its name (of which the kernel keeps 15 bytes)."""
    folder = f"/proc/{broker.process.pid}/task"
    for thread in os.listdir(folder):
        with open(f"{folder}/{thread}/comm", encoding="utf-8") as file:
            if file.read().strip() == actor[:15]:
                return int(thread)
    raise AssertionError(f"no thread of {actor}")


@contextlib.contextmanager
def held_still(broker, actor):
    """This one thread of the daemon is stopped, as if its actor were stuck; the others go on."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    thread = thread_of(broker, actor)

    def trace(what):
        if libc.ptrace(what, thread, None, None) != 0:
            raise OSError(ctypes.get_errno(), "ptrace")

    trace(PTRACE_SEIZE)
    trace(PTRACE_INTERRUPT)
    os.waitpid(thread, 0x40000000)      # __WALL
    try:
        yield
    finally:
        trace(PTRACE_DETACH)
