# SPDX-License-Identifier: MPL-2.0
"""A Lair Chat client as the protocol document describes it, for tests.

Speaks X25519, AES-256-GCM and Base64 lines over a plain socket. Reads are with a deadline; `line()`
gives the next decrypted text, `None` at the end of the connection.
"""
import base64
import hashlib
import json
import os
import re
import socket
import time

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

DEADLINE_S = 15
SALT = b"LAIR_CHAT_AES_KEY"
WELCOME = "Welcome to The Lair! Please login or register."
AUTHENTICATED = "Authentication successful! Welcome to The Lair!"


class LairClient:
    def __init__(self, address, greet=True):
        self.socket = socket.create_connection(address, DEADLINE_S)
        self.buffer = b""
        self.cipher = None
        if greet:
            self.greet()

    def greet(self):
        server = base64.b64decode(self.raw_line())
        secret = X25519PrivateKey.generate()
        public = secret.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.raw_send(base64.b64encode(public) + b"\n")
        shared = secret.exchange(X25519PublicKey.from_public_bytes(server))
        self.cipher = AESGCM(hashlib.sha256(shared + SALT).digest())
        assert self.line() == WELCOME

    # --- bytes

    def raw_send(self, data):
        self.socket.sendall(data)

    def raw_line(self, timeout=DEADLINE_S):
        deadline = time.monotonic() + timeout
        while b"\n" not in self.buffer:
            self.socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line

    # --- lines

    def seal(self, text):
        nonce = os.urandom(12)
        data = text if isinstance(text, bytes) else text.encode()
        return base64.b64encode(nonce + self.cipher.encrypt(nonce, data, None))

    def say(self, *texts):
        self.raw_send(b"".join(self.seal(text) + b"\n" for text in texts))

    def line(self, timeout=DEADLINE_S):
        raw = self.raw_line(timeout)
        if raw is None:
            return None
        data = base64.b64decode(raw, validate=True)
        try:
            return self.cipher.decrypt(data[:12], data[12:], None).decode()
        except InvalidTag as error:
            raise AssertionError("the gateway sent what its key does not open") from error

    def lines(self, count):
        return [self.line() for _ in range(count)]

    def until(self, text, timeout=DEADLINE_S):
        """Reads up to this line; gives what came before it."""
        before, deadline = [], time.monotonic() + timeout
        while True:
            try:
                got = self.line(max(0.001, deadline - time.monotonic()))
            except (socket.timeout, TimeoutError):
                raise AssertionError(f"{text!r} did not come, but {before!r}") from None
            if got == text:
                return before
            assert got is not None, f"the end came before {text!r}, after {before!r}"
            before.append(got)

    def answer(self, text, pattern):
        """Asks; gives the first line that matches. Others may come before it: mail, broadcasts."""
        self.say(text)
        while True:
            got = self.line()
            assert got is not None, f"the end came instead of {pattern!r}"
            if re.match(pattern, got):
                return got

    def drain(self):
        """Everything that was said up to now, to be forgotten: the gateway answers in order."""
        self.say("SHOW_HELP")
        lines = []
        while not (lines and lines[-1].startswith("SYSTEM_MESSAGE:Available commands:")):
            lines.append(self.line())
            assert lines[-1] is not None, f"the end came after {lines!r}"
        return lines[:-1]

    def is_closed(self, timeout=DEADLINE_S):
        """The end comes, and nothing before it."""
        return self.raw_line(timeout) is None

    def is_silent(self, seconds=0.3):
        """Nothing comes, not even the end."""
        try:
            got = self.line(seconds)
        except (socket.timeout, TimeoutError):
            return True
        raise AssertionError(f"unexpected: {got!r}")

    def ask(self, text):
        self.say(text)
        return self.line()

    # --- what people do

    def authenticate(self, kind, username, password="password123"):
        return self.ask(json.dumps({"type": kind, "username": username, "password": password,
                                    "fingerprint": "6f1c"}))

    def enter(self, username, password="password123", kind="login"):
        got = self.authenticate(kind, username, password)
        assert got == AUTHENTICATED, got
        return self

    def close(self):
        self.socket.close()

    def reset(self):
        """Breaks the connection instead of ending it."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()
