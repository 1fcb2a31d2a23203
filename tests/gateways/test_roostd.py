#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""roostd from outside: exit codes, documents, signals, the data directory, systemd.

    test_roostd.py ROOSTD SOURCE_FOLDER
"""
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOSTD = sys.argv[1] if len(sys.argv) > 1 else "roostd"
SOURCE = Path(sys.argv[2] if len(sys.argv) > 2 else ".")
PATIENCE_S = 20
ANY_PORT = "zmq.listen=tcp://127.0.0.1:*"
NO_HTTP = "http.listen="


def run(*arguments, **extra):
    return subprocess.run([ROOSTD, *arguments], capture_output=True, text=True, check=False,
                          timeout=PATIENCE_S, **extra)


class Broker:
    """A running roostd; its log is collected."""

    def __init__(self, data, *arguments, env=None):
        self.log_path = Path(data + ".log")
        with open(self.log_path, "ab") as log:
            self.begin = log.tell()
            self.process = subprocess.Popen([ROOSTD, "--data", data, "--set", ANY_PORT, "--set",
                                             NO_HTTP, *arguments],
                                            stderr=log, env=env)

    def log(self):
        return self.log_path.read_bytes()[self.begin:].decode()

    def wait_for(self, text):
        end = time.monotonic() + PATIENCE_S
        while text not in self.log():
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"no '{text}' in:\n{self.log()}")
            time.sleep(0.005)

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="roostd")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.data = os.path.join(folder.name, "data")

    def start(self, *arguments, ready=" ready ", **extra):
        broker = Broker(self.data, *arguments, **extra)
        self.addCleanup(lambda: broker.process.poll() is None and (broker.process.kill(),
                                                                   broker.process.wait()))
        broker.wait_for(ready)
        return broker

    def refuses(self, code, words, *arguments, **extra):
        result = run(*arguments, **extra)
        self.assertEqual(result.returncode, code, result.stderr)
        last = result.stderr.strip().splitlines()[-1]
        self.assertTrue(last.startswith("roostd: "), last)
        self.assertIn(words, last)

    # --- documents

    def test_documents_are_those_of_the_program(self):
        for option, name in (("--print-config-table", "CONFIG.md"),
                             ("--print-errors-table", "ERRORS.md"),
                             ("--print-metrics-table", "METRICS.md")):
            with self.subTest(name):
                self.assertEqual(run(option).stdout, (SOURCE / "docs" / name).read_text())

    def test_help_and_version(self):
        self.assertIn("Examples", run("--help").stdout)
        self.assertRegex(run("--version").stdout, r"^roost \d+\.\d+\.\d+\n$")
        self.assertEqual(run("--help").returncode, 0)

    def test_print_config_is_a_file_again(self):
        path = os.path.join(self.folder, "roost.conf")
        first = run("--set", "retry.preset=brisk", "--set", "zmq.listen=ipc://a,ipc://b",
                    "--print-config")
        self.assertEqual(first.returncode, 0)
        Path(path).write_text(first.stdout)
        second = run("--config", path, "--print-config").stdout
        values = re.compile(r"^(?!#)(.+=.+)$", re.M)
        self.assertEqual(values.findall(first.stdout), values.findall(second))
        self.assertIn("brisk", second)

    # --- refusals

    def test_usage(self):
        self.refuses(2, "--frob", "--frob")
        self.refuses(2, "--data", "--data")
        self.refuses(2, "serve", "serve")

    def test_configuration(self):
        path = os.path.join(self.folder, "roost.conf")
        Path(path).write_text("[retry]\nfrist_s = 5\n")
        self.refuses(78, "roost.conf:2: unknown key 'retry.frist_s'; did you mean 'retry.first_s'",
                     "--config", path, "--check-config")
        self.refuses(78, "No such file", "--config", path + ".none")
        self.refuses(78, "message.ttl_s", "--set", "message.ttl_s=-1", "--data", self.data)
        self.refuses(78, "environment", "--check-config",
                     env={**os.environ, "ROOST_ZMQ_HEARTBEAT_MS": "soon"})
        self.assertFalse(os.path.exists(self.data))

    def test_unsafe_listener(self):
        for address in ("tcp://0.0.0.0:0", "tcp://*:*", "tcp://[::]:*", "tcp://192.0.2.1:7667"):
            with self.subTest(address):
                self.refuses(78, "--insecure", "--data", self.data, "--set",
                             f"zmq.listen={address}")
        self.assertEqual(run("--insecure", "--check-config", "--set",
                             "zmq.listen=tcp://0.0.0.0:7667").returncode, 0)

    def test_data_directory(self):
        file = os.path.join(self.folder, "file")
        Path(file).write_text("x")
        self.refuses(73, "not a directory", "--data", file)
        self.refuses(73, file, "--data", file + "/below")

    def test_not_our_file(self):
        os.mkdir(self.data)
        path = Path(self.data, "roost.db")
        path.write_bytes(os.urandom(8192))
        before = path.read_bytes()
        self.refuses(65, "not a roost database", "--data", self.data, "--set", ANY_PORT)
        self.assertEqual(path.read_bytes(), before)

    def test_address_in_use(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            self.refuses(69, "address", "--data", self.data, "--set",
                         f"zmq.listen=tcp://127.0.0.1:{port}")

    def test_second_broker_on_the_same_data(self):
        broker = self.start()
        self.refuses(73, "another roost", "--data", self.data, "--set", ANY_PORT)
        self.assertEqual(broker.stop(), 0)
        self.assertEqual(self.start().stop(), 0)

    # --- life

    def test_signals_stop_it_in_order(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                broker = self.start()
                self.assertEqual(broker.stop(number), 0)
                self.assertIn(" stopped ", broker.log())
                self.assertNotIn(" error ", broker.log())

    def test_killed_and_started_again(self):
        for _ in range(3):
            self.start().stop(signal.SIGKILL)
        self.assertEqual(self.start().stop(), 0)

    def test_files_are_for_us_alone(self):
        broker = self.start("--set", f"zmq.listen=ipc://{self.folder}/socket")
        self.assertEqual(os.stat(self.data).st_mode & 0o077, 0)
        for path in [Path(self.folder, "socket"), *Path(self.data).iterdir()]:
            self.assertEqual(os.stat(path).st_mode & 0o077, 0, path)
        self.assertEqual(broker.stop(), 0)

    def test_ready_line(self):
        broker = self.start("--set", "log.format=json", ready='"event":"ready"')
        line = next(line for line in broker.log().splitlines() if '"event":"ready"' in line)
        self.assertRegex(line, r"tcp://127\.0\.0\.1:\d+")
        self.assertIn(self.data + "/roost.db", line)
        self.assertEqual(broker.stop(), 0)

    def test_default_data_directories(self):
        clean = {key: value for key, value in os.environ.items()
                 if key not in ("STATE_DIRECTORY", "XDG_DATA_HOME")}
        for variable, below in (("STATE_DIRECTORY", ""), ("XDG_DATA_HOME", "/roost"),
                                ("HOME", "/.local/share/roost")):
            with self.subTest(variable), tempfile.TemporaryDirectory() as base:
                process = subprocess.Popen([ROOSTD, "--set", ANY_PORT], stderr=subprocess.PIPE,
                                           text=True, env={**clean, variable: base})
                with process:
                    for line in process.stderr:
                        if " ready " in line:
                            break
                    process.terminate()
                self.assertEqual(process.returncode, 0)
                self.assertTrue(os.path.exists(base + below + "/roost.db"))

    def test_reload(self):
        path = os.path.join(self.folder, "roost.conf")
        Path(path).write_text("[log]\nlevel = info\n")
        broker = self.start("--config", path)
        Path(path).write_text("[log]\nlevel = debug\n[message]\nttl_s = 5\n")
        broker.process.send_signal(signal.SIGHUP)
        broker.wait_for("configuration-read need_restart=1")
        self.assertIn("reloaded key=log.level", broker.log())
        self.assertIn("needs-restart key=message.ttl_s", broker.log())
        Path(path).write_text("nonsense\n")
        broker.process.send_signal(signal.SIGHUP)
        broker.wait_for("configuration-wrong")
        self.assertEqual(broker.stop(), 0)

    def test_systemd(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            path = os.path.join(self.folder, "notify")
            notify.bind(path)
            notify.settimeout(PATIENCE_S)
            env = {**os.environ, "NOTIFY_SOCKET": path, "WATCHDOG_USEC": "300000"}
            broker = self.start(env=env)

            def next_but_watchdog():
                while True:
                    message = notify.recv(4096).decode()
                    if message != "WATCHDOG=1":
                        return message

            self.assertTrue(notify.recv(4096).startswith(b"READY=1"))
            self.assertEqual(notify.recv(4096), b"WATCHDOG=1")
            broker.process.send_signal(signal.SIGHUP)
            self.assertTrue(next_but_watchdog().startswith("RELOADING=1"))
            self.assertEqual(next_but_watchdog(), "READY=1")
            self.assertEqual(broker.stop(), 0)
            self.assertEqual(next_but_watchdog(), "STOPPING=1")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
