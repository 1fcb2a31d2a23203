# SPDX-License-Identifier: MPL-2.0
"""The asyncio client: the same core, driven by one task in the caller's event loop.

    async with roost.aio.connect(peer="alice") as client:
        await client.send("bob", "hello")

Thread rule: everything is used in the loop it was made in. Cancelling an await is always safe: a
message being sent stays in the window, a question is forgotten.
"""
from __future__ import annotations

import asyncio
import collections
import contextlib
import time
from typing import Any, AsyncIterator, Callable, Deque, Dict, Iterable, List, Optional, Tuple

import zmq
import zmq.asyncio
from zmq.utils.monitor import parse_monitor_message

from . import requests
from .answers import Conversation, Counter, DeadLetter, Page, Peer, TraceStep, page_of
from .attachment import Attachment
from .book import Book, Held
from .core import Core
from .inbox import Received
from .keys import Key, Security
from .link import (DEFAULT_URL, FRAMES_PER_TURN, GOODBYE_LINGER_MS, IDLE_MS_MAX, WATCHED,
                   open_socket)
from .people import People
from .requests import Body
from .schema import pb
from .types import (Message, Outcome, PresenceEvent, Receipt, Role, RoostClosed, RoostError,
                    RoostTimeout, Stored, role_of)


class AsyncInbox:
    """An attached consumer: `async for received in inbox`, or receive()."""

    def __init__(self, client: "AsyncClient", keeps_receipts: bool) -> None:
        self._client, self._keeps_receipts = client, keeps_receipts
        self._queue: "asyncio.Queue[Tuple[Optional[Held], Any]]" = asyncio.Queue()
        self._receipts: Deque[Tuple[Held, List[Receipt]]] = collections.deque()
        self._receipt_ready = asyncio.Event()
        self.attachment: Attachment = None  # type: ignore[assignment]  # attach() sets it
        self.waiting_at_attach = 0

    @property
    def scope(self) -> str:
        """As Inbox.scope."""
        return self.attachment.scope

    def _on_item(self, held: Optional[Held], item: Any) -> None:
        if held is None or not isinstance(item, list):
            self._queue.put_nowait((held, item))
            return
        self.attachment.book.taken(held)
        if not self._keeps_receipts:
            self.attachment.book.settle(held, Outcome.ACK)
            return
        self._receipts.append((held, item))
        self._receipt_ready.set()

    async def receive(self, timeout: Optional[float] = None) -> Optional[Received]:
        """The next message, or None when none came within `timeout` seconds."""
        if timeout is not None and self._queue.empty():
            get = asyncio.ensure_future(self._queue.get())
            done, _ = await asyncio.wait({get}, timeout=timeout)
            if not done:
                get.cancel()
                return None
            held, item = get.result()
        else:
            held, item = await self._queue.get()
        if held is None:
            self._queue.put_nowait((None, item))
            raise item
        self.attachment.book.taken(held)
        self._client._wake()
        return Received(self, held, item)

    def __aiter__(self) -> "AsyncInbox":
        return self

    async def __anext__(self) -> Received:
        try:
            received = await self.receive()
        except RoostClosed:
            raise StopAsyncIteration from None
        assert received is not None
        return received

    async def receipts(self, timeout: float = 0) -> List[Receipt]:
        """As Inbox.receipts()."""
        if not self._receipts and timeout > 0:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._receipt_ready.wait(), timeout)
        taken = list(self._receipts)
        self._receipts.clear()
        self._receipt_ready.clear()
        for held, _ in taken:
            self._settle(held, Outcome.ACK)
        return [receipt for _, receipts in taken for receipt in receipts]

    def _settle(self, held: Held, outcome: Outcome, delay_ms: int = 0, reason: str = "") -> None:
        self.attachment.book.settle(held, outcome, delay_ms, reason)
        self._client._wake()

    async def confirm(self, timeout: float = 30) -> None:
        """As Inbox.confirm()."""
        future = self._client._future()
        self.attachment.confirm(future)
        self._client._wake()
        await self._client._wait(future, timeout, "SETTLED")

    def close(self) -> None:
        """Detaches; what was received and not settled is delivered again to whoever attaches."""
        self._client._core.detach(self.attachment, time.monotonic())
        self._client._wake()


