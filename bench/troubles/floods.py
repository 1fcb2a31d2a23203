# SPDX-License-Identifier: MPL-2.0
"""Connections beyond what a process can hold: 5,000 that never say a word to one listener, while new
clients of each kind come. How long they wait, and who burns the processor meanwhile."""
import errno
import os
import shutil
import socket
import threading
import time

from troubles.figures import ask_health, descriptors, start_open, thread_seconds

CONNECTIONS = 5000
PATIENCE_S = 90
GATEWAYS = {"zmq-gateway", "tcp-gateway", "http-gateway", "ipmsg-gateway"}
HANDSHAKE_S = {"zmq": 3, "lair": 8, "http": 8}  # the defaults: silent ones are dropped after so long
CPU_MOST_PERCENT = 5.0
FEW = 0.85  # in use; own gateways leave an eighth


def address_of(broker, listener):
    return {"zmq": lambda: ("127.0.0.1", broker.port), "lair": broker.lair_address,
            "http": broker.http_address}[listener]()


def connect_silently(address, count):
    """Connections that are begun and kept; none of them waits for another one."""
    held = []
    for number in range(count):
        one = socket.socket()
        one.setblocking(False)
        one.bind((f"127.0.0.{2 + number // 20_000}", 0))
        code = one.connect_ex(address)
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, os.strerror(code))
        held.append(one)
    return held


def come_zmq(broker):
    from roost import Client
    with Client(broker.url, "late-zmq") as client:
        client.wait_ready(PATIENCE_S)
        client.send("late-zmq", "made it")


def come_lair(broker):
    from lair_client import LairClient
    client = LairClient(broker.lair_address(), greet=False)
    try:
        client.greet()
        client.enter("late", kind="register")
    finally:
        client.close()


def come_http(broker):
    ask_health(broker, PATIENCE_S)


class Newcomer(threading.Thread):
    """A client that comes now, and again at once when it was turned away."""

    def __init__(self, kind, broker):
        super().__init__(daemon=True)
        self.come = {"zmq": come_zmq, "lair": come_lair, "http": come_http}[kind]
        self.kind, self.broker, self.served_s, self.tries, self.last = kind, broker, None, 0, None
        self.start()

    def run(self):
        began = time.monotonic()
        while time.monotonic() < began + PATIENCE_S:
            self.tries += 1
            try:
                self.come(self.broker)
                self.served_s = time.monotonic() - began
                return
            except Exception as error:  # noqa: BLE001 whatever it is that a crowd does to him
                self.last = error
                time.sleep(0.1)


class Watch:
    """Who uses the processor while there are few descriptors left, or none."""

    def __init__(self, pid, limit):
        self.pid, self.limit = pid, limit
        self.seconds, self.without_s = {}, 0.0

    def look_until(self, is_over):
        before, at = thread_seconds(self.pid), time.monotonic()
        while not is_over():
            time.sleep(0.1)
            now, then = thread_seconds(self.pid), time.monotonic()
            if descriptors(self.pid) >= FEW * self.limit:
                self.without_s += then - at
                for key, value in now.items():
                    self.seconds[key[1]] = self.seconds.get(key[1], 0) + value - before.get(key, 0)
            before, at = now, then

    def percent(self, names):
        if self.without_s < 0.3:
            return None
        return max((100 * value / self.without_s for name, value in self.seconds.items() if names(name)), default=0.0)


def one_flood(figures, folder, listener, limit, connections):
    broker = start_open(os.path.join(folder, f"{listener}-{limit}"), prefix=["prlimit", f"--nofile={limit}"])
    held = connect_silently(address_of(broker, listener), connections)
    newcomers = [Newcomer(kind, broker) for kind in ("zmq", "lair", "http")]
    watch = Watch(broker.process.pid, limit)
    watch.look_until(lambda: not any(one.is_alive() for one in newcomers))
    for one in held:
        one.close()
    about = f"{connections:,} at {listener}, {limit:,} files"
    for one in newcomers:
        if one.served_s is None:
            figures.fail(f"{about}: no new {one.kind} client was served within {PATIENCE_S} s "
                         f"({one.tries} tries, {one.last})")
            continue
        most = HANDSHAKE_S[listener] + 1
        figures.add(f"{about}: a new {one.kind} client", one.served_s, "s", most=most, note=f"{one.tries} tries")
    busy = watch.percent(lambda name: name in GATEWAYS)
    if busy is None:
        figures.say(f"{figures.scenario}: {about}: descriptors never were few")
    else:
        io = watch.percent(lambda name: name.startswith("ZMQbg"))
        figures.add(f"{about}: the busiest gateway while descriptors are few", busy, "% of a core",
                    most=CPU_MOST_PERCENT, note=f"{watch.without_s:.1f} s; a thread of libzmq {io:.0f} %")
    code = broker.stop()
    if code != 0:
        figures.fail(f"{about}: it ended with {code}: {broker.lines[-8:]}")


def connections(options, figures, folder):
    if not shutil.which("prlimit"):
        figures.skip("prlimit (package util-linux) is not installed")
        return
    for limit in options.files:
        for listener in options.listeners:
            one_flood(figures, folder, listener, limit, options.connections)
