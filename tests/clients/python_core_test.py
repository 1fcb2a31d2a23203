# SPDX-License-Identifier: MPL-2.0
"""The client's state machine against a model broker: random sends, refusals, lost answers, lost
connections and crashes never lose, reorder or answer twice, and show no message twice."""
import os

from hypothesis import given, settings, strategies as st

from python_model_broker import ModelBroker
from roost import requests
from roost.book import Book
from roost.core import Core
from roost.schema import pack, pb
from roost.types import STALE_LEASE, Outcome, RoostError, Stored

EXAMPLES = 20_000 if os.environ.get("ROOST_TEST_ALL") == "1" else 500  # of up to 50 steps


class Future:
    """Counts its answers: a second one is an error."""

    def __init__(self):
        self.results = []

    def done(self):
        return bool(self.results)

    def set_result(self, result):
        assert not self.results
        self.results.append(result)

    set_exception = set_result

    @property
    def result(self):
        return self.results[0]


class World:
    """A core, a model broker, and frames on their way between them."""

    def __init__(self, window=4, **broker):
        self.now = 100.0
        self.core, self.broker = Core("alice"), ModelBroker(**broker)
        self.sent, self.shown, self.kept, self.confirmed = [], [], [], set()
        self.core.observer = self._observe
        self.core.opened(self.now)
        request = requests.attach("alice", "main", "default", 0, 0, False)
        self.attach_future = Future()
        self.attachment = self.core.attach(request, Book(window, 1 << 20), self._on_item,
                                           self.attach_future, self.now)

    def _observe(self, what, about):
        if what == "settled":
            self.confirmed.update(message_id for _, message_id in about[1])

    def _on_item(self, held, item):
        if held is not None:
            self.shown.append(item.body)
            self.kept.append(held)

    def send(self, size=3):
        body = str(len(self.sent)).encode().ljust(size, b".")
        future = Future()
        entry = requests.entry("alice", body)
        self.sent.append((entry.message_id, body, future))
        self.core.send(entry, future)
        return entry.message_id

    def turn(self, retry_from=None, drops_answers=False, delivers=0):
        """One exchange: frames to the broker, its answers (or their loss) back."""
        self.now += 0.05
        if self.core.wants_reconnect and self.now >= self.core.reconnect_at:
            self.core.opened(self.now)
        self.core.tick(self.now)
        answers = []
        for frame in self.core.take_frames(self.now):
            answers += self.broker.receive(frame, retry_from)
        answers += self.broker.deliver(delivers)
        if drops_answers:
            self.lose()
            return
        for answer in answers:
            self.core.received(answer, self.now)

    def lose(self):
        self.broker.crash()
        self.core.lost(self.now)

    def settle_all(self, outcome=Outcome.ACK):
        while self.kept:
            held = self.kept.pop(0)
            self.attachment.book.taken(held)
            self.attachment.book.settle(held, outcome)

    def quiesce(self):
        for _ in range(400):
            self.now += 1
            self.turn(delivers=10)
            self.settle_all()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(1, 12)),
        st.tuples(st.just("turn"), st.integers(0, 5)),
        st.tuples(st.just("retry"), st.integers(0, 3)),
        st.tuples(st.just("lose answers"), st.integers(0, 3)),
        st.tuples(st.just("lose"), st.just(0)),
        st.tuples(st.just("take and settle"), st.integers(1, 5)),
        st.tuples(st.just("expire"), st.just(0)),
        st.tuples(st.just("confirm"), st.just(0)),
    ), max_size=60)


