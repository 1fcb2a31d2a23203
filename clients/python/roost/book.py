# SPDX-License-Identifier: MPL-2.0
"""The delivery book of one attachment: what came in, what the application has, what to settle.

Pure bookkeeping, no I/O. Promises: the application is shown each message once while this book
lives, however often the broker delivers it; a settlement the application made is repeated for a
redelivery it did not ask for; consecutive settlements leave as one range. What it knows to be
settled on the broker's disk it says by name (`confirmed`).

A message is shown again only where that was asked for: after release(), after fail(), and after
reject() once the broker has confirmed it (somebody redrove the dead letter).
"""
from __future__ import annotations

import collections
from typing import Any, Deque, Dict, List, Optional, Set, Tuple

from .schema import pb
from .types import Outcome

REMEMBERED = 65536  # settled messages whose redelivery is recognised
REASON_BYTES_MAX = 255
DELAY_MS_MAX = 30 * 86400 * 1000

Key = Tuple[bytes, bytes]          # sender, message id
Verdict = Tuple[int, int, str]     # outcome, delay_ms, reason
FINAL = (Outcome.ACK, Outcome.REJECT)


def _cut(reason: str) -> str:
    """As much of it as the protocol takes."""
    return reason.replace("\0", " ").encode()[:REASON_BYTES_MAX].decode("utf-8", "ignore")


class Held:
    """A message the application has or is about to get."""

    __slots__ = ("key", "seq", "delivery_no", "size", "verdict", "is_taken", "has_credit",
                 "decision")

    def __init__(self, key: Key, seq: int, delivery_no: int, size: int) -> None:
        self.key, self.seq, self.delivery_no, self.size = key, seq, delivery_no, size
        self.verdict: Optional[Verdict] = None  # settled while no lease was known
        self.is_taken = False                   # the application has it
        self.has_credit = True                  # it uses credit of this session
        self.decision = 0                       # which of the application's it was settled by


