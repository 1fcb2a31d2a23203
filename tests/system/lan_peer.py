# SPDX-License-Identifier: MPL-2.0
"""A program of the local network as the protocol documents describe it, for tests.

`LanPeer` speaks UDP on an address of its own (127.x.y.z, port 2425). A thread receives; it confirms
messages and answers entries unless told not to, and can lose datagrams in both directions. What
came is in `packets`; `messages` are the texts of SENDMSG, each packet counted.

`IptuxPeer` is the real iptux without its windows (tests/system/iptux_peer.cpp).
"""
import os
import random
import re
import socket
import subprocess
import threading
import time

from broker import DEADLINE_S, no_orphan

BR_ENTRY, BR_EXIT, ANSENTRY, BR_ABSENCE = 1, 2, 3, 4
ISGETLIST2, OKGETLIST, GETLIST, ANSLIST = 0x18, 0x11, 0x12, 0x13
SENDMSG, RECVMSG, READMSG, DELMSG, ANSREADMSG = 0x20, 0x21, 0x30, 0x31, 0x32
GETINFO, SENDINFO, GETABSENCEINFO, SENDABSENCEINFO = 0x40, 0x41, 0x50, 0x51
SENDCHECK, SECRET, BROADCAST, AUTORET, READCHECK = 0x100, 0x200, 0x400, 0x2000, 0x100000
FILEATTACH, ENCRYPT, UTF8, CAPUTF8 = 0x200000, 0x400000, 0x800000, 0x1000000
PORT = 2425

_blocks = iter(range(1, 250))


def network():
    """Addresses that no other test uses: network()(n) is 127.x.y.n."""
    own, block = os.getpid(), next(_blocks)
    prefix = f"127.{1 + own % 250}.{(own // 250 + block) % 250}"
    return lambda last: f"{prefix}.{last}"


class Packet:
    def __init__(self, data, source, to):
        self.data, self.source, self.to, self.at = data, source, to, time.monotonic()
        version, number, user, host, command, body = data.split(b":", 5)
        self.version, self.user, self.host = version, user, host
        self.number, self.command, self.raw = int(number), int(command), body
        self.mode, self.options = self.command & 0xff, self.command & ~0xff
        self.body = body.split(b"\0", 1)[0]

    def __repr__(self):
        return f"<{self.number} mode {self.mode:#x} options {self.options:#x} {self.body!r}>"


