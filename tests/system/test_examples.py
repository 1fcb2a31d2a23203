# SPDX-License-Identifier: MPL-2.0
"""The chat examples, the one in C and the one in Python, in one room."""
import os
import subprocess
import sys
import threading

import pytest

import roost
from helpers import eventually

SOURCE = os.environ.get("ROOST_SOURCE", os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("ROOST_BUILD", "")
IN_C = os.path.join(BUILD, "clients", "c", "roost_chat")
IN_PYTHON = os.path.join(SOURCE, "clients", "python", "examples", "chat.py")


class Chat:
    """One chat program and what it has said so far."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, bufsize=1)
        self.lines = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def type(self, line):
        self.process.stdin.write(line + "\n")

    def sees(self, text):
        eventually(lambda: any(text in line for line in self.lines), what=f"{text!r} is shown")

    def quit(self):
        self.type("/quit")
        assert self.process.wait(30) == 0
        self._reader.join(30)
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def enter(broker):
    chats = []

    def start(language, name, room="kitchen"):
        command = {"C": [IN_C, room, name, broker.url],
                   "Python": [sys.executable, IN_PYTHON, room, name, "--url", broker.url]}
        chats.append(Chat(command[language]))
        chats[-1].sees(f"{room}; ")
        return chats[-1]

    yield start
    for chat in chats:
        chat.process.kill()
        chat.process.wait()


def test_two_languages_in_one_room(enter):
    alice, bob = enter("Python", "alice", "厨房"), enter("C", "bob", "厨房")
    alice.type("你好 bob")
    bob.sees("alice: 你好 bob")
    bob.type("soup is ready")
    alice.sees("bob: soup is ready")
    alice.type("/fix 你好 all")
    bob.sees("alice means: 你好 all")
    bob.type("/who")
    bob.sees("* alice, here")
    alice.type("/who")
    alice.sees("* bob, member, here")
    alice.type("/topic dinner")
    alice.sees("* topic: dinner")
    alice.type("/find soup")
    alice.type("/last 1")
    eventually(lambda: alice.lines.count("bob: soup is ready") == 3, what="found and last")
    bob.type("/topic lunch")
    bob.sees("* topic: ")  # members may not
    for chat in (alice, bob):
        chat.type("/dance")
        chat.sees("/help lists")
        chat.type("/help")
        chat.sees("* /quit")
        chat.quit()
    assert not any("alice: " in line for line in alice.lines), "one's own are not shown again"


@pytest.mark.parametrize("language", ["C", "Python"])
def test_what_was_said_meanwhile_waits(broker, enter, language):
    enter(language, "bob").quit()
    alice = enter("Python", "alice")
    alice.type("are you \x1b[2J there?")
    alice.type("/who")
    alice.sees("* bob")
    broker.restart()
    bob = enter(language, "bob")
    bob.sees("1 messages came meanwhile")
    bob.sees("alice: are you ?[2J there?")
    bob.quit()
    bob = enter(language, "bob")
    bob.sees("0 messages")
    alice.type("/leave")
    assert alice.process.wait(30) == 0
    with roost.connect(broker.url, "carol") as carol:
        assert [member.peer for member in carol.members("kitchen").items] == ["bob"]


@pytest.mark.parametrize("command", [[IN_C, "kitchen", "bob", "nowhere"],
                                     [IN_C], [sys.executable, IN_PYTHON]])
def test_wrong_arguments(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False,
                          stdin=subprocess.DEVNULL)
    assert done.returncode != 0 and (done.stdout + done.stderr).strip()
