# SPDX-License-Identifier: MPL-2.0
"""One fault after the other, each on a roostd of its own, for io_errors.py and no_memory.py: what they have in
common but for the fault itself. Counts what became of each, prints how a point is played again that
broke a promise, and ends with the verdict.
"""
import collections
import os
import sys
import tempfile
import time

PATIENCE_S = 60  # a hang is for ever; a busy machine is not


class Broken(Exception):
    """A promise was broken."""


def add_options(parser, points, only, points_help=None):
    parser.add_argument("--points", type=int, default=points, help=points_help)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--only", help=only)
    parser.add_argument("--expect-broken", dest="expects_broken", action="store_true")


def play(points, try_point, expects_broken):
    """try_point(point) gives what became of it and how much was acknowledged, or raises Broken. Gives whether
    all promises were kept."""
    results, problems, acknowledged = collections.Counter(), 0, 0
    for number, point in enumerate(points, 1):
        try:
            result, count = try_point(point)
            acknowledged += count
        except Broken as problem:
            result, problems = "broken", problems + 1
            print(f"{problem}\nreplay: ROOSTD={os.environ['ROOSTD']} {sys.argv[0]} --only "
                  + ":".join(map(str, point)), flush=True)
            if expects_broken:
                break
        results[result] += 1
        if number % 100 == 0:
            print(f"{number} of {len(points)}", flush=True)
    print(f"{len(points)} points, {acknowledged:,} acknowledged:",
          ", ".join(f"{count} {result}" for result, count in results.most_common()))
    return problems == 0


def main(options, run):
    """run(options, folder) gives whether all was well; the exit status."""
    print(f"replay: ROOSTD={os.environ['ROOSTD']} {sys.argv[0]} --points {options.points} --seed "
          f"{options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="roost-faults-") as folder:
        is_good = run(options, folder)
    print("GOOD" if is_good else "BROKEN")
    return 0 if is_good != options.expects_broken else 1
