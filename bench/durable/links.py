# SPDX-License-Identifier: MPL-2.0
"""One sequential client of each broker: put() returns when the broker acknowledged, survivors() gives
what it still has. As little of each protocol as that needs; nothing is sent again, ever.

A put that fails raises; the client is then of no more use. `number` is the message's number; the body
is 100 bytes that begin with it.
"""
import json
import re
import socket
import struct
import time

BODY_BYTES = 100
TIMEOUT_S = 10
QUIET_S = 3
PATIENCE_S = 60


class NotServed(Exception):
    """The broker answered what no broker that works does."""


def body_of(number):
    return b"%010d" % number + b"." * (BODY_BYTES - 10)


def number_of(body):
    if len(body) != BODY_BYTES or not body[:10].isdigit():
        raise NotServed(f"a body that nobody sent: {body[:20]!r}")
    return int(body[:10])


class Line:
    """A TCP connection with a buffer."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)

    def line(self):
        text = self.file.readline()
        if not text.endswith(b"\n"):
            raise ConnectionError("closed")
        return text.rstrip(b"\r\n")

    def exactly(self, size):
        data = self.file.read(size)
        if len(data) != size:
            raise ConnectionError("closed")
        return data

    def close(self):
        self.socket.close()


class Roost:
    """Through the Python client."""

    def __init__(self, port):
        from roost import Client
        self.url = f"tcp://127.0.0.1:{port}"
        self.client = Client(self.url, "bench", unacknowledged_max=1)
        self.client.wait_ready(TIMEOUT_S)

    def put(self, number):
        self.client.send("store", body_of(number), timeout=2)

    def survivors(self):
        from roost import Client
        with Client(self.url, "store") as store:
            store.wait_ready(TIMEOUT_S)
            inbox = store.attach()
            return {number_of(inbox.receive(TIMEOUT_S).body)
                    for _ in range(inbox.waiting_at_attach)}

    def close(self):
        self.client.close()


class Mosquitto:
    """MQTT 3.1.1, QoS 1, into the session of a subscriber who is away."""

    def __init__(self, port):
        self.port = port
        self._open("keeper")[1].close()
        self.line = self._open("bench", subscribes=False)[1]

    @staticmethod
    def _string(text):
        return struct.pack(">H", len(text)) + text.encode()

    def _packet(self, kind, payload):
        size, length = b"", len(payload)
        while True:
            byte, length = length % 128, length // 128
            size += bytes([byte | (128 if length else 0)])
            if not length:
                return bytes([kind]) + size + payload

    def _receive(self, line):
        kind, size, shift = line.exactly(1)[0], 0, 0
        while True:
            byte = line.exactly(1)[0]
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return kind, line.exactly(size)

    def _open(self, name, subscribes=True):
        line = Line(self.port)
        line.send(self._packet(0x10, self._string("MQTT") + b"\x04\x00\x00\x3c" + self._string(name)))
        kind, answer = self._receive(line)
        if kind != 0x20 or answer[1] != 0:
            raise NotServed("CONNECT refused")
        if subscribes and not answer[0] & 1:
            line.send(self._packet(0x82, b"\x00\x01" + self._string("store") + b"\x01"))
            while self._receive(line)[0] != 0x90:
                pass
        return answer[0] & 1, line

    def put(self, number):
        ident = struct.pack(">H", number % 65535 + 1)
        self.line.send(self._packet(0x32, self._string("store") + ident + body_of(number)))
        kind, answer = self._receive(self.line)
        if kind != 0x40 or answer != ident:
            raise NotServed("no PUBACK")

    def survivors(self):
        found = set()
        is_known, line = self._open("keeper")
        line.socket.settimeout(QUIET_S)
        try:
            while is_known:
                kind, packet = self._receive(line)
                if kind & 0xF0 == 0x30:
                    at = 2 + struct.unpack(">H", packet[:2])[0]
                    found.add(number_of(packet[at + 2:]))
                    line.send(self._packet(0x40, packet[at:at + 2]))
        except (socket.timeout, TimeoutError):
            pass
        line.close()
        return found

    def close(self):
        self.line.close()


class Nats:
    """JetStream: a stream in files, every publish acknowledged."""

    def __init__(self, port):
        self.line = Line(port)
        self.line.line()
        self.line.send(b'CONNECT {"verbose":false}\r\nSUB answers 1\r\nSUB stored 2\r\n')
        deadline = time.monotonic() + TIMEOUT_S
        while "error" in self._ask("$JS.API.INFO", {}):
            if time.monotonic() > deadline:
                raise NotServed("no JetStream")
        self.has_stream = "error" not in self._ask("$JS.API.STREAM.INFO.S", {})

    def make(self):
        answer = self._ask("$JS.API.STREAM.CREATE.S",
                           {"name": "S", "subjects": ["store"], "storage": "file"})
        if "error" in answer:
            raise NotServed(answer["error"])

    def _publish(self, subject, body, reply="answers"):
        self.line.send(b"PUB %s %s %d\r\n%s\r\n" % (subject.encode(), reply.encode(), len(body), body))

    def _next(self):
        while True:
            words = self.line.line().split()
            if words[0] == b"MSG":
                body = self.line.exactly(int(words[-1]))
                self.line.exactly(2)
                return (b"stored" if words[2] == b"2" else b"answers"), body
            if words[0] == b"PING":
                self.line.send(b"PONG\r\n")

    def _ask(self, subject, value):
        self._publish(subject, json.dumps(value).encode())
        return json.loads(self._next()[1])

    def put(self, number):
        self._publish("store", body_of(number))
        answer = json.loads(self._next()[1])
        if "error" in answer:
            raise NotServed(answer["error"])

    def survivors(self):
        if not self.has_stream:
            return set()
        wanted = self._ask("$JS.API.STREAM.INFO.S", {})["state"]["messages"]
        if wanted == 0:
            return set()
        self._publish("$JS.API.CONSUMER.CREATE.S", json.dumps({"stream_name": "S", "config": {
            "deliver_subject": "stored", "ack_policy": "none", "deliver_policy": "all"}}).encode())
        found, count = set(), 0
        while count < wanted:
            subject, body = self._next()
            if subject == b"stored":  # its delivery may come before the answer to the question
                found.add(number_of(body))
                count += 1
            elif b'"error"' in body:
                raise NotServed(body.decode())
        return found

    def close(self):
        self.line.close()


class Redis:
    """A stream: XADD, XRANGE."""

    def __init__(self, port):
        self.line = Line(port)
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            try:
                self._ask(b"PING")
                return
            except NotServed:  # LOADING
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def _answer(self):
        text = self.line.line()
        if text[:1] == b"-":
            raise NotServed(text.decode())
        if text[:1] == b"$":
            size = int(text[1:])
            return None if size < 0 else self.line.exactly(size + 2)[:-2]
        if text[:1] == b"*":
            return [self._answer() for _ in range(int(text[1:]))]
        return text[1:]

    def _ask(self, *words):
        self.line.send(b"*%d\r\n" % len(words) +
                       b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
        return self._answer()

    def put(self, number):
        self._ask(b"XADD", b"store", b"*", b"body", body_of(number))

    def survivors(self):
        return {number_of(fields[1]) for _, fields in self._ask(b"XRANGE", b"store", b"-", b"+")}

    def close(self):
        self.line.close()


class Beanstalk:
    def __init__(self, port):
        self.line = Line(port)

    def put(self, number):
        self.line.send(b"put 0 0 600 %d\r\n%s\r\n" % (BODY_BYTES, body_of(number)))
        answer = self.line.line()
        if not answer.startswith(b"INSERTED"):
            raise NotServed(answer.decode())

    def survivors(self):
        found = set()
        while True:
            self.line.send(b"reserve-with-timeout 0\r\n")
            answer = self.line.line()
            if answer == b"TIMED_OUT":
                return found
            match = re.fullmatch(rb"RESERVED (\d+) (\d+)", answer)
            if not match:
                raise NotServed(answer.decode())
            found.add(number_of(self.line.exactly(int(match.group(2)) + 2)[:-2]))

    def close(self):
        self.line.close()


class Rabbit:
    """AMQP with publisher confirms, persistent messages, a durable queue of the kind asked for."""

    kind = "classic"

    def __init__(self, port):
        import pika
        self.pika, self.port = pika, port
        self.connection = pika.BlockingConnection(pika.ConnectionParameters(
            "127.0.0.1", port, socket_timeout=TIMEOUT_S, blocked_connection_timeout=TIMEOUT_S))
        self.channel = self.connection.channel()
        self.channel.queue_declare("store", durable=True,
                                   arguments={"x-queue-type": self.kind} if self.kind != "classic" else {})
        self.channel.confirm_delivery()

    def put(self, number):
        self.channel.basic_publish("", "store", body_of(number), mandatory=True,
                                   properties=self.pika.BasicProperties(delivery_mode=2))

    def _take(self, found, quiet_until):
        while time.monotonic() < quiet_until:
            method, _, body = self.channel.basic_get("store")
            if method:
                found.add(number_of(body))
                quiet_until = time.monotonic() + QUIET_S

    def survivors(self):
        """A queue may need its time after a start: asked again until it answers."""
        found, deadline = set(), time.monotonic() + PATIENCE_S
        while True:
            try:
                self._take(found, time.monotonic() + QUIET_S)
                return found
            except self.pika.exceptions.AMQPError as error:
                if time.monotonic() > deadline:
                    raise NotServed(f"the queue does not answer: {error!r}") from error
                time.sleep(1)
                self.__init__(self.port)

    def close(self):
        self.connection.close()


class RabbitQuorum(Rabbit):
    kind = "quorum"
