# SPDX-License-Identifier: MPL-2.0
"""The disk of the virtual machine: what it must keep, what it must lose, and that its NBD is NBD."""
import concurrent.futures
import os
import socket
import struct
import time

import pytest
import volatile_disk
from volatile_disk import (DISC, EINVAL, FLUSH, FUA, MAGIC, OPT_ABORT, OPT_EXPORT_NAME, OPT_GO, OPTION_MAGIC,
                           READ, REP_ACK, REP_ERR_UNSUP, REP_INFO, REPLY_MAGIC, REQUEST, SECTOR,
                           SIMPLE_REPLY, WRITE, VolatileDisk, take, take_bytes)

SIZE = 64 * SECTOR


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "image"
    path.write_bytes(b"." * SIZE)
    return str(path)


@pytest.fixture
def disk(image):
    disk = VolatileDisk(image)
    yield disk
    disk.cut()
    disk.close()


def sectors(letter, count=1):
    return letter * (SECTOR * count)


def lasting(image):
    """One letter per sector of the file."""
    with open(image, "rb") as file:
        return bytes(file.read()[::SECTOR])


def test_what_is_not_flushed_is_seen_and_lost(disk, image):
    disk.write(0, sectors(b"a", 4))
    disk.write(SECTOR, sectors(b"b"))
    assert disk.read(0, 5 * SECTOR)[::SECTOR] == b"abaa."
    assert lasting(image)[:5] == b"....."
    assert disk.cut() == 2
    assert disk.read(0, 5 * SECTOR)[::SECTOR] == b"....."
    for seed in range(20):
        disk.write(0, sectors(b"a", 4))
        disk.cut("drop", seed)
        assert lasting(image)[:5] == b"....."


def test_a_flush_keeps_what_came_before_it(disk, image):
    disk.write(0, sectors(b"a", 2))
    disk.write(0, sectors(b"b"))
    disk.flush()
    disk.write(SECTOR, sectors(b"c"))
    assert disk.cut() == 1
    assert lasting(image)[:3] == b"ba."
    assert disk.cut() == 0


def test_a_disk_that_lies_keeps_nothing(disk, image):
    disk.lies = True
    disk.write(0, sectors(b"a"))
    disk.flush()
    disk.write(SECTOR, sectors(b"b"), fua=True)
    assert disk.read(0, 3 * SECTOR)[::SECTOR] == b"ab."
    assert disk.cut() == 2 and lasting(image)[:3] == b"..."


def test_fua_keeps_this_write_and_no_other(disk, image):
    disk.write(0, sectors(b"a", 3))
    disk.write(SECTOR, sectors(b"b"), fua=True)
    disk.write(2 * SECTOR, sectors(b"c"))
    assert disk.read(0, 3 * SECTOR)[::SECTOR] == b"abc"
    disk.cut()
    assert lasting(image)[:3] == b".b."


def test_what_is_older_than_fua_never_comes_back(disk, image):
    for seed in range(50):
        disk.write(0, sectors(b"o", 2))
        disk.write(0, sectors(b"n", 1), fua=True)
        disk.cut("torn", seed)
        assert lasting(image)[:1] == b"n"


def test_a_torn_cut_leaves_all_nothing_and_parts(disk, image):
    seen = set()
    for seed in range(200):
        disk.write(0, sectors(b".", 8))
        disk.flush()
        disk.write(0, sectors(b"x", 4))
        disk.write(2 * SECTOR, sectors(b"y", 4))
        disk.cut("torn", seed)
        found = lasting(image)[:8]
        assert set(found[:2]) <= set(b".x") and set(found[2:4]) <= set(b".xy")
        assert set(found[4:6]) <= set(b".y") and found[6:] == b".."
        seen.add(found[:6])
    assert {b"......", b"xxyyyy", b"xxxx..", b"..yyyy"} <= seen, "each write alone, both, neither"
    assert len(seen) > 20, "parts"


def test_a_torn_cut_is_the_same_for_the_same_seed(disk, image):
    found = set()
    for _ in range(3):
        disk.write(0, sectors(b".", 32))
        disk.flush()
        for number in range(16):
            disk.write(2 * number * SECTOR, sectors(b"x", 2))
        disk.cut("torn", 7)
        found.add(lasting(image))
    assert len(found) == 1


# ------------------------------------------------------------ over its socket


class Nbd:
    """The other side, written from the protocol's description."""

    def __init__(self, path):
        self.link = socket.socket(socket.AF_UNIX)
        self.link.settimeout(20)
        self.link.connect(path)
        assert take(self.link, ">QQ") == (MAGIC, OPTION_MAGIC)
        assert take(self.link, ">H")[0] & 1
        self.link.sendall(struct.pack(">I", 3))

    def option(self, option, data=b""):
        self.link.sendall(struct.pack(">QII", OPTION_MAGIC, option, len(data)) + data)

    def reply(self):
        magic, _, kind, length = take(self.link, ">QIII")
        assert magic == REPLY_MAGIC
        return kind, take_bytes(self.link, length)

    def go(self):
        self.option(OPT_GO, struct.pack(">IH", 0, 0))
        kind, info = self.reply()
        assert (kind, info[:2]) == (REP_INFO, b"\0\0") and self.reply() == (REP_ACK, b"")
        return struct.unpack(">QH", info[2:])

    def ask(self, kind, at=0, length=0, data=b"", flags=0):
        self.link.sendall(struct.pack(">IHHQQI", REQUEST, flags, kind, 99, at, length or len(data)) + data)
        magic, error, handle = take(self.link, ">IIQ")
        assert (magic, handle) == (SIMPLE_REPLY, 99)
        return error, take_bytes(self.link, length) if kind == READ and not error else b""


