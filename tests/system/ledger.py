# SPDX-License-Identifier: MPL-2.0
"""The ledger checker: did a broker keep its promises, judged from what its clients wrote down.

Owns the format of the ledgers and the judgement; leaves running anything to others. Each client
process appends to its own file, outside everything that is killed; a line is written *before* the
thing it announces can have an effect, or *after* the fact it records, as said below.

    S id scope digest     before the message is handed to the client library
    A id                  after STORED came for it
    X id code             after it was refused for good (certainly not stored)
    D id digest consumer  a delivery came in, before anything is done with it (raw, as on the wire)
    P id consumer         the client library handed it to the application
    K id consumer         the broker confirmed the settlement (SETTLED)
    B consumer            the receiving process started: what the killed one before it had been
                          shown but had not yet settled may be shown again
    R id level            a receipt arrived: DELIVERED, READ, EXPIRED, DEAD, CANCELLED
    F n                   a fault was injected (written by the one who kills), n-th of its kind

`id` is unique over all senders. `digest` is a hash of the body, computed by each side itself.
A torn last line (the process was killed while writing) is ignored.
"""
import collections
import dataclasses
import glob
import os

LEVEL_RANK = {"DELIVERED": 1, "READ": 2, "EXPIRED": 3, "DEAD": 3, "CANCELLED": 3}


@dataclasses.dataclass
class Verdict:
    """What was found. Everything in `problems` is a broken promise; `counts` are for people."""

    problems: list
    counts: dict

    @property
    def is_good(self):
        return not self.problems


@dataclasses.dataclass
class History:
    """All ledgers, parsed. Lists keep the order in which each file was written."""

    sent: dict            # id -> (sender file, index in that file, scope, digest)
    acknowledged: set
    refused: dict         # id -> code
    consumers: dict       # (file, consumer) -> list of (verb, id, digest)
    receipts: dict        # id -> list of levels in order of arrival
    faults: int


def parse_file(name, text, history):
    """Adds one ledger. Unknown verbs are an error: a ledger must not be misread."""
    complete = text[: text.rfind("\n") + 1]
    for index, line in enumerate(complete.splitlines()):
        if not line:
            continue  # a peer that was killed begins its next life with one
        words = line.split(" ")
        verb, ident = words[0], words[1] if len(words) > 1 else ""
        if verb == "S":
            history.sent.setdefault(ident, (name, index, words[2], words[3]))
        elif verb == "A":
            history.acknowledged.add(ident)
        elif verb == "X":
            history.refused[ident] = words[2]
        elif verb == "D":
            history.consumers[(name, words[3])].append((verb, ident, words[2]))
        elif verb in ("P", "K"):
            history.consumers[(name, words[2])].append((verb, ident, ""))
        elif verb == "B":
            history.consumers[(name, ident)].append((verb, "", ""))
        elif verb == "R":
            history.receipts[ident].append(words[2])
        elif verb == "F":
            history.faults += 1
        else:
            raise ValueError(f"{name}:{index + 1}: unknown verb {verb!r}")


def empty_history():
    return History({}, set(), {}, collections.defaultdict(list), collections.defaultdict(list), 0)


def read_folder(folder):
    history = empty_history()
    for path in sorted(glob.glob(os.path.join(folder, "*.ledger"))):
        with open(path, encoding="utf-8", errors="replace") as file:
            parse_file(os.path.basename(path), file.read(), history)
    return history


def deliveries_by_consumer(history):
    """consumer name -> list of (verb, id, digest), files of one consumer in name order."""
    merged = collections.defaultdict(list)
    for (_, consumer), events in sorted(history.consumers.items()):
        merged[consumer].extend(events)
    return merged


def check_lost(history, expected_fates):
    delivered = {i for events in history.consumers.values() for verb, i, _ in events if verb == "D"}
    lost = sorted(i for i in history.acknowledged if i not in delivered and i not in expected_fates)
    return [f"lost: {i} was acknowledged and never delivered" for i in lost]