def play(world, steps):
    confirms, settled = [], []
    for step, n in steps:
        if step == "send":
            for _ in range(n):
                world.send()
        elif step == "turn":
            world.turn(delivers=n)
        elif step == "retry":
            world.turn(retry_from=n)
        elif step == "lose answers":
            world.turn(drops_answers=True, delivers=n)
        elif step == "lose":
            world.lose()
        elif step == "take and settle":
            for held in [world.kept.pop(0) for _ in range(min(n, len(world.kept)))]:
                world.attachment.book.taken(held)
                world.attachment.book.settle(held, Outcome.ACK)
                settled.append(held.key[1])
        elif step == "expire":
            world.broker.expire_leases()
        else:
            confirms.append((Future(), list(settled)))
            world.attachment.confirm(confirms[-1][0])
        told = {ident for future, promised in confirms for ident in promised
                if future.done() and future.result is not None}
        for future, promised in confirms:
            if future.done() and future.result is None:
                assert all(world.broker.settled[world.broker.ids[ident]] == 1
                           for ident in promised if ident not in told)
        # What the client says is settled on disk is settled on disk.
        for message_id in world.confirmed:
            assert world.broker.settled[world.broker.ids[message_id]] == 1
    return [future for future, _ in confirms]


@settings(max_examples=EXAMPLES, deadline=None, database=None, print_blob=True)
@given(STEPS)
def test_nothing_is_lost_reordered_answered_twice_or_shown_twice(steps):
    world = World(publish_window=9, publish_bytes=40)
    confirms = play(world, steps)
    world.quiesce()
    bodies = [body for _, body, _ in world.sent]
    assert [body for _, _, body in world.broker.log] == bodies
    assert all(isinstance(future.result, Stored) for _, _, future in world.sent)
    assert [future.result.seq for _, _, future in world.sent] == list(range(1, len(bodies) + 1))
    assert world.shown == bodies
    assert all(world.broker.settled[seq] == 1 for seq in range(1, len(bodies) + 1))
    assert all(future.done() for future in confirms)
    assert all(future.result is None or future.result.code == STALE_LEASE for future in confirms)


def test_answers_of_refused_and_duplicate_entries():
    world = World()
    world.turn()
    first, refused = world.send(), world.send()
    world.broker.refuse_ids.add(refused)
    world.turn()
    world.turn()
    assert world.sent[0][2].result == Stored(first, 1, False)
    assert isinstance(world.sent[1][2].result, RoostError) and world.sent[1][2].result.code == 3001
    again = Future()
    world.core.send(requests.entry("alice", "0..", message_id=first), again)
    world.turn()
    assert again.result == Stored(first, 1, True)


def test_too_large_is_refused_here_and_the_stream_goes_on():
    world = World()
    world.send(), world.send(size=2000), world.send()
    for _ in range(3):
        world.turn()
    results = [future.result for _, _, future in world.sent]
    assert [type(result) for result in results] == [Stored, RoostError, Stored]
    assert results[1].code == 4001


def test_a_redriven_dead_letter_is_shown_again():
    world = World()
    world.send()
    for _ in range(3):
        world.turn(delivers=1)
    assert world.shown == [b"0.."]
    world.settle_all(Outcome.REJECT)
    world.turn()
    world.broker.redrive()
    world.turn(delivers=1)
    assert world.shown == [b"0..", b"0.."]


def test_released_and_failed_messages_are_shown_again():
    for outcome in (Outcome.RELEASE, Outcome.FAIL):
        world = World()
        world.send()
        for _ in range(3):
            world.turn(delivers=1)
        world.settle_all(outcome)
        world.turn()
        world.turn(delivers=1)
        assert world.shown == [b"0..", b"0.."]


def test_silence_is_noticed_and_refusal_for_good_ends_everything():
    world = World()
    world.turn()
    assert world.core.is_ready
    world.core.take_frames(world.now)
    world.core.tick(world.now + 6)
    assert len(world.core.take_frames(world.now + 6)) == 1  # PING
    world.core.tick(world.now + 16)
    assert world.core.wants_reconnect
    world.core.opened(world.now + 17)
    future = Future()
    world.core.send(requests.entry("bob", "x"), future)
    world.core.received(pack(pb.Error(code=2002, text="wrong")), world.now + 17)
    assert future.result.code == 2002 and world.core.error.code == 2002
    assert world.core.deadline() == float("inf")