@pytest.fixture
def path(disk, tmp_path):
    path = str(tmp_path / "nbd")
    disk.serve(path)
    return path


def test_a_client_reads_writes_and_flushes(disk, path, image):
    nbd = Nbd(path)
    nbd.option(8)  # structured replies
    assert nbd.reply()[0] == REP_ERR_UNSUP
    assert nbd.go() == (SIZE, 1 | 4 | 8)
    assert nbd.ask(WRITE, 0, data=sectors(b"a", 2)) == (0, b"")
    assert nbd.ask(READ, 0, 3 * SECTOR)[1][::SECTOR] == b"aa."
    assert nbd.ask(FLUSH) == (0, b"")
    assert nbd.ask(WRITE, 2 * SECTOR, data=sectors(b"b")) == (0, b"")
    assert nbd.ask(WRITE, 3 * SECTOR, data=sectors(b"c"), flags=FUA) == (0, b"")
    nbd.link.close()
    other = Nbd(path)  # served when the first is gone
    other.go()
    assert other.ask(READ, 0, 5 * SECTOR)[1][::SECTOR] == b"aabc."
    assert disk.cut() == 1
    third = Nbd(path)
    third.go()
    assert third.ask(READ, 0, 5 * SECTOR)[1][::SECTOR] == lasting(image)[:5] == b"aa.c."


def test_the_power_fails_in_the_middle_of_a_flush(disk, path, image):
    nbd = Nbd(path)
    nbd.go()
    assert nbd.ask(WRITE, 0, data=sectors(b"a", 2)) == (0, b"")
    disk.flush_s = 0.3
    nbd.link.sendall(struct.pack(">IHHQQI", REQUEST, 0, FLUSH, 99, 0, 0))
    nbd.link.sendall(struct.pack(">IHHQQI", REQUEST, 0, WRITE, 99, 0, SECTOR) + sectors(b"b"))
    time.sleep(0.1)
    assert disk.cut() == 1
    with pytest.raises((EOFError, ConnectionError)):
        take(nbd.link, ">IIQ")
    other = Nbd(path)  # served when the flush of before has come to its end, which is none
    other.go()
    assert other.ask(READ, 0, 2 * SECTOR)[1] == sectors(b".", 2)
    assert lasting(image)[:2] == b".."


def test_a_flush_of_before_the_cut_keeps_nothing_of_after_it(disk, image):
    disk.flush_s = 0.3
    with concurrent.futures.ThreadPoolExecutor() as pool:
        flush = pool.submit(disk.flush)
        time.sleep(0.1)
        disk.cut()
        disk.write(0, sectors(b"n"))
        assert isinstance(flush.exception(), EOFError)
    assert disk.is_dirty() and lasting(image)[:1] == b"."
    assert disk.cut() == 1 and not disk.is_dirty()


@pytest.mark.parametrize("kind, at, length", [(READ, SIZE, SECTOR), (READ, 1, SECTOR), (READ, 0, 100),
                                              (READ, SIZE - SECTOR, 2 * SECTOR), (4, 0, SECTOR)])
def test_what_a_disk_cannot_do_is_an_error(path, kind, at, length):
    nbd = Nbd(path)
    nbd.go()
    assert nbd.ask(kind, at, length) == (EINVAL, b"")
    assert nbd.ask(READ, 0, SECTOR) == (0, sectors(b"."))


def test_the_old_way_to_begin_and_the_two_ways_to_end(path):
    for end in ("abort", "disconnect", "gone"):
        nbd = Nbd(path)
        if end == "abort":
            nbd.option(OPT_ABORT)
            assert nbd.reply() == (REP_ACK, b"")
        else:
            nbd.option(OPT_EXPORT_NAME)
            assert take(nbd.link, ">QH") == (SIZE, 1 | 4 | 8)
            assert nbd.ask(READ, 0, SECTOR) == (0, sectors(b"."))
        if end == "disconnect":
            nbd.link.sendall(struct.pack(">IHHQQI", REQUEST, 0, DISC, 0, 0, 0))
        if end != "gone":
            assert nbd.link.recv(1) == b""
        nbd.link.close()


def test_who_speaks_no_nbd_is_dropped(path):
    for junk in (b"GET / HTTP/1.0\r\n\r\n", os.urandom(64), struct.pack(">QII", OPTION_MAGIC, OPT_GO, 1 << 30)):
        nbd = Nbd(path)
        nbd.link.sendall(junk + bytes(64))
        try:
            while nbd.link.recv(4096):
                pass
        except ConnectionResetError:
            pass  # it left bytes of ours unread
    nbd = Nbd(path)
    assert nbd.go()[0] == SIZE
    with pytest.raises(EOFError):
        nbd.ask(WRITE, 0, length=volatile_disk.REQUEST_MAX + 1)
