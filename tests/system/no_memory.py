# SPDX-License-Identifier: MPL-2.0
"""Memory runs out at the n-th allocation: is anything acknowledged lost, does anything hang?

usage: no_memory.py [--points N] [--seed S] [--only NTH:SPAN] [--expect-broken]

A run starts roostd on a data file that has some messages, stores 40 messages and receives, settles and
queries over ZeroMQ and HTTP, then ends roostd. First the allocations of such a run are counted
(tests/faults/no_memory.c); then, for each point, the n-th allocation of the process is refused, once or
from then on, wherever that is: in roostd, libzmq, SQLite, the C library. A quarter of the points falls
into the start, some into the end.

What must hold: within PATIENCE_S there is an answer, a refusal, or the process ends, in order or with a
line that says why, never by a bad access; when only one allocation failed, who asks again is served.
Then roostd starts on the same file without the fault: by the ledger nothing that was acknowledged is
missing, nothing is there that was not sent, nothing comes again that was settled; `roost verify` finds
nothing. ROOST_TEST_ALL=1 plays 4,000 points, otherwise a sample. Allocations of several threads have
no fixed order: a point that is played again may fall upon a neighbour. The filter of system calls is
left out: libseccomp 2.5.4 frees twice when it gets no memory (roostd is not ready then, and ends).

Owns the workload and the judgement; prints the command that replays each point that fails.
"""
import argparse
import collections
import os
import random
import re
import signal
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "faults")]

import fault_points  # noqa: E402
import ledger  # noqa: E402
from broker import Broker  # noqa: E402
from fault_points import PATIENCE_S, Broken  # noqa: E402
from helpers import data_file  # noqa: E402
from io_errors import copy_of, start  # noqa: E402
from ledger_peer import Ledger, digest_of, message_of  # noqa: E402
from roost import Client, RoostError, RoostTimeout  # noqa: E402

BEFORE, COUNT, SAMPLE, SAMPLE_ALL = 10, 40, 26, 4000
LATE = 3000  # allocations of the start that are mostly ours; before them libraries begin
SETTLED = 15  # of all, before the fault is over
SPANS = ["once", "ever"]
CLEAR = r"(?i)memory|bad_alloc|Assertion|broken invariant| error "
GIVE_UP_S = 4  # when no allocation succeeds there need not be an answer

Point = collections.namedtuple("Point", "nth span")


