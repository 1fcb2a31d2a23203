# SPDX-License-Identifier: MPL-2.0
"""The delivery book and the publish window alone: ranges, credit, confirmations, frame limits."""
import os

from hypothesis import given, settings, strategies as st

from roost import requests
from roost.book import Book
from roost.schema import pb
from roost.types import Outcome, new_message_id
from roost.window import Window

EXAMPLES = 10_000 if os.environ.get("ROOST_TEST_ALL") == "1" else 300


def ranges_of(book, confirm_id=1):
    return [(r.first_delivery_no, r.last_delivery_no, r.outcome)
            for r in book.take_ranges(confirm_id)]


def arrive(book, no, ident=None, size=10):
    return book.arrived(no, no, b"s", ident or no.to_bytes(16, "big"), size)


def test_neighbours_leave_as_one_range():
    book = Book(10, 1000)
    book.new_session()
    held = [arrive(book, no) for no in range(1, 7)]
    for index in (0, 1, 2, 5, 4):
        book.settle(held[index], Outcome.ACK)
    book.settle(held[3], Outcome.FAIL)
    assert ranges_of(book) == [(1, 3, 1), (4, 4, 3), (5, 6, 1)]
    assert not book.has_settles()


def test_only_the_first_settlement_counts():
    book = Book(10, 1000)
    book.new_session()
    held = arrive(book, 1)
    book.settle(held, Outcome.EXTEND)
    book.settle(held, Outcome.ACK)
    book.settle(held, Outcome.REJECT)
    book.settle(held, Outcome.EXTEND)
    assert ranges_of(book) == [(1, 1, Outcome.ACK)]


def test_confirmed_names_what_was_settled_for_good_and_not_stale():
    book = Book(10, 1000)
    book.new_session()
    held = [arrive(book, no) for no in range(1, 5)]
    for each in held[:3]:
        book.settle(each, Outcome.ACK)
    book.take_ranges(1)
    book.settle(held[3], Outcome.RELEASE)
    book.take_ranges(2)
    assert [key[1][-1] for key in book.confirmed(1, {2})] == [1, 3]
    assert not book.is_everything_confirmed()
    assert book.confirmed(2, set()) == []
    assert book.is_everything_confirmed()


def test_an_unconfirmed_settlement_is_doubtful_after_a_new_session():
    book = Book(10, 1000)
    book.new_session()
    book.settle(arrive(book, 1), Outcome.ACK)
    book.take_ranges(1)
    book.new_session()
    assert book.is_in_doubt()
    assert arrive(book, 1) is None  # delivered again: settled again, not shown again
    assert not book.is_in_doubt()
    assert ranges_of(book) == [(1, 1, Outcome.ACK)]


def test_doubt_ends_with_a_later_delivery_or_floor_but_not_at_a_queue():
    for is_shared in (False, True):
        book = Book(10, 1000, is_shared)
        book.new_session()
        book.settle(arrive(book, 1), Outcome.ACK)
        book.take_ranges(1)
        book.new_session()
        arrive(book, 2)
        assert book.is_in_doubt() == is_shared
        book.accounted_before(2)
        assert not book.is_in_doubt()


@settings(max_examples=EXAMPLES, deadline=None, database=None, print_blob=True)
@given(st.integers(1, 12), st.lists(st.sampled_from("datsnr"), max_size=80))
def test_the_broker_never_has_credit_for_more_than_the_window(window, steps):
    """What may be on its way or waiting untaken never exceeds the window, over all sessions."""
    book = Book(window, 1 << 30)
    granted, _ = book.new_session()
    used = number = 0
    next_id, untaken, taken, recent = 1, [], [], []
    for step in steps:
        if step == "d" and used < granted:
            number, used, next_id = number + 1, used + 1, next_id + 1
            held = arrive(book, number, next_id.to_bytes(16, "big"))
            untaken.append(held)
            recent.append(next_id)
        elif step == "r" and used < granted and recent:  # a redelivery of something known
            number, used = number + 1, used + 1
            assert arrive(book, number, recent[number % len(recent)].to_bytes(16, "big")) is None
        elif step == "t" and untaken:
            held = untaken.pop(0)
            book.taken(held)
            taken.append(held)
        elif step == "s" and taken:
            book.settle(taken.pop(0), Outcome.ACK)
        elif step == "n":
            granted, _ = book.new_session()
            used = number = 0
        elif step == "a":
            credit = book.take_credit()
            granted = credit[0] if credit else granted
        uncredited = sum(not held.has_credit for held in untaken)
        assert granted - used + len(untaken) - uncredited <= window
    while untaken:
        book.taken(untaken.pop())
    credit = book.take_credit()
    granted = credit[0] if credit else granted
    assert granted > used, "a free window must not starve"


@settings(max_examples=EXAMPLES // 3, deadline=None, database=None, print_blob=True)
@given(st.lists(st.integers(0, 900), min_size=1, max_size=40), st.integers(1, 10))
def test_frames_keep_the_limits_of_the_broker(sizes, entries_max):
    limits = pb.Limits(frame_bytes_max=2000, body_bytes_max=800, entries_max=entries_max,
                       publish_bytes=1500)
    window = Window()
    answers, done = {}, []
    for index, size in enumerate(sizes):
        window.add(requests.entry("bob", b"x" * size), index)
    window.new_session(8, limits)
    next_no = 1
    for _ in range(len(sizes) + 1):
        frames, refused = window.take_frames(0.0)
        done += [future for future, _ in refused]
        in_flight = 0
        for frame in frames:
            assert frame.first_no == next_no and 1 <= len(frame.entries) <= entries_max
            assert frame.ByteSize() <= 2000 and frame.entries[0].scope == b"peer:bob"
            next_no += len(frame.entries)
            in_flight += sum(len(entry.body) for entry in frame.entries)
        assert next_no - 1 <= 8 + len(answers)
        assert in_flight <= 1500
        answers = dict.fromkeys(range(next_no - 1))
        done += [future for future, _ in window.answered(
            pb.Stored(upto_no=next_no - 1, publish_upto=next_no - 1 + 8), 0.0)]
    assert sorted(done) == list(range(len(sizes))) and not len(window)


def test_ids_rise_and_are_version_7():
    ids = [new_message_id() for _ in range(5000)]
    assert ids == sorted(set(ids)) and all(i[6] >> 4 == 7 and i[8] >> 6 == 2 for i in ids)
    before = new_message_id(now_ms=1)
    assert before > ids[-1]