class Book:
    """`is_shared`: others take from the same queue; what does not come again may be with them."""

    def __init__(self, window: int, window_bytes: int, is_shared: bool = False) -> None:
        if window < 1 or window_bytes < 1:
            raise ValueError("a window must be at least 1")
        self.window, self.window_bytes, self.is_shared = window, window_bytes, is_shared
        self._held: Dict[Key, Held] = {}
        self._settled: "collections.OrderedDict[Key, Tuple[Verdict, int]]" = (
            collections.OrderedDict())              # with the decision
        self._settles: Deque[Tuple[int, Held, Verdict]] = collections.deque()  # not yet sent
        self._unconfirmed: Deque[Tuple[int, Held, int]] = collections.deque()  # with its outcome
        self._confirmed_count = 0                   # how many have left _unconfirmed
        self._confirms: Deque[Tuple[int, int]] = collections.deque()  # id, count it confirms
        self._doubtful: Dict[Key, int] = {}         # settled in a lost session, unconfirmed -> seq
        self._homeless: Set[Key] = set()            # settled since, waiting to be delivered again
        self._stale: Dict[Key, int] = {}            # settled too late by this decision; not yet
                                                    # come again, not told
        self.decisions = 0                          # how many the application has made
        self._granted = self._granted_bytes = 0
        self._freed = self._freed_bytes = 0

    # ------------------------------------------------------------ coming in

    def new_session(self) -> Tuple[int, int]:
        """Delivery numbers start again. Gives the credit totals for ATTACH."""
        for _, held, _ in self._unconfirmed:
            self._doubtful[held.key] = held.seq
        for _, held, verdict in self._settles:
            if verdict[0] != Outcome.EXTEND:
                self._doubtful[held.key] = held.seq
        for held in self._held.values():
            held.delivery_no, held.has_credit = 0, False
        self._settles.clear()
        self._unconfirmed.clear()
        self._confirms.clear()
        self._confirmed_count = 0
        self._freed = self._freed_bytes = 0
        self._granted, self._granted_bytes = self.window, self.window_bytes
        return self._granted, self._granted_bytes

    def arrived(self, delivery_no: int, seq: int, sender: bytes, message_id: bytes,
                size: int) -> Optional[Held]:
        """A delivery came in. Gives what to show to the application, or None when it knows it."""
        key = (sender, message_id)
        if self._doubtful or self._homeless:
            self._resolve(key, seq)
        self._stale.pop(key, None)
        settled = self._settled.get(key)
        if settled is not None:
            again = Held(key, seq, delivery_no, size)
            again.decision = settled[1]
            self._settles.append((delivery_no, again, settled[0]))
            self._free(size)
            return None
        held = self._held.get(key)
        if held is None:
            held = self._held[key] = Held(key, seq, delivery_no, size)
            return held
        if held.has_credit:  # delivered twice in one session: the first credit is free again
            self._free(held.size)
        held.delivery_no, held.has_credit = delivery_no, True
        if held.is_taken:
            self._free_held(held)
        if held.verdict is not None:
            self._homeless.discard(key)
            self._apply(held, held.verdict)
        return None

    def _resolve(self, key: Key, seq: int) -> None:
        """Deliveries come in order: what lies before this one and was in doubt is on disk, or it
        would have come again. This one is in doubt no longer: it is about to be settled again."""
        self._doubtful.pop(key, None)
        if not self.is_shared:
            self.accounted_before(seq)

    def accounted_before(self, seq: int) -> None:
        """What was settled below `seq` will not come again: it is on the broker's disk, or gone."""
        if self._doubtful:
            self._doubtful = {key: at for key, at in self._doubtful.items() if at >= seq}
        for key in [key for key in self._homeless if self._held[key].seq < seq]:
            self._homeless.discard(key)
            held = self._held.pop(key)
            self._remember(held, held.verdict)

    def taken(self, held: Held) -> None:
        """The application took it: its place in the window is free again."""
        held.is_taken = True
        self._free_held(held)

    # ------------------------------------------------------------ settling

    def settle(self, held: Held, outcome: Outcome, delay_ms: int = 0, reason: str = "") -> None:
        """The application decided. Only the first decision counts; EXTEND is none."""
        if not 0 <= delay_ms <= DELAY_MS_MAX:
            raise ValueError(f"delay_ms must be 0 to {DELAY_MS_MAX}")
        verdict = (int(outcome), delay_ms, _cut(reason))
        if self._held.get(held.key) is not held or held.verdict is not None:
            return
        if outcome == Outcome.EXTEND:
            if held.delivery_no:
                self._settles.append((held.delivery_no, held, verdict))
            return
        self.decisions += 1
        held.decision = self.decisions
        if held.delivery_no:
            self._apply(held, verdict)
        else:
            held.verdict = verdict
            self._homeless.add(held.key)

    def extend_waiting(self) -> None:
        """Keeps the leases of what the application has not taken yet."""
        for held in self._held.values():
            if not held.is_taken and held.delivery_no:
                self._settles.append((held.delivery_no, held, (int(Outcome.EXTEND), 0, "")))

    def _apply(self, held: Held, verdict: Verdict) -> None:
        self._free_held(held)
        self._settles.append((held.delivery_no, held, verdict))
        self._held.pop(held.key, None)
        self._remember(held, verdict)

    def _remember(self, held: Held, verdict: Optional[Verdict]) -> None:
        if verdict is not None and verdict[0] in FINAL:
            self._settled[held.key] = (verdict, held.decision)
            if len(self._settled) > REMEMBERED:
                self._settled.popitem(last=False)

    def has_settles(self) -> bool:
        """Whether something settled is not sent yet."""
        return bool(self._settles)

    def is_everything_confirmed(self) -> bool:
        """Whether nothing settled is unsent or unconfirmed."""
        return not self._settles and not self._unconfirmed

    def is_in_doubt(self) -> bool:
        """A session was lost before all settlements in it were confirmed, and it is not yet known
        whether they are on disk; or something settled since waits to be delivered again."""
        return bool(self._doubtful or self._homeless)

    def count_stale(self, decision: int) -> int:
        """How many settlements up to this decision came too late and are neither repaired nor
        told."""
        return sum(made <= decision for made in self._stale.values())

    def forget_stale(self, decision: int) -> None:
        """Those up to this decision were told."""
        self._stale = {key: made for key, made in self._stale.items() if made > decision}

    def forget_doubt(self) -> None:
        """What was in doubt was told."""
        self._doubtful.clear()

    def take_ranges(self, confirm_id: int) -> List[Any]:
        """SettleRange messages for everything settled since, neighbours merged; `confirm_id` will
        confirm them and all taken before."""
        newest: Dict[int, Tuple[Held, Verdict]] = {}
        for delivery_no, held, verdict in self._settles:
            if delivery_no not in newest or newest[delivery_no][1][0] == Outcome.EXTEND:
                newest[delivery_no] = (held, verdict)
        ranges: List[Any] = []
        for delivery_no in sorted(newest):
            held, verdict = newest[delivery_no]
            if verdict[0] != Outcome.EXTEND:
                self._unconfirmed.append((delivery_no, held, verdict[0]))
            last = ranges[-1] if ranges else None
            if (
                last is not None
                and last.last_delivery_no + 1 == delivery_no
                and (last.outcome, last.delay_ms, last.reason) == verdict
            ):
                last.last_delivery_no = delivery_no
            else:
                outcome, delay_ms, reason = verdict
                ranges.append(pb.SettleRange(
                    first_delivery_no=delivery_no, last_delivery_no=delivery_no, outcome=outcome,
                    delay_ms=delay_ms, reason=reason))
        self._settles.clear()
        self._confirms.append((confirm_id, self._confirmed_count + len(self._unconfirmed)))
        return ranges

    def confirmed(self, confirm_id: int, stale: Set[int]) -> List[Key]:
        """SETTLED came: the keys of the messages that are settled on the broker's disk now. Those
        in `stale` are not among them: their lease had gone to somebody else."""
        keys: List[Key] = []
        while self._confirms and self._confirms[0][0] <= confirm_id:
            count = self._confirms.popleft()[1]
            while self._unconfirmed and self._confirmed_count < count:
                delivery_no, held, outcome = self._unconfirmed.popleft()
                self._confirmed_count += 1
                if outcome in FINAL and delivery_no in stale:
                    self._stale[held.key] = held.decision
                elif outcome in FINAL:
                    keys.append(held.key)
                if outcome == Outcome.REJECT:
                    self._settled.pop(held.key, None)
        return keys

    # ------------------------------------------------------------ credit

    def _free_held(self, held: Held) -> None:
        if held.has_credit:
            held.has_credit = False
            self._free(held.size)

    def _free(self, size: int) -> None:
        self._freed += 1
        self._freed_bytes += size

    def take_credit(self) -> Optional[Tuple[int, int]]:
        """New absolute totals when a third of the window is free again, else None."""
        total, total_bytes = self.window + self._freed, self.window_bytes + self._freed_bytes
        if (
            3 * (total - self._granted) < self.window
            and 3 * (total_bytes - self._granted_bytes) < self.window_bytes
        ):
            return None
        self._granted, self._granted_bytes = total, total_bytes
        return total, total_bytes
