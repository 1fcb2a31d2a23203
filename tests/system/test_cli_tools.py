# SPDX-License-Identifier: MPL-2.0
"""The rest of the tool against the real daemon: top and shell through a pty, doctor with provoked
faults, tokens, queues, configuration, migration, completion in bash and zsh."""
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import termios
import time

import pytest
from broker import Broker, eventually
from helpers import info
from roost import Client

TOOL = os.environ["ROOST_CLI"]
OK, ERROR, USAGE, TIMEOUT, NOT_FOUND, REFUSED, WARNING = range(7)


def roost(*words, code=OK, stdin=None, url=None, peer="alice", env=None):
    where = ["--url", url, "--as", peer] if url else []
    done = subprocess.run([TOOL, *map(str, words), *where], capture_output=True, text=True, timeout=60,
                          check=False, input=stdin, env={**os.environ, **(env or {})})
    assert done.returncode == code, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done


def rows(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


class Terminal:
    """A program on a pty."""

    def __init__(self, *words, home, size=(30, 100)):
        self.shown, self.code = "", None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(HOME=str(home), TERM="xterm")
            os.environ.pop("XDG_STATE_HOME", None)
            os.execv(TOOL, [TOOL, *words])
        self.resize(*size)

    def resize(self, height, width):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def read(self):
        while select.select([self.fd], [], [], 0)[0]:
            try:
                piece = os.read(self.fd, 65536)
            except OSError:
                return
            if not piece:
                return
            self.shown += piece.decode("utf-8", "replace")

    def wait_for(self, pattern, since=0):
        def found():
            self.read()
            return re.search(pattern, self.shown[since:], re.S)
        try:
            return eventually(found, what=pattern)
        except AssertionError:
            raise AssertionError(f"{pattern!r} was not shown:\n{self.shown[-3000:]!r}") from None

    def type(self, text):
        os.write(self.fd, text.encode())
        return len(self.shown)

    def end(self):
        def gone():
            self.read()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
            return pid
        eventually(gone, what="the end of the program")
        self.read()
        return self.code


# ------------------------------------------------------------------------------------- top

def test_top_is_live(broker, connect, tmp_path):
    alice = connect(broker, "alice")
    terminal = Terminal("top", "--url", broker.url, "--as", "root", "--interval", "0.2", home=tmp_path)
    terminal.wait_for(r"\x1b\[\?1049h.*ACTOR.*persistence")
    for _ in range(200):
        alice.send_async("bob", b"x")
    alice.flush(10)
    terminal.wait_for(r"backlog +200 waiting")
    terminal.wait_for(r"p50 \d")
    # Every picture is complete and no line is longer than the terminal.
    terminal.resize(12, 40)
    os.kill(terminal.pid, signal.SIGWINCH)
    mark = terminal.type(" ")

    def small_picture():
        terminal.read()
        pictures = re.findall(r"\x1b\[H(.*?)\x1b\[J", terminal.shown[mark:], re.S)
        lines = pictures[-1].split("\x1b[K\r\n")[:-1] if pictures else []
        return lines and len(lines) <= 11 and max(map(len, lines)) <= 40
    eventually(small_picture, what="a picture of 12 rows and 40 columns")
    terminal.type("q")
    assert terminal.end() == OK
    assert terminal.shown.rstrip().endswith("\x1b[?25h\x1b[?1049l"), "the terminal is not as before"


def test_top_says_when_the_broker_is_gone(broker, tmp_path):
    terminal = Terminal("top", "--url", broker.url, "--as", "root", "--interval", "0.2", home=tmp_path)
    terminal.wait_for("persistence")
    broker.kill()
    terminal.wait_for("no answer for")
    broker.start()
    mark = len(terminal.shown)
    terminal.wait_for(r"stored     .*commit", since=mark)
    os.kill(terminal.pid, signal.SIGTERM)
    assert terminal.end() == OK
    assert terminal.shown.rstrip().endswith("\x1b[?1049l")


def test_top_for_programs(broker):
    seen = rows(roost("top", "--json", "--count", "2", "--interval", "0.2", url=broker.url))
    assert len(seen) == 2
    assert {"stored", "commit_p50_us", "waiting", "peers_online", "actors"} <= set(seen[0])
    assert {"persistence", "history", "zmq-gateway"} <= {a["name"] for a in seen[0]["actors"]}
    assert "persistence" in roost("top", "--once", "--interval", "0.2", url=broker.url).stdout
    roost("top", "--once", "--timeout", "0.5", code=TIMEOUT, url="tcp://127.0.0.1:1")


# ----------------------------------------------------------------------------------- shell

def test_shell_on_a_terminal(broker, tmp_path):
    terminal = Terminal("shell", "--url", broker.url, "--as", "alice", home=tmp_path)
    terminal.wait_for("alice> ")
    terminal.type("room create kitchen\n")
    terminal.wait_for("created room:kitchen")
    terminal.type("room mem\t")
    terminal.wait_for("room mem.*bers ")
    terminal.type("kit\t\n")
    terminal.wait_for("alice.*owner")
    terminal.type("send room:kit\t'good morning'\n")
    terminal.wait_for("seq ")
    terminal.type("history room:kitchen\n")
    terminal.wait_for("12 B  good morning")
    terminal.type("hsitory\n")
    terminal.wait_for("did you mean 'history'")
    terminal.type("tail room:kitchen\n")
    with Client(broker.url, "root") as root:
        eventually(lambda: [row for row in root.query("INSPECT", "consumers",
                                                      scope="room:kitchen").items
                            if row.attached_peer == "alice"])
    terminal.type("\x03")  # ends tail, not the shell
    mark = terminal.type("peers stats\n")
    terminal.wait_for("total", since=mark)
    terminal.type("exit\n")
    assert terminal.end() == OK
    assert "tail" in (tmp_path / ".local/state/roost/history").read_text()
    assert os.stat(tmp_path / ".local/state/roost/history").st_mode & 0o777 == 0o600
    # It is there the next time.
    terminal = Terminal("shell", "--url", broker.url, "--as", "alice", home=tmp_path)
    terminal.wait_for("alice> ")
    terminal.type("\x1b[A\x1b[A")
    terminal.wait_for("peers stats")
    terminal.type("\n\x04")
    assert terminal.end() == OK


def test_shell_as_a_script(broker):
    script = """
        # two messages and a mistake
        send bob 'one message'
        roost send bob "two \\"messages\\""
        nonsense
        history bob --json
        room create 'my room'
        room list --json
        unread --as bob
        exit
        send bob never
    """
    done = roost("shell", url=broker.url, stdin=script, code=USAGE)
    bodies = re.findall(r'"body":"(.*?[^\\])"', done.stdout)
    assert bodies == ["one message", 'two \\"messages\\"']
    assert "nonsense" in done.stderr and "my room" in done.stdout and "never" not in done.stdout
    sessions = [line for line in broker.log_of_run() if "session-open" in line]
    assert len(sessions) == 2, sessions  # one, and one for bob
    done = roost("shell", "--stop", url=broker.url, stdin="nonsense\npeers\n", code=USAGE)
    assert done.stdout == ""
    roost("shell", url=broker.url, stdin="send bob 'open\n", code=USAGE)
    roost("shell", url=broker.url, stdin="shell\n", code=USAGE)


# ---------------------------------------------------------------------------------- doctor

def doctor(data, url, code, *words):
    found = rows(roost("doctor", "--json", "--data", data, "--timeout", "2", *words, url=url, peer="root",
                       code=code))
    return {row["check"]: row for row in found}


def test_doctor_of_a_healthy_broker(broker):
    found = doctor(broker.data, broker.url, OK)
    assert {row["level"] for row in found.values()} == {"ok"}
    assert {"data directory", "room on the disk", "disk", "lock", "database", "write-ahead log", "clock",
            "broker", "versions", "waiting mail", "dead letters", "listeners", "open files"} <= set(found)
    assert str(broker.process.pid) in found["lock"]["text"]
    text = roost("doctor", "--quiet", "--data", broker.data, url=broker.url).stdout
    assert text == ""


def test_doctor_without_a_broker(make_broker, tmp_path):
    found = doctor(tmp_path / "nothing", "tcp://127.0.0.1:1", ERROR)
    assert found["broker"]["level"] == "bad" and "roostd" in found["broker"]["advice"]
    assert found["data directory"]["level"] == "warn"
    broker = make_broker()
    url = broker.url
    assert broker.stop() == 0
    found = doctor(broker.data, url, ERROR)
    assert found["lock"]["level"] == "warn" and found["broker"]["level"] == "bad"
    assert found["database"]["level"] == "ok"


def test_doctor_and_another_program_on_the_port(broker):
    with socket.create_server(("127.0.0.1", 0)) as other:
        url = "tcp://127.0.0.1:%d" % other.getsockname()[1]
        found = doctor(broker.data, url, ERROR)
        assert found["broker"]["level"] == "bad"
        assert str(os.getpid()) in found["broker"]["text"], found["broker"]
    # It runs, but elsewhere.
    found = doctor(broker.data, "tcp://127.0.0.1:1", ERROR)
    assert "elsewhere" in found["broker"]["advice"]


def test_doctor_and_the_rights(broker):
    os.chmod(broker.data, 0o755)
    found = doctor(broker.data, broker.url, WARNING)
    assert found["data directory"]["level"] == "warn" and "700" in found["data directory"]["advice"]
    os.chmod(broker.data, 0o700)


def test_doctor_and_listeners_beyond(make_broker):
    broker = make_broker(is_started=False, arguments=["--insecure"], lair__listen="0.0.0.0:*")
    broker.start()
    found = doctor(broker.data, broker.url, WARNING)
    assert found["listeners"]["level"] == "warn" and "0.0.0.0:" in found["listeners"]["text"]


def test_doctor_and_the_mail(make_broker, connect):
    broker = make_broker(retry__attempts_max="1")
    alice, bob = connect(broker, "alice"), connect(broker, "bob")
    alice.send("bob", b"broken")
    bob.attach().receive(10).reject("no")
    eventually(lambda: info(alice, "bob").dead == 1)
    alice.send("carol", b"waits")
    found = doctor(broker.data, broker.url, WARNING)
    assert found["dead letters"]["level"] == "warn" and "peer:bob" in found["dead letters"]["advice"]
    assert found["waiting mail"]["level"] == "ok" and found["waiting mail"]["text"].startswith("1 ")


def test_doctor_and_the_database(make_broker, connect):
    broker = make_broker()
    with Client(broker.url, "alice") as alice:
        for _ in range(50):
            alice.send_async("bob", b"x" * 3000)
        alice.flush(10)
    url = broker.url
    assert broker.stop() == 0
    path = broker.data + "/roost.db"
    with sqlite3.connect(path) as database:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        database.execute("PRAGMA user_version = %d" % (version + 5))
    database.close()
    found = doctor(broker.data, url, ERROR)
    assert found["database"]["level"] == "bad" and "newer" in found["database"]["advice"]
    roost("migrate", "--data", broker.data, code=ERROR)
    roost("backup", "--data", broker.data, broker.data + "/copy.db", code=ERROR)
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = %d" % version)
    database.close()
    size = os.path.getsize(path)
    with open(path, "r+b") as file:
        file.seek(size // 2 // 4096 * 4096)
        file.write(os.urandom(4096))
    found = doctor(broker.data, url, ERROR)
    assert found["database"]["level"] == "bad", found["database"]
    with open(path, "r+b") as file:
        file.write(b"no database at all, but text")
    found = doctor(broker.data, url, ERROR)
    assert found["database"]["level"] == "bad"
    shutil.rmtree(broker.data)
    os.makedirs(broker.data, 0o700)


# ------------------------------------------------------------------------ tokens and queues

def test_tokens(broker, tmp_path):
    (tmp_path / "password").write_text("long enough, surely\n")
    roost("user", "add", "carol", "--new-password-file", tmp_path / "password", url=broker.url)
    as_carol = ["--password-file", str(tmp_path / "password")]
    token = roost("token", "create", "--label", "backup", *as_carol, url=broker.url, peer="carol").stdout
    (tmp_path / "token").write_text(token)
    listed = rows(roost("token", "list", "--json", *as_carol, url=broker.url, peer="carol"))
    assert [row["label"] for row in listed] == ["backup"]
    use = ["--password-file", str(tmp_path / "token")]
    roost("unread", *use, url=broker.url, peer="carol")
    roost("token", "end", *as_carol, url=broker.url, peer="carol", code=USAGE)
    roost("token", "end", "x", *as_carol, url=broker.url, peer="carol", code=USAGE)
    roost("token", "end", "99", *as_carol, url=broker.url, peer="carol", code=NOT_FOUND)
    roost("token", "end", listed[0]["id"], *as_carol, url=broker.url, peer="carol")
    roost("unread", *use, url=broker.url, peer="carol", code=REFUSED)
    # The shortest password is one place, for one's own and an administrator's.
    (tmp_path / "short").write_text("seven77\n")
    said = roost("user", "add", "dora", "--new-password-file", tmp_path / "short", url=broker.url,
                 code=REFUSED).stderr
    assert "security.password_min" in said


def test_shortest_password(make_broker, tmp_path):
    broker = make_broker(security__password_min="3", lair__listen="127.0.0.1:*")
    for text, code in (("abc", OK), ("ab", REFUSED), ("密码", REFUSED), ("密码了", OK)):
        (tmp_path / "password").write_text(text + "\n")
        name = "u" + text.encode().hex()
        roost("user", "add", name, "--new-password-file", tmp_path / "password", url=broker.url, code=code)


def test_a_lair_client_keeps_its_own_rules(lair, join):
    client = join(lair)
    assert client.enter("shorty", password="pw", kind="register")


def test_queues(broker, connect):
    alice = connect(broker, "alice")
    roost("queue", "create", "work", url=broker.url)
    for number in range(20):
        alice.send("queue:work", b"job %d" % number)
    alice.send("queue:work", b"later", not_before_ms=int(time.time() * 1000) + 3_600_000)
    (row,) = rows(roost("queue", "list", "--json", url=broker.url))
    assert (row["queue"], row["waiting"]) == ("queue:work", 21)
    assert "job 19" in roost("queue", "show", "work", url=broker.url).stdout
    roost("queue", "show", "nothing", url=broker.url, code=NOT_FOUND)
    assert "--yes" in roost("queue", "purge", "work", url=broker.url, code=REFUSED, stdin="").stderr
    assert rows(roost("queue", "purge", "work", "--yes", "--json", url=broker.url)) == [{"purged": 20}]
    (row,) = rows(roost("queue", "list", "--json", url=broker.url))
    assert (row["waiting"], row["scheduled"], row["dead"]) == (1, 1, 0)
    alice.send("queue:work", b"bad one")
    roost("queue", "purge", "work", "--yes", "--keep", url=broker.url)
    assert "bad one" in roost("dead", "list", "queue:work", url=broker.url).stdout
    roost("queue", "purge", "nothing", "--yes", url=broker.url, code=NOT_FOUND)


def test_a_room_that_keeps_nothing(broker):
    roost("room", "create", "kitchen", url=broker.url)
    said = roost("room", "set", "kitchen", "--retention", "0", url=broker.url, code=USAGE).stderr
    assert "--clear retention" in said


def test_everybody_is_told_who_administrates(make_broker):
    assert make_broker().wait_for_log("everybody-is-administrator.*security.admins")
    quiet = make_broker(security__admins="alice")
    assert not [line for line in quiet.log_of_run() if "everybody-is-administrator" in line]


# -------------------------------------------------------------------- configuration, migration

def test_config(tmp_path):
    file = tmp_path / "roost.conf"
    file.write_text("[retry]\npreset = brisk\n")
    env = {"ROOST_LOG_LEVEL": "warn"}
    words = ["--config", file, "--set", "presence.timeout_s=60"]
    found = {row["key"]: row for row in rows(roost("config", "show", "--json", "--changed", *words, env=env))}
    assert {key: row["value"] for key, row in found.items()} == {
        "retry.preset": "brisk", "log.level": "warn", "presence.timeout_s": "60"}
    assert "roost.conf:2" in found["retry.preset"]["origin"]
    assert found["log.level"]["origin"] == "environment"
    assert found["presence.timeout_s"]["origin"] == "command line"
    # What is shown can be read again, and is what the daemon says.
    text = roost("config", "show", *words, env=env).stdout
    daemon = subprocess.run([os.environ["ROOSTD"], "--config", str(file), "--set", "presence.timeout_s=60",
                             "--print-config"], capture_output=True, text=True, check=True,
                            env={**os.environ, **env}).stdout
    assert "preset = brisk" in daemon and "retry.preset = brisk" in text
    assert roost("config", "check", *words).stdout
    file.write_text("[retry]\npresto = brisk\n")
    said = roost("config", "check", "--config", file, code=ERROR).stderr
    assert "roost.conf:2" in said and "retry.preset" in said
    roost("config", "check", "--set", "zmq.listen=tcp://0.0.0.0:1", code=ERROR)
    roost("config", "check", "--insecure", "--set", "zmq.listen=tcp://0.0.0.0:1")
    keys = {row["key"]: row for row in rows(roost("config", "defaults", "--json"))}
    assert keys["security.password_min"]["default"] == "8" and keys["retry.preset"]["choices"]
    roost("config", "show", "no.such", code=NOT_FOUND)


def older(path):
    """A database as the second version left it: the later migrations taken back."""
    source = os.path.join(os.environ["ROOST_SOURCE"], "store", "migrations")
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA application_id = 1919905651")
    for name in sorted(os.listdir(source))[:2]:
        database.executescript(open(os.path.join(source, name), encoding="utf-8").read())
    database.execute("PRAGMA user_version = 2")
    database.execute("INSERT INTO peer (name, folded, created_ms) VALUES ('old', 'old', 1)")
    database.close()


def test_migrate(make_broker, tmp_path):
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    older(data / "roost.db")
    before = (data / "roost.db").read_bytes()
    (said,) = rows(roost("migrate", "--dry-run", "--json", "--data", data))
    assert said["from"] == 2 and said["to"] > 2 and len(said["steps"]) == said["to"] - 2
    assert (data / "roost.db").read_bytes() == before
    assert [name for name in os.listdir(data) if "dry-run" in name or "before" in name] == []
    # An older one can be backed up and restored; the doctor and the next start know what to do.
    roost("backup", "--data", data, tmp_path / "old.db")
    roost("restore", "--data", tmp_path / "other", tmp_path / "old.db")
    other = make_broker(data=tmp_path / "other")  # upgrades by itself, with a copy
    assert os.path.exists(other.data + "/roost.db-before-v%d" % said["to"])
    roost("migrate", "--data", other.data, code=REFUSED)
    (done,) = rows(roost("migrate", "--json", "--data", data))
    assert done["to"] == said["to"]
    roost("verify", data / "roost.db")
    assert sqlite3.connect(data / "roost.db").execute("SELECT name FROM peer").fetchall() == [("old",)]
    assert sqlite3.connect(data / f"roost.db-before-v{said['to']}").execute(
        "PRAGMA user_version").fetchone() == (2,)
    assert "nothing to do" in roost("migrate", "--data", data).stdout


# ------------------------------------------------------------------------------- completion

def complete_in_bash(script, *words):
    text = f"""
        source {script}
        COMP_WORDS=({' '.join(words[:-1])} "{words[-1]}"); COMP_CWORD={len(words) - 1}
        _roost; printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    return subprocess.run(["bash", "--norc", "-c", text], capture_output=True, text=True, check=True,
                          timeout=20).stdout.split()


def test_completion_in_bash(tmp_path):
    script = tmp_path / "roost.bash"
    script.write_text(roost("completion", "bash").stdout)
    subprocess.run(["bash", "-n", str(script)], check=True)
    assert complete_in_bash(script, "roost", "sen") == ["send"]
    assert {"backup", "bench"} <= set(complete_in_bash(script, "roost", "b"))
    assert complete_in_bash(script, "roost", "room", "cr") == ["create"]
    assert complete_in_bash(script, "roost", "--json", "room", "cr") == ["create"]
    assert set(complete_in_bash(script, "roost", "room", "create", "--to")) == {"--topic"}
    assert "--label" in complete_in_bash(script, "roost", "token", "create", "--")
    assert "--json" in complete_in_bash(script, "roost", "peers", "--")
    assert set(complete_in_bash(script, "roost", "completion", "")) == {"bash", "zsh"}
    (tmp_path / "some-file.jsonl").write_text("")
    found = complete_in_bash(script, "roost", "import", str(tmp_path) + "/some")
    assert found == [str(tmp_path / "some-file.jsonl")]


def test_completion_in_zsh(tmp_path):
    if not shutil.which("zsh"):
        pytest.skip("zsh is not installed")
    (tmp_path / "_roost").write_text(roost("completion", "zsh").stdout)
    subprocess.run(["zsh", "-n", str(tmp_path / "_roost")], check=True)
    home = tmp_path / "home"
    home.mkdir()
    (home / ".zshrc").write_text(f"PATH={os.path.dirname(TOOL)}:$PATH\nPS1='%% '\nfpath=({tmp_path} $fpath)\n"
                                 "autoload -U compinit; compinit -u -D\nunsetopt beep\n")
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(HOME=str(home), ZDOTDIR=str(home), TERM="dumb")
        os.execvp("zsh", ["zsh", "-i"])
    shown = ""

    def wait_for(pattern):
        def found():
            nonlocal shown
            while select.select([fd], [], [], 0)[0]:
                shown += os.read(fd, 65536).decode("utf-8", "replace")
            return re.search(pattern, shown)
        try:
            eventually(found, what=pattern)
        except AssertionError:
            raise AssertionError(f"{pattern}: {shown!r}") from None

    try:
        wait_for("% ")
        for typed, wanted in (("roost comple\t", "completion "), ("roost room memb\t", "room members "),
                              ("roost backup --da\t", "--data ")):
            shown = ""
            os.write(fd, typed.encode())
            wait_for(re.escape(wanted))
            os.write(fd, b"\x15")
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
