# SPDX-License-Identifier: MPL-2.0
"""The ledger checker must catch every kind of broken promise: bad histories, each one caught."""
import pytest

import ledger

GOOD_SENDER = "S 1 peer:b h1\nA 1\nS 2 peer:b h2\nA 2\nS 3 peer:b h3\nA 3\n"
GOOD_RECEIVER = "D 1 h1 b\nP 1 b\nK 1 b\nD 2 h2 b\nP 2 b\nD 2 h2 b\nK 2 b\nD 3 h3 b\nP 3 b\nK 3 b\n"


def judge(sender, receiver, faults="F 1\n", **options):
    history = ledger.empty_history()
    ledger.parse_file("sender", sender, history)
    ledger.parse_file("receiver", receiver, history)
    ledger.parse_file("killer", faults, history)
    return ledger.check(history, **options)


def test_good_history_is_good():
    verdict = judge(GOOD_SENDER, GOOD_RECEIVER)
    assert verdict.is_good, verdict.problems
    assert verdict.counts["acknowledged"] == 3 and verdict.counts["redelivered"] == 1


def test_torn_last_line_is_ignored():
    assert judge(GOOD_SENDER + "A", GOOD_RECEIVER + "D 9 h").is_good


def test_unacknowledged_may_be_lost_or_delivered():
    assert judge(GOOD_SENDER + "S 4 peer:b h4\n", GOOD_RECEIVER).is_good
    assert judge(GOOD_SENDER + "S 4 peer:b h4\n", GOOD_RECEIVER + "D 4 h4 b\n").is_good


def test_expired_with_a_fate_is_not_lost():
    sender = GOOD_SENDER + "S 4 peer:b h4\nA 4\n"
    assert not judge(sender, GOOD_RECEIVER).is_good
    assert judge(sender, GOOD_RECEIVER, expected_fates=["4"]).is_good


def test_a_killed_receiver_may_be_shown_what_it_had_not_settled():
    receiver = "B b\nD 1 h1 b\nP 1 b\nB b\nD 1 h1 b\nP 1 b\nK 1 b\nD 2 h2 b\nD 3 h3 b\n"
    assert judge(GOOD_SENDER, receiver).is_good
    assert not judge(GOOD_SENDER, receiver + "B b\nP 1 b\n").is_good


def test_workers_of_a_queue_compete():
    receiver = "D 2 h2 queue:q\nP 2 queue:q\nD 1 h1 queue:q\nP 1 queue:q\nD 3 h3 queue:q\n"
    assert judge(GOOD_SENDER, receiver).is_good


BAD = {
    "acknowledged, never delivered": (
        GOOD_SENDER + "S 4 peer:b h4\nA 4\n", GOOD_RECEIVER, "F 1\n", "lost: 4"),
    "delivered, never sent": (
        GOOD_SENDER, GOOD_RECEIVER + "D 9 h9 b\n", "F 1\n", "phantom: b got 9"),
    "another body": (
        GOOD_SENDER, GOOD_RECEIVER.replace("D 3 h3", "D 3 hX"), "F 1\n", "corrupted: 3"),
    "refused, yet delivered": (
        GOOD_SENDER + "S 4 peer:b h4\nX 4 4001\n", GOOD_RECEIVER + "D 4 h4 b\n", "F 1\n",
        "refused but delivered: 4"),
    "two swapped": (
        GOOD_SENDER, "D 2 h2 b\nP 2 b\nD 1 h1 b\nP 1 b\nD 3 h3 b\nP 3 b\n", "F 1\n",
        "reordered: b got 1 after 2"),
    "one overtaken after a restart": (
        GOOD_SENDER, "D 1 h1 b\nD 3 h3 b\nD 2 h2 b\nD 3 h3 b\n", "F 1\n", "reordered: b got 2"),
    "the application saw one twice": (
        GOOD_SENDER, GOOD_RECEIVER + "P 3 b\n", "F 1\n", "duplicate: the application of b saw 3"),
    "redelivered without a fault": (
        GOOD_SENDER, GOOD_RECEIVER, "", "redelivered: 1 times"),
    "delivered again after SETTLED": (
        GOOD_SENDER, GOOD_RECEIVER + "D 3 h3 b\n", "F 1\n", "settled but delivered again: 3"),
    "a receipt for nothing": (
        GOOD_SENDER + "R 9 DELIVERED\n", GOOD_RECEIVER, "F 1\n", "phantom receipt: 9"),
    "READ before DELIVERED": (
        GOOD_SENDER + "R 1 READ\nR 1 DELIVERED\n", GOOD_RECEIVER, "F 1\n", "receipts out of order"),
    "the same receipt twice": (
        GOOD_SENDER + "R 1 DELIVERED\nR 1 DELIVERED\n", GOOD_RECEIVER, "F 1\n", "receipts out of"),
    "delivered and expired": (
        GOOD_SENDER + "R 1 DELIVERED\nR 1 EXPIRED\n", GOOD_RECEIVER, "F 1\n", "contradicting"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_history_is_caught(name):
    sender, receiver, faults, expected = BAD[name]
    verdict = judge(sender, receiver, faults)
    assert any(problem.startswith(expected) for problem in verdict.problems), verdict.problems


def test_unknown_verbs_are_an_error():
    with pytest.raises(ValueError):
        judge("Z 1\n", "")
