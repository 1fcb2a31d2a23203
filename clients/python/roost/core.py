# SPDX-License-Identifier: MPL-2.0
"""The client as a pure state machine: frames in, frames out, time passed in. No I/O, no threads.

Owns the session (HELLO, heartbeats, when to reconnect), the publish window, the attachments and
the open requests. Leaves the socket and the threads or tasks to client.py and aio.py, which call
    opened()            after they made a new socket
    received(frame)     for each frame
    tick()              when the time given by deadline() has come, or after any command
    take_frames()       for what is to be sent
and make a new socket when wants_reconnect is set. Results go to futures (set_result and
set_exception); events to the callables given as `on_...`.
"""
from __future__ import annotations

import random
from typing import Any, Callable, Dict, List, Optional

from . import types
from .attachment import ATTACH_AGAIN_S, Attachment
from .book import Book
from .schema import pack, pb, unpack
from .types import (KEY_NOT_ENROLLED, LOCKED_OUT, TAKEN_OVER, VERSION, RoostClosed, RoostError,
                    settle_future)
from .window import Window

HELLO_AGAIN_S = 5.0  # a new peer is answered when it is on disk, perhaps behind another commit
BACKOFF_FIRST_S, BACKOFF_MAX_S = 0.05, 5.0
HEARTBEAT_S = 5.0
HEARTBEATS_LOST = 3
FOREVER = float("inf")


class Request:
    """A question that waits for its answer, and is asked again after a reconnect."""

    __slots__ = ("request_id", "frame", "future", "parts")

    def __init__(self, request_id: int, frame: bytes, future: Any) -> None:
        self.request_id, self.frame, self.future = request_id, frame, future
        self.parts: List[Any] = []


