# SPDX-License-Identifier: MPL-2.0
"""One attached consumer: its ATTACH, credit, settlements and confirmations. No I/O.

Owns what belongs to one handle; core.py owns the session around it and calls
    begin()      at each WELCOME: attach again
    flush()      before sending: settlements, then credit
    on_...()     for what comes in
Promises: after a lost connection the consumer is attached again; a confirmation is given only for
what the broker has said SETTLED for.
"""
from __future__ import annotations

import collections
from typing import Any, Callable, Deque, List, Optional, Set, Tuple

from .book import Book
from .schema import pb
from .types import NO_SESSION, STALE_LEASE, RoostError, settle_future

RANGES_PER_FRAME = 500
ATTACH_AGAIN_S = 1.0
FOREVER = 1 << 63


class Attachment:
    """A consumer, in whatever session there is."""

    def __init__(self, request: Any, book: Book, on_item: Callable[[Any, Any], None],
                 future: Any) -> None:
        self.handle: int = request.handle
        self.request, self.book, self.on_item, self.future = request, book, on_item, future
        self.scope: str = request.scope.decode("utf-8", "replace")
        self.error: Optional[RoostError] = None
        self.is_attached = False
        self.was_attached = False
        self.attach_at: Optional[float] = None   # when to ask again after a refusal that may pass
        self.extend_at: Optional[float] = None
        self.lease_s = 30.0
        # Those who wait for a confirmation: (future, decisions made before it was asked for); for
        # the next SETTLE, and with the confirm id of one that was sent.
        self._waiting: Deque[Tuple[Any, int]] = collections.deque()
        self._asked: Deque[Tuple[int, Any, int]] = collections.deque()
        self._next_confirm_id = 1
        self._stale: Set[int] = set()            # told since the last confirmation

    # ------------------------------------------------------------ session

    def begin(self) -> Any:
        """The ATTACH to send in a new session, or again after BUSY."""
        self.is_attached, self.attach_at, self.extend_at = False, None, None
        self.request.credit_messages, self.request.credit_bytes = self.book.new_session()
        self._stale.clear()
        if self.book.is_shared:  # what was not on disk may be with another worker by now
            self._fail_asked(RoostError(NO_SESSION, "the connection was lost before SETTLED came"))
        while self._asked:       # else it comes again, is settled again, and then confirmed
            self._waiting.append(self._asked.popleft()[1:])
        return self.request

    def on_attached(self, attached: Any, now: float) -> None:
        """The broker has attached it."""
        self.is_attached = self.was_attached = True
        self.scope = attached.scope.decode("utf-8", "replace") or self.scope
        nothing_waits = attached.waiting == 0
        self.book.accounted_before(FOREVER if nothing_waits else attached.floor_seq + 1)
        self.lease_s = (attached.lease_ms or 30000) / 1000
        self.extend_at = now + self.lease_s / 3
        settle_future(self.future, attached)

    def end(self, error: RoostError) -> None:
        """It is over: everything open fails with this error."""
        if self.error is not None:
            return
        self.error, self.is_attached = error, False
        settle_future(self.future, error)
        self._fail_asked(error)
        while self._waiting:
            settle_future(self._waiting.popleft()[0], error)
        self.on_item(None, error)

    def _fail_asked(self, error: RoostError) -> None:
        while self._asked:
            settle_future(self._asked.popleft()[1], error)

    # ------------------------------------------------------------ what to send

    def deadline(self) -> float:
        """When flush() has something to do at the latest."""
        times = [time for time in (self.attach_at, self.extend_at) if time is not None]
        return min(times, default=float("inf"))

    def confirm(self, future: Any) -> None:
        """The future completes when all settlements made so far are on the broker's disk."""
        if self.error is not None:
            settle_future(future, self.error)
        elif self.book.is_shared and self.book.is_in_doubt():
            self.book.forget_doubt()
            settle_future(future, RoostError(NO_SESSION, "the connection was lost before SETTLED "
                          "came; what was not on disk goes to any worker"))
        else:
            self._waiting.append((future, self.book.decisions))

    def _take_waiting(self, confirm_id: int) -> None:
        """Those who wait for a confirmation get that of `confirm_id`, once nothing is in doubt."""
        while self._waiting and not self.book.is_in_doubt():
            self._asked.append((confirm_id, *self._waiting.popleft()))

    def flush(self, now: float) -> List[Any]:
        """SETTLE and CREDIT messages that may go out now."""
        if self.extend_at is not None and now >= self.extend_at:
            self.book.extend_waiting()
            self.extend_at = now + self.lease_s / 3
        frames: List[Any] = []
        if self.book.has_settles():
            frames += self._settle_frames()
        elif self._waiting and self.book.is_everything_confirmed():
            self._take_waiting(0)
            self._complete(0)
        else:
            self._take_waiting(self._next_confirm_id - 1)
        credit = self.book.take_credit()
        if credit is not None:
            frames.append(pb.Credit(handle=self.handle, messages_total=credit[0],
                                    bytes_total=credit[1]))
        return frames

    def _settle_frames(self) -> List[Any]:
        """Each batch asks for its confirmation, so the book knows what is settled on disk."""
        ranges = self.book.take_ranges(self._next_confirm_id)
        self._take_waiting(self._next_confirm_id)
        pieces = [ranges[i:i + RANGES_PER_FRAME] for i in range(0, len(ranges), RANGES_PER_FRAME)]
        frames = [pb.Settle(handle=self.handle, ranges=piece) for piece in pieces]
        frames[-1].confirm_id = self._next_confirm_id
        self._next_confirm_id += 1
        return frames

    # ------------------------------------------------------------ what comes in

    def on_settled(self, settled: Any) -> List[Tuple[bytes, bytes]]:
        """Gives (sender, message id) of what is settled on disk now."""
        self._stale.update(exception.delivery_no for exception in settled.exceptions)
        if not settled.confirm_id:
            return []
        keys = self.book.confirmed(settled.confirm_id, self._stale)
        self._stale.clear()
        self._complete(settled.confirm_id)
        return keys

    def _complete(self, confirm_id: int) -> None:
        """Each is told of what was settled too late before it asked; of what came later, others
        are."""
        told = 0
        while self._asked and self._asked[0][0] <= confirm_id:
            _, future, decision = self._asked.popleft()
            count, told = self.book.count_stale(decision), max(told, decision)
            error = RoostError(STALE_LEASE, f"the leases of {count} messages had run out before "
                               "they were settled; they come again")
            settle_future(future, error if count else None)
        self.book.forget_stale(told)
