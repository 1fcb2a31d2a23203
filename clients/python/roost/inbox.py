# SPDX-License-Identifier: MPL-2.0
"""What a synchronous consumer sees: an Inbox gives Received messages, which are settled one by one.

Thread rule: any thread. The book is touched on the client's background thread only.
"""
from __future__ import annotations

import collections
import queue
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Deque, Iterator, List, Optional, Tuple

from .attachment import Attachment
from .book import DELAY_MS_MAX, Held
from .types import Message, Outcome, Receipt, RoostClosed, RoostError

if TYPE_CHECKING:
    from .client import Client


class Received:
    """A message in the hand of the application; its fields are those of Message. Settle it with
    exactly one of ack(), release(), fail() and reject(); extend() asks for more time."""

    __slots__ = ("_inbox", "_held", "message")

    def __init__(self, inbox: Any, held: Held, message: Message) -> None:
        self._inbox, self._held, self.message = inbox, held, message

    def __getattr__(self, name: str) -> Any:
        return getattr(self.message, name)

    def __repr__(self) -> str:
        return f"Received({self.message!r})"

    def ack(self) -> None:
        """Done."""
        self._inbox._settle(self._held, Outcome.ACK)

    def release(self, delay_ms: int = 0) -> None:
        """Not now: it comes again, without counting as a failed attempt."""
        self._inbox._settle(self._held, Outcome.RELEASE, delay_ms)

    def fail(self, reason: str = "", delay_ms: int = 0) -> None:
        """Failed: it comes again by the broker's schedule, or after delay_ms."""
        self._inbox._settle(self._held, Outcome.FAIL, delay_ms, reason)

    def reject(self, reason: str = "") -> None:
        """Never again: it becomes a dead letter."""
        self._inbox._settle(self._held, Outcome.REJECT, 0, reason)

    def extend(self) -> None:
        """Still working on it: the lease starts anew."""
        self._inbox._settle(self._held, Outcome.EXTEND)


class Inbox:
    """An attached consumer. Iterate over it, or call receive()."""

    def __init__(self, client: "Client", keeps_receipts: bool) -> None:
        self._client, self._keeps_receipts = client, keeps_receipts
        self._queue: "queue.SimpleQueue[Tuple[Optional[Held], Any]]" = queue.SimpleQueue()
        self._arrival, self._waiting = threading.Condition(), 0
        self._receipts: Deque[Tuple[Held, List[Receipt]]] = collections.deque()
        self._receipt_ready = threading.Condition()
        self.attachment: Attachment = None  # type: ignore[assignment]  # attach() sets it
        self.waiting_at_attach = 0

    @property
    def scope(self) -> str:
        """What it is attached to, as the broker spells it."""
        return self.attachment.scope

    def _on_item(self, held: Optional[Held], item: Any) -> None:
        if held is None or not isinstance(item, list):
            self._queue.put((held, item))
            if self._waiting:
                with self._arrival:
                    self._arrival.notify_all()
            return
        self.attachment.book.taken(held)
        if not self._keeps_receipts:
            self.attachment.book.settle(held, Outcome.ACK)
            return
        with self._receipt_ready:
            self._receipts.append((held, item))
            self._receipt_ready.notify_all()

    def _take(self, timeout: Optional[float]) -> Tuple[Optional[Held], Any]:
        """The next item; queue.Empty: none in time. SimpleQueue.get(timeout) is not asked: when a
        signal comes just as the time is over, it waits for ever (CPython up to 3.12)."""
        if timeout is None:
            return self._queue.get()
        end = time.monotonic() + timeout
        while True:
            try:
                return self._queue.get_nowait()
            except queue.Empty:
                left = end - time.monotonic()
                if left <= 0:
                    raise
            with self._arrival:
                self._waiting += 1
                try:
                    if self._queue.empty():
                        self._arrival.wait(left)
                finally:
                    self._waiting -= 1

    def receive(self, timeout: Optional[float] = None) -> Optional[Received]:
        """The next message, or None when none came within `timeout` seconds (None: wait for
        ever). Raises RoostError when the consumer was taken over or the client closed."""
        try:
            held, item = self._take(timeout)
        except queue.Empty:
            return None
        if held is None:
            self._queue.put((None, item))  # stays an error for every later call
            raise item
        self._client._call(lambda now: self.attachment.book.taken(held))
        return Received(self, held, item)

    def __iter__(self) -> Iterator[Received]:
        """Messages as they come, until the inbox or its client is closed."""
        while True:
            try:
                received = self.receive()
            except RoostClosed:
                return
            if received is not None:
                yield received

    def receipts(self, timeout: float = 0) -> List[Receipt]:
        """Receipts that came since the last call, settled by this call; waits up to `timeout`
        seconds for the first."""
        with self._receipt_ready:
            self._receipt_ready.wait_for(lambda: bool(self._receipts), timeout)
            taken = list(self._receipts)
            self._receipts.clear()
        for held, _ in taken:
            self._settle(held, Outcome.ACK)
        return [receipt for _, receipts in taken for receipt in receipts]

    def _settle(self, held: Held, outcome: Outcome, delay_ms: int = 0, reason: str = "") -> None:
        if not 0 <= delay_ms <= DELAY_MS_MAX:
            raise ValueError(f"delay_ms must be 0 to {DELAY_MS_MAX}")
        self._client._call(lambda now: self.attachment.book.settle(held, outcome, delay_ms, reason))

    def confirm(self, timeout: float = 30) -> None:
        """Returns when every settlement made before is on the broker's disk, also over lost
        connections. RoostError STALE_LEASE: a lease had run out before, and the message comes again
        (at a mailbox the library then settles it again). At a queue, RoostError NO_SESSION: the
        connection was lost meanwhile, and what was not on disk by then goes to any worker."""
        future: "Future[None]" = Future()
        self._client._call(lambda now: self.attachment.confirm(future))
        self._client._wait(future, timeout, "SETTLED")

    def close(self) -> None:
        """Detaches; what was received and not settled is delivered again to whoever attaches."""
        try:
            self._client._call(lambda now: self._client._core.detach(self.attachment, now))
        except RoostError:
            pass  # the client is closed: nothing is attached any more

    def __enter__(self) -> "Inbox":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
