# SPDX-License-Identifier: MPL-2.0
"""The publish window: what was handed over for sending and is not yet answered.

Pure bookkeeping, no I/O. Promises: entries go out in the order they came; nothing leaves the
window before the broker answered its number; after a new session everything unanswered goes out
again in order, with the same message ids (the broker recognises what it has). Every entry is
answered exactly once.
"""
from __future__ import annotations

import collections
from typing import Any, Callable, Deque, List, Optional, Tuple

from .schema import pb
from .types import DUPLICATE, TOO_LARGE, RoostError, Stored

ENTRIES_PER_FRAME = 500
BYTES_PER_FRAME = 512 * 1024
RETRY_AFTER_MIN_S = 0.01


class Window:
    def __init__(self) -> None:
        self._pending: Deque[Tuple[Any, Any]] = collections.deque()  # (Entry, future)
        self._base_no = 1        # number of _pending[0] in this session
        self._sent = 0           # how many of _pending are on their way
        self._sent_bytes = 0
        self._upto = 0           # highest number that may be sent
        self._bytes_max = 0
        self._entries_max = ENTRIES_PER_FRAME
        self._frame_bytes_max = BYTES_PER_FRAME
        self._body_bytes_max = 0
        self._retry_at: Optional[float] = None

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, entry: Any, future: Any) -> None:
        self._pending.append((entry, future))

    def new_session(self, publish_upto: int, limits: Any) -> None:
        """Numbers start at 1 again; everything unanswered is to be sent again."""
        self._base_no, self._sent, self._sent_bytes = 1, 0, 0
        self._upto, self._bytes_max, self._retry_at = publish_upto, limits.publish_bytes, None
        self._entries_max = min(ENTRIES_PER_FRAME, limits.entries_max or ENTRIES_PER_FRAME)
        self._frame_bytes_max = min(BYTES_PER_FRAME, (limits.frame_bytes_max or 1 << 30) // 2)
        self._body_bytes_max = limits.body_bytes_max

    def retry_at(self) -> Optional[float]:
        return self._retry_at

    def take_frames(self, now: float) -> Tuple[List[Any], List[Tuple[Any, RoostError]]]:
        """The SEND messages that may go out now, and (future, error) of entries that are too
        large for this broker and got no number."""
        if self._retry_at is not None:
            if now < self._retry_at:
                return [], []
            self._retry_at = None
        frames: List[Any] = []
        refused = self._refuse_large()
        while self._may_send_next():
            frames.append(self._build_frame())
            refused += self._refuse_large()
        return frames, refused

    def _refuse_large(self) -> List[Tuple[Any, RoostError]]:
        """The broker would close the connection over a frame that is too large: say it here."""
        refused: List[Tuple[Any, RoostError]] = []
        while self._body_bytes_max and self._sent < len(self._pending):
            entry, future = self._pending[self._sent]
            if len(entry.body) <= self._body_bytes_max:
                break
            del self._pending[self._sent]
            text = f"the body has {len(entry.body)} bytes, the broker takes {self._body_bytes_max}"
            refused.append((future, RoostError(TOO_LARGE, text)))
        return refused

    def _may_send_next(self) -> bool:
        if self._sent >= len(self._pending) or self._base_no + self._sent > self._upto:
            return False
        size = len(self._pending[self._sent][0].body)
        if self._body_bytes_max and size > self._body_bytes_max:
            return False
        return not self._bytes_max or not self._sent or self._sent_bytes + size <= self._bytes_max

    def _build_frame(self) -> Any:
        send = pb.Send(first_no=self._base_no + self._sent)
        frame_bytes = 0
        scope = b""
        while self._may_send_next() and len(send.entries) < self._entries_max:
            entry = self._pending[self._sent][0]
            entry_bytes = entry.ByteSize() + 8
            if frame_bytes and frame_bytes + entry_bytes > self._frame_bytes_max:
                break
            slot = send.entries.add()
            slot.CopyFrom(entry)
            if entry.scope == scope:
                slot.scope = b""
            scope = entry.scope
            frame_bytes += entry_bytes
            self._sent += 1
            self._sent_bytes += len(entry.body)
        return send

    def answered(self, stored: Any, now: float) -> List[Tuple[Any, Any]]:
        """Takes a STORED; gives (future, Stored or RoostError) of all numbers it answers."""
        results = {}
        for run in stored.runs:
            for i in range(run.count):
                results[run.first_no + i] = (run.first_seq + i, 0, "")
        for exception in stored.exceptions:
            results[exception.no] = (exception.seq, exception.code, exception.text)
        done = []
        while self._sent and self._base_no <= stored.upto_no:
            entry, future = self._pending.popleft()
            done.append((future, self._result(entry, results.get(self._base_no))))
            self._base_no += 1
            self._sent -= 1
            self._sent_bytes -= len(entry.body)
        self._upto = max(self._upto, stored.publish_upto)
        if stored.retry_code:
            self._go_back(stored.retry_after_ms, now)
        return done

    def _go_back(self, retry_after_ms: int, now: float) -> None:
        """Everything above upto_no was refused for now: send it again, in order, a little later.

        Answers of the broker that still refer to what was sent before come in the meantime; each
        moves the time, none is counted twice.
        """
        self._sent = self._sent_bytes = 0
        self._retry_at = now + max(retry_after_ms / 1000, RETRY_AFTER_MIN_S)

    @staticmethod
    def _result(entry: Any, answer: Optional[Tuple[int, int, str]]) -> Any:
        seq, code, text = answer or (0, 0, "")
        if code and code != DUPLICATE:
            return RoostError(code, text)
        return Stored(entry.message_id, seq, code == DUPLICATE)

    def fail_all(self, error: Exception, settle: Callable[[Any, Any], None]) -> None:
        while self._pending:
            settle(self._pending.popleft()[1], error)
        self._sent = self._sent_bytes = 0
