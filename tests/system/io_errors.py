# SPDX-License-Identifier: MPL-2.0
"""An error at every system call on files that roostd makes: is anything acknowledged that is not there?

usage: io_errors.py [--points N] [--seed S] [--skip N] [--only CALL:NTH:ERROR:SPAN] [--expect-broken]

A run stores 200 messages, one after the other, on a data file that has 20 already. First the calls of
such a run are counted (strace); then, for each point, the n-th pwrite64, fdatasync, ftruncate, openat
or unlink of a thread fails with EIO, ENOSPC or EINTR, once or from then on (EINTR: every third, since
no system interrupts for ever). Afterwards roostd is started without the fault, and every message that
was acknowledged must be there, whole, in order, once; nothing that was never sent; and `roost verify`
must find nothing. Between a message and its answer, a refusal or the end of the process at most
PATIENCE_S pass. ROOST_TEST_ALL=1 plays all points, otherwise a sample drawn from the seed.

Owns the faults and the judgement; prints the command that replays each point that fails.
"""
import argparse
import collections
import itertools
import os
import random
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "faults")]

import fault_points  # noqa: E402
from broker import Broker, Patience  # noqa: E402
from fault_points import PATIENCE_S, Broken  # noqa: E402
from helpers import data_file  # noqa: E402
from raw import Raw  # noqa: E402
from roost import Client, RoostError  # noqa: E402
from roost.schema import pb  # noqa: E402

CALLS = ["pwrite64", "fdatasync", "ftruncate", "openat", "unlink"]
ERRORS = ["EIO", "ENOSPC", "EINTR"]
SPANS = ["once", "ever"]
BEFORE, COUNT, SAMPLE = 20, 200, 32
SKIPPED = 77

Point = collections.namedtuple("Point", "call nth error span")


def body(number):
    return b"%06d" % number * 20


def why_not():
    if not shutil.which("strace"):
        return "strace is not installed"
    probe = subprocess.run(["strace", "-qq", "-f", "-o", "/dev/null", "true"], check=False,
                           stderr=subprocess.DEVNULL)
    return "strace may not trace here" if probe.returncode != 0 else None


def traced(*options):
    return ["strace", "-f", "--seccomp-bpf", "-qq", "-D", *options]


def store(raw, number, broker):
    """Sends a message; True: acknowledged, False: refused for now, None: the process ended."""
    raw.send(pb.Send(first_no=number, entries=[raw.entry("alice", body(number))]))
    patience = Patience(PATIENCE_S)
    while not patience.is_over():
        stored = raw.receive(pb.STORED, timeout_ms=100)
        if stored is not None:
            if stored.upto_no >= number:
                return not any(one.no == number for one in stored.exceptions)
            if stored.retry_code:
                return False
        elif not broker.is_running():
            stored = raw.receive(pb.STORED, timeout_ms=0)  # it may have answered and then ended
            return True if stored is not None and stored.upto_no >= number else None
    raise Broken(f"message {number}: neither an answer nor an end within {PATIENCE_S} s")


def play(broker, first, count):
    """Stores messages until all are or the process ends. Gives the numbers that were acknowledged and
    the largest that was sent."""
    acknowledged = []
    with Raw(broker.url) as raw:
        raw.send(pb.Hello(peer=b"bob", version_min=1, version_max=1))
        patience, welcome = Patience(PATIENCE_S), None
        while welcome is None and broker.is_running():
            welcome = raw.receive(None, timeout_ms=100)
            if isinstance(welcome, pb.Error):
                return [], 0  # a disk that stays full has no room for who comes either
            if patience.is_over():
                raise Broken("no WELCOME")
        number = refused = 0
        while welcome is not None and number < count:
            answer = store(raw, number + 1, broker)
            if answer is None:
                return acknowledged, number + 1
            if answer is False:
                refused += 1
                if refused > 3:  # it goes on refusing: as it should, on a disk that stays full
                    return acknowledged, number + 1
                continue
            number += 1
            acknowledged.append(first + number)
    return acknowledged, number


def start(broker):
    """True: it is ready; False: it ended, as it may. A hang is a broken promise."""
    broker.launch()
    try:
        broker.wait_for_log(r"\bready\b", PATIENCE_S)
    except AssertionError:
        if broker.process.poll() is None:
            try:
                broker.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                raise Broken("neither ready nor ended") from None
        return False
    ports = re.findall(r"tcp://127\.0\.0\.1:(\d+)", "\n".join(broker.log_of_run()))
    broker.port = int(ports[-1])
    return True


def make_template(folder):
    broker = Broker(os.path.join(folder, "template")).start()
    acknowledged, _ = play(broker, 0, BEFORE)
    assert len(acknowledged) == BEFORE and broker.stop() == 0
    return broker.data


def copy_of(template, folder):
    path = os.path.join(folder, "data")
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(template, path)
    os.chmod(path, 0o700)
    return path


