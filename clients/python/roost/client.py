# SPDX-License-Identifier: MPL-2.0
"""The synchronous client: one background thread owns the socket, the application calls methods.

Thread rule: a Client and its Inboxes may be used from any thread, not over a fork. Callbacks
(on_presence, on_state, observer) run on the background thread and must not block.
"""
from __future__ import annotations

import collections
import concurrent.futures
import threading
from concurrent.futures import Future
from typing import Any, Callable, Deque, Dict, Iterable, Optional

from . import requests
from .answers import Conversation, Counter, DeadLetter, Page, Peer, TraceStep, page_of
from .book import Book
from .core import Core
from .inbox import Inbox, Received
from .keys import Key, Security
from .link import DEFAULT_URL, Link, Waker
from .people import People
from .requests import Body
from .schema import pb
from .types import (Message, PresenceEvent, Role, RoostClosed, RoostError, RoostTimeout, Stored,
                    role_of, settle_future)


class Client(People):
    """A session with the broker that outlives connections and broker restarts.

    Sends that are not acknowledged yet are kept and sent again after a reconnect, in order, with
    the same message ids: the broker stores each once.
    """

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
        self._core.on_presence, self._core.observer = on_presence, observer
        self._core.on_state = self._changed
        self._on_state = on_state
        self._unacknowledged_max = unacknowledged_max
        self._commands: Deque[Callable[[float], None]] = collections.deque()
        self._settled = threading.Event()      # welcomed, or refused for good
        self._room = threading.Condition()
        self._in_flight = 0
        self._is_closing = False
        self._waker = Waker()
        try:
            self._link = Link(url, self._core, self._waker, Security(key, server_key))
        except (OSError, ValueError):
            self._waker.close()
            raise
        self._thread = threading.Thread(target=self._run, name="roost-client", daemon=True)
        self._thread.start()

    # ------------------------------------------------------------ the background thread

    def _call(self, command: Callable[[float], None]) -> None:
        """Has the background thread do it before it sends next."""
        if self._is_closing:
            raise RoostClosed()
        self._commands.append(command)
        self._waker.wake()

    def _run(self) -> None:
        link = self._link
        while not self._is_closing:
            link.turn(self._do_commands)
        self._do_commands(link.now())
        link.close()
        self._waker.close()

    def _do_commands(self, now: float) -> None:
        while self._commands:
            self._commands.popleft()(now)

    def _changed(self, state: str) -> None:
        if state == "disconnected":
            self._settled.clear()
        else:
            self._settled.set()
        if self._on_state:
            self._on_state(state)

    @staticmethod
    def _wait(future: "Future[Any]", timeout: Optional[float], what: str) -> Any:
        try:
            return future.result(timeout)
        except concurrent.futures.TimeoutError:
            raise RoostTimeout(f"no {what} within {timeout} s") from None

    # ------------------------------------------------------------ session

    def wait_ready(self, timeout: float = 10) -> None:
        """Returns when the broker has welcomed us; raises what it refused us with."""
        is_settled = self._settled.wait(timeout)
        error = self._core.error or self._core.refusal
        if error is not None:
            raise error
        if not is_settled:
            raise RoostTimeout(f"no broker answered at {self._url} within {timeout} s")

    @property
    def peer(self) -> str:
        """Our name as the broker spells it; empty before the first welcome."""
        welcome = self._core.welcome
        return welcome.peer.decode("utf-8", "replace") if welcome else ""

    @property
    def boot_id(self) -> bytes:
        """Which start of the broker welcomed us last."""
        welcome = self._core.welcome
        return welcome.boot_id if welcome else b""

    @property
    def role(self) -> Role:
        """Of our account; NONE without one."""
        return role_of(self._core.welcome)

    @property
    def reconnects(self) -> int:
        """How often the connection was lost."""
        return self._core.reconnects

    def close(self) -> None:
        """Says goodbye. Unacknowledged sends fail with RoostClosed: flush() first."""
        if not self._is_closing:
            self._is_closing = True
            self._waker.wake()
            self._thread.join()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    # ------------------------------------------------------------ publish

    def send_async(self, to: str, body: Body, **options: Any) -> "Future[Stored]":
        """Hands a message over; the future gives Stored once it is on the broker's disk.

        `to` is a peer's name or a scope ("queue:work"). Options: kind, message_id, content_type,
        headers, key, priority, reply_to, correlation_id, parent_id, created_ms, not_before_ms,
        ttl_ms, receipts. Blocks while unacknowledged_max messages wait for their answer.
        """
        entry = requests.entry(to, body, **options)
        future: "Future[Stored]" = Future()
        with self._room:
            self._room.wait_for(lambda: self._in_flight < self._unacknowledged_max)
            self._in_flight += 1
        future.add_done_callback(self._leave_room)
        try:
            self._call(lambda now: self._core.send(entry, future))
        except RoostClosed as error:
            settle_future(future, error)
        return future

    def _leave_room(self, _: Any) -> None:
        with self._room:
            self._in_flight -= 1
            self._room.notify_all()

    def send(self, to: str, body: Body, timeout: float = 30, **options: Any) -> Stored:
        """Sends and waits until it is on the broker's disk. Options as in send_async()."""
        return self._wait(self.send_async(to, body, **options), timeout, "STORED")

    def flush(self, timeout: Optional[float] = None) -> bool:
        """Waits until everything handed over is answered; False when time ran out."""
        with self._room:
            return self._room.wait_for(lambda: self._in_flight == 0, timeout)

    # ------------------------------------------------------------ consume

    def attach(self, scope: str = "", consumer: str = "main", *, window: int = 1000,
               window_bytes: int = 16 << 20, lease_ms: int = 0, start: str = "default",
               start_value: int = 0, must_exist: bool = False, ephemeral: bool = False,
               receipts: str = "keep", timeout: float = 30) -> Inbox:
        """Starts to receive from a scope (default: the own mailbox). Attached again after every
        reconnect. A pattern ("topic:sensors.*", "topic:sensors.>") is every topic that matches, also
        those made later: message.scope says which.

        window, window_bytes: how much may be here and not yet taken. start: where a new consumer
        begins ("default", "new", "first", "seq", "time" with start_value). receipts: "keep" them
        for Inbox.receipts(), or "ignore" them. ephemeral: it lives in the broker's memory only, and
        begins at `start` at each connection.
        """
        if not scope:
            self.wait_ready(timeout)
            scope = f"peer:{self.peer}"
        inbox = Inbox(self, keeps_receipts=receipts == "keep")
        request = requests.attach(scope, consumer, start, start_value, lease_ms, must_exist,
                                  ephemeral)
        book = Book(window, window_bytes, scope.startswith("queue:"))
        future: "Future[Any]" = Future()

        def command(now: float) -> None:
            inbox.attachment = self._core.attach(request, book, inbox._on_item, future, now)

        self._call(command)
        try:
            inbox.waiting_at_attach = self._wait(future, timeout, "ATTACHED").waiting
        except RoostTimeout:
            inbox.close()
            raise
        return inbox

    # ------------------------------------------------------------ ask

    def _ask(self, message: Any, timeout: float, what: str) -> Any:
        future: "Future[Any]" = Future()
        asked = []
        self._call(lambda now: asked.append(self._core.request(message, future, now)))
        try:
            return self._wait(future, timeout, what)
        except RoostTimeout:
            self._call(lambda now: self._core.forget(asked[0]))
            raise

    def query(self, kind: str, field: str, timeout: float = 30, **fields: Any) -> Page[Any]:
        """Any query by its name in the schema and the list of RESULT it fills, for example
        query("INSPECT", "consumers", scope="peer:alice")."""
        return page_of(self._ask(requests.query(kind, **fields), timeout, "RESULT"), field)

    def call(self, method: str, timeout: float = 30, **fields: Any) -> Any:
        """Any CALL by its name in the schema; gives the protobuf Reply: done and on disk."""
        return self._ask(requests.call(method, **fields), timeout, "REPLY")

    @staticmethod
    def _then(answer: Any, read: Callable[[Any], Any]) -> Any:
        return read(answer)

    def history(self, peer: Optional[str] = None, scope: Optional[str] = None, *, limit: int = 50,
                offset: int = 0, after_seq: int = 0, before_seq: int = 0, from_ms: int = 0,
                to_ms: int = 0, newest_first: bool = False, timeout: float = 30) -> Page[Message]:
        """Messages of the conversation with a peer, or of a scope, oldest first by default."""
        query = requests.history(peer, scope, limit, offset, after_seq, before_seq, from_ms, to_ms,
                                 newest_first)
        return page_of(self._ask(query, timeout, "RESULT"), "messages")

    def messages(self, message_ids: Iterable[bytes], timeout: float = 30) -> Page[Message]:
        """Messages by their ids, as far as they are stored and ours to see."""
        return self.query("BY_ID", "messages", timeout, message_ids=requests.ids(message_ids))

    def sync(self, after_seq: int = 0, limit: int = 500, timeout: float = 30) -> Page[Message]:
        """Everything sent to or by us since a seq."""
        sync = pb.Sync(after_seq=after_seq, limit=limit)
        return page_of(self._ask(sync, timeout, "RESULT"), "messages")

    def unread(self, peer: Optional[str] = None, scope: Optional[str] = None,
               timeout: float = 30) -> int:
        """Messages above the read marker that we did not send; of all conversations by default."""
        page = self.query("UNREAD", "unread", timeout, **requests.where(peer, scope))
        return sum(count.unread for count in page.items)

    def conversations(self, limit: int = 50, timeout: float = 30) -> Page[Conversation]:
        """Our conversations and rooms, newest first, each with what is unread."""
        return self.query("CONVERSATIONS", "unread", timeout, limit=limit)

    def peers(self, online_only: bool = False, limit: int = 500, after_name: str = "",
              timeout: float = 30, *, name: str = "", address: str = "",
              offset: int = 0) -> Page[Peer]:
        """All, those online, the one of that name, or those seen at an IP address.

        Further pages: after_name = page.next_name; by address: offset."""
        return self.query("PEERS", "peers", timeout, online_only=online_only, limit=limit,
                          after_name=after_name, peer=name, address=address,
                          offset=offset)

    def peer_stats(self, timeout: float = 30) -> Dict[str, int]:
        """How many peers are: total, online, offline, verified, unverified, lan."""
        page: Page[Counter] = self.query("PEER_STATS", "counters", timeout)
        return {counter.name: counter.value for counter in page.items}

    def warm_start(self, timeout: float = 30) -> Dict[str, int]:
        """How the search for known peers of the local network goes on: run, running, known, asked,
        answered, waiting, hit_rate_ppm."""
        page: Page[Counter] = self.query("WARM_START", "counters", timeout)
        return {counter.name: counter.value for counter in page.items}

    def warm_start_again(self, timeout: float = 30) -> int:
        """Looks for them now, or joins the search that is under way; gives its number
        (administrators)."""
        return self.call("WARM_START_AGAIN", timeout).seq

    def remove_peer(self, name: str, timeout: float = 30) -> None:
        """Forgets a peer that is offline and has no messages (administrators)."""
        self.call("PEER_REMOVE", timeout, peer=name)

    def dead_letters(self, scope: str, consumer: str = "main", limit: int = 50,
                     timeout: float = 30) -> Page[DeadLetter]:
        """Messages of a consumer that were given up (administrators; your own mailbox)."""
        return self.query("DEAD_LETTERS", "dead", timeout, scope=requests.scope_name(scope),
                          consumer=consumer, limit=limit)

    def trace(self, message_id: bytes, timeout: float = 30) -> Page[TraceStep]:
        """Everything the broker knows of one message."""
        return self.query("TRACE", "steps", timeout, message_ids=message_id)

    def stats(self, timeout: float = 30) -> Page[Counter]:
        """The counters of the broker."""
        return self.query("STATS", "counters", timeout)

    def mark_read(self, peer: Optional[str] = None, scope: Optional[str] = None, *, seq: int,
                  timeout: float = 30) -> None:
        """Everything of the conversation up to seq is read; senders who asked get READ."""
        self.call("MARK_READ", timeout, seq=seq, **requests.where(peer, scope))

    def cancel(self, message_ids: Iterable[bytes], timeout: float = 30) -> int:
        """Takes back own messages that nobody has leased yet; gives how many."""
        return self.call("CANCEL", timeout, message_ids=requests.ids(message_ids)).count

    def subscribe_presence(self, is_wanted: bool = True, timeout: float = 30) -> None:
        """Presence events go to on_presence from now on."""
        self._ask(pb.Presence(subscribe=is_wanted), timeout, "FIN")


def connect(url: str = DEFAULT_URL, peer: str = "", timeout: float = 10,
            **options: Any) -> Client:
    """Connects and waits for the welcome: Client(...) plus wait_ready()."""
    client = Client(url, peer, **options)
    try:
        client.wait_ready(timeout)
    except RoostError:
        client.close()
        raise
    return client


__all__ = ["DEFAULT_URL", "Client", "Inbox", "Received", "connect"]