class Core:
    """The state of one client."""

    def __init__(self, peer: str, credentials: bytes = b"", display_name: str = "",
                 software: str = f"roost-python {VERSION}") -> None:
        self._hello = pb.Hello(version_min=1, version_max=1, peer=peer.encode(),
                               credentials=credentials, software=software,
                               display_name=display_name.encode())
        self.window = Window()
        self.limits: Any = pb.Limits()
        self.welcome: Any = None
        self.is_ready = False
        self.wants_reconnect = False
        self.reconnect_at = 0.0
        self.reconnects = 0
        self.error: Optional[RoostError] = None      # why this client is over for good
        self.refusal: Optional[RoostError] = None    # why the last HELLO was refused, for now
        self.on_presence: Optional[Callable[[types.PresenceEvent], None]] = None
        self.on_state: Optional[Callable[[str], None]] = None
        self.observer: Optional[Callable[[str, Any], None]] = None  # sees everything, for tests
        self._attachments: Dict[int, Attachment] = {}
        self._requests: Dict[int, Request] = {}
        self._next_id = 0
        self._out: List[bytes] = []
        self._heard = self._said = self._hello_sent = 0.0
        self._backoff_s = BACKOFF_FIRST_S
        self._wants_presence = False

    # ------------------------------------------------------------ session

    def opened(self, now: float) -> None:
        """A fresh socket is there: say HELLO on it."""
        self.wants_reconnect = self.is_ready = False
        self._out.clear()
        self._heard = self._hello_sent = now
        self._emit(self._hello, now)

    def lost(self, now: float) -> None:
        """The connection is gone: ask for a new socket, later each time."""
        if self.wants_reconnect or self.error is not None:
            return
        self.is_ready = False
        self.wants_reconnect = True
        self.reconnects += 1
        self.reconnect_at = now + self._backoff_s * random.uniform(0.5, 1.0)
        self._backoff_s = min(self._backoff_s * 2, BACKOFF_MAX_S)
        self._tell_state("disconnected")

    def key_refused(self) -> None:
        """The broker does not let our key in: no HELLO will ever be heard."""
        self._fail_everything(RoostError(KEY_NOT_ENROLLED, "the broker refused the key: it is not "
                                         "enrolled, or was revoked"))

    def _tell_state(self, state: str) -> None:
        if self.on_state:
            self.on_state(state)

    def _emit(self, message: Any, now: float) -> None:
        self._said = now
        self._out.append(pack(message))

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id

    def deadline(self) -> float:
        """When tick() has something to do at the latest."""
        if self.error is not None:
            return FOREVER
        if self.wants_reconnect:
            return self.reconnect_at
        if not self.is_ready:
            return self._hello_sent + HELLO_AGAIN_S
        interval = self._heartbeat_s()
        times = [self._said + interval, self._heard + HEARTBEATS_LOST * interval]
        times += [attachment.deadline() for attachment in self._attachments.values()]
        retry_at = self.window.retry_at()
        return min(times if retry_at is None else times + [retry_at])

    def _heartbeat_s(self) -> float:
        return (self.limits.heartbeat_ms or HEARTBEAT_S * 1000) / 1000

    def tick(self, now: float) -> None:
        """The time of deadline() has come, or a command was given."""
        if self.wants_reconnect or self.error is not None:
            return
        if not self.is_ready:
            if now >= self._hello_sent + HELLO_AGAIN_S:
                self.lost(now)
            return
        interval = self._heartbeat_s()
        if now >= self._heard + HEARTBEATS_LOST * interval:
            self.lost(now)
            return
        if now >= self._said + interval:
            self._emit(pb.Ping(), now)
        for attachment in self._attachments.values():
            if attachment.attach_at is not None and now >= attachment.attach_at:
                self._emit(attachment.begin(), now)

    def take_frames(self, now: float) -> List[bytes]:
        """Everything that is to be sent now, in order."""
        if self.is_ready:
            for attachment in self._attachments.values():
                if attachment.is_attached:
                    for message in attachment.flush(now):
                        self._emit(message, now)
            sends, refused = self.window.take_frames(now)
            for send in sends:
                self._emit(send, now)
            for future, error in refused:
                settle_future(future, error)
        frames, self._out = self._out, []
        return frames

    def close(self, now: float) -> List[bytes]:
        """Says GOODBYE; everything still open fails with RoostClosed."""
        frames = self.take_frames(now)
        if self.is_ready:
            frames.append(pack(pb.Goodbye()))
        self._fail_everything(RoostClosed())
        return frames

    def _fail_everything(self, error: RoostError) -> None:
        self.error, self.is_ready = error, False
        self.window.fail_all(error, settle_future)
        for request in self._requests.values():
            settle_future(request.future, error)
        self._requests.clear()
        for attachment in list(self._attachments.values()):
            attachment.end(error)
        self._attachments.clear()
        self._tell_state("failed")

    # ------------------------------------------------------------ commands

    def send(self, entry: Any, future: Any) -> None:
        """Hands an entry to the window; the future completes with Stored."""
        if self.error is not None:
            settle_future(future, self.error)
        else:
            self.window.add(entry, future)

    def attach(self, request: Any, book: Book, on_item: Callable[[Any, Any], None], future: Any,
               now: float) -> Attachment:
        """`on_item(held, message)` is called for each new message, `on_item(None, error)` at the
        end; the future completes with the protobuf Attached."""
        request.handle = self._new_id()
        attachment = Attachment(request, book, on_item, future)
        if self.error is not None:
            attachment.end(self.error)
            return attachment
        self._attachments[request.handle] = attachment
        if self.is_ready:
            self._emit(attachment.begin(), now)
        return attachment

    def detach(self, attachment: Attachment, now: float) -> None:
        """Gives a consumer back."""
        if self._attachments.pop(attachment.handle, None) is not None and self.is_ready:
            if attachment.is_attached:
                for message in attachment.flush(now):
                    self._emit(message, now)
            self._emit(pb.Detach(handle=attachment.handle), now)
        attachment.end(RoostClosed("detached"))

    def request(self, message: Any, future: Any, now: float) -> Optional[Request]:
        """A QUERY, SYNC, CALL or PRESENCE; repeated after a reconnect until it is answered. The
        future completes with ([Result...], Fin) or with the Reply."""
        if self.error is not None:
            settle_future(future, self.error)
            return None
        message.request_id = self._new_id()
        request = Request(message.request_id, pack(message), future)
        self._requests[request.request_id] = request
        if isinstance(message, pb.Presence):
            self._wants_presence = message.subscribe
        if self.is_ready:
            self._out.append(request.frame)
            self._said = now
        return request

    def forget(self, request: Optional[Request]) -> None:
        """Nobody waits for the answer any more."""
        if request is not None:
            self._requests.pop(request.request_id, None)

    # ------------------------------------------------------------ what comes in

    def received(self, frame: bytes, now: float) -> None:
        """A frame came in."""
        type_, message = unpack(frame)
        if message is None or self.error is not None:
            return
        self._heard = now
        if self.observer:
            self.observer("frame", message)
        handler = self._HANDLERS.get(type_)
        if handler is not None:
            handler(self, message, now)

    def _on_welcome(self, welcome: Any, now: float) -> None:
        if self.is_ready or self.wants_reconnect:
            return
        self.welcome, self.limits = welcome, welcome.limits
        self._hello.resume_token = welcome.resume_token
        self._backoff_s = BACKOFF_FIRST_S
        self.is_ready, self.refusal = True, None
        self.window.new_session(welcome.publish_upto, welcome.limits)
        for attachment in self._attachments.values():
            self._emit(attachment.begin(), now)
        for request in self._requests.values():
            request.parts.clear()
            self._out.append(request.frame)
        is_asked = any(request.frame[3] == pb.PRESENCE for request in self._requests.values())
        if self._wants_presence and not is_asked:
            self._emit(pb.Presence(request_id=self._new_id(), subscribe=True), now)
        self._tell_state("connected")

    def _on_no_session(self, message: Any, now: float) -> None:
        if self.is_ready:
            self.lost(now)
            self.reconnect_at = now

    def _on_ping(self, message: Any, now: float) -> None:
        self._emit(pb.Pong(echo=message.echo), now)

    def _on_goodbye(self, message: Any, now: float) -> None:
        if message.reason == TAKEN_OVER:  # coming back would take it away from the other again
            self._fail_everything(RoostError(TAKEN_OVER, "another connection resumed this session"))
        else:
            self.lost(now)

    def _on_error(self, message: Any, now: float) -> None:
        error = RoostError(message.code, message.text)
        if self.observer:
            self.observer("error", error)
        is_attach = message.type == pb.ATTACH  # request_id is then its handle
        request = None if is_attach else self._requests.pop(message.request_id, None)
        if request is not None:
            settle_future(request.future, error)
        elif not self.is_ready:
            self.refusal = error
            if not message.retryable:
                self._fail_everything(error)
            elif error.code == LOCKED_OUT:  # for minutes: nobody wants to wait for that
                self._tell_state("locked out")
        elif is_attach:  # the broker could not even read it
            self._on_attached(
                pb.Attached(handle=message.request_id, code=message.code, text=message.text), now)

    def _on_stored(self, message: Any, now: float) -> None:
        for future, result in self.window.answered(message, now):
            settle_future(future, result)

    def _on_attached(self, message: Any, now: float) -> None:
        attachment = self._attachments.get(message.handle)
        if attachment is None:
            return
        if not message.code:
            attachment.on_attached(message, now)
            return
        error = RoostError(message.code, message.text)
        if attachment.was_attached and error.is_retryable:
            attachment.attach_at = now + ATTACH_AGAIN_S
        else:
            self._attachments.pop(message.handle)
            attachment.end(error)

    def _on_detach(self, message: Any, now: float) -> None:
        attachment = self._attachments.pop(message.handle, None)
        if attachment is not None:
            attachment.end(RoostError(message.code, "the broker ended this consumer's session"))

    def _on_deliver(self, message: Any, now: float) -> None:
        attachment = self._attachments.get(message.handle)
        if attachment is None:
            return
        for i, entry in enumerate(message.entries):
            if self.observer:
                self.observer("delivery", (attachment, entry))
            held = attachment.book.arrived(message.first_delivery_no + i, entry.seq, entry.sender,
                                           entry.message_id, len(entry.body))
            if held is not None:
                attachment.on_item(held, types.message_of(entry, attachment.scope))

    def _on_receipt(self, message: Any, now: float) -> None:
        attachment = self._attachments.get(message.handle)
        if attachment is None:
            return
        held = attachment.book.arrived(message.delivery_no, message.seq, b"",
                                       message.seq.to_bytes(8, "big"), 0)
        if held is not None:
            attachment.on_item(held, types.receipts_of(message))

    def _on_settled(self, message: Any, now: float) -> None:
        attachment = self._attachments.get(message.handle)
        if attachment is None:
            return
        keys = attachment.on_settled(message)
        if self.observer:
            self.observer("settled", (attachment, keys))

    def _on_result(self, message: Any, now: float) -> None:
        request = self._requests.get(message.request_id)
        if request is not None:
            request.parts.append(message)

    def _on_fin(self, message: Any, now: float) -> None:
        request = self._requests.pop(message.request_id, None)
        if request is not None:
            self._answer(request, message, (request.parts, message))

    def _on_reply(self, message: Any, now: float) -> None:
        request = self._requests.pop(message.request_id, None)
        if request is not None:
            self._answer(request, message, message)

    @staticmethod
    def _answer(request: Request, message: Any, result: Any) -> None:
        error = RoostError(message.code, message.text) if message.code else None
        settle_future(request.future, error or result)

    def _on_presence(self, message: Any, now: float) -> None:
        if self.on_presence is not None:
            for event in message.events:
                self.on_presence(types.presence_of(event))

    _HANDLERS: Dict[int, Callable[[Any, Any, float], None]] = {
        pb.WELCOME: _on_welcome, pb.NO_SESSION: _on_no_session, pb.PING: _on_ping,
        pb.GOODBYE: _on_goodbye, pb.ERROR: _on_error, pb.STORED: _on_stored,
        pb.ATTACHED: _on_attached, pb.DETACH: _on_detach, pb.DELIVER: _on_deliver,
        pb.RECEIPT: _on_receipt, pb.SETTLED: _on_settled, pb.RESULT: _on_result, pb.FIN: _on_fin,
        pb.REPLY: _on_reply, pb.PRESENCE: _on_presence,
    }
