# SPDX-License-Identifier: MPL-2.0
"""The programs in the documents run: the complete client of docs/PROTOCOL.md, and the code blocks
of README.md and clients/python/README.md.

A Python block is run as it stands, with the address of the test's broker put in place of the
default one. A block that is no program of its own is marked in the document with an HTML comment
`<!-- not run: why -->` on the line before it.
"""
import contextlib
import json
import os
import re
import sqlite3
import subprocess
import sys

import pytest

from helpers import bodies, eventually, receive_all

SOURCE = os.environ.get("ROOST_SOURCE", os.path.join(os.path.dirname(__file__), "..", ".."))
DEFAULT = "tcp://127.0.0.1:7667"


def blocks(path, language):
    full = os.path.join(SOURCE, path)
    if not os.path.exists(full):
        return []
    with open(full, encoding="utf-8") as file:
        text = file.read()
    found = re.findall(r"(<!-- not run: .* -->\n)?```" + language + r"\n(.*?)```", text, re.DOTALL)
    return [code for mark, code in found if not mark]


def run(arguments, **options):
    done = subprocess.run(arguments, check=False, capture_output=True, text=True, timeout=60,
                          **options)
    assert done.returncode == 0, f"{arguments}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def minimal(tmp_path):
    """The complete client of docs/PROTOCOL.md as a file, with its broker_pb2."""
    programs = [code for code in blocks("docs/PROTOCOL.md", "python") if "def main" in code]
    assert len(programs) == 1, "docs/PROTOCOL.md has one complete client"
    (tmp_path / "client.py").write_text(programs[0], encoding="utf-8")
    subprocess.run(["protoc", f"--proto_path={SOURCE}/proto/wire", f"--python_out={tmp_path}",
                    "broker.proto"], check=True)
    return str(tmp_path / "client.py")


def test_the_complete_client_of_the_protocol_document(broker, connect, minimal):
    as_bob = [sys.executable, minimal, broker.url, "bob"]
    assert "stored 3" in run([*as_bob, "send", "peer:alice", "one", "two", "three"])
    inbox = connect(broker, "alice").attach()
    assert bodies(receive_all(inbox, 3)) == [b"one", b"two", b"three"]
    inbox.confirm()
    connect(broker, "carol").send("bob", "back")
    assert run([*as_bob, "recv", "peer:bob", "1"]) == "carol: back\n"
    assert connect(broker, "bob").attach().waiting_at_attach == 0, "and settled it"


def test_the_readme_names_every_command():
    tool = os.environ["ROOST_CLI"]
    with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as file:
        rows = [set(re.findall(r"`([a-z-]+)`", line)) for line in file if line.startswith("| `")]
    overview = run([tool, "help"]).split("\nCommands\n")[1].split("\n\n")[0]
    listed = [re.split("  +", line.strip())[0] for line in overview.splitlines()]
    for group in {name for name in listed if name in ("room", "invite", "user")}:
        listed += re.findall(r"(?m)^  (\w+ \w+) ", run([tool, "help", group]))
    for name in listed:
        assert any(set(name.split()) <= row for row in rows), f"README.md does not name {name}"


def floors(broker):
    """The floors of all consumers, as the file has them."""
    with contextlib.closing(sqlite3.connect(f"file:{broker.data}/roost.db?mode=ro", uri=True)) as db:
        return {row[0] for row in db.execute("SELECT floor_seq FROM consumer")}


def test_the_complete_client_survives_a_restart(broker, connect, minimal):
    as_alice = [sys.executable, minimal, broker.url, "alice"]
    receiver = subprocess.Popen([*as_alice, "recv", "peer:alice", "4"], stdout=subprocess.PIPE,
                                text=True)
    bob = connect(broker, "bob")
    bob.send("alice", "1"), bob.send("alice", "2")
    assert [receiver.stdout.readline(), receiver.stdout.readline()] == ["bob: 1\n", "bob: 2\n"]
    eventually(lambda: floors(broker) >= {2}, what="its settlements are on disk")
    broker.restart()
    bob.send("alice", "3"), bob.send("alice", "4")
    assert receiver.communicate(timeout=60)[0] == "bob: 3\nbob: 4\n"


def commands(code):
    """The commands of a shell block, one a line; a line that goes on is joined."""
    lines = code.replace("\n    ", " ").strip().splitlines()
    return [line for line in lines if line.strip()]


def test_the_curl_examples_of_the_rest_document(http):
    """In their order, in one shell; each answer is JSON without an error."""
    address = "http://%s:%d" % http.http_address()
    script = [f"ROOST={address}"]
    for code in blocks("docs/REST.md", "sh"):
        for line in commands(code):
            # curl of Debian 12 knows --json; Python reads the token where jq is not installed.
            line = line.replace("jq -r .token", f"{sys.executable} -c 'import json,sys;print(json.load(sys.stdin)[\"token\"])'")
            script.append(line if line.startswith("TOKEN=") else f"{line}; echo")
    answers = [json.loads(line) for line in run(["bash", "-eu", "-c", "\n".join(script)]).splitlines() if line]
    assert len(answers) > 10
    for answer in answers:
        assert "error" not in answer or answer["error"]["name"] == "NO_SUCH_CONSUMER", answer
    assert answers[0]["name"] == "ana" and answers[2]["is_verified"] is True


@pytest.mark.parametrize("path", ["README.md", "clients/python/README.md",
                                  "clients/python/examples/hello.py"])
def test_python_blocks_run(broker, path):
    programs = blocks(path, "python")
    if path.endswith(".py"):
        with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
            programs = [file.read()]
    if not programs:
        pytest.skip(f"{path} has no programs yet")
    for code in programs:
        if "connect(" in code and DEFAULT not in code:
            code = re.sub(r"connect\((?=[^)])", f'connect("{broker.url}", ', code)
        run([sys.executable, "-c", code.replace(DEFAULT, broker.url)])
