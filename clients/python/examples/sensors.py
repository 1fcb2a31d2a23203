# SPDX-License-Identifier: MPL-2.0
"""A sensor feed: readings on a topic, and subscribers that miss none.

usage: sensors.py [--url URL] send TOPIC NAME            each line of standard input is a reading
       sensors.py [--url URL] watch TOPIC NAME [COUNT]   shows COUNT readings, or all that come

A subscriber that is away gets what was measured meanwhile when it is back: the consumer "watch" of
its name stays in the broker. Readings are forgotten after a day. For example

    while sleep 1; do cut -d' ' -f1 /proc/loadavg; done | sensors.py send machine.load probe
    sensors.py watch machine.load desk

To do something with a reading, add it to Feed.take. A broker must run (roostd).
"""
import argparse
import sys

import roost

DAY_MS = 86_400_000


class Feed:
    """What is known of one topic."""

    def __init__(self):
        self.count, self.total = 0, 0.0
        self.low = self.high = None

    def take(self, value):
        self.count += 1
        self.total += value
        self.low = value if self.low is None else min(self.low, value)
        self.high = value if self.high is None else max(self.high, value)

    def __str__(self):
        mean = self.total / self.count
        return f"{self.count} readings, {self.low:.2f} to {self.high:.2f}, mean {mean:.2f}"


def number_in(text):
    """A reading, or None."""
    try:
        return float(text)
    except ValueError:
        return None


def send(client, topic, lines):
    for line in lines:
        if number_in(line) is None:
            print(f"no reading: {line.strip()}", flush=True)
            continue
        client.send(f"topic:{topic}", line.strip(), content_type="text/plain", ttl_ms=DAY_MS)
        print(f"{client.peer} sends {number_in(line):.2f}", flush=True)


def watch(client, topic, count):
    inbox = client.attach(f"topic:{topic}", "watch")
    print(f"* {inbox.waiting_at_attach} readings came meanwhile", flush=True)
    feed = Feed()
    while count > 0:
        received = inbox.receive()
        value = number_in(received.text)
        if value is None:
            received.reject("no reading")
            continue
        feed.take(value)
        print(f"{received.sender}: {value:.2f} ({feed})", flush=True)
        received.ack()
        count -= 1
    inbox.confirm()


def main():
    parser = argparse.ArgumentParser(description="a sensor feed")
    parser.add_argument("command", choices=("send", "watch"))
    parser.add_argument("topic")
    parser.add_argument("name", help="who you are")
    parser.add_argument("count", nargs="?", type=int, help="watch: so many readings")
    parser.add_argument("--url", default=roost.DEFAULT_URL)
    options = parser.parse_args()
    try:
        with roost.connect(options.url, options.name) as client:
            if options.command == "send":
                send(client, options.topic, sys.stdin)
            else:
                watch(client, options.topic, options.count or float("inf"))
    except (roost.RoostError, ValueError) as error:
        sys.exit(f"sensors: {error}")
    except KeyboardInterrupt:
        pass    # what was not acknowledged comes again


if __name__ == "__main__":
    main()
