# SPDX-License-Identifier: MPL-2.0
"""One fault after the other, each on a roostd of its own, for io_errors.py and no_memory.py: what they have in
common but for the fault itself. Counts what became of each, prints how a point is played again that
broke a promise, and ends with the verdict. A point during which this process itself was held up (stopped, or
the machine was) says nothing about patience: when it fails, it says so and is played once more.
"""
import collections
import os
import sys
import tempfile
import threading
import time

PATIENCE_S = 60  # a hang is for ever; a busy machine is not
HELD_UP_S = 3


class Broken(Exception):
    """A promise was broken."""


class HeldUp:
    """Notices by a thread that sleeps when nothing of this process ran for a while."""

    def __init__(self):
        self.seconds = 0.0
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self):
        before = time.monotonic()
        while True:
            time.sleep(0.25)
            now = time.monotonic()
            if now - before > HELD_UP_S:
                self.seconds += now - before
            before = now


def add_options(parser, points, only, points_help=None):
    parser.add_argument("--points", type=int, default=points, help=points_help)
    parser.add_argument("--skip", type=int, default=0, help="leave out so many of them, the first ones: "
                        "they are played elsewhere")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--only", help=only)
    parser.add_argument("--expect-broken", dest="expects_broken", action="store_true")


def play(points, try_point, expects_broken):
    """try_point(point) gives what became of it and how much was acknowledged, or raises Broken. Gives whether
    all promises were kept."""
    results, problems, acknowledged, held_up = collections.Counter(), 0, 0, HeldUp()

    def try_fairly(point):
        before = held_up.seconds
        try:
            return try_point(point)
        except Broken as problem:
            if held_up.seconds == before:
                raise
            print(f"held up for {held_up.seconds - before:.0f} s, then: {problem}; once more", flush=True)
            return try_point(point)

    for number, point in enumerate(points, 1):
        try:
            result, count = try_fairly(point)
            acknowledged += count
        except Broken as problem:
            result, problems = "broken", problems + 1
            print(f"{problem}\nreplay: ROOSTD={os.environ['ROOSTD']} {sys.argv[0]} --only "
                  + ":".join(map(str, point)), flush=True)
            if expects_broken:
                break
        results[result] += 1
        if number % 100 == 0:
            print(f"of {len(points)}:", in_words(results, acknowledged), flush=True)
    print(in_words(results, acknowledged))
    return problems == 0


def in_words(results, acknowledged):
    return f"{sum(results.values())} points, {acknowledged:,} acknowledged: " + ", ".join(
        f"{count} {result}" for result, count in results.most_common())


def main(options, run):
    """run(options, folder) gives whether all was well; the exit status."""
    print(f"replay: ROOSTD={os.environ['ROOSTD']} {sys.argv[0]} --points {options.points} --seed "
          f"{options.seed}" + f" --skip {options.skip}" * bool(options.skip), flush=True)
    with tempfile.TemporaryDirectory(prefix="roost-faults-") as folder:
        is_good = run(options, folder)
    print("GOOD" if is_good else "BROKEN")
    return 0 if is_good != options.expects_broken else 1
