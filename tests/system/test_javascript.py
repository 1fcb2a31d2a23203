# SPDX-License-Identifier: MPL-2.0
"""The JavaScript client against the daemon: alone, beside C and Python, through kill -9.

What is played and checked on the JavaScript side is in javascript_stories/; each story is a process
that must end by itself with 0."""
import hashlib
import json
import os
import signal
import subprocess
import threading

import pytest

import roost
from broker import no_orphan
from helpers import eventually, numbered, receive_all
from javascript import NODE, need_packages

need_packages()
HERE = os.path.dirname(os.path.abspath(__file__))
TIMEOUT_S = 120


class Story:
    """One process; its lines as they come."""

    def __init__(self, file, name, *words):
        path = os.path.join(HERE, "javascript_stories", f"{file}.mjs")
        self.process = subprocess.Popen(
            [NODE, path, name, *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, preexec_fn=no_orphan())
        self.lines = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def says(self, text):
        eventually(lambda: any(line.startswith(text) for line in self.lines)
                   or self.process.poll() is not None, TIMEOUT_S, f"the story says {text!r}")
        found = [line for line in self.lines if line.startswith(text)]
        assert found, f"the story ended: {self.lines}"
        return found[-1]

    def hears(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def ends(self):
        code = self.process.wait(TIMEOUT_S)
        self._reader.join(TIMEOUT_S)
        assert code == 0 and self.lines[-1] == "done", (code, self.lines[-5:])
        return self.lines

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def story():
    stories = []

    def start(*words):
        stories.append(Story(*words))
        return stories[-1]

    yield start
    for each in stories:
        each.close()


@pytest.mark.parametrize("name", ["rooms", "changes", "accounts", "locked", "peers"])
def test_people(broker, story, name):
    story("people", name, broker.url).ends()


def test_rules_of_the_access_list(make_broker, story):
    story("people", "rules", make_broker(security__admins="keeper").url).ends()


@pytest.mark.parametrize("name", ["settling", "asking", "takeover", "nobody"])
def test_messages(make_broker, story, name):
    story("messages", name, make_broker(retry__preset="brisk").url).ends()


def test_no_such_peer(make_broker, story):
    story("messages", "noSuchPeer", make_broker(mailbox__autocreate="off").url).ends()


def test_what_one_language_sends_the_others_read(broker, connect, story):
    lei = story("messages", "tell", broker.url, "李雷", 5)
    lei.says("attached")
    from_c = subprocess.run([os.environ["ROOST_CLI"], "--url", broker.url, "--as", "卡罗", "send", "李雷",
                             "from C: 你好"], capture_output=True, text=True, check=False)
    assert from_c.returncode == 0, from_c.stderr
    anna = connect(broker, "安娜")
    anna.send("李雷", "from Python", kind=roost.Kind.ACTION, content_type="text/plain",
              headers=[(b"tenant", b"blue")], key=b"k", correlation_id=b"c", reply_to="安娜")
    story("messages", "write", broker.url, "韩梅梅", "李雷").ends()
    told = [json.loads(line) for line in lei.ends() if line.startswith("{")]
    digests = [hashlib.sha256(body).hexdigest() for body in
               ("from C: 你好".encode(), b"from Python", "你好, 李雷".encode(), b"\7" * (1 << 20), b"")]
    assert [message["body"] for message in told] == digests
    assert [message["sender"] for message in told] == ["卡罗", "安娜", "韩梅梅", "韩梅梅", "韩梅梅"]
    assert told[1]["kind"] == "action" and told[1]["headers"] == [["tenant", "blue"]]
    assert (told[1]["key"], told[1]["correlationId"], told[1]["replyTo"]) == ("k", "c", "peer:安娜")


def test_python_and_c_read_what_javascript_sends(broker, connect, story):
    story("messages", "write", broker.url, "韩梅梅", "安娜").ends()
    full, big, empty = receive_all(connect(broker, "安娜").attach(), 3)
    assert full.text == "你好, 李雷" and full.kind is roost.Kind.ACTION and full.priority == 5
    assert full.headers == ((b"tenant", b"blue"), (b"empty", b"")) and full.key == b"k-1"
    assert (full.reply_to, full.correlation_id) == ("peer:韩梅梅", b"c-1")
    assert full.created_ms == 1_700_000_000_000 and full.content_type == "text/plain"
    assert full.expires_ms == full.stored_ms + 3_600_000
    assert big.body == b"\7" * (1 << 20) and big.parent_id == full.message_id and empty.body == b""
    story("messages", "write", broker.url, "韩梅梅", "卡罗").ends()
    read = subprocess.run([os.environ["ROOST_CLI"], "--url", broker.url, "--as", "卡罗", "recv", "--json",
                           "--count", "1"], capture_output=True, text=True, check=True).stdout
    assert json.loads(read.splitlines()[0])["body"] == "你好, 李雷"


def test_30000_messages_in_order_through_kill_9(broker, story):
    """The broker is killed while they are sent, and again while they are received."""
    sender = story("messages", "numbered", broker.url, "bob", "alice", 30_000)
    sender.says("under way")
    broker.restart()
    sender.ends()
    receiver = story("messages", "counted", broker.url, "alice", 30_000)
    receiver.says("under way")
    broker.restart()
    receiver.ends()


def test_an_outage(broker, story):
    played = story("messages", "outage", broker.url)
    played.says("kill")
    broker.kill()
    played.hears("it is dead")
    played.says("start")
    broker.start()
    played.ends()


def test_a_consumer_that_stops_reading_delays_nobody(make_broker, connect, story):
    """It keeps its window and no more; while its process stands still the broker gives it up, and
    when it goes on it comes back and misses nothing."""
    broker = make_broker(zmq__heartbeat_ms=300)
    bob, awake = connect(broker, "bob"), connect(broker, "awake")
    for body in numbered(2000):
        bob.send_async("sleepy", body)
    assert bob.flush(60)
    sleepy = story("messages", "sleepy", broker.url, 2000)
    sleepy.says("full")
    sleepy.process.send_signal(signal.SIGSTOP)
    inbox = awake.attach()
    for body in numbered(500):
        bob.send_async("awake", body)
    assert [message.body for message in receive_all(inbox, 500, 5)] == numbered(500)
    broker.wait_for_log(r"session-closed .*peer=sleepy", 60)
    sleepy.process.send_signal(signal.SIGCONT)
    sleepy.hears("go on")
    assert int(sleepy.says("reconnects").split()[1]) >= 1
    sleepy.ends()
