# SPDX-License-Identifier: MPL-2.0
"""Contract 12: a newer data file is refused with a clear error, a foreign or damaged one too; a
damaged message is never delivered wrong and is named; a backup works while running."""
import glob
import os
import sqlite3
import subprocess

import pytest

from helpers import bodies, numbered, receive_all

EXIT_DATA, EXIT_CANNOT_CREATE = 65, 73


def data_file(broker):
    found = [path for path in glob.glob(os.path.join(broker.data, "**"), recursive=True)
             if os.path.isfile(path) and open(path, "rb").read(16).startswith(b"SQLite format 3")]
    assert len(found) == 1, found
    return found[0]


def with_messages(make_broker, connect, count=50):
    broker = make_broker()
    bob = connect(broker, "bob")
    for body in numbered(count):
        bob.send_async("alice", body.ljust(200, b"."))
    assert bob.flush(20)
    bob.close()
    return broker


def refused_start(broker, *words):
    """Starts it, expects it to end; its last lines must say the words."""
    broker.launch()
    code = broker.wait()
    log = "\n".join(broker.log_of_run()).lower()
    for word in words:
        assert word in log, log
    return code


def test_a_newer_schema_is_refused(make_broker, connect):
    broker = with_messages(make_broker, connect)
    assert broker.stop() == 0
    path = data_file(broker)
    with sqlite3.connect(path) as database:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        database.execute(f"PRAGMA user_version = {version + 1}")
    before = open(path, "rb").read()
    assert refused_start(broker, "newer") == EXIT_DATA
    assert open(path, "rb").read() == before, "and left as it was"
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA user_version = {version}")
    broker.start()
    assert connect(broker, "alice").attach().waiting_at_attach == 50


def test_a_foreign_file_is_refused(make_broker, connect):
    broker = with_messages(make_broker, connect)
    assert broker.stop() == 0
    with sqlite3.connect(data_file(broker)) as database:
        database.execute("PRAGMA application_id = 12345")
    assert refused_start(broker, "not a roost") == EXIT_DATA


def test_rubbish_instead_of_a_database_is_refused(make_broker, connect):
    broker = with_messages(make_broker, connect)
    assert broker.stop() == 0
    path = data_file(broker)
    with open(path, "wb") as file:
        file.write(os.urandom(100_000))
    assert refused_start(broker) == EXIT_DATA


def test_a_second_broker_on_the_same_data_is_refused(make_broker, connect):
    broker = with_messages(make_broker, connect)
    second = make_broker(data=broker.data, is_started=False)
    assert refused_start(second, "another") == EXIT_CANNOT_CREATE
    assert connect(broker, "alice").attach().waiting_at_attach == 50


def test_damaged_messages_are_never_delivered_wrong_and_are_named(make_broker, connect):
    """One bit flipped in the bodies of three messages: the others arrive, these are named."""
    broker = with_messages(make_broker, connect)
    assert broker.stop() == 0
    path = data_file(broker)
    content = bytearray(open(path, "rb").read())
    for number in (7, 20, 41):
        body = numbered(1, first=number)[0].ljust(200, b".")
        at = content.find(body)
        assert at > 0, "the body is in the file once the broker stopped"
        while at > 0:
            content[at + 100] ^= 0x04
            at = content.find(body, at + 1)
    with open(path, "wb") as file:
        file.write(content)
    broker.start()
    alice = connect(broker, "alice")
    inbox = alice.attach()
    good = [body for index, body in enumerate(numbered(50)) if index not in (7, 20, 41)]
    got = [body.rstrip(b".") for body in bodies(receive_all(inbox, 47))]
    assert got == good
    assert inbox.receive(0.3) is None
    assert all(b"*" not in m.body for m in alice.history("bob", limit=100).items)
    broker.wait_for_log(r"(?i)damag|quarantin|checksum")
    assert sum(item.value for item in alice.stats().items
               if "damaged" in item.name or "quarantine" in item.name) >= 3


def test_a_backup_is_made_while_running(make_broker, connect, tmp_path):
    tool = os.environ.get("ROOST_CLI", "")
    if not os.path.exists(tool):
        pytest.skip("the roost tool is not built")
    if b"backup" not in subprocess.run([tool, "--help"], check=False, capture_output=True).stdout:
        pytest.skip("this version of the roost tool has no backup command")
    broker = with_messages(make_broker, connect)
    copy = tmp_path / "copy"
    copy.mkdir()
    target = copy / os.path.basename(data_file(broker))
    subprocess.run([tool, "backup", "--data", broker.data, str(target)], check=True)
    restored = make_broker(data=copy)
    assert connect(restored, "alice").attach().waiting_at_attach == 50


def test_data_files_are_private(make_broker):
    broker = make_broker()
    for path in [broker.data, *glob.glob(os.path.join(broker.data, "*"))]:
        assert os.stat(path).st_mode & 0o077 == 0, path
