# SPDX-License-Identifier: MPL-2.0
"""Peers who are slow, silent or gone, 1,000 at once, and what they can make the daemon keep before anybody
knows who they are. Beside them a client of each kind asks ten times a second: is it served?"""
import os
import selectors
import socket
import struct
import threading
import time

from troubles.figures import MIB, ask_health, forget_peak, percentile, start_open, status_bytes

CONNECTIONS = 1000
REAPED_MOST_S = 10
PROBES_LEAST_PERCENT = 99.9
PROBE_PAUSE_S = 0.1
PROBE_MOST_S = 5
DRIP_S = 0.5
WATCH_S = 75
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
READY = b"\x04\x29\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER\x08Identity\x00\x00\x00\x00"
PONG = b"\x04\x05\x04PONG"
LONG = b"\x02"  # a frame with a length of eight bytes, the last of its message


# ------------------------------------------------------------------ somebody who behaves

class Probe(threading.Thread):
    """Asks again and again by a connection of its own each time; knows how often it was served, and when."""

    def __init__(self, ask):
        super().__init__(daemon=True)
        self.ask, self.times, self.failures, self.is_over = ask, [], [], threading.Event()
        self.start()

    def run(self):
        while not self.is_over.wait(PROBE_PAUSE_S):
            began = time.monotonic()
            try:
                self.ask()
                self.times.append(time.monotonic() - began)
            except Exception as error:  # noqa: BLE001 whatever a client can run into
                self.failures.append(repr(error))


def probes_of(broker):
    from lair_client import LairClient
    from raw import Raw
    from roost.schema import pb

    def by_zmq():
        with Raw(broker.url) as raw:
            raw.hello("probe")
            raw.ask(pb.Ping(echo=b"x"), pb.PONG)

    def by_lair():
        LairClient(broker.lair_address()).close()

    return {"zmq": Probe(by_zmq), "lair": Probe(by_lair), "http": Probe(lambda: ask_health(broker, PROBE_MOST_S))}


def end_probes(figures, what, probes):
    served = failed = 0
    for probe in probes.values():
        probe.is_over.set()
        probe.join(30)
        served, failed = served + len(probe.times), failed + len(probe.failures)
    times = [one for probe in probes.values() for one in probe.times]
    first = next((one for probe in probes.values() for one in probe.failures), "")
    figures.add(f"{what}: probes served", 100 * served / max(1, served + failed), "%", least=PROBES_LEAST_PERCENT,
                note=f"{served:,} of {served + failed:,}, p99 {1000 * percentile(times, 99):.0f} ms {first}")


# ------------------------------------------------------------------ 1,000 who do not

class Crowd:
    """Connections that say `opening` at once and then `drip(number of the tick)`, until they are closed."""

    def __init__(self, address, count, opening, drip=None, answer=None):
        self.drip, self.answer, self.ended = drip, answer, []
        self.selector = selectors.DefaultSelector()
        self.began = {}
        for _ in range(count):
            one = socket.create_connection(address, 10)
            one.sendall(opening)
            one.setblocking(False)
            self.began[one] = time.monotonic()
            self.selector.register(one, selectors.EVENT_READ)

    def end(self, one):
        self.ended.append(time.monotonic() - self.began.pop(one))
        self.selector.unregister(one)
        one.close()

    def hear(self, one):
        try:
            data = one.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.end(one)
        elif self.answer and b"\x04PING" in data:
            one.send(self.answer)

    def tick(self, number):
        for one in list(self.began):
            try:
                one.send(self.drip(number))
            except BlockingIOError:
                pass
            except OSError:
                self.end(one)

    def stay(self, seconds):
        """Until all were closed, or so long."""
        end, due, number = time.monotonic() + seconds, time.monotonic() + DRIP_S, 0
        while self.began and time.monotonic() < end:
            for key, _ in self.selector.select(0.1):
                self.hear(key.fileobj)
            if self.drip and time.monotonic() >= due:
                self.tick(number)
                due, number = due + DRIP_S, number + 1
        left = len(self.began)
        for one in list(self.began):
            self.selector.unregister(one)
            one.close()
        self.selector.close()
        return left