def test_what_waits_in_the_inbox_keeps_its_lease():
    world = World()
    world.send()
    for _ in range(3):
        world.turn(delivers=1)
    assert world.core.deadline() <= world.now + 11
    world.now += 11
    frames = world.core.take_frames(world.now)
    assert any(frame[3] == pb.SETTLE and pb.Settle.FromString(frame[4:]).ranges[0].outcome ==
               pb.EXTEND for frame in frames)


def test_a_consumer_that_is_busy_after_a_restart_is_asked_for_again():
    world = World()
    world.turn()
    world.turn()
    assert world.attachment.is_attached
    world.lose()
    world.now += 1
    world.core.opened(world.now)
    world.core.received(world.broker.receive(world.core.take_frames(world.now)[0])[0], world.now)
    handle = world.attachment.handle
    world.core.received(pack(pb.Attached(handle=handle, code=6001)), world.now)
    assert world.attachment.error is None
    world.now += 2
    world.core.tick(world.now)
    assert any(frame[3] == pb.ATTACH for frame in world.core.take_frames(world.now))


def test_an_attach_the_broker_cannot_read_is_named_by_its_handle():
    world = World()
    future, question = Future(), Future()
    request = requests.attach("nonsense", "main", "default", 0, 0, False)
    wrong = world.core.attach(request, Book(4, 1 << 20), world._on_item, future, world.now)
    world.turn()
    world.core.request(pb.Sync(request_id=wrong.handle), question, world.now)
    world.core.received(pack(pb.Error(code=3003, type=pb.ATTACH, request_id=wrong.handle)), world.now)
    assert future.result.code == 3003 and wrong.error.code == 3003
    assert world.attachment.error is None and not question.results


def test_a_taken_over_consumer_ends():
    world = World()
    world.turn()
    world.turn()
    world.core.received(pack(pb.Detach(handle=world.attachment.handle, code=5005)), world.now)
    assert world.attachment.error.code == 5005
    future = Future()
    world.attachment.confirm(future)
    assert future.result.code == 5005


def test_garbage_is_ignored():
    world = World()
    world.turn()
    for garbage in (b"", b"\xb5", b"\xb5\x0c\x01\x02\xff\xff", b"\xb5\x0c\x02\x02", b"hello there"):
        world.core.received(garbage, world.now)
    assert world.core.is_ready


def test_page_requests_survive_a_reconnect_and_are_answered_once():
    core = Core("alice")
    core.opened(1.0)
    future = Future()
    core.request(pb.Query(kind=pb.PEERS), future, 1.0)
    welcome = pack(pb.Welcome(version=1, publish_upto=10))
    core.received(welcome, 1.0)
    first = [frame for frame in core.take_frames(1.0) if frame[3] == pb.QUERY]
    core.received(pack(pb.Result(request_id=1)), 1.0)
    core.lost(1.1)
    core.opened(1.2)
    core.received(welcome, 1.2)
    assert [frame for frame in core.take_frames(1.2) if frame[3] == pb.QUERY] == first
    core.received(pack(pb.Fin(request_id=1)), 1.2)
    core.received(pack(pb.Fin(request_id=1)), 1.2)
    assert future.result[0] == []  # the part of the first answer does not count


def test_who_asked_before_a_settlement_is_not_told_of_it_and_who_asked_after_it_is():
    world = World()
    for _ in range(2):
        world.send()
    for _ in range(3):
        world.turn(delivers=2)
    world.lose()
    before, after = Future(), Future()
    world.attachment.confirm(before)
    world.settle_all()
    for _ in range(3):
        world.turn()
    world.turn(delivers=2)
    world.broker.expire_leases()
    world.turn()
    assert before.results == [None], "nothing was settled before it was asked"
    world.attachment.confirm(after)
    world.turn()
    assert after.result.code == STALE_LEASE, "neither message is settled on disk"