def list_calls(template, folder):
    """What kind the n-th of each call is of, for the thread that makes most of them: what it is done
    to, and whether it only makes room."""
    trace = os.path.join(folder, "trace")
    broker = Broker(copy_of(template, folder),
                    prefix=traced("-y", "-e", "trace=" + ",".join(CALLS), "-o", trace))
    assert start(broker)
    assert len(play(broker, BEFORE, COUNT)[0]) == COUNT
    broker.stop()
    calls = collections.defaultdict(list)
    with open(trace, encoding="utf-8", errors="replace") as file:
        for line in file:
            match = re.match(r"(\d+) +(\w+)\(", line)
            if match:
                name = re.search(r"/data/(roost[^>\"]*)", line)
                makes_room = ", 65536, " in line
                calls[match.groups()].append((name.group(1) if name else "other") + " room" * makes_room)
    return {call: max((kinds for (_, name), kinds in calls.items() if name == call), key=len, default=[])
            for call in CALLS}


def judge(broker, acknowledged, sent_last):
    """The same file without the fault."""
    broker.prefix = []
    if not start(broker):
        raise Broken("does not start without the fault: " + "; ".join(broker.log_of_run()[-3:]))
    try:
        with Client(broker.url, "alice") as alice:
            alice.wait_ready(PATIENCE_S)
            inbox = alice.attach()
            got = [received.body for received in
                   (inbox.receive(PATIENCE_S) for _ in range(inbox.waiting_at_attach)) if received]
    except RoostError as problem:
        raise Broken(f"started again, it does not serve: {problem}") from None
    if broker.stop() != 0:
        raise Broken("does not end in order")
    # The template's messages are 1 to BEFORE; those of the run count from there.
    sent = [body(number) for number in range(1, BEFORE + 1)]
    sent += [body(number) for number in range(1, sent_last + 1)]
    if got != sent[:len(got)]:
        raise Broken("reordered, twice, or not what was sent")
    if len(got) < BEFORE + len(acknowledged):
        raise Broken(f"lost: {BEFORE + len(acknowledged)} acknowledged, {len(got)} are there")
    verify = subprocess.run([os.environ["ROOST_CLI"], "verify", data_file(broker)], check=False,
                            capture_output=True, text=True)
    if verify.returncode != 0:
        raise Broken("roost verify: " + (verify.stdout + verify.stderr)[-300:])


def when(point):
    if point.span == "once":
        return str(point.nth)
    return f"{point.nth}+3" if point.error == "EINTR" else f"{point.nth}+"


def try_point(point, template, folder):
    """One fault. Gives what became of it; Broken: a promise was."""
    broker = Broker(copy_of(template, folder), prefix=traced(
        "-e", f"trace={point.call}", "-o", "/dev/null",
        "-e", f"inject={point.call}:error={point.error}:when={when(point)}"))
    acknowledged, sent_last, result = [], 0, "no start"
    try:
        if start(broker):
            acknowledged, sent_last = play(broker, BEFORE, COUNT)
            result = "all stored" if len(acknowledged) == COUNT else (
                "refused" if broker.is_running() else "ended")
        if broker.is_running():
            broker.kill()
        broker.wait()
        judge(broker, acknowledged, sent_last)
    finally:
        if broker.is_running():
            broker.kill()
    return result, len(acknowledged)


def points_of(options, calls):
    if options.only:
        call, nth, error, span = options.only.split(":")
        return [Point(call, int(nth), error, span)]
    by_kind = collections.defaultdict(list)
    for call, kinds in calls.items():
        for nth, kind in enumerate(kinds, 1):
            by_kind[call, kind] += [Point(call, nth, error, span) for error in ERRORS for span in SPANS]
    count = sum(map(len, by_kind.values()))
    print(f"{count} points:", ", ".join(f"{len(kinds)} {call}" for call, kinds in calls.items()),
          flush=True)
    rng = random.Random(options.seed)
    rounds = itertools.zip_longest(*(rng.sample(some, len(some)) for some in by_kind.values()))
    points = [point for one_of_each in rounds for point in one_of_each if point]
    return points[:options.points or count][options.skip:]  # of each kind as many, as long as there are any


def run(options, folder):
    template = make_template(folder)
    points = points_of(options, {} if options.only else list_calls(template, folder))
    return fault_points.play(points, lambda point: try_point(point, template, folder),
                             options.expects_broken)


def main():
    parser = argparse.ArgumentParser(description="errors of system calls, one after the other")
    is_long = os.environ.get("ROOST_TEST_ALL") == "1"
    fault_points.add_options(parser, 0 if is_long else SAMPLE,
                             "CALL:NTH:ERROR:SPAN, for example fdatasync:40:EIO:once", "0: all")
    options = parser.parse_args()
    reason = why_not()
    if reason:
        print(f"SKIPPED: {reason}")
        return SKIPPED
    return fault_points.main(options, run)


if __name__ == "__main__":
    sys.exit(main())
