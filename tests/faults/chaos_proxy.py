# SPDX-License-Identifier: MPL-2.0
"""A bad stretch of network in front of a TCP server: delay and jitter, a trickle, resets, silence.

    proxy = ChaosProxy(port)          # in front of 127.0.0.1:port
    proxy.port                        # clients connect here
    proxy.delay(0.2, jitter=0.2)      # each piece comes so much later, in order
    proxy.drip(100)                   # bytes per second and direction
    proxy.swallow(True, True)         # to the server, to the client: nothing comes through, nobody is told
    proxy.reset()                     # RST on every connection; new ones are fine
    proxy.refuses = True              # new connections are reset
    proxy.clear()

One thread for each direction of each connection; both ends are plain sockets of this process.
"""
import random
import socket
import struct
import threading
import time

PIECE_BYTES = 4096


class ChaosProxy:
    def __init__(self, port, host="127.0.0.1", seed=1):
        self.target, self.random = (host, port), random.Random(seed)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.refuses, self.resets = False, 0
        self._links, self._lock, self._is_over = set(), threading.Lock(), False
        self.clear()
        threading.Thread(target=self._accept, daemon=True).start()

    def clear(self):
        self._delay_s, self._jitter_s, self._bytes_per_s = 0.0, 0.0, 0
        self._swallows = {"out": False, "back": False}
        self.refuses = False

    def delay(self, seconds, jitter=0.0):
        self._delay_s, self._jitter_s = seconds, jitter

    def drip(self, bytes_per_s):
        self._bytes_per_s = bytes_per_s

    def swallow(self, to_server, to_client):
        self._swallows = {"out": to_server, "back": to_client}

    def reset(self):
        with self._lock:
            links, self._links = self._links, set()
        for link in links:
            self._cut(link)

    def close(self):
        self._is_over = True
        self.listener.close()
        self.reset()

    def _cut(self, link):
        self.resets += 1
        for end in link:
            try:  # linger 0: RST instead of FIN
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RD)
            except OSError:
                pass  # it has gone already
            end.close()

    def _accept(self):
        while not self._is_over:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                if self.refuses:
                    raise OSError
                far = socket.create_connection(self.target, 5)
                far.settimeout(None)
            except OSError:
                near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                near.close()
                continue
            link = (near, far)
            with self._lock:
                self._links.add(link)
            for source, to, way in ((near, far, "out"), (far, near, "back")):
                threading.Thread(target=self._carry, args=(link, source, to, way), daemon=True).start()

    def _carry(self, link, source, to, way):
        try:
            while True:
                rate = self._bytes_per_s
                data = source.recv(max(1, rate // 100) if rate else PIECE_BYTES)
                if not data:
                    break
                if self._delay_s or self._jitter_s:
                    time.sleep(self._delay_s + self.random.uniform(0, self._jitter_s))
                elif rate:
                    time.sleep(len(data) / rate)
                if not self._swallows[way]:
                    to.sendall(data)
        except OSError:
            pass
        with self._lock:
            self._links.discard(link)
        for end in link:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