class LanPeer:
    def __init__(self, address, broker, user="ann", host="pc", nickname="Ann", group="", port=PORT,
                 first_no=1000, capabilities=CAPUTF8, charset="utf-8", version="1", nul=b"\0"):
        self.address, self.broker = (address, port), (broker, PORT)
        self.user, self.host, self.nickname, self.group = user, host, nickname, group
        self.number, self.capabilities, self.charset = first_no, capabilities, charset
        self.version, self.nul = version, nul
        self.confirms, self.answers, self.loss = True, True, 0.0
        self.random = random.Random(7)
        self.packets, self.news = [], threading.Condition()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self.socket.bind(self.address)
        self.socket.settimeout(0.1)
        self.is_open = True
        self.thread = threading.Thread(target=self._receive, daemon=True)
        self.thread.start()

    def close(self):
        self.is_open = False
        self.thread.join()
        self.socket.close()

    # ------------------------------------------------------------ saying

    def raw(self, data, to=None):
        if self.random.random() >= self.loss:
            self.socket.sendto(data, to or self.broker)

    def say(self, command, body=b"", number=None, to=None, nul=None):
        if number is None:
            self.number += 1
            number = self.number
        head = f"{self.version}:{number}:{self.user}:{self.host}:{command}:".encode()
        self.raw(head + body + (self.nul if nul is None else nul), to)
        return number

    def entry_body(self):
        names = f"{self.nickname}\0{self.group}".encode(self.charset)
        if self.capabilities & CAPUTF8:
            names += f"\0\nUN:{self.user}\nHN:{self.host}\nNN:{self.nickname}" \
                     f"\nGN:{self.group}".encode()
        return names

    def enter(self, number=None):
        return self.say(BR_ENTRY | self.capabilities, self.entry_body(), number)

    def leave(self):
        return self.say(BR_EXIT | self.capabilities, self.entry_body())

    def send(self, text, options=SENDCHECK, number=None, to=None, nul=None):
        """One transmission of a message; gives its number."""
        if isinstance(text, str):
            text = text.encode(self.charset)
        if self.charset == "utf-8":
            options |= UTF8
        return self.say(SENDMSG | options, text, number, to, nul)

    def deliver(self, text, options=SENDCHECK, tries=20, gap_s=1.0, number=None):
        """Sends until it is confirmed; gives its number."""
        number = self.send(text, options, number)
        for _ in range(tries):
            if self.is_confirmed(number, gap_s):
                return number
            self.send(text, options, number)
        raise AssertionError(f"{text!r} was not confirmed; there came {self.packets!r}")

    # ------------------------------------------------------------ hearing

    def _receive(self):
        while self.is_open:
            try:
                data, source = self.socket.recvfrom(65536)
            except socket.timeout:
                continue
            except OSError:
                return
            if self.random.random() < self.loss:
                continue
            packet = Packet(data, source, self.address)
            with self.news:
                self.packets.append(packet)
                self.news.notify_all()
            self._react(packet)

    def _react(self, packet):
        if packet.mode == BR_ENTRY and self.answers:
            self.say(ANSENTRY | self.capabilities, self.entry_body(), to=packet.source)
        if packet.mode == SENDMSG and self.confirms and packet.options & SENDCHECK:
            self.say(RECVMSG, str(packet.number).encode(), to=packet.source)

    def of_mode(self, mode):
        with self.news:
            return [packet for packet in self.packets if packet.mode == mode]

    def wait_for(self, mode, count=1, timeout=DEADLINE_S):
        """Waits for `count` packets of this mode; gives them."""
        with self.news:
            self.news.wait_for(
                lambda: sum(packet.mode == mode for packet in self.packets) >= count, timeout)
        found = self.of_mode(mode)
        assert len(found) >= count, f"{len(found)} of {count} mode {mode:#x}: {self.packets!r}"
        return found

    def is_confirmed(self, number, timeout=DEADLINE_S):
        def found():
            return any(packet.mode == RECVMSG and packet.body == str(number).encode()
                       for packet in self.packets)
        with self.news:
            return self.news.wait_for(found, timeout)

    def texts(self, is_notice=False):
        """The messages that came, each number once, in order of their first coming."""
        seen = {}
        for packet in self.of_mode(SENDMSG):
            if bool(packet.options & AUTORET) == is_notice:
                charset = "utf-8" if packet.options & UTF8 else self.charset
                seen.setdefault(packet.number, packet.body.decode(charset))
        return list(seen.values())

    def wait_texts(self, count, timeout=DEADLINE_S, is_notice=False):
        deadline = time.monotonic() + timeout
        while len(self.texts(is_notice)) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        texts = self.texts(is_notice)
        assert len(texts) >= count, f"{texts!r} of {count}: {self.packets!r}"
        return texts

    def is_silent(self, mode, seconds=1.0):
        """Does no further packet of this mode come?"""
        before = len(self.of_mode(mode))
        time.sleep(seconds)
        return len(self.of_mode(mode)) == before


def can_pretend():
    """May a process of ours have a host name of its own?"""
    flags = "-u" if os.geteuid() == 0 else "-Uru"
    return subprocess.run(["unshare", flags, "true"], check=False,
                          stderr=subprocess.DEVNULL).returncode == 0


class IptuxPeer:
    """`host`: it believes to run on a machine of this name (two peers of one user on one host are one
    and the same to everybody)."""

    def __init__(self, address, nickname, home, host=None, prefix=()):
        self.address = address
        os.makedirs(home, exist_ok=True)
        elsewhere = ["unshare", "-u" if os.geteuid() == 0 else "-Uru", "sh", "-c",
                     'echo "$0" > /proc/sys/kernel/hostname && exec "$@"', host] if host else []
        self.process = subprocess.Popen(
            [*prefix, *elsewhere, os.environ["ROOST_IPTUX_PEER"], address, nickname],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(home)}, text=True, preexec_fn=no_orphan())
        self.lines, self.news = [], threading.Condition()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()
        self.wait_for("ready")

    def _read(self):
        for line in self.process.stdout:
            with self.news:
                self.lines.append(line.rstrip("\n"))
                self.news.notify_all()

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def wait_for(self, pattern, count=1, timeout=DEADLINE_S):
        def found():
            return [line for line in self.lines if re.match(pattern, line)]
        with self.news:
            self.news.wait_for(lambda: len(found()) >= count, timeout)
            assert len(found()) >= count, f"{count} of {pattern!r} in {self.lines!r}"
            return found()

    def messages(self):
        with self.news:
            return [line.split(" ", 2)[2] for line in self.lines if line.startswith("message ")]

    def wait_messages(self, count, timeout=DEADLINE_S):
        self.wait_for("message ", count, timeout)
        return self.messages()

    def send(self, address, text):
        before = len(self.wait_for("sent ", 0))
        self.tell(f"send {address} {text}")
        assert self.wait_for("sent ", before + 1)[-1] == "sent 1"

    def close(self):
        if self.process.poll() is None:
            self.tell("quit")
            self.process.wait(DEADLINE_S)

    def kill(self):
        self.process.kill()
        self.process.wait(DEADLINE_S)
