# SPDX-License-Identifier: MPL-2.0
"""A disk for a virtual machine whose power can fail: it has a cache of its own, which is lost with it.

    disk = VolatileDisk(path)              # path: a file with the bytes of the disk, which last
    qemu -drive file=nbd:unix:SOCKET,...   # disk.serve(SOCKET): an NBD server, one client at a time
    disk.cut("drop")                       # nothing unflushed is left; then kill the machine
    disk.cut("torn", seed)                 # of each write that was not flushed: all, nothing, or some sectors
    disk.close()

A write lasts when a FLUSH that came after it was answered, or when it was one with FUA; until then it is in
memory only, where reads see it. So does a real disk with its write cache on, which may also have written
any part of what it holds, in any order, down to a sector. A flush takes `flush_s`, as on a disk that turns:
cuts then come in the middle of one. A disk that `lies` says flushed and has not: no program keeps its word
on it.

Owns the file, the socket and the thread that serves; leaves the machine to others. NBD: the fixed newstyle
handshake, simple replies, the commands READ, WRITE, FLUSH and DISC.
"""
import collections
import os
import random
import socket
import struct
import threading
import time

SECTOR = 512
REQUEST_MAX = 32 << 20

MAGIC, OPTION_MAGIC, REPLY_MAGIC = 0x4E42444D41474943, 0x49484156454F5054, 0x3E889045565A9
REQUEST, SIMPLE_REPLY = 0x25609513, 0x67446698
FIXED_NEWSTYLE, NO_ZEROES = 1, 2
HAS_FLAGS, SEND_FLUSH, SEND_FUA = 1, 4, 8
OPT_EXPORT_NAME, OPT_ABORT, OPT_INFO, OPT_GO = 1, 2, 6, 7
REP_ACK, REP_INFO, REP_ERR_UNSUP = 1, 3, 0x80000001
READ, WRITE, DISC, FLUSH = 0, 1, 2, 3
FUA = 1
EINVAL = 22