def crowds(broker):
    """name: (address, opening, drip, answer, how long at most)"""
    host = "Host: %s:%d\r\n" % broker.http_address()
    post = f"POST /api/v1/queues HTTP/1.1\r\n{host}Content-Type: application/json\r\n".encode()
    web, lair, zmq = broker.http_address(), broker.lair_address(), ("127.0.0.1", broker.port)
    half = b"\x00\xff" + b"x"
    return {
        "http, silent": (web, b"", None, None, REAPED_MOST_S),
        "http, heads in drops": (web, b"GET /healthz HTTP/1.1\r\n", lambda number: b"X-%d: a\r\n" % number, None,
                                 REAPED_MOST_S),
        "http, bodies in drops": (web, post + b"Content-Length: 100000\r\n\r\n", lambda _: b"x", None, REAPED_MOST_S),
        "http, chunks in drops": (web, post + b"Transfer-Encoding: chunked\r\n\r\n", lambda _: b"1\r\nx\r\n", None,
                                  REAPED_MOST_S),
        "lair, silent": (lair, b"", None, None, REAPED_MOST_S),
        "lair, keys in drops": (lair, b"", lambda _: b"A", None, REAPED_MOST_S),
        "zmq, silent": (zmq, b"", None, None, REAPED_MOST_S),
        "zmq, greetings in drops": (zmq, b"", lambda number: GREETING[number:number + 1], None, REAPED_MOST_S),
        "zmq, no HELLO": (zmq, GREETING + READY, None, PONG, REAPED_MOST_S),
        "zmq, frames in drops": (zmq, GREETING + READY + half, lambda _: b"x", PONG, REAPED_MOST_S),
    }


def slow(options, figures, folder):
    broker = start_open(os.path.join(folder, "data"))
    for name, (address, opening, drip, answer, most) in crowds(broker).items():
        probes = probes_of(broker)
        crowd = Crowd(address, options.strangers, opening, drip, answer)
        left = crowd.stay(WATCH_S)
        longest = max(crowd.ended, default=0)
        if left:
            figures.fail(f"{name}: {left:,} of {options.strangers:,} connections were not closed within {WATCH_S} s")
        figures.add(f"{name}: the last was closed after", longest, "s", most=most)
        end_probes(figures, name, probes)
    if broker.stop() != 0:
        figures.fail("it did not end in order")


# ------------------------------------------------------------------ what they can make it keep

def send_all(address, opening, data, wait_s):
    """One connection: says it, and waits for the end. What was taken of it."""
    taken = 0
    try:
        with socket.create_connection(address, 10) as link:
            link.settimeout(wait_s)
            link.sendall(opening)
            for at in range(0, len(data), 65536):
                taken += link.send(data[at:at + 65536])
            while link.recv(65536):
                pass
    except OSError:
        pass
    return taken


def giants(broker):
    """name: (address, opening, what is said then)"""
    web, lair, zmq = broker.http_address(), broker.lair_address(), ("127.0.0.1", broker.port)
    host = "Host: %s:%d\r\n" % broker.http_address()
    post = f"POST /api/v1/queues HTTP/1.1\r\n{host}Roost-Peer: ana\r\nContent-Type: application/json\r\n".encode()
    nested = b"[" * 10_000 + b"]" * 10_000
    fields = b"\xb5\x52\x01\x10" + b"\x12\x00" * (1 << 19)
    found = {}
    for power in (31, 32, 63):
        size = (1 << power) - (power == 63)
        found[f"zmq, a frame of 2^{power}"] = (zmq, GREETING + READY, LONG + struct.pack(">Q", size) + bytes(200_000))
        found[f"http, a body of 2^{power}"] = (web, post, b"Content-Length: %d\r\n\r\n" % size + b"x" * 200_000)
    found["http, a chunk of 2^63"] = (web, post, b"Transfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n" + b"x" * 200_000)
    found["lair, a line of 4 MiB"] = (lair, b"", b"A" * (4 * MIB))
    found["lair, lengths of 2^31, 2^32, 2^63"] = (lair, b"", b"".join(struct.pack(">Q", 1 << power) for power in
                                                                     (31, 32, 63)) * 10_000)
    found["http, JSON nested 10,000 deep"] = (web, post, b"Content-Length: %d\r\n\r\n" % len(nested) + nested)
    found["zmq, 1 MiB of fields of 2 bytes"] = (zmq, GREETING + READY, LONG + struct.pack(">Q", len(fields)) + fields)
    return found


def giant(options, figures, folder):
    broker = start_open(os.path.join(folder, "data"))
    pid, count = broker.process.pid, options.giants
    for name, (address, opening, data) in giants(broker).items():
        send_all(address, opening, data, 1)  # whatever is made once
        before = status_bytes(pid, "VmRSS")
        forget_peak(pid)
        threads = [threading.Thread(target=send_all, args=(address, opening, data, 3)) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        grown = max(0, status_bytes(pid, "VmHWM") - before) / MIB
        figures.add(f"{name}, {count} at once: growth at the most", grown, "MiB", most=64,
                    note=f"{grown / count:.2f} MiB each")
        if not broker.is_running():
            figures.fail(f"{name}: it has ended")
            return
    probes = probes_of(broker)
    time.sleep(2)
    end_probes(figures, "afterwards", probes)
    if broker.stop() != 0:
        figures.fail("it did not end in order")
