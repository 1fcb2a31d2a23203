# SPDX-License-Identifier: MPL-2.0
"""Small words the system tests share: receive so many, ask until it is so."""
from broker import eventually

__all__ = ["bodies", "counter", "eventually", "info", "numbered", "receive_all"]


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
