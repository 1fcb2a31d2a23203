# SPDX-License-Identifier: MPL-2.0
"""What is measured, in which order, and doing it.

A round visits every point once, and within a point every broker in turn (A B C, then the next
point), so that those that are compared were measured within seconds of each other. Every point of
a broker gets a server of its own with an empty data directory.

A step that fails is kept as an error in the results; the others go on."""
import json
import os
import subprocess
import sys
import time

from . import brokers

PUBLISH_POINTS = [("1x1", 1, 1), ("1x100", 1, 100), ("4x1000", 4, 1000), ("16x1000", 16, 1000)]
POINTS = [name for name, _, _ in PUBLISH_POINTS] + ["drain", "latency"]
WINDOWS = ["4x1", "4x10", "4x100", "4x1000", "4x10000"]  # what "windows" stands for
RAW = ["raw-disk", "raw-sqlite", "raw-zmq"]
START_AND_STOP_S = 0.7
RAW_POINTS = {"raw-disk": 8, "raw-sqlite": 12, "raw-zmq": 3}


def parse_publish(point):
    """(producers, window) of a point such as 4x1000; ValueError for any other word."""
    producers, _, window = point.partition("x")
    if not (producers.isdigit() and window.isdigit() and 1 <= int(producers) <= 1024
            and 1 <= int(window) <= 50000):
        raise ValueError(f"'{point}' is neither drain, latency, windows nor producers x window as in 4x1000")
    return int(producers), int(window)


def points_of(words):
    """The points that were asked for, each once, "windows" spelled out."""
    points = []
    for word in words or POINTS:
        for point in WINDOWS if word == "windows" else [word]:
            if point not in ("drain", "latency"):
                parse_publish(point)
            if point not in points:
                points.append(point)
    return points


class Step:
    def __init__(self, subject, point, broker=None):
        self.subject = subject
        self.point = point
        self.broker = broker

    def guess_s(self, seconds):
        """About how long it takes; only for the time left, where real times correct it."""
        if self.broker is None:
            return RAW_POINTS[self.subject] * (seconds + 0.1)
        return START_AND_STOP_S + (1.5 if self.point == "drain" else seconds + 0.3)


def steps_of_round(raw, chosen, points):
    steps = [Step(name, "raw") for name in raw]
    for point in points:
        steps += [Step(broker.name, point, broker) for broker in chosen
                  if point not in broker.leaves_out]
    return steps


def client_arguments(point, settings):
    duration = ["--duration-ms", str(int(settings.seconds * 1000)),
                "--warmup-ms", str(int(min(0.3, settings.seconds / 5) * 1000))]
    if point == "drain":
        return ["--count", str(settings.drain_count), "drain"]
    if point == "latency":
        return duration + ["--rate", "1000", "latency"]
    producers, window = parse_publish(point)
    return duration + ["--producers", str(producers), "--window", str(window), "publish"]


def run_program(command, core, timeout_s):
    """Standard output as parsed JSON lines; RuntimeError with the program's own words."""
    def in_child():
        if core is not None:
            os.sched_setaffinity(0, {core})
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s,
                                preexec_fn=in_child, check=False)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{os.path.basename(command[0])} took longer than {timeout_s:.0f} s") \
            from None
    if result.returncode != 0:
        words = result.stderr.strip().split("\n")[-1] or f"exit status {result.returncode}"
        raise RuntimeError(words)
    return [json.loads(line) for line in result.stdout.splitlines()]


class Runner:
    def __init__(self, settings, report_line):
        self.settings = settings
        self.server_core, self.client_core = settings.cores
        self.report_line = report_line
        self.results = []  # {"round", "subject", "point", "data" or "error"}

    def run(self, raw, chosen, points):
        steps = steps_of_round(raw, chosen, points)
        guesses = [step.guess_s(self.settings.seconds) for step in steps] * self.settings.rounds
        total = len(guesses)
        began = time.monotonic()
        for number in range(total):
            step = steps[number % len(steps)]
            done_s = sum(guesses[:number])
            left_s = sum(guesses[number:])
            if number > 0:
                left_s *= (time.monotonic() - began) / done_s
            self.report_line(number + 1, total, left_s, number // len(steps) + 1, step)
            self._keep(number // len(steps), step)

    def _keep(self, round_number, step):
        entry = {"round": round_number, "subject": step.subject, "point": step.point}
        try:
            if step.broker:
                entry["data"] = self._measure_broker(step)
            else:
                entry["data"] = self._measure_raw(step.subject)
        except RuntimeError as error:
            entry["error"] = str(error)
            print(f"\n{step.subject} {step.point}: {error}", file=sys.stderr)
        self.results.append(entry)

    def _measure_broker(self, step):
        settings = self.settings
        broker = step.broker
        extra = settings.roost_set if broker.driver == "roost" else ()
        with brokers.Server(broker, settings.binaries[broker.name], settings.scratch,
                            self.server_core, extra) as server:
            command = [settings.client, "--driver", broker.driver, "--port", str(server.port),
                       "--server-pid", str(server.process.pid)]
            variant = broker.variant(server) if callable(broker.variant) else broker.variant
            if variant:
                command += ["--variant", variant]
            command += client_arguments(step.point, settings)
            return run_program(command, self.client_core, 120 + 3 * settings.seconds)[0]

    def _measure_raw(self, name):
        settings = self.settings
        program = os.path.join(os.path.dirname(settings.client), name.replace("-", "_"))
        point_ms = str(int(settings.seconds * 1000))
        timeout_s = 120 + 20 * settings.seconds
        if name == "raw-disk":
            return run_program([program, settings.scratch, point_ms], self.server_core, timeout_s)
        if name == "raw-sqlite":
            return run_program([program, settings.scratch, point_ms] + settings.migrations,
                               self.server_core, timeout_s)
        return run_program([program, point_ms, str(self.server_core), str(self.client_core)], None,
                           timeout_s)
