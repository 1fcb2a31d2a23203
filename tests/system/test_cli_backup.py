# SPDX-License-Identifier: MPL-2.0
"""roost backup and restore against the real daemon: under full load nothing acknowledged before is
missing, a kill in the middle leaves no half file, the lock is respected, the old data is kept."""
import glob
import json
import os
import signal
import sqlite3
import subprocess
import threading
import time

import pytest
from broker import Broker, eventually

BODY = b"x" * 2000


def roost(*words, code=0, **options):
    done = subprocess.run([os.environ["ROOST_CLI"], *map(str, words)], capture_output=True, text=True,
                          timeout=120, check=False, **options)
    assert done.returncode == code, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done


class Load:
    """Sends numbered messages as fast as they are acknowledged; knows which were."""

    def __init__(self, client, scope):
        self.client, self.scope, self.acknowledged, self.is_ending = client, scope, [], False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.is_ending:
            pending = [self.client.send_async(self.scope, BODY) for _ in range(50)]
            for send in pending:
                self.acknowledged.append(send.result(20).message_id)

    def stop(self):
        self.is_ending = True
        self.thread.join(30)
        assert not self.thread.is_alive()


def ids_in(path):
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return {row[0] for row in database.execute("SELECT message_id FROM message")}
    finally:
        database.close()


def test_under_load_nothing_acknowledged_before_is_missing(make_broker, connect, tmp_path):
    broker = make_broker()
    loads = [Load(connect(broker, f"sender{n}"), f"peer:reader{n}") for n in range(3)]
    try:
        eventually(lambda: all(len(load.acknowledged) > 1500 for load in loads))
        for attempt in range(3):
            before = {ident for load in loads for ident in list(load.acknowledged)}
            target = tmp_path / f"copy{attempt}.db"
            said = json.loads(roost("backup", "--data", broker.data, "--json", target).stdout)
            assert said["verified"] is True and said["bytes"] > 0
            missing = before - ids_in(target)
            assert not missing, f"{len(missing)} of {len(before)}"
        counts = [len(load.acknowledged) for load in loads]
        eventually(lambda: all(len(load.acknowledged) > count + 200  # it goes on meanwhile
                               for load, count in zip(loads, counts)))
    finally:
        for load in loads:
            load.stop()
    assert not [line for line in broker.lines if "level=error" in line or "damaged" in line]
    # Restored elsewhere it is a broker whose consumers get what was waiting then.
    elsewhere = tmp_path / "elsewhere"
    roost("restore", "--data", elsewhere, target)
    other = make_broker(data=elsewhere)
    reader = connect(other, "reader0")
    mailbox = reader.attach()
    wanted = set(before) & set(loads[0].acknowledged)
    seen = set()
    deadline = time.monotonic() + 60
    while not wanted <= seen and time.monotonic() < deadline:
        received = mailbox.receive(10)
        assert received is not None, f"{len(wanted - seen)} did not come"
        seen.add(received.message.message_id)
        received.ack()
    assert wanted <= seen
    roost("verify", other.data + "/roost.db")


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_killed_in_the_middle_leaves_no_half_file(command, tmp_path):
    data = tmp_path / "data"
    broker = Broker(data).start()
    from roost import Client
    with Client(broker.url, "alice") as client:
        sends = [client.send_async("peer:bob", BODY * 20) for _ in range(1500)]
        for send in sends:
            send.result(30)
    assert broker.stop() == 0
    whole = tmp_path / "whole.db"
    roost("backup", "--data", data, whole)
    target = tmp_path / "target.db" if command == "backup" else tmp_path / "new" / "roost.db"
    words = (["backup", "--data", data, target] if command == "backup"
             else ["restore", "--data", target.parent, whole])
    kills = 0
    for delay in (0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3):
        process = subprocess.Popen([os.environ["ROOST_CLI"], *map(str, words)],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        kills += process.wait(20) == -signal.SIGKILL
        if target.exists():
            roost("verify", target)
            assert len(ids_in(target)) == 1500
            for path in glob.glob(str(target) + "*"):
                os.unlink(path)
    assert kills >= 3, "the machine is too fast for this test"
    roost(*words)  # what the killed ones left does not disturb
    roost("verify", target)
    assert not glob.glob(str(tmp_path / "**" / "*.part*"), recursive=True)


def test_restore_is_refused_while_a_broker_runs(broker, tmp_path):
    copy = tmp_path / "copy.db"
    roost("backup", "--data", broker.data, copy)
    said = roost("restore", "--data", broker.data, copy, code=5).stderr
    assert "stop it" in said and str(broker.process.pid) in said, said
    assert not glob.glob(broker.data + "/*before-restore*")


def test_restore_keeps_the_old_data(make_broker, connect, tmp_path):
    broker = make_broker()
    client = connect(broker, "alice")
    client.send("peer:bob", b"first")
    copy = tmp_path / "copy.db"
    roost("backup", "--data", broker.data, copy)
    client.send("peer:bob", b"second")
    broker.kill()  # the second one is in the WAL only
    said = json.loads(roost("restore", "--json", "--data", broker.data, copy).stdout)
    assert len(ids_in(broker.data + "/roost.db")) == 1
    assert len(ids_in(said["kept"])) == 2
    broker.start()
    # And back again.
    assert broker.stop() == 0
    roost("restore", "--data", broker.data, said["kept"])
    assert len(ids_in(broker.data + "/roost.db")) == 2
    broker.start()


def test_what_is_no_sound_backup_is_refused(make_broker, tmp_path):
    broker = make_broker()
    copy = tmp_path / "copy.db"
    roost("backup", "--data", broker.data, copy)
    assert broker.stop() == 0
    before = open(broker.data + "/roost.db", "rb").read()
    (tmp_path / "text").write_text("no database at all\n" * 20)
    assert "not" in roost("restore", "--data", broker.data, tmp_path / "text", code=1).stderr
    roost("restore", "--data", broker.data, tmp_path / "none", code=4)
    damaged = bytearray(copy.read_bytes())
    damaged[4096 * 3:4096 * 4] = os.urandom(4096)
    (tmp_path / "damaged.db").write_bytes(damaged)
    done = roost("restore", "--data", broker.data, tmp_path / "damaged.db", code=1)
    assert "structure" in done.stdout or "damaged" in done.stderr, (done.stdout, done.stderr)
    assert open(broker.data + "/roost.db", "rb").read() == before
    assert not glob.glob(broker.data + "/*restored*")
    # A backup is never written over a broker's database, nor over something else.
    roost("backup", "--data", broker.data, tmp_path / "text", code=1)
    roost("backup", "--data", broker.data, broker.data + "/roost.db", code=1)
    roost("backup", "--data", tmp_path / "nowhere", copy, code=4)


def test_progress_is_lines_without_a_terminal(make_broker, connect, tmp_path):
    broker = make_broker()
    client = connect(broker, "alice")
    for send in [client.send_async("peer:bob", BODY * 20) for _ in range(600)]:
        send.result(20)
    done = roost("backup", "--data", broker.data, tmp_path / "copy.db")
    lines = [line for line in done.stderr.splitlines() if line.startswith("copying ")]
    assert len(lines) >= 3 and lines[-1].startswith("copying 100 %"), done.stderr
    assert "verified" in done.stdout
    assert "\r" not in done.stderr
