# SPDX-License-Identifier: MPL-2.0
"""Contract 10: all clients see one and the same data. In this version: the Python library, bare
ZeroMQ clients, the roost tool (libroost) and the sqlite3 shell."""
import os
import shutil
import subprocess

import pytest

from helpers import bodies, numbered, receive_all
from roost.schema import pb
from test_contract_12_data_file import data_file, with_messages


def test_a_bare_client_and_the_library_see_the_same(broker, connect, connect_raw):
    raw = connect_raw(broker)
    raw.hello("bob")
    raw.store("alice", 3, b"bare")
    alice = connect(broker, "alice")
    alice.send("bob", "library")
    seen = alice.history("bob").items
    raw.send(pb.Query(request_id=1, kind=pb.HISTORY, peer=b"alice"))
    result = raw.receive(pb.RESULT)
    assert [(m.seq, m.message_id, m.body) for m in result.messages] == [
        (m.seq, m.message_id, m.body) for m in seen]
    assert bodies(receive_all(alice.attach(), 3)) == [b"bare"] * 3


def test_the_tool_sends_what_the_library_receives_and_back(broker, connect):
    tool = os.environ.get("ROOST_CLI", "")
    if not os.path.exists(tool):
        pytest.skip("the roost tool is not built")
    as_bob = [tool, "--url", broker.url, "--as", "bob"]
    subprocess.run([*as_bob, "send", "alice", "from the tool"], check=True, timeout=20)
    alice = connect(broker, "alice")
    assert bodies(receive_all(alice.attach(), 1)) == [b"from the tool"]
    alice.send("bob", "from the library")
    shown = subprocess.run([*as_bob, "recv", "--count", "1"], check=True, timeout=20,
                           capture_output=True, text=True).stdout
    assert "from the library" in shown


def test_sqlite3_reads_the_live_file(make_broker, connect):
    """The data is yours: the sqlite3 shell sees it, read-only, while the broker runs."""
    if not shutil.which("sqlite3"):
        pytest.skip("sqlite3 is not installed")
    broker = with_messages(make_broker, connect)
    query = ("SELECT count(*), min(length(body)) FROM message JOIN scope ON scope.id = scope_id "
             "WHERE scope.name = 'alice'")
    shown = subprocess.run(["sqlite3", "-readonly", data_file(broker), query], check=True,
                           capture_output=True, text=True).stdout
    assert shown.strip() == "50|200"
    assert subprocess.run(["sqlite3", "-readonly", data_file(broker), "PRAGMA integrity_check"],
                          check=True, capture_output=True, text=True).stdout.strip() == "ok"
    connect(broker, "bob").send("alice", "still writable")
