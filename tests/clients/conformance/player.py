# SPDX-License-Identifier: MPL-2.0
"""Plays recorded exchanges: as clients against a real broker, or as the broker against a client
program. The notation is described in exchange.py."""
import os
import select
import subprocess
import time

import zmq

from exchange import Mismatch, Values, build
from raw import Raw
from roost.schema import pack, pb, unpack

PATIENCE_MS = 10_000
# What either side may say at any time, unless the exchange expects it just there.
BY_THE_WAY = {"PING", "PONG", "CREDIT", "SETTLE", "SETTLED"}


def _name_of(type_):
    return pb.Type.Name(type_)


def play_against_broker(exchange, url):
    """Sends what the clients of the exchange send; expects what the broker is said to answer."""
    values, sockets = Values(), {}
    try:
        for step in exchange.steps:
            raw = sockets.get(step.who)
            if raw is None:
                raw = sockets[step.who] = Raw(url)
            if step.action == ">":
                raw.send(build(step, values))
            elif step.action == "<":
                _expect(step, values, lambda: unpack(raw.socket.recv()), raw.socket, raw.send)
    finally:
        for raw in sockets.values():
            raw.close()


def _expect(step, values, receive, socket, send):
    """The next frame must be that of the step; small talk in between is answered."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while True:
        if not socket.poll(max(0, int((deadline - time.monotonic()) * 1000))):
            raise Mismatch(f"{step.where}: no {step.type_name} came")
        type_, message = receive()
        assert message is not None, f"{step.where}: a frame that is no message"
        if _name_of(type_) == step.type_name:
            values.match(message, step.fields, step.where)
            return
        if not _small_talk(type_, message, send):
            raise Mismatch(
                f"{step.where}: {_name_of(type_)} instead of {step.type_name}:\n{message}")


def _small_talk(type_, message, send):
    """Answers what may come at any time; False when it is something else."""
    if type_ == pb.PING:
        send(pb.Pong(echo=message.echo))
    elif type_ == pb.SETTLE and message.confirm_id:
        send(pb.Settled(handle=message.handle, confirm_id=message.confirm_id))
    return _name_of(type_) in BY_THE_WAY


class Program:
    """A client program: commands in, one line of result out."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        bufsize=0)
        self._buffer = b""

    def say(self, line):
        self.process.stdin.write(line.encode() + b"\n")

    def result(self, where, meanwhile):
        """The next line; `meanwhile` is called now and then until it comes."""
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while b"\n" not in self._buffer:
            meanwhile()
            if time.monotonic() > deadline:
                raise Mismatch(f"{where}: the client says nothing")
            if not select.select([self.process.stdout], [], [], 0.02)[0]:
                continue
            piece = os.read(self.process.stdout.fileno(), 4096)
            if not piece:
                raise Mismatch(f"{where}: the client ended")
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode()

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class FakeBroker:
    """A ROUTER that says what the exchange tells it to."""

    def __init__(self):
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.url = f"tcp://127.0.0.1:{self.socket.bind_to_random_port('tcp://127.0.0.1')}"
        self.routing_id = None
        self._kept = []

    def receive(self):
        return self._kept.pop(0) if self._kept else self._take()

    def _take(self):
        self.routing_id, frame = self.socket.recv_multipart()
        return unpack(frame)

    def send(self, message):
        self.socket.send_multipart([self.routing_id, pack(message)])

    def chat(self):
        """Answers the small talk that has come; a step to come may expect the rest, and settles."""
        while self.socket.poll(0):
            type_, message = self._take()
            if not _small_talk(type_, message, self.send) or type_ == pb.SETTLE:
                self._kept.append((type_, message))

    def poll(self, timeout_ms):
        return bool(self._kept) or self.socket.poll(timeout_ms)


def play_against_client(exchange, command):
    """Plays the broker for `exchange.client`, whose side is the program `command + [url, peer]`."""
    values, broker = Values(), FakeBroker()
    program = Program([*command, broker.url, exchange.client])
    try:
        for step in exchange.steps:
            if step.who != exchange.client:
                continue
            if step.action == ":":
                program.say(step.text)
            elif step.action == ">":
                _expect(step, values, broker.receive, broker, broker.send)
            elif step.action == "<":
                broker.send(build(step, values))
            else:
                said = program.result(step.where, broker.chat)
                if said != step.text:
                    raise Mismatch(
                        f"{step.where}: the client says {said!r} instead of {step.text!r}")
    finally:
        program.end()
        broker.socket.close()