class Control:
    """The file that no_memory.c shares with its process."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "no-memory")
        self.set(0, "once")

    def set(self, nth, span):
        with open(self.path, "wb") as file:
            file.write(struct.pack("=QQQQ", 0, nth, span == "ever", 0))

    def _read(self):
        with open(self.path, "rb") as file:
            return struct.unpack("=QQQQ", file.read())

    @property
    def count(self):
        return self._read()[0]

    @property
    def has_refused(self):
        return self._read()[3] > 0

    def environment(self):
        return {"LD_PRELOAD": os.environ["ROOST_NO_MEMORY"], "ROOST_NO_MEMORY_FILE": self.path}


class Books:
    """The ledgers of one data file: what was sent to alice, and what she received."""

    def __init__(self, folder):
        self.folder = folder
        self.sender = Ledger(os.path.join(folder, "bob.ledger"))
        self.receiver = Ledger(os.path.join(folder, "alice.ledger"))

    def observe(self, what, about):
        if what == "delivery":
            entry = about[1]
            self.receiver.write("D", entry.message_id.hex(), digest_of(entry.body), "alice")
        elif what == "settled":
            for _, message_id in about[1]:
                self.receiver.write("K", message_id.hex(), "alice")

    def count(self, verb):
        with open(os.path.join(self.folder, "bob.ledger"), encoding="utf-8") as file:
            return sum(line.startswith(verb + " ") for line in file)


class Run:
    """One life of roostd and its clients. With `is_hopeless` an answer is not insisted on."""

    def __init__(self, broker, books, is_hopeless=False):
        self.broker, self.books = broker, books
        self.patience_s = GIVE_UP_S if is_hopeless else PATIENCE_S
        self.is_hopeless = is_hopeless

    def until(self, what, is_done):
        """False: the process ended first, or nothing is insisted on."""
        began = time.monotonic()
        while not is_done():
            if not self.broker.is_running():
                return False
            if time.monotonic() - began > self.patience_s:
                if self.is_hopeless:
                    return False
                raise Broken(f"{what}: neither done nor ended within {PATIENCE_S} s")
            time.sleep(0.002)
        return True

    def asks(self, question):
        """What can be asked again is, until it is answered."""
        def is_answered():
            try:
                question()
            except (RoostTimeout, OSError):
                return False
            except RoostError as error:
                return not error.is_retryable
            return True
        return self.until(question.__name__, is_answered)

    def sends(self, bob, count):
        def answered(future, ident):
            if future.exception() is None:
                self.books.sender.write("A", ident)
            elif not getattr(future.exception(), "is_retryable", True):
                self.books.sender.write("X", ident, str(future.exception().code))

        first = self.books.count("S")
        for number in range(first, first + count):
            ident, scope, body = message_of("bob", number, ["alice"])
            self.books.sender.write("S", ident.hex(), scope, digest_of(body))
            future = bob.send_async(scope, body, message_id=ident)
            future.add_done_callback(lambda done, ident=ident.hex(): answered(done, ident))
            if not self.until("send", future.done):
                return False
        return True

    def receives(self, alice, count):
        """Settles the first `count` that come."""
        inbox, got = None, []

        def attach():
            nonlocal inbox
            inbox = alice.attach(timeout=2)

        def take():
            received = inbox.receive(0.1)
            if received is not None:
                got.append(received)
                self.books.receiver.write("P", received.message.message_id.hex(), "alice")
                received.ack()
            return len(got) >= count

        def confirm():
            inbox.confirm(timeout=2)
        return self.asks(attach) and self.until("receive", take) and self.asks(confirm)

    def http(self, path):
        def ask():
            url = "http://%s:%d%s" % (*self.broker.http_address(), path)
            try:
                with urllib.request.urlopen(url, timeout=2) as answer:
                    answer.read()
            except urllib.error.HTTPError as error:
                error.close()
        return self.asks(ask)

    def work(self, count=COUNT, settled=SETTLED):
        """True: all of it is done."""
        bob, alice = Client(self.broker.url, "bob"), None
        try:
            def history():
                bob.history("alice", limit=20, timeout=2)

            def create():
                bob.call("ROOM_CREATE", scope=b"room:lobby", timeout=2)

            if not self.sends(bob, count):
                return False
            alice = Client(self.broker.url, "alice", observer=self.books.observe)
            return (self.receives(alice, settled) and self.asks(history) and self.asks(create)
                    and self.http("/readyz") and self.http("/metrics"))
        finally:
            for client in (bob, alice):
                if client is not None:
                    client.close()


def make_broker(folder, control=None):
    return Broker(folder, environment=control.environment() if control else None,
                  http__listen="127.0.0.1:*", security__seccomp="off")


def make_template(folder):
    """A data file with messages, and its ledgers beside it."""
    data = os.path.join(folder, "template")
    os.mkdir(data, 0o700)
    broker, books = make_broker(data).start(), Books(data)
    assert Run(broker, books).work(BEFORE, BEFORE // 2) and broker.stop() == 0
    return data


def measure(template, folder, control):
    """The numbers of the last allocation of the start, the work and the end."""
    control.set(0, "once")
    broker = make_broker(copy_of(template, folder), control)
    assert start(broker)
    ready = control.count
    assert Run(broker, Books(broker.data)).work()
    worked = control.count
    assert broker.stop() == 0
    return ready, worked, control.count


def check_end(broker):
    """By itself or because it was told to."""
    code = broker.wait(PATIENCE_S)
    said = [line for line in broker.log_of_run() if not line.startswith("-- ")]
    if code in (0, -signal.SIGKILL):
        return
    if code < 0 and code != -signal.SIGABRT:
        raise Broken(f"ended by {signal.Signals(-code).name}: " + "; ".join(said[-2:]))
    is_clear = any(re.search(CLEAR, line) for line in said if not line.startswith("no-memory:"))
    if not is_clear:
        raise Broken(f"ended with {code} and did not say why: " + "; ".join(said[-3:]))


def judge(broker, books):
    """The same file without the fault."""
    broker.environment = {}
    if not start(broker):
        raise Broken("does not start without the fault: " + "; ".join(broker.log_of_run()[-3:]))
    books.receiver.write("B", "alice")
    books.receiver.write("F", "1")
    with Client(broker.url, "alice", observer=books.observe) as alice:
        alice.wait_ready(20)
        inbox = alice.attach()
        for _ in range(inbox.waiting_at_attach):
            received = inbox.receive(20)
            if received is None:
                raise Broken("not everything that waits comes")
            books.receiver.write("P", received.message.message_id.hex(), "alice")
            received.ack()
        inbox.confirm()
    if broker.stop() != 0:
        raise Broken("does not end in order")
    verdict = ledger.check(ledger.read_folder(books.folder))
    if not verdict.is_good:
        raise Broken("; ".join(verdict.problems[:3]))
    if books.count("X"):
        raise Broken("for want of memory a message is refused for good")
    verify = subprocess.run([os.environ["ROOST_CLI"], "verify", data_file(broker)], check=False,
                            capture_output=True, text=True)
    if verify.returncode != 0:
        raise Broken("roost verify: " + (verify.stdout + verify.stderr)[-300:])
    return verdict.counts["acknowledged"]


def try_point(point, template, folder, control):
    """One fault. Gives what became of it and how much was acknowledged; Broken: a promise was."""
    control.set(point.nth, point.span)
    broker = make_broker(copy_of(template, folder), control)
    books = Books(broker.data)
    try:
        if start(broker):
            is_done = Run(broker, books, is_hopeless=point.span == "ever").work()
            result = "all done" if is_done else "refused" if broker.is_running() else "ended"
        else:
            result = "no start"
        if broker.is_running():
            broker.signal(signal.SIGTERM)
        check_end(broker)
        if not control.has_refused:
            result = "not reached"
        return result, judge(broker, books)
    except subprocess.TimeoutExpired:
        raise Broken(f"does not end within {PATIENCE_S} s") from None
    finally:
        if broker.is_running():
            broker.kill()


def points_of(options, template, folder, control):
    if options.only:
        nth, span = options.only.split(":")
        return [Point(int(nth), span)]
    ready, worked, ended = measure(template, folder, control)
    print(f"{ended:,} allocations: {ready:,} to start, {worked - ready:,} at work, {ended - worked:,} "
          "to end", flush=True)
    rng = random.Random(options.seed)
    points = []
    late = max(0, ready - LATE)
    for number in range(options.points):
        low, high = ((late if number % 8 else 0, ready), (ready, worked), (ready, worked),
                     (worked, ended) if number % 8 == 3 else (ready, worked))[number % 4]
        points.append(Point(rng.randint(low + 1, high), SPANS[number // 4 % 2]))
    return points[options.skip:]


def run(options, folder):
    control, template = Control(folder), make_template(folder)
    points = points_of(options, template, folder, control)
    return fault_points.play(points, lambda point: try_point(point, template, folder, control),
                             options.expects_broken)


def main():
    parser = argparse.ArgumentParser(description="the n-th allocation fails")
    is_long = os.environ.get("ROOST_TEST_ALL") == "1"
    fault_points.add_options(parser, SAMPLE_ALL if is_long else SAMPLE,
                             "NTH:SPAN, for example 4000:once")
    return fault_points.main(parser.parse_args(), run)


if __name__ == "__main__":
    sys.exit(main())