class AsyncClient(People):
    """As Client; make it with connect(), or start() it inside a running loop."""

    def __init__(self, url: str = DEFAULT_URL, peer: str = "", *, credentials: Body = b"",
                 display_name: str = "", key: Optional[Key] = None, server_key: str = "",
                 unacknowledged_max: int = 100_000,
                 on_presence: Optional[Callable[[PresenceEvent], None]] = None,
                 on_state: Optional[Callable[[str], None]] = None,
                 observer: Optional[Callable[[str, Any], None]] = None) -> None:
        if not peer:
            raise ValueError("peer: who are you?")
        self._url = url
        self._core = Core(peer, requests.credentials(credentials), display_name)
        self._security = Security(key, server_key)
        self._core.on_presence, self._core.observer = on_presence, observer
        self._core.on_state, self._on_state = self._changed, on_state
        self._room = asyncio.Semaphore(unacknowledged_max)
        self._wake_up = asyncio.Event()
        self._settled = asyncio.Event()
        self._context = zmq.asyncio.Context.instance()
        self._socket: Any = None
        self._monitor: Any = None
        self._task: Optional["asyncio.Task[None]"] = None
        self._in_flight: "set[asyncio.Future[Stored]]" = set()

    # ------------------------------------------------------------ the task

    def start(self) -> "AsyncClient":
        """Starts the task that owns the socket; `async with` does it, too."""
        if self._task is None:
            self._reopen(time.monotonic())
            self._task = asyncio.ensure_future(self._run())
        return self

    def _wake(self) -> None:
        self._wake_up.set()

    @staticmethod
    def _future() -> "asyncio.Future[Any]":
        return asyncio.get_running_loop().create_future()

    def _changed(self, state: str) -> None:
        if state == "disconnected":
            self._settled.clear()
        else:
            self._settled.set()
        if self._on_state:
            self._on_state(state)

    async def _run(self) -> None:
        try:
            while True:
                await self._turn()
        finally:
            self._say_goodbye()

    async def _turn(self) -> None:
        now = time.monotonic()
        if self._core.wants_reconnect and now >= self._core.reconnect_at:
            self._reopen(now)
        self._wake_up.clear()
        self._core.tick(now)
        for frame in self._core.take_frames(now):
            try:
                await self._socket.send(frame, zmq.DONTWAIT)
            except zmq.Again:
                self._core.lost(now)
                break
        wait_s = max(0.0, min(self._core.deadline() - time.monotonic(), IDLE_MS_MAX / 1000))
        waits = [asyncio.ensure_future(self._socket.poll()),
                 asyncio.ensure_future(self._monitor.poll()),
                 asyncio.ensure_future(self._wake_up.wait())]
        try:
            await asyncio.wait(waits, timeout=wait_s + 0.001,
                               return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        await self._read()

    async def _read(self) -> None:
        if await self._monitor.poll(0):
            event = parse_monitor_message(await self._monitor.recv_multipart())["event"]
            if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                self._core.key_refused()
            else:  # DISCONNECTED is all else that it was asked to tell
                self._core.lost(time.monotonic())
        for _ in range(FRAMES_PER_TURN):
            try:
                frames = await self._socket.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                return
            if len(frames) == 1:
                self._core.received(frames[0], time.monotonic())

    def _reopen(self, now: float) -> None:
        self._drop()
        self._socket = open_socket(self._context, self._url, self._security)
        self._monitor = self._socket.get_monitor_socket(WATCHED)
        self._core.opened(now)

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.disable_monitor()
            self._monitor.close(0)
            self._socket.close()
            self._socket = None

    def _say_goodbye(self) -> None:
        frames = self._core.close(time.monotonic())
        if self._socket is None:
            return
        plain = zmq.Socket.shadow(self._socket.underlying)
        for frame in frames:
            with contextlib.suppress(zmq.ZMQError):
                plain.send(frame, zmq.DONTWAIT)
        self._socket.setsockopt(zmq.LINGER, GOODBYE_LINGER_MS)
        self._drop()

    @staticmethod
    async def _wait(future: "asyncio.Future[Any]", timeout: Optional[float], what: str) -> Any:
        try:
            return await asyncio.wait_for(future, timeout)
        except asyncio.TimeoutError:
            raise RoostTimeout(f"no {what} within {timeout} s") from None

    # ------------------------------------------------------------ session

    async def wait_ready(self, timeout: float = 10) -> None:
        """Returns when the broker has welcomed us; raises what it refused us with."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._settled.wait(), timeout)
        error = self._core.error or self._core.refusal
        if error is not None:
            raise error
        if not self._settled.is_set():
            raise RoostTimeout(f"no broker answered at {self._url} within {timeout} s")

    @property
    def peer(self) -> str:
        """As Client.peer."""
        welcome = self._core.welcome
        return welcome.peer.decode("utf-8", "replace") if welcome else ""

    @property
    def role(self) -> Role:
        """Of our account; NONE without one."""
        return role_of(self._core.welcome)

    @property
    def reconnects(self) -> int:
        """As Client.reconnects."""
        return self._core.reconnects

    async def close(self) -> None:
        """Says goodbye. Unacknowledged sends fail with RoostClosed: flush() first."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def __aenter__(self) -> "AsyncClient":
        return self.start()

    async def __aexit__(self, *_: Any) -> None:
        await self.close()

    # ------------------------------------------------------------ publish and consume

    async def send_async(self, to: str, body: Body, **options: Any) -> "asyncio.Future[Stored]":
        """Hands a message over (waits only for room); await the future it returns for Stored."""
        entry = requests.entry(to, body, **options)
        await self._room.acquire()
        future = self._future()
        self._in_flight.add(future)
        future.add_done_callback(self._leave_room)
        self._core.send(entry, future)
        self._wake()
        return future

    def _leave_room(self, future: "asyncio.Future[Stored]") -> None:
        self._in_flight.discard(future)
        self._room.release()

    async def send(self, to: str, body: Body, timeout: float = 30, **options: Any) -> Stored:
        """Sends and waits until it is on the broker's disk. Options as in Client.send_async()."""
        future = await self.send_async(to, body, **options)
        return await self._wait(asyncio.shield(future), timeout, "STORED")

    async def flush(self) -> None:
        """Waits until everything handed over is answered."""
        while self._in_flight:
            await asyncio.wait(set(self._in_flight))

    async def attach(self, scope: str = "", consumer: str = "main", *, window: int = 1000,
                     window_bytes: int = 16 << 20, lease_ms: int = 0, start: str = "default",
                     start_value: int = 0, must_exist: bool = False, ephemeral: bool = False,
                     receipts: str = "keep", timeout: float = 30) -> AsyncInbox:
        """As Client.attach()."""
        if not scope:
            await self.wait_ready(timeout)
            scope = f"peer:{self.peer}"
        request = requests.attach(scope, consumer, start, start_value, lease_ms, must_exist,
                                  ephemeral)
        inbox = AsyncInbox(self, keeps_receipts=receipts == "keep")
        future = self._future()
        book = Book(window, window_bytes, scope.startswith("queue:"))
        inbox.attachment = self._core.attach(request, book, inbox._on_item, future,
                                             time.monotonic())
        self._wake()
        try:
            inbox.waiting_at_attach = (await self._wait(future, timeout, "ATTACHED")).waiting
        except RoostTimeout:
            inbox.close()
            raise
        return inbox

    # ------------------------------------------------------------ ask: as Client

    async def _ask(self, message: Any, timeout: float, what: str) -> Any:
        future = self._future()
        asked = self._core.request(message, future, time.monotonic())
        self._wake()
        try:
            return await self._wait(future, timeout, what)
        finally:
            self._core.forget(asked)

    async def query(self, kind: str, field: str, timeout: float = 30, **fields: Any) -> Page[Any]:
        """As Client.query()."""
        return page_of(await self._ask(requests.query(kind, **fields), timeout, "RESULT"), field)

    async def call(self, method: str, timeout: float = 30, **fields: Any) -> Any:
        """As Client.call()."""
        return await self._ask(requests.call(method, **fields), timeout, "REPLY")

    @staticmethod
    async def _then(answer: Any, read: Callable[[Any], Any]) -> Any:
        return read(await answer)

    async def history(self, peer: Optional[str] = None, scope: Optional[str] = None, *,
                      limit: int = 50, offset: int = 0, after_seq: int = 0, before_seq: int = 0,
                      from_ms: int = 0, to_ms: int = 0, newest_first: bool = False,
                      timeout: float = 30) -> Page[Message]:
        """As Client.history()."""
        query = requests.history(peer, scope, limit, offset, after_seq, before_seq, from_ms, to_ms,
                                 newest_first)
        return page_of(await self._ask(query, timeout, "RESULT"), "messages")

    async def messages(self, message_ids: Iterable[bytes], timeout: float = 30) -> Page[Message]:
        """As Client.messages()."""
        return await self.query("BY_ID", "messages", timeout, message_ids=requests.ids(message_ids))

    async def sync(self, after_seq: int = 0, limit: int = 500,
                   timeout: float = 30) -> Page[Message]:
        """As Client.sync()."""
        sync = pb.Sync(after_seq=after_seq, limit=limit)
        return page_of(await self._ask(sync, timeout, "RESULT"), "messages")

    async def unread(self, peer: Optional[str] = None, scope: Optional[str] = None,
                     timeout: float = 30) -> int:
        """As Client.unread()."""
        page = await self.query("UNREAD", "unread", timeout, **requests.where(peer, scope))
        return sum(count.unread for count in page.items)

    async def conversations(self, limit: int = 50, timeout: float = 30) -> Page[Conversation]:
        """As Client.conversations()."""
        return await self.query("CONVERSATIONS", "unread", timeout, limit=limit)

    async def peers(self, online_only: bool = False, limit: int = 500, after_name: str = "",
                    timeout: float = 30, *, name: str = "", address: str = "",
                    offset: int = 0) -> Page[Peer]:
        """All, those online, the one of that name, or those seen at an IP address.

        Further pages: after_name = page.next_name; by address: offset."""
        return await self.query("PEERS", "peers", timeout, online_only=online_only, limit=limit,
                                after_name=after_name, peer=name, address=address,
                                offset=offset)

    async def peer_stats(self, timeout: float = 30) -> Dict[str, int]:
        """How many peers are: total, online, offline, verified, unverified, lan."""
        page: Page[Counter] = await self.query("PEER_STATS", "counters", timeout)
        return {counter.name: counter.value for counter in page.items}

    async def warm_start(self, timeout: float = 30) -> Dict[str, int]:
        """How the search for known peers of the local network goes on: run, running, known, asked,
        answered, waiting, hit_rate_ppm."""
        page: Page[Counter] = await self.query("WARM_START", "counters", timeout)
        return {counter.name: counter.value for counter in page.items}

    async def warm_start_again(self, timeout: float = 30) -> int:
        """Looks for them now, or joins the search that is under way; gives its number
        (administrators)."""
        return (await self.call("WARM_START_AGAIN", timeout)).seq

    async def remove_peer(self, name: str, timeout: float = 30) -> None:
        """Forgets a peer that is offline and has no messages (administrators)."""
        await self.call("PEER_REMOVE", timeout, peer=name)

    async def dead_letters(self, scope: str, consumer: str = "main", limit: int = 50,
                           timeout: float = 30) -> Page[DeadLetter]:
        """As Client.dead_letters()."""
        return await self.query("DEAD_LETTERS", "dead", timeout, scope=requests.scope_name(scope),
                                consumer=consumer, limit=limit)

    async def trace(self, message_id: bytes, timeout: float = 30) -> Page[TraceStep]:
        """As Client.trace()."""
        return await self.query("TRACE", "steps", timeout, message_ids=message_id)

    async def stats(self, timeout: float = 30) -> Page[Counter]:
        """As Client.stats()."""
        return await self.query("STATS", "counters", timeout)

    async def mark_read(self, peer: Optional[str] = None, scope: Optional[str] = None, *, seq: int,
                        timeout: float = 30) -> None:
        """As Client.mark_read()."""
        await self.call("MARK_READ", timeout, seq=seq, **requests.where(peer, scope))

    async def cancel(self, message_ids: Iterable[bytes], timeout: float = 30) -> int:
        """As Client.cancel()."""
        reply = await self.call("CANCEL", timeout, message_ids=requests.ids(message_ids))
        return reply.count

    async def subscribe_presence(self, is_wanted: bool = True, timeout: float = 30) -> None:
        """As Client.subscribe_presence()."""
        await self._ask(pb.Presence(subscribe=is_wanted), timeout, "FIN")


@contextlib.asynccontextmanager
async def connect(url: str = DEFAULT_URL, peer: str = "", timeout: float = 10,
                  **options: Any) -> AsyncIterator[AsyncClient]:
    """An AsyncClient that the broker has welcomed; closed at the end of the block."""
    async with AsyncClient(url, peer, **options) as client:
        await client.wait_ready(timeout)
        yield client


__all__ = ["AsyncClient", "AsyncInbox", "connect", "RoostError"]
