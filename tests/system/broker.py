# SPDX-License-Identifier: MPL-2.0
"""Starts, kills and stops roostd for black-box tests.

Owns one daemon process and its data directory. The daemon chooses its port the first time
(`tcp://127.0.0.1:*`), keeps it over restarts, and dies with the test process. Waiting is always
for something: the `ready` line of the log, another line, the end of the process.

Environment: ROOSTD (path of the binary).
"""
import ctypes
import os
import re
import signal
import subprocess
import threading
import time

DEADLINE_S = 20
PR_SET_PDEATHSIG = 1
END_OF_LOG = "-- the process closed its log"


def binary():
    path = os.environ.get("ROOSTD")
    if not path:
        raise RuntimeError("ROOSTD must name the roostd binary (run the tests with ctest)")
    return path


class Patience:
    """A time that is over after so many seconds, not counting those in which this process was stopped:
    then so was what it waits for. Ask at least once a second."""

    def __init__(self, seconds):
        self.left_s, self._asked = seconds, time.monotonic()

    def is_over(self):
        now = time.monotonic()
        self.left_s -= min(now - self._asked, 1)
        self._asked = now
        return self.left_s <= 0


def eventually(condition, timeout=DEADLINE_S, what="the condition"):
    """Waits until condition() is true and gives its value."""
    patience = Patience(timeout)
    while True:
        value = condition()
        if value:
            return value
        if patience.is_over():
            raise AssertionError(f"{what} did not come true within {timeout} s")
        time.sleep(0.01)


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def no_orphan():
    """The preexec_fn of child processes: they die when the tests are killed. The kernel takes the
    thread that starts a child for its parent, so only the main thread, which lasts, may ask."""
    is_lasting = threading.current_thread() is threading.main_thread()
    return _die_with_parent if is_lasting else None


class Broker:
    """`settings` are options of roostd with `__` for the dot: message__ttl_s=5."""

    def __init__(self, data, prefix=(), environment=None, arguments=(), program=None, **settings):
        self.data = str(data)
        self.prefix, self.arguments = list(prefix), list(arguments)
        self.environment = dict(environment or {})
        self.program = program
        self.settings = {key.replace("__", "."): value for key, value in settings.items()}
        self.port = "*"
        self.process = None
        self.lines = []          # the log of all runs
        self.starts = 0
        self._news = threading.Condition()
        self._reader = None

    @property
    def url(self):
        return f"tcp://127.0.0.1:{self.port}"

    def command(self):
        settings = {"zmq.listen": self.url, "http.listen": "", **self.settings}
        sets = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
        return [*self.prefix, self.program or binary(), "--data", self.data, *sets, *self.arguments]

    # ------------------------------------------------------------ life

    def launch(self):
        """Starts the process and does not wait for it."""
        assert self.process is None or self.process.poll() is not None, "it runs already"
        self.starts += 1
        self._run_began_at = len(self.lines)
        self.process = subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, env={**os.environ, **self.environment},
            preexec_fn=no_orphan())
        self._reader = threading.Thread(target=self._read, args=(self.process.stderr,), daemon=True)
        self._reader.start()
        return self

    def start(self):
        """Starts it and waits until it is ready."""
        self.launch()
        self.wait_for_log(r"\bready\b")
        if self.port == "*":
            ports = re.findall(r"tcp://127\.0\.0\.1:(\d+)", "\n".join(self.log_of_run()))
            assert ports, f"the log names no port: {self.log_of_run()}"
            self.port = int(ports[-1])
        if self.settings.get("lair.listen") == "127.0.0.1:*":
            self.settings["lair.listen"] = "%s:%d" % self.lair_address()
        if self.settings.get("http.listen") == "127.0.0.1:*":
            self.settings["http.listen"] = "%s:%d" % self.http_address()
        return self

    def lair_address(self):
        """(host, port) of the Lair Chat listener; the same after a restart."""
        line = next(line for line in self.log_of_run() if "protocol=lair" in line)
        return "127.0.0.1", int(re.search(r"port=\"?(\d+)", line).group(1))

    def http_address(self):
        """(host, port) of the HTTP listener; the same after a restart."""
        line = next(line for line in self.log_of_run() if "protocol=http" in line)  # or https
        return "127.0.0.1", int(re.search(r"port=\"?(\d+)", line).group(1))

    def _read(self, stream):
        for raw in stream:
            with self._news:
                self.lines.append(raw.decode("utf-8", "replace").rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self.lines.append(END_OF_LOG)
            self._news.notify_all()

    def kill(self):
        """kill -9, and waits until it is gone."""
        self.signal(signal.SIGKILL)
        self.process.wait(DEADLINE_S)
        self._reader.join(DEADLINE_S)

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """SIGTERM; gives the exit code."""
        if self.is_running():
            self.signal(signal.SIGTERM)
        return self.wait()

    def wait(self, timeout=DEADLINE_S):
        """Waits for its end; gives the exit code."""
        code = self.process.wait(timeout)
        self._reader.join(DEADLINE_S)
        return code

    def restart(self):
        """kill -9 and start again on the same port and data."""
        self.kill()
        return self.start()

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    # ------------------------------------------------------------ what it shows

    def log_of_run(self):
        with self._news:
            return self.lines[self._run_began_at:]

    def wait_for_log(self, pattern, timeout=DEADLINE_S):
        """Waits for a line of this run that matches; gives it. Fails when the process ends."""
        def found():
            return next((line for line in self.lines[self._run_began_at:]
                         if re.search(pattern, line)), None)

        patience = Patience(timeout)
        with self._news:
            while not (found() or END_OF_LOG in self.lines[self._run_began_at:] or patience.is_over()):
                self._news.wait(0.5)
            line = found()
            tail = "\n".join(self.lines[-20:])
        how = "still runs" if self.is_running() else f"ended with {self.process.returncode}"
        assert line is not None, f"no line {pattern!r} in the log of roostd, which {how}:\n{tail}"
        return line

    def rss_bytes(self):
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
