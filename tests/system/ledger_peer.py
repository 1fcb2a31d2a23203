# SPDX-License-Identifier: MPL-2.0
"""One client process of the kill rounds, in Python: sends or receives, and writes its ledger.

usage: ledger_peer.py send URL PEER LEDGER RATE SCOPE...
       ledger_peer.py recv URL PEER LEDGER SCOPE

May be killed at any moment and started again with the same arguments: a sender first sends again
what its ledger says is unanswered, with the same message ids. SIGTERM: a sender answers for all it
sent and ends; a receiver settles what it has and ends. Lines are described in ledger.py; they go
to the file with one write each, before or after the thing they announce as said there.

What message number n of PEER is (id, scope, body) follows from PEER and n alone, so that it can be
made again; ledger_peer.c does the same with the same rules.
"""
import hashlib
import os
import signal
import sys
import threading
import time
import zlib

from roost import Client, RoostError

UNANSWERED_MAX = 300
CONFIRM_EVERY = 64
WINDOW = 100


class Ledger:
    def __init__(self, path):
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        if os.fstat(self._file).st_size:
            os.write(self._file, b"\n")  # ends a line torn by a kill; empty lines are skipped

    def write(self, *words):
        os.write(self._file, (" ".join(words) + "\n").encode())


def message_of(peer, number, scopes):
    """(id, scope, body) of message `number`."""
    ident = hashlib.md5(f"{peer}:{number}".encode()).digest()
    scope = scopes[ident[0] % len(scopes)]
    body = f"{peer}:{number}:".encode() + ident * (1 << (ident[1] % 8))  # 16 bytes to 2 KiB
    return ident, scope, body


def digest_of(body):
    return f"{zlib.crc32(body):08x}"


def unanswered_of(path, peer, scopes):
    """(numbers to send again in their order, next number), from the ledger of earlier lives."""
    sent, answered = [], set()
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            for line in file:
                words = line.split()
                if line.endswith("\n") and words:
                    if words[0] == "S" and len(words) == 4:
                        sent.append(words[1])
                    elif words[0] in "AX":
                        answered.add(words[1])
    again = [number for number, ident in enumerate(sent) if ident not in answered]
    for number in again:
        assert message_of(peer, number, scopes)[0].hex() == sent[number]
    return again, len(sent)


def send(url, peer, path, rate, scopes):
    again, next_number = unanswered_of(path, peer, scopes)
    ledger = Ledger(path)
    is_over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_over.set())

    def answered(future, ident):
        error = future.exception()
        if error is None:
            ledger.write("A", ident)
        elif isinstance(error, RoostError) and not error.is_retryable:
            ledger.write("X", ident, str(error.code))

    def hand_over(number):
        ident, scope, body = message_of(peer, number, scopes)
        if number >= next_number:
            ledger.write("S", ident.hex(), scope, digest_of(body))
        future = client.send_async(scope, body, message_id=ident)
        future.add_done_callback(lambda done: answered(done, ident.hex()))

    client = Client(url, peer, unacknowledged_max=UNANSWERED_MAX)
    for number in again:
        hand_over(number)
    number, began = next_number, time.monotonic()
    while not is_over.is_set():
        ahead_s = (number - next_number) / rate - (time.monotonic() - began)
        if ahead_s > 0:
            is_over.wait(ahead_s)
        elif ahead_s < -1:
            began = time.monotonic() - (number - next_number) / rate  # held up: no catching up
        hand_over(number)
        number += 1
    is_flushed = client.flush(300)
    client.close()
    return 0 if is_flushed else 1


def receive(url, peer, path, scope):
    ledger = Ledger(path)
    ledger.write("B", scope)

    def observe(what, about):
        if what == "delivery":
            entry = about[1]
            ledger.write("D", entry.message_id.hex(), digest_of(entry.body), scope)
        elif what == "settled":
            for _, message_id in about[1]:
                ledger.write("K", message_id.hex(), scope)

    is_over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_over.set())
    client = Client(url, peer, observer=observe)
    inbox = client.attach(scope, window=WINDOW, timeout=120)
    while not is_over.is_set():
        received = inbox.receive(0.05)
        if received is not None:
            ledger.write("P", received.message_id.hex(), scope)
            received.ack()
    client.close()
    return 0


def main():
    mode, url, peer, path, *rest = sys.argv[1:]
    if mode == "send":
        return send(url, peer, path, float(rest[0]), rest[1:])
    return receive(url, peer, path, rest[0])


if __name__ == "__main__":
    sys.exit(main())
