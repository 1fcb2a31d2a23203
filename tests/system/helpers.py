# SPDX-License-Identifier: MPL-2.0
"""Small words the system tests share: receive so many, ask until it is so."""
import glob
import os
import sqlite3

from broker import eventually

__all__ = ["ask_file", "bodies", "counter", "data_file", "eventually", "info", "numbered", "receive_all"]


def receive_all(inbox, count, timeout=20, settle="ack"):
    """Receives and settles `count` messages; gives them in order."""
    messages = []
    for _ in range(count):
        received = inbox.receive(timeout)
        assert received is not None, f"only {len(messages)} of {count} messages came"
        if settle:
            getattr(received, settle)()
        messages.append(received.message)
    return messages


def bodies(messages):
    return [message.body for message in messages]


def numbered(count, first=0):
    return [f"m{number:06d}".encode() for number in range(first, first + count)]


def info(client, scope, consumer="main"):
    """What INSPECT says of one consumer."""
    page = client.query("INSPECT", "consumers", scope=scope if ":" in scope else f"peer:{scope}")
    found = [item for item in page.items if item.consumer == consumer]
    assert found, f"{scope} has no consumer {consumer}"
    return found[0]


def counter(client, name):
    """A counter of STATS, summed over actors."""
    return sum(item.value for item in client.stats().items if item.name == name)


def data_file(broker):
    return next(path for path in glob.glob(os.path.join(broker.data, "**"), recursive=True)
                if os.path.isfile(path) and open(path, "rb").read(16).startswith(b"SQLite format 3"))


def ask_file(broker, sql, *values):
    database = sqlite3.connect(f"file:{data_file(broker)}?mode=ro", uri=True)
    try:
        return database.execute(sql, values).fetchall()
    finally:
        database.close()
