# SPDX-License-Identifier: MPL-2.0
"""The sockets of a synchronous client: one turn of its loop, and how other threads wake it.

Owns the DEALER and its monitor. A lost connection gets a fresh socket, because a ZeroMQ socket
that reconnects by itself may send again what was on its way, behind the back of the core.
"""
from __future__ import annotations

import os
import select
import threading
import time
from typing import Any, Callable

import zmq
from zmq.utils.monitor import recv_monitor_message

from .core import Core
from .keys import NO_SECURITY, Security
from .schema import pb, unpack

DEFAULT_URL = "tcp://127.0.0.1:7667"
IDLE_MS_MAX = 1000
FRAMES_PER_TURN = 1000
GOODBYE_WAIT_S = 1.0
GOODBYE_LINGER_MS = 500


WATCHED = zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_FAILED_AUTH


def open_socket(context: Any, url: str, security: Security = NO_SECURITY) -> Any:
    """A DEALER for one session. ValueError: the address is none, or a key."""
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.SNDHWM, 10000)
    socket.setsockopt(zmq.RCVHWM, 0)  # bounded by the credit we grant
    socket.setsockopt(zmq.RECONNECT_IVL, 50)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 1000)
    try:
        security.apply(socket)
        socket.connect(url)
    except ValueError:
        socket.close()
        raise
    except zmq.ZMQError:
        socket.close()
        raise ValueError(f"url: {url!r} is no address of ZeroMQ, such as {DEFAULT_URL}") from None
    return socket


class Waker:
    """Wakes the loop from any thread, with at most one wake-up under way."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        self._lock = threading.Lock()
        self._is_awake = False
        self._is_closed = False

    def fileno(self) -> int:
        return self._reader

    def wake(self) -> None:
        if self._is_awake:
            return
        with self._lock:
            if not self._is_awake and not self._is_closed:
                self._is_awake = True
                os.write(self._writer, b"!")

    def rest(self) -> None:
        """The loop is about to look at everything; later wakes count again."""
        with self._lock:
            if self._is_awake:
                os.read(self._reader, 1)
                self._is_awake = False

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            os.close(self._reader)
            os.close(self._writer)


class Link:
    """Drives a Core over a real socket; made in one thread, then used by another one only."""

    def __init__(self, url: str, core: Core, waker: Waker,
                 security: Security = NO_SECURITY) -> None:
        self._url, self._core, self._waker = url, core, waker
        self._security = security
        self._context = zmq.Context.instance()
        self._poller = zmq.Poller()
        self._poller.register(waker.fileno(), select.POLLIN)
        self._socket: Any = None
        self._monitor: Any = None
        self._reopen(self.now())

    @staticmethod
    def now() -> float:
        return time.monotonic()

    def turn(self, do_commands: Callable[[float], None]) -> None:
        """One round: commands, what is due, what is to be sent; then waits and reads."""
        now = self.now()
        if self._core.wants_reconnect and now >= self._core.reconnect_at:
            self._reopen(now)
        self._waker.rest()
        do_commands(now)
        self._core.tick(now)
        self._send(now)
        wait_ms = (self._core.deadline() - self.now()) * 1000 + 1
        ready = dict(self._poller.poll(max(0, min(wait_ms, IDLE_MS_MAX))))
        if self._monitor in ready:
            self._watch()
        if self._socket in ready:
            self._read()

    def _reopen(self, now: float) -> None:
        self._drop()
        self._socket = open_socket(self._context, self._url, self._security)
        self._monitor = self._socket.get_monitor_socket(WATCHED)
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._monitor, zmq.POLLIN)
        self._core.opened(now)

    def _drop(self) -> None:
        if self._socket is not None:
            self._poller.unregister(self._socket)
            self._poller.unregister(self._monitor)
            self._socket.disable_monitor()
            self._monitor.close(0)
            self._socket.close()
            self._socket = None

    def _send(self, now: float) -> None:
        for frame in self._core.take_frames(now):
            try:
                self._socket.send(frame, zmq.DONTWAIT)
            except zmq.Again:  # the broker has not read for long: begin anew
                self._core.lost(now)
                break

    def _watch(self) -> None:
        try:
            while True:
                event = recv_monitor_message(self._monitor, zmq.DONTWAIT)
                if event["event"] == zmq.EVENT_DISCONNECTED:
                    self._core.lost(self.now())
                elif event["event"] == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                    self._core.key_refused()
        except zmq.Again:
            pass

    def _read(self) -> None:
        for _ in range(FRAMES_PER_TURN):
            try:
                frames = self._socket.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                return
            if len(frames) == 1:
                self._core.received(frames[0], self.now())

    def close(self) -> None:
        """Says goodbye and waits a moment for the broker's: then all settles were taken too."""
        was_ready = self._core.is_ready
        for frame in self._core.close(self.now()):
            try:
                self._socket.send(frame, zmq.DONTWAIT)
            except zmq.ZMQError:
                break
        if was_ready:
            self._await_goodbye()
        if self._socket is not None:
            self._socket.setsockopt(zmq.LINGER, GOODBYE_LINGER_MS)
        self._drop()

    def _await_goodbye(self) -> None:
        deadline = self.now() + GOODBYE_WAIT_S
        self._poller.unregister(self._waker.fileno())
        while self.now() < deadline:
            ready = dict(self._poller.poll((deadline - self.now()) * 1000))
            if self._monitor in ready:
                return
            while self._socket in ready and self._socket.poll(0):
                if unpack(self._socket.recv())[0] == pb.GOODBYE:
                    return
