# SPDX-License-Identifier: MPL-2.0
"""The disk that loses its power (tests/faults) is what other tests believe it to be: what was synced
lasts, what was not is gone or torn, names last from a sync on, faults come when they were asked for."""
import errno
import mmap
import os
import sqlite3
import threading

import pytest

from fault_disk import FaultDisk


def write(path, data, is_synced, at=0):
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.pwrite(fd, data, at)
    if is_synced:
        os.fdatasync(fd)
    os.close(fd)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def sync_folder(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def test_what_was_synced_lasts_and_nothing_else(fault_disk):
    path = os.path.join(fault_disk.path, "a")
    write(path, b"first", True)
    write(path, b"SECOND", False)
    assert read(path) == b"SECOND", "programs see what they wrote"
    assert fault_disk.cut() > 0
    assert read(path) == b"first"
    write(path, b"3", True, at=7)
    fault_disk.cut()
    assert read(path) == b"first\0\x003"


def test_what_is_settled_lasts(fault_disk):
    path = os.path.join(fault_disk.path, "a")
    write(path, b"a", False)
    fault_disk.settle()
    write(path, b"b", False)
    assert fault_disk.cut() == 1
    assert read(path) == b"a"


def test_a_truncation_is_taken_back(fault_disk):
    path = os.path.join(fault_disk.path, "a")
    write(path, b"0123456789", True)
    os.truncate(path, 3)
    write(path, b"xyz", False, at=5)
    with open(path, "wb"):
        pass
    fault_disk.cut()
    assert read(path) == b"0123456789"
    os.truncate(path, 3)
    assert fault_disk.cut("keep") == 0
    assert read(path) == b"012"


def test_names_last_from_a_sync_on(fault_disk):
    a, b, c = (os.path.join(fault_disk.path, name) for name in "abc")
    write(a, b"a", True)
    write(b, b"b", True)
    os.rename(a, c)
    os.unlink(b)
    os.mkdir(a)
    write(os.path.join(a, "inside"), b"i", False)
    fault_disk.cut()
    assert sorted(os.listdir(fault_disk.path)) == ["a", "b"]
    assert read(a) == b"a" and read(b) == b"b"
    os.rename(a, b)
    sync_folder(fault_disk.path)
    fault_disk.cut()
    assert os.listdir(fault_disk.path) == ["b"] and read(b) == b"a"


def test_strict_names_need_the_sync_of_their_folder(fault_disk, tmp_path):
    folder = tmp_path / "strict"
    folder.mkdir()
    with FaultDisk(os.environ["ROOST_FAULT_FS"], folder, strict_names=True) as disk:
        path = os.path.join(disk.path, "a")
        write(path, b"a", True)
        disk.cut()
        assert not os.path.exists(path)
        write(path, b"a", True)
        sync_folder(disk.path)
        disk.cut()
        assert read(path) == b"a"


def test_a_torn_write_is_there_in_parts(fault_disk):
    path = os.path.join(fault_disk.path, "a")
    size, kinds = 16 * 512, set()
    write(path, b"o" * size, True)
    for seed in range(1, 40):
        write(path, b"n" * size, False)
        fault_disk.cut("torn", seed)
        sectors = [read(path)[at:at + 512] for at in range(0, size, 512)]
        assert set(sectors) <= {b"o" * 512, b"n" * 512}
        kinds.add(len(set(sectors)) if len(set(sectors)) == 2 else sectors[0][:1])
        write(path, b"o" * size, True)
    assert kinds == {2, b"o", b"n"}, "all of it, nothing and parts"


def test_a_mapped_file_is_one_of_them(fault_disk):
    path = os.path.join(fault_disk.path, "a")
    write(path, b"o" * 4096, True)
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 4096) as view:
        view[:3] = b"new"
    assert read(path)[:3] == b"new"
    fault_disk.cut()
    assert read(path)[:3] == b"ooo"


@pytest.mark.parametrize("level, is_kept", [("FULL", True), ("NORMAL", False)])
def test_sqlite_loses_what_it_does_not_sync(fault_disk, level, is_kept):
    path = os.path.join(fault_disk.path, "db")
    pid = os.fork()
    if pid == 0:
        database = sqlite3.connect(path, isolation_level=None)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(f"PRAGMA synchronous = {level}")
        database.execute("CREATE TABLE t (x)")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("INSERT INTO t VALUES (1)")
        os._exit(0)  # as kill -9: nothing is closed
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    fault_disk.cut()
    rows = sqlite3.connect(path).execute("SELECT count(*) FROM t").fetchone()[0]
    assert rows == is_kept


def test_faults_come_at_the_call_that_was_named(fault_disk):
    path = os.path.join(fault_disk.path, "a")
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fault_disk.fault("write", 2, errno.EIO)
    assert os.pwrite(fd, b"12", 0) == 2
    with pytest.raises(OSError, match=r"\[Errno 5\]"):
        os.pwrite(fd, b"34", 2)
    assert os.pwrite(fd, b"34", 2) == 2
    fault_disk.fault("sync", 1, errno.ENOSPC, for_ever=True, ends_in="a")
    for _ in range(3):
        with pytest.raises(OSError, match=r"\[Errno 28\]"):
            os.fdatasync(fd)
    fault_disk.fault("write", 1, 0)
    assert os.pwrite(fd, b"0123456789", 0) == 5, "a short write"
    fault_disk.clear()
    os.fdatasync(fd)
    assert os.pwrite(fd, b"0123456789", 0) == 10
    assert fault_disk.counts()["faults"] == 0
    os.close(fd)


def test_slow_syncs_hold_nobody_else_up(fault_disk):
    """Nobody but who writes to the very same file, as the kernel has it."""
    path, other = (os.path.join(fault_disk.path, name) for name in "ab")
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.pwrite(fd, b"x", 0)
    fault_disk.slow("sync", 2000)
    waiting = threading.Thread(target=os.fdatasync, args=(fd,))
    waiting.start()
    write(other, b"y", False)
    assert read(path) == b"x" and read(other) == b"y"
    assert waiting.is_alive()
    waiting.join()
    os.close(fd)
