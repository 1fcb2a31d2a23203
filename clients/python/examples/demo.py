# SPDX-License-Identifier: MPL-2.0
"""The demonstration that ./quickstart runs: is anything lost when the broker is killed?

usage: demo.py --build DIR [--messages N] [--serve]

A sender in Python and one in C pour messages to two recipients: one at home (in C), one away (in
Python, later). In the middle the broker is killed with SIGKILL and started again. Then the absent
one comes home. What everybody sent, and what everybody got, is counted; exit code 0 only when
nothing was lost, doubled or out of order.
"""
import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

import roost

HTTP = "127.0.0.1:7668"
TIMED = 500  # messages sent one by one, for the time of a STORED


class Daemon:
    """roostd on an own data directory and port; its log goes to a file beside the data."""

    def __init__(self, program, data, port="*", http=""):
        self.program, self.data, self.port, self.process = program, data, port, None
        self.http = http  # where it listens for HTTP; nowhere while it is killed
        self.log = f"{data}.log"

    @property
    def url(self):
        return f"tcp://127.0.0.1:{self.port}"

    def start(self):
        with open(self.log, "ab") as log:
            before = log.tell()
            self.process = subprocess.Popen(
                [self.program, "--data", self.data, "--set", f"zmq.listen={self.url}",
                 "--set", f"http.listen={self.http}"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
                start_new_session=True)
        while True:
            is_over = self.process.poll() is not None
            with open(self.log, encoding="utf-8") as log:
                log.seek(before)
                text = log.read()
            ready = re.search(r" ready .*tcp://127\.0\.0\.1:(\d+)", text)
            if ready:
                self.port = int(ready.group(1))
                return
            if is_over:
                raise SystemExit(f"the broker did not start:\n{text}")
            time.sleep(0.01)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Count:
    """What one recipient got: is it complete, single and in order for each sender?"""

    def __init__(self):
        self.got = {}

    def add(self, sender, body):
        self.got.setdefault(sender, []).append(int(body))

    def judge(self, expected):
        """(delivered, lost, duplicated, out of order) against {sender: count}."""
        lost = sum(len(set(range(n)) - set(self.got.get(s, []))) for s, n in expected.items())
        delivered = sum(len(set(numbers)) for numbers in self.got.values())
        duplicated = sum(len(numbers) - len(set(numbers)) for numbers in self.got.values())
        disorder = sum(later < earlier for numbers in self.got.values()
                       for earlier, later in zip(numbers, numbers[1:]))
        return delivered, lost, duplicated, disorder


def python_sender(url, count, half_way, result):
    with roost.connect(url, "paula") as paula:
        futures = []
        for number in range(count):
            for to in ("carla", "anton"):
                futures.append(paula.send_async(to, str(number)))
            if number == count // 2:
                futures[number // 2].result(60)
                half_way.set()
        result["paula"] = sum(future.result(120).seq > 0 for future in futures)
        result["reconnects"] = paula.reconnects


def run(build, messages, daemon):
    peer = os.path.join(build, "clients", "python", "demo_peer")
    each = messages // 4   # two senders, two recipients
    half_way, result, carla, anton = threading.Event(), {}, Count(), Count()
    at_home = subprocess.Popen([peer, "recv", daemon.url, "carla", str(2 * each)],
                               stdout=subprocess.PIPE, text=True)
    began = time.monotonic()
    in_c = subprocess.Popen(
        [peer, "send", daemon.url, "cesar", str(each), "peer:carla", "peer:anton"],
        stdout=subprocess.PIPE, text=True)
    sender = threading.Thread(target=python_sender, args=(daemon.url, each, half_way, result))
    sender.start()
    half_way.wait(60)
    print("  half way: kill -9 to the broker, with messages on their way ...", flush=True)
    daemon.kill()
    daemon.start()
    print("  ... started again on the same data", flush=True)
    sender.join()
    result["cesar"] = int(in_c.communicate()[0].split()[1])
    seconds = time.monotonic() - began
    for line in at_home.stdout:
        carla.add(*line.split())
    print("  anton comes home ...", flush=True)
    with roost.connect(daemon.url, "anton") as client, client.attach() as inbox:
        for _ in range(2 * each):
            received = inbox.receive(30)
            if received is None:
                break
            anton.add(received.sender, received.text)
            received.ack()
        inbox.confirm()
    return each, result, seconds, carla, anton


def time_of_stored(url):
    """Sorted seconds from send() to STORED, one message at a time."""
    times = []
    with roost.connect(url, "tick") as client:
        for _ in range(TIMED):
            began = time.perf_counter()
            client.send("tock", "tick")
            times.append(time.perf_counter() - began)
    return sorted(times)


def report(each, result, seconds, carla, anton, times):
    expected = {"paula": each, "cesar": each}
    home, away = carla.judge(expected), anton.judge(expected)
    delivered, lost, duplicated, disorder = (a + b for a, b in zip(home, away))
    stored = result["paula"] + result["cesar"]
    rows = [
        ("sent", f"{4 * each:,}"), ("stored (acknowledged, on disk)", f"{stored:,}"),
        ("delivered to carla, at home", f"{home[0]:,}"),
        ("delivered to anton, who was away", f"{away[0]:,}"),
        ("lost", f"{lost:,}"), ("duplicated", f"{duplicated:,}"), ("out of order", f"{disorder:,}"),
        ("messages/s stored, the kill included", f"{stored / seconds:,.0f}"),
        ("STORED, one at a time: median", f"{times[len(times) // 2] * 1000:.2f} ms"),
        ("STORED, one at a time: p99", f"{times[len(times) * 99 // 100] * 1000:.2f} ms"),
    ]
    print()
    for name, value in rows:
        print(f"  {name:40} {value:>12}")
    print()
    return stored == delivered == 4 * each and lost == duplicated == disorder == 0


def say_how_to_go_on(build, data, url, pid):
    tool = os.path.join(build, "clients", "cli", "roost")
    at = "" if url == roost.DEFAULT_URL else f" --url {url}"
    print(f"  The data: {data} (SQLite; look at it with sqlite3 -readonly)")
    if pid:
        print(f"  The broker goes on running at {url}; to stop it: kill {pid}")
        print(f"  Look at it:              http://{HTTP}/")
    else:
        print(f"  Start the broker again:  {os.path.join(build, 'actors', 'roostd')} --data {data}")
    print(f"  Send:                    {tool}{at} --as bob send alice \"hello\"")
    print(f"  Receive:                 {tool}{at} --as alice recv")


def main():
    parser = argparse.ArgumentParser(description="kill -9 in the middle, and count")
    parser.add_argument("--build", required=True, help="build directory")
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--serve", action="store_true", help="leave the broker running")
    options = parser.parse_args()
    build = os.path.abspath(options.build)
    data = os.path.join(tempfile.mkdtemp(prefix="demo-", dir=build), "data")
    daemon = Daemon(os.path.join(build, "actors", "roostd"), data)
    daemon.start()
    try:
        print(f"  {options.messages:,} messages from paula (Python) and cesar (C) to carla (at "
              "home) and anton (away)", flush=True)
        outcome = run(build, options.messages, daemon)
        is_good = report(*outcome, time_of_stored(daemon.url))
    except BaseException:
        daemon.kill()
        raise
    print("  Nothing was lost." if is_good else "  SOMETHING IS WRONG: see the counts above.")
    print()
    daemon.stop()
    url = roost.DEFAULT_URL
    if options.serve:
        daemon = Daemon(daemon.program, data, 7667, HTTP)
        daemon.start()
        url = daemon.url
    say_how_to_go_on(build, data, url, daemon.process.pid if options.serve else 0)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
