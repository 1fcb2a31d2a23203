# SPDX-License-Identifier: MPL-2.0
"""What the tests of the command-line tool share: a broker, and the tool run against it.

Needs nothing but Python. Environment: ROOSTD and ROOST_CLI, the paths of the two programs.
"""
import json
import os
import re
import signal
import subprocess
import tempfile
import time
import unittest

DEADLINE_S = 20
OK, ERROR, USAGE, TIMEOUT, NOT_FOUND, REFUSED = range(6)


class Broker:
    """One roostd on a free port, with a data folder of its own."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="roost-cli-test-")
        self.data = os.path.join(self.folder.name, "data")
        self.log = open(os.path.join(self.folder.name, "log"), "w+", encoding="utf-8")
        self.url = "tcp://127.0.0.1:*"
        self.start()
        self.url = self.wait_until_ready()

    def start(self):
        self.process = subprocess.Popen(
            [os.environ["ROOSTD"], "--data", self.data, "--set", f"zmq.listen={self.url}",
             "--set", "http.listen="],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def restart(self):
        """kill -9, and again on the same port and data."""
        self.process.kill()
        self.process.wait(DEADLINE_S)
        self.start()

    def wait_until_ready(self):
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline and self.process.poll() is None:
            text = self.text()
            ports = re.findall(r"tcp://127\.0\.0\.1:\d+", text)
            if re.search(r"\bready\b", text) and ports:
                return ports[-1]
            time.sleep(0.01)
        raise AssertionError("roostd did not become ready:\n" + self.text())

    def text(self):
        with open(self.log.name, encoding="utf-8") as log:
            return log.read()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(DEADLINE_S)
        self.log.close()
        return code


class ToolTest(unittest.TestCase):
    """A class of tests has a broker of its own."""
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.broker = Broker()

    @classmethod
    def tearDownClass(cls):
        cls.broker.stop()
        cls.broker.folder.cleanup()

    def roost(self, *words, stdin=b"", expect=OK, peer="alice", url=None):
        """Runs the tool; gives what it wrote to standard output and standard error."""
        environment = {**os.environ, "ROOST_URL": url or self.broker.url, "ROOST_PEER": peer,
                       "TZ": "UTC", "LC_ALL": "C.UTF-8"}
        done = subprocess.run([os.environ["ROOST_CLI"], *words], input=stdin, env=environment,
                              capture_output=True, timeout=60, check=False)
        output, errors = done.stdout.decode(), done.stderr.decode()
        self.assertEqual(done.returncode, expect, f"{words}\n{output}\n{errors}")
        return output, errors

    def json(self, *words, **options):
        """The same with --json: the lines as objects."""
        output, _ = self.roost(*words, "--json", **options)
        return [json.loads(line) for line in output.splitlines()]
