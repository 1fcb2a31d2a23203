# SPDX-License-Identifier: MPL-2.0
"""The example programs: chat, work log and sensor feed, each in C, Python and JavaScript, behaving
alike and working together."""
import os
import signal
import subprocess
import sys
import threading

import pytest

import roost
from helpers import eventually
from javascript import NODE, PACKAGE, only_with_packages

SOURCE = os.environ.get("ROOST_SOURCE", os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("ROOST_BUILD", "")
LANGUAGES = ["C", "Python", pytest.param("JavaScript", marks=only_with_packages)]
IN_EACH = pytest.mark.parametrize("language", LANGUAGES)


def program(language, name):
    """The command that runs an example."""
    if language == "C":
        return [os.path.join(BUILD, "clients", "c", f"roost_{name}")]
    if language == "Python":
        return [sys.executable, os.path.join(SOURCE, "clients", "python", "examples", f"{name}.py")]
    return [NODE, os.path.join(PACKAGE, "examples", f"{name}.js")]


class Program:
    """One program and what it has said so far."""

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
        self.ends()

    def ends(self, code=0):
        """Waits for its end; gives what it said."""
        assert self.process.wait(30) == code, self.lines
        self._reader.join(30)
        self.process.stdin.close()
        self.process.stdout.close()
        return self.lines


@pytest.fixture
def run(broker):
    """run(language, example, *words): the program, started."""
    programs = []

    def start(language, name, *words):
        url = ["--url", broker.url]
        before, after = (([], [broker.url]) if language == "C" else ([], url)) \
            if name == "chat" else (url, [])
        programs.append(Program([*program(language, name), *before, *words, *after]))
        return programs[-1]

    yield start
    for each in programs:
        each.process.kill()
        each.process.wait()


@pytest.fixture
def enter(run):
    def start(language, name, room="kitchen"):
        chat = run(language, "chat", room, name)
        chat.sees(f"{room}; ")
        return chat

    return start


@pytest.mark.parametrize("first, second", [
    ("Python", "C"), ("C", "Python"),
    pytest.param("JavaScript", "C", marks=only_with_packages),
    pytest.param("Python", "JavaScript", marks=only_with_packages)])
def test_two_languages_in_one_room(enter, first, second):
    alice, bob = enter(first, "alice", "厨房"), enter(second, "bob", "厨房")
    alice.type("你好 bob")
    bob.sees("alice: 你好 bob")
    bob.type("soup is ready")
    alice.sees("bob: soup is ready")
    alice.type("/fix 你好 all")
    bob.sees("alice means: 你好 all")
    bob.type("/who")
    bob.sees("* alice, owner, here")
    alice.type("/who")
    alice.sees("* bob, member, here")
    alice.type("/topic dinner")
    alice.sees("* topic: dinner")
    alice.type("/find soup")
    alice.type("/last 1")
    eventually(lambda: alice.lines.count("bob: soup is ready") == 3, what="found and last")
    bob.type("/topic lunch")
    eventually(lambda: any("2003" in line or "NOT_ALLOWED" in line for line in bob.lines),
               what="members may not")
    bob.type("/topic")
    bob.sees("* topic: dinner")
    bob.type("/fix nothing")
    alice.type("/invite carol come and eat")
    eventually(lambda: any("carol" in line or "3001" in line or "NO_SUCH_PEER" in line
                           for line in alice.lines), what="an answer")
    for chat in (alice, bob):
        chat.type("/dance")
        chat.sees("/help lists")
        chat.type("/help")
        chat.sees("* /quit")
        chat.quit()
    assert not any("alice: " in line for line in alice.lines), "one's own are not shown again"


@IN_EACH
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


@IN_EACH
def test_jobs_are_shared_done_and_logged(broker, connect, run, language):
    run(language, "worklog", "add", "build", "boss", "compile", "测试").ends()
    worker = run(language, "worklog", "work", "build", "anna", "2")
    assert worker.ends() == ["anna does compile, try 1", "anna does 测试, try 1"]
    log = run(language, "worklog", "show", "build", "boss").ends()
    assert log == ["anna did compile: 7 bytes", "anna did 测试: 6 bytes",
                   "0 jobs wait, 0 were given up"]
    page = connect(broker, "boss").history(scope="queue:build")
    done = connect(broker, "boss").history(scope="topic:build.done")
    assert [m.parent_id for m in done.items] == [m.message_id for m in page.items]


@only_with_packages
def test_workers_of_three_languages_share_a_queue(broker, connect, run):
    workers = [run(language, "worklog", "work", "build", language)
               for language in ("C", "Python", "JavaScript")]
    boss = connect(broker, "boss")
    jobs = []

    def done():
        return boss.history(scope="topic:build.done", limit=500).items

    def each_did_some():
        jobs.extend(f"job {len(jobs) + number}" for number in range(6))
        run("C", "worklog", "add", "build", "carol", *jobs[-6:]).ends()
        eventually(lambda: len(done()) == len(jobs), what=f"{len(jobs)} jobs are logged")
        return {message.sender for message in done()} == {"C", "Python", "JavaScript"}

    eventually(each_did_some, 60, "each worker does some")
    assert sorted(m.text.split(" did ")[1] for m in done()) == sorted(
        f"{job}: {len(job)} bytes" for job in jobs), "each job once"
    for worker in workers:
        worker.process.send_signal(signal.SIGKILL)


@IN_EACH
def test_a_worker_that_dies_in_a_job_leaves_it_to_another(make_broker, run, language, broker):
    worker = run(language, "worklog", "work", "build", "anna")
    run("Python", "worklog", "add", "build", "boss", "fail always").ends()
    worker.sees("anna does fail always, try 1")
    worker.process.send_signal(signal.SIGKILL)
    worker.process.wait()
    run("Python", "worklog", "add", "build", "boss", "succeed").ends()
    other = run(language, "worklog", "work", "build", "bert", "1")
    assert "bert does succeed, try 1" in other.ends()


@IN_EACH
def test_a_subscriber_misses_no_reading(broker, run, language):
    for other in ("C", "Python"):
        desk = f"desk of {other}"
        watcher = run(language, "sensors", "watch", "kitchen.temp", desk)
        watcher.sees("* 0 readings came meanwhile")
        watcher.process.send_signal(signal.SIGKILL)
        watcher.process.wait()
        probe = run(other, "sensors", "send", "kitchen.temp", "probe")
        for line in ("20", "  21.5", "hot", "", "22.25"):
            probe.type(line)
        probe.process.stdin.close()
        probe.process.wait(30)
        probe._reader.join(30)
        assert probe.lines == ["probe sends 20.00", "probe sends 21.50", "no reading: hot",
                               "no reading: ", "probe sends 22.25"]
        broker.restart()
        watcher = run(language, "sensors", "watch", "kitchen.temp", desk, "3")
        assert watcher.ends() == [
            "* 3 readings came meanwhile",
            "probe: 20.00 (1 readings, 20.00 to 20.00, mean 20.00)",
            "probe: 21.50 (2 readings, 20.00 to 21.50, mean 20.75)",
            "probe: 22.25 (3 readings, 20.00 to 22.25, mean 21.25)"]


@IN_EACH
@pytest.mark.parametrize("name, words", [
    ("chat", []), ("chat", ["kitchen"]), ("worklog", []), ("worklog", ["dance", "q", "anna"]),
    ("sensors", []), ("sensors", ["send", "x"])])
def test_wrong_arguments(language, name, words):
    done = subprocess.run([*program(language, name), *words], capture_output=True, text=True,
                          timeout=60, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode > 0 and (done.stdout + done.stderr).strip()


@IN_EACH
@pytest.mark.parametrize("name, words", [
    ("worklog", ["--url", "nowhere", "show", "q", "anna"]),
    ("sensors", ["--url", "nowhere", "watch", "t", "anna"])])
def test_a_wrong_address(language, name, words):
    test_wrong_arguments(language, name, words)