def check_phantoms(history):
    problems = []
    for consumer, events in deliveries_by_consumer(history).items():
        for verb, ident, digest in events:
            if verb != "D":
                continue
            if ident not in history.sent:
                problems.append(f"phantom: {consumer} got {ident}, which nobody sent")
            elif history.sent[ident][3] != digest:
                problems.append(f"corrupted: {ident} reached {consumer} with another body")
            elif ident in history.refused:
                problems.append(f"refused but delivered: {ident} ({history.refused[ident]})")
    return problems


def check_order(history):
    """First deliveries come in the order each sender sent them, per scope and consumer. A queue
    (its consumers are named queue:...) has workers that compete: what one that was killed had
    leased goes to the next when its session is given up, after younger messages."""
    problems = []
    for consumer, events in deliveries_by_consumer(history).items():
        if consumer.startswith("queue:"):
            continue
        newest, seen = {}, set()
        for verb, ident, _ in events:
            if verb != "D" or ident in seen or ident not in history.sent:
                continue
            seen.add(ident)
            sender, index, scope, _ = history.sent[ident]
            before = newest.get((sender, scope), (-1, ""))
            if index < before[0]:
                problems.append(f"reordered: {consumer} got {ident} after {before[1]}")
            else:
                newest[(sender, scope)] = (index, ident)
    return problems


def check_duplicates(history, window):
    """The application sees each message once; raw redeliveries only as many as faults explain."""
    problems, redelivered = [], 0
    for consumer, events in deliveries_by_consumer(history).items():
        processed, delivered, confirmed = set(), set(), set()
        for verb, ident, _ in events:
            if verb == "B":
                processed &= confirmed
            elif verb == "K":
                confirmed.add(ident)
            elif verb == "P":
                if ident in processed:
                    problems.append(f"duplicate: the application of {consumer} saw {ident} twice")
                processed.add(ident)
            elif verb == "D":
                redelivered += ident in delivered
                delivered.add(ident)
    allowed = window * history.faults
    if redelivered > allowed:
        problems.append(
            f"redelivered: {redelivered} times, {history.faults} faults explain {allowed}")
    return problems, redelivered


def check_settled(history):
    """Nothing is delivered again after its settlement was confirmed."""
    problems = []
    for consumer, events in deliveries_by_consumer(history).items():
        confirmed = set()
        for verb, ident, _ in events:
            if verb == "K":
                confirmed.add(ident)
            elif verb == "D" and ident in confirmed:
                problems.append(f"settled but delivered again: {ident} to {consumer}")
    return problems


def check_receipts(history):
    problems = []
    for ident, levels in history.receipts.items():
        if ident not in history.sent:
            problems.append(f"phantom receipt: {ident} {levels[0]}")
        ranks = [LEVEL_RANK[level] for level in levels]
        if ranks != sorted(ranks) or len(set(levels)) != len(levels):
            problems.append(f"receipts out of order or repeated: {ident} {' '.join(levels)}")
        if "DELIVERED" in levels and ("EXPIRED" in levels or "CANCELLED" in levels):
            problems.append(f"contradicting receipts: {ident} {' '.join(levels)}")
    return problems


def check(history, window=1000, expected_fates=()):
    """Judges a history. `window`: most messages that may be in flight to one consumer at a fault.
    `expected_fates`: ids that ended as expired, dead or cancelled, with the broker saying so."""
    duplicates, redelivered = check_duplicates(history, window)
    problems = (
        check_lost(history, set(expected_fates))
        + check_phantoms(history)
        + check_order(history)
        + duplicates
        + check_settled(history)
        + check_receipts(history)
    )
    delivered = {i for events in history.consumers.values() for verb, i, _ in events if verb == "D"}
    counts = {
        "sent": len(history.sent),
        "acknowledged": len(history.acknowledged),
        "refused": len(history.refused),
        "delivered": len(delivered),
        "redelivered": redelivered,
        "faults": history.faults,
        "lost": sum(p.startswith("lost") for p in problems),
        "phantom": sum(p.startswith(("phantom", "corrupted", "refused")) for p in problems),
        "reordered": sum(p.startswith("reordered") for p in problems),
        "duplicated": sum(p.startswith("duplicate") for p in problems),
        "redelivered after settled": sum(p.startswith("settled") for p in problems),
    }
    return Verdict(problems, counts)
