# SPDX-License-Identifier: MPL-2.0
"""CURVE keys of a client: the file 'roost key make' writes, and what a socket is told of it.

The key of the connection says whose session it is; the broker's public key says that it is the right
broker. A key file that others may read is refused.
"""
from __future__ import annotations

import dataclasses
import os
import stat
from typing import Any, Optional, Union

import zmq

KEY_CHARACTERS = 40
FILE_BYTES_MAX = 4096


@dataclasses.dataclass(frozen=True)
class KeyPair:
    """Two keys as Z85 text; the secret one is not shown."""

    public: str
    secret: str = dataclasses.field(repr=False)

    @staticmethod
    def make() -> "KeyPair":
        """A new one. Its public key has to be enrolled before it is of use."""
        public, secret = zmq.curve_keypair()
        return KeyPair(public.decode("ascii"), secret.decode("ascii"))

    @staticmethod
    def read(path: "Union[str, os.PathLike[str]]") -> "KeyPair":
        """From a file of 'roost key make'. ValueError: it is none, or others may use it."""
        with open(path, encoding="ascii", errors="replace") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode) or mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise ValueError(f"key: {path}: others than its owner may use it; run 'chmod 600'")
            text = file.read(FILE_BYTES_MAX)
        rows = dict(tuple(part.strip() for part in line.split("=", 1))
                    for line in text.splitlines() if "=" in line and not line.startswith("#"))
        public, secret = rows.get("public", ""), rows.get("secret", "")
        if len(public) != KEY_CHARACTERS or len(secret) != KEY_CHARACTERS:
            raise ValueError(f"key: {path}: it must have the lines kind, public and secret")
        return KeyPair(public, secret)


Key = Union[KeyPair, str, "os.PathLike[str]"]


class Security:
    """What secures the connections of one client: nothing, or CURVE."""

    def __init__(self, key: Optional[Key] = None, server_key: str = "") -> None:
        if (key is None) != (not server_key):
            raise ValueError("key and server_key belong together: yours, and that of the broker")
        if server_key and len(server_key) != KEY_CHARACTERS:
            raise ValueError("server_key: 40 characters, as 'roost key server' prints them")
        self._server_key = server_key.encode("ascii")
        self._pair = key if key is None or isinstance(key, KeyPair) else KeyPair.read(key)

    def apply(self, socket: Any) -> None:
        """ValueError: the keys are none."""
        if self._pair is None:
            return
        try:
            socket.curve_serverkey = self._server_key
            socket.curve_publickey = self._pair.public.encode("ascii")
            socket.curve_secretkey = self._pair.secret.encode("ascii")
        except zmq.ZMQError:
            raise ValueError("key: it is no CURVE key, or this libzmq has no CURVE") from None


NO_SECURITY = Security()
