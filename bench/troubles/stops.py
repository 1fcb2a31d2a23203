# SPDX-License-Identifier: MPL-2.0
"""SIGTERM under load: how long until the process is gone, with which code, and whether everything that was
confirmed is there. Producers publish as fast as they can all the time, over all stops; somebody
takes what comes; somebody reads by HTTP; somebody chats."""
import json
import os
import random
import re
import socket
import sqlite3
import subprocess
import threading
import time

from troubles.figures import percentile, start_open

MOST_S = 2.0
PRODUCERS = 4
ROUND_S = 1.6  # about
ROUNDS_PER_FOLDER = 50  # then a new one: the data of this load is a gigabyte soon
SLOW_SHOWN = 5


class Readers:
    """Live events, requests and Lair Chat connections, as far as the broker lets them."""

    def __init__(self, broker):
        self.broker, self.is_over = broker, threading.Event()
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self.ask, self.listen, self.chat)]
        for thread in self.threads:
            thread.start()

    def repeat(self, work):
        while not self.is_over.is_set():
            try:
                work()
            except (OSError, StopIteration, AssertionError):
                pass  # it stops, or has not started
            time.sleep(0.02)

    def say_http(self, text, count):
        with socket.create_connection(self.broker.http_address(), 1) as link:
            for _ in range(count):
                link.sendall(text.encode())
                if not link.recv(65536):
                    return

    def ask(self):
        self.repeat(lambda: self.say_http("GET /api/v1/overview HTTP/1.1\r\nHost: %s:%d\r\nRoost-Peer: ana\r\n\r\n"
                                          % self.broker.http_address(), 1000))

    def listen(self):
        def work():
            with socket.create_connection(self.broker.http_address(), 1) as link:
                link.sendall(("GET /api/v1/events?topics=sample,presence HTTP/1.1\r\nHost: %s:%d\r\n"
                              "Roost-Peer: ana\r\n\r\n" % self.broker.http_address()).encode())
                link.settimeout(0.5)
                while not self.is_over.is_set() and link.recv(65536):
                    pass
        self.repeat(work)

    def chat(self):
        from lair_client import LairClient

        def work():
            client = LairClient(self.broker.lair_address())
            try:
                while not self.is_over.is_set() and client.raw_line(0.5) is not None:
                    pass
            finally:
                client.close()
        self.repeat(work)

    def close(self):
        self.is_over.set()
        for thread in self.threads:
            thread.join(5)


def tool(broker, *words):
    return [os.environ["ROOST_CLI"], "--url", broker.url, "--timeout", "300", "bench", *words]


def published_by(process, seconds):
    """What a producer said at its end."""
    out, err = process.communicate(timeout=seconds)
    if process.returncode != 0:
        raise RuntimeError(f"roost bench publish: {err}")
    return json.loads(out)


def messages_in(broker):
    database = sqlite3.connect(f"file:{broker.data}/roost.db?mode=ro", uri=True)
    try:
        return database.execute("SELECT count(*) FROM message").fetchone()[0]
    finally:
        database.close()


def stop_once(broker, random_):
    time.sleep(random_.uniform(0.3, 1.2))
    began = time.monotonic()
    code = broker.stop()
    return time.monotonic() - began, code


def notable(lines):
    return [line for line in lines if re.search(r" (warn|error) |stopp|closed", line)]


class Stops:
    def __init__(self, options, figures, folder):
        self.options, self.figures, self.folder = options, figures, folder
        self.random = random.Random(options.seed)
        self.seconds, self.slow = [], []

    def note(self, number, seconds, code, lines):
        self.seconds.append(seconds)
        if code != 0:
            self.figures.fail(f"round {number} ended with {code}: {notable(lines)}")
        if seconds > MOST_S:
            self.slow.append((seconds, number, notable(lines)))

    def series(self, first, count):
        """So many stops on one folder, and what is there afterwards."""
        broker = start_open(os.path.join(self.folder, f"data{first}"), log__level=self.options.log_level)
        readers = Readers(broker)
        publish = subprocess.Popen(
            tool(broker, "publish", "--producers", str(PRODUCERS), "--duration", str(count * ROUND_S), "--json"),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            for number in range(first, first + count):
                seconds, code = stop_once(broker, self.random)
                self.note(number, seconds, code, broker.log_of_run())
                broker.start()
            result = published_by(publish, 600)
        finally:
            readers.close()
            publish.kill()
        broker.stop()
        confirmed, there = result["messages"] - result["refused"], messages_in(broker)
        if there < confirmed:
            self.figures.fail(f"{confirmed:,} were confirmed and {there:,} are there")
        return confirmed, there


def stop(options, figures, folder):
    stops = Stops(options, figures, folder)
    confirmed = there = 0
    for first in range(0, options.stops, ROUNDS_PER_FOLDER):
        found = stops.series(first, min(ROUNDS_PER_FOLDER, options.stops - first))
        confirmed, there = confirmed + found[0], there + found[1]
    count = len(stops.seconds)
    in_time = sum(seconds <= MOST_S for seconds in stops.seconds)
    figures.add(f"ended within {MOST_S:g} s", 100 * in_time / count, "%", least=100, note=f"{in_time:,} of {count:,}")
    figures.add("p50", percentile(stops.seconds, 50), "s")
    figures.add("p99", percentile(stops.seconds, 99), "s")
    figures.add("longest", max(stops.seconds), "s", most=MOST_S, note=f"{confirmed:,} confirmed, {there:,} there")
    for seconds, number, lines in sorted(stops.slow, reverse=True)[:SLOW_SHOWN]:
        figures.say(f"stop: round {number} took {seconds:.1f} s: {lines}")
