# SPDX-License-Identifier: MPL-2.0
"""One roostd on a directory of its own, for bench/waiting and bench/scale: started, looked at, killed.

Every server dies with SIGKILL but where its orderly stop is what is measured: recovery is the only kind
of start there is."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

PATIENCE_S = "60"
CLOCK_TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Daemon:
    """A context manager that leaves nothing behind but a directory that was given to it."""

    def __init__(self, build, scratch, settings=(), directory=None):
        self.build = build
        self.settings = settings
        self.port = free_port()
        self.url = f"tcp://127.0.0.1:{self.port}"
        self.is_kept = directory is not None
        self.directory = directory or tempfile.mkdtemp(prefix="roost-scale-", dir=scratch)
        self.process = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error):
        self.kill()
        if not self.is_kept:
            shutil.rmtree(self.directory, ignore_errors=True)

    def start(self):
        """Returns the milliseconds from starting the process to STORED of a message sent by a client
        that was waiting for it."""
        began = time.monotonic()
        command = [f"{self.build}/actors/roostd", "--data", self.directory,
                   "--set", f"zmq.listen={self.url}", "--set", "http.listen=",
                   "--set", "log.level=warn"]
        for setting in self.settings:
            command += ["--set", setting]
        self.process = subprocess.Popen(command)
        self.roost("--as", "clock", "send", "nobody", "first")
        return (time.monotonic() - began) * 1000

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def roost(self, *words):
        """What the tool prints."""
        command = [f"{self.build}/clients/cli/roost", "--url", self.url, "--timeout", PATIENCE_S,
                   *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def memory_kib(self, field="RssAnon"):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith(field))

    def cpu_s(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICK

    def file_mib(self):
        return os.path.getsize(os.path.join(self.directory, "roost.db")) / 2**20
