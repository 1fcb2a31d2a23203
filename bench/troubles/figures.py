# SPDX-License-Identifier: MPL-2.0
"""Figures of bench/trouble: said as they come, kept for --json, and held beside their bars.

A bar that is missed is shown, and decides nothing: times depend on the machine. What must never happen
(something acknowledged is not there, a process does not end) is a failure, and the exit status.

Also what several scenarios need: a broker with all its doors, small measures, and what a process uses."""
import http.client
import os
import sys
import time

MIB = 1 << 20
CLOCK_TICK = os.sysconf("SC_CLK_TCK")


class Figures:
    def __init__(self, is_json):
        self.is_json = is_json
        self.rows, self.failures, self.skipped = [], [], {}
        self.scenario = None

    def say(self, text):
        print(text, file=sys.stderr if self.is_json else sys.stdout, flush=True)

    def add(self, what, value, unit, most=None, least=None, note=""):
        """`most`, `least`: the bar."""
        is_met = None
        if most is not None or least is not None:
            is_met = (most is None or value <= most) and (least is None or value >= least)
        self.rows.append({"scenario": self.scenario, "what": what, "value": value, "unit": unit,
                          "most": most, "least": least, "is_met": is_met, "note": note})
        shown = f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
        bar = "" if is_met is None else (f" [bar: {'at most' if least is None else 'at least'} "
                                         f"{most if least is None else least:,}: {'met' if is_met else 'MISSED'}]")
        self.say(f"{self.scenario}: {what}: {shown} {unit}{bar}{'; ' + note if note else ''}")

    def fail(self, text):
        self.failures.append({"scenario": self.scenario, "text": text})
        self.say(f"{self.scenario}: FAILED: {text}")

    def skip(self, reason):
        self.skipped[self.scenario] = str(reason)
        self.say(f"{self.scenario}: SKIPPED: {reason}")


def start_open(folder, **settings):
    """A broker for ZeroMQ, HTTP and Lair Chat, each at a port of its own."""
    from broker import Broker
    return Broker(folder, http__listen="127.0.0.1:*", lair__listen="127.0.0.1:*", **settings).start()


def ask_health(broker, timeout_s):
    """By HTTP, on a connection of its own."""
    connection = http.client.HTTPConnection(*broker.http_address(), timeout=timeout_s)
    try:
        connection.request("GET", "/healthz")
        if connection.getresponse().read() != b"ok\n":
            raise OSError("no ok")
    finally:
        connection.close()


def percentile(times, percent):
    times = sorted(times)
    return times[min(len(times) - 1, len(times) * percent // 100)]


def ms(seconds):
    return 1000 * seconds


def ping(raw, pb, seconds, pause_s=0.002):
    """Seconds from PING to PONG, one after the other."""
    times, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        raw.send(pb.Ping(echo=b"x"))
        if raw.receive(pb.PONG) is None:
            raise RuntimeError("no PONG within 10 s")
        times.append(time.monotonic() - began)
        time.sleep(pause_s)
    return times


# ------------------------------------------------------------------ a process

def thread_seconds(pid):
    """{(thread id, name): processor seconds so far}"""
    found = {}
    for tid in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{tid}/stat", encoding="ascii") as file:
                text = file.read()
        except OSError:
            continue  # it has ended
        fields = text[text.rindex(")") + 2:].split()
        found[tid, text[text.index("(") + 1:text.rindex(")")]] = (int(fields[11]) + int(fields[12])) / CLOCK_TICK
    return found


def descriptors(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0


def status_bytes(pid, field):
    """VmHWM, VmRSS, RssAnon ...; 0: the process has gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith(field + ":"))
    except (OSError, StopIteration):
        return 0


def forget_peak(pid):
    """VmHWM begins anew."""
    with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as file:
        file.write("5")