class VolatileDisk:
    def __init__(self, path, flush_s=0, lies=False):
        self.flush_s, self.lies = flush_s, lies
        self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self.size = os.fstat(self._fd).st_size // SECTOR * SECTOR
        self._lock = threading.Lock()
        self._power = 0     # counts its cuts: what began before one ends there
        self._link = None
        self._pending = {}  # sector -> [(number of the write, its bytes)], oldest first
        self._writes = 0    # since the last cut
        self.counts = collections.Counter()
        self._listener = self._thread = None

    # ------------------------------------------------------------ what a disk does

    def read(self, at, length):
        with self._lock:
            found = bytearray(os.pread(self._fd, length, at))
            for sector in range(at // SECTOR, (at + length) // SECTOR) if self._pending else ():
                if sector in self._pending:
                    begin = sector * SECTOR - at
                    found[begin:begin + SECTOR] = self._pending[sector][-1][1]
            return bytes(found)

    def write(self, at, data, fua=False, power=None):
        with self._lock:
            self._check(power)
            self.counts["writes"] += 1
            self._writes += 1
            fua = fua and not self.lies
            for offset in range(0, len(data), SECTOR):
                sector = (at + offset) // SECTOR
                if fua:
                    self._pending.pop(sector, None)  # what is older is overwritten for good
                else:
                    piece = (self._writes, data[offset:offset + SECTOR])
                    self._pending.setdefault(sector, []).append(piece)
            if fua:
                self.counts["with FUA"] += 1
                os.pwrite(self._fd, data, at)

    def flush(self, power=None):
        power = self._power if power is None else power
        time.sleep(self.flush_s)
        with self._lock:
            self._check(power)
            self.counts["flushes"] += 1
            if not self.lies:
                self._keep({sector: pieces[-1][1] for sector, pieces in self._pending.items()})

    def _check(self, power):
        if power not in (None, self._power):
            raise EOFError("the power failed meanwhile")

    def _keep(self, sectors):
        for sector, data in sectors.items():
            os.pwrite(self._fd, data, sector * SECTOR)
        self._pending.clear()
        self._writes = 0

    def is_dirty(self):
        """Whether a cut would take something back now."""
        return bool(self._pending)

    def cut(self, mode="drop", seed=0):
        """The power fails and is back. Gives how many writes had parts that no flush had covered. What the
        machine asked for and was not answered yet is not done any more, and it is not heard any more."""
        with self._lock:
            self._power += 1
            if self._link:
                self._link.shutdown(socket.SHUT_RDWR)
                self._link = None
            unflushed = sorted({number for pieces in self._pending.values() for number, _ in pieces})
            rng, kept = random.Random(seed), {}
            fates = {number: rng.choice(["all", "nothing", "some"]) for number in unflushed}
            for sector, pieces in self._pending.items():
                for number, data in pieces if mode == "torn" else ():
                    if fates[number] == "all" or fates[number] == "some" and rng.random() < 0.5:
                        kept[sector] = data
            self._keep(kept)
            self.counts["cuts"] += 1
            self.counts["lost writes"] += len(unflushed)
            return len(unflushed)

    # ------------------------------------------------------------ NBD

    def serve(self, path):
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(1)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def close(self):
        if self._listener:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._thread.join()
            self._listener.close()
        os.close(self._fd)

    def _accept(self):
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return  # closed
            with self._lock:
                self._link, power = link, self._power
            try:
                if self._shake_hands(link):
                    while self._answer(link, power):
                        pass
            except (ConnectionError, EOFError):
                pass  # killed, as meant
            with self._lock:
                self._link = None
                link.close()

    def _shake_hands(self, link):
        """Whether the client goes on to use the disk."""
        link.sendall(struct.pack(">QQH", MAGIC, OPTION_MAGIC, FIXED_NEWSTYLE | NO_ZEROES))
        has_zeroes = not take(link, ">I")[0] & NO_ZEROES
        export = struct.pack(">QH", self.size, HAS_FLAGS | SEND_FLUSH | SEND_FUA)
        while True:
            magic, option, length = take(link, ">QII")
            if magic != OPTION_MAGIC or length > 4096:
                raise EOFError("no NBD client")
            take_bytes(link, length)  # the name of the export: there is one

            def reply(kind, data=b"", option=option):
                link.sendall(struct.pack(">QIII", REPLY_MAGIC, option, kind, len(data)) + data)

            if option == OPT_EXPORT_NAME:
                link.sendall(export + bytes(124) * has_zeroes)
                return True
            if option in (OPT_INFO, OPT_GO):
                reply(REP_INFO, struct.pack(">H", 0) + export)
                reply(REP_ACK)
                if option == OPT_GO:
                    return True
            elif option == OPT_ABORT:
                reply(REP_ACK)
                return False
            else:
                reply(REP_ERR_UNSUP)

    def _answer(self, link, power):
        """Whether there may be more requests."""
        magic, flags, kind, handle, at, length = take(link, ">IHHQQI")
        if magic != REQUEST or kind in (READ, WRITE) and length > REQUEST_MAX:
            raise EOFError("no NBD request")
        data = take_bytes(link, length) if kind == WRITE else b""
        error, found = 0, b""
        if kind == DISC:
            return False
        if kind in (READ, WRITE) and (at % SECTOR or length % SECTOR or at + length > self.size):
            error = EINVAL
        elif kind == READ:
            found = self.read(at, length)
        elif kind == WRITE:
            self.write(at, data, bool(flags & FUA), power)
        elif kind == FLUSH:
            self.flush(power)
        else:
            error = EINVAL
        link.sendall(struct.pack(">IIQ", SIMPLE_REPLY, error, handle) + found)
        return True


def take_bytes(link, length):
    parts = []
    while length:
        part = link.recv(min(length, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def take(link, layout):
    return struct.unpack(layout, take_bytes(link, struct.calcsize(layout)))
