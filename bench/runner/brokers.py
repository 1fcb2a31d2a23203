# SPDX-License-Identifier: MPL-2.0
"""Who is measured, and the life of its server: started on a free loopback port with its own fresh
data directory and configuration, pinned to one core, stopped and removed afterwards.

Never touches a system service. `durability` says what an acknowledgement means, and `on_disk` is
True only when the message has been synced before it is acknowledged. A new broker is one entry of
BROKERS (and a driver in bench_client)."""
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from . import machine

START_PATIENCE_S = 20
STOP_PATIENCE_S = 10
PR_SET_PDEATHSIG = 1


class Broker:
    def __init__(self, name, title, driver, binary, package, durability, on_disk, command,
                 variant=""):
        self.name = name
        self.title = title
        self.driver = driver
        self.variant = variant
        self.binary = binary
        self.package = package
        self.durability = durability
        self.on_disk = on_disk
        self.command = command  # (path of the binary, directory, port, extra) -> list of arguments


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def roost_command(binary, directory, port, extra):
    command = [binary, "--data", os.path.join(directory, "data"),
               "--set", f"zmq.listen=tcp://127.0.0.1:{port}"]
    known = machine.output_of([binary, "--print-config"])
    if "7668" in known:  # it would listen for HTTP on its fixed default port
        command += ["--set", f"http.listen=127.0.0.1:{free_port()}"]
    for setting in extra:
        command += ["--set", setting]
    return command


def redis_command(appendfsync):
    def command(binary, directory, port, _extra):
        return [binary, "--bind", "127.0.0.1", "--port", str(port), "--dir", directory,
                "--daemonize", "no", "--save", "", "--appendonly", "yes",
                "--appendfsync", appendfsync, "--auto-aof-rewrite-percentage", "0"]
    return command


def nats_command(binary, directory, port, _extra):
    path = os.path.join(directory, "nats.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'listen: "127.0.0.1:{port}"\njetstream {{ store_dir: "{directory}/data" }}\n')
    return [binary, "-c", path]


BROKERS = [
    Broker("roost", "roost", "roost", "roostd", None,
           "yes: commit with fsync", True, roost_command),
    Broker("redis-always", "redis streams, appendfsync always", "redis", "redis-server",
           "redis-server", "yes: fsync before the answer", True, redis_command("always")),
    Broker("redis-everysec", "redis streams, appendfsync everysec", "redis", "redis-server",
           "redis-server", "no (1 s)", False, redis_command("everysec")),
    Broker("nats", "NATS JetStream, file", "nats", "nats-server", "nats-server",
           "no (2 min)", False, nats_command),
    Broker("nats-dedup", "NATS JetStream, file, duplicate check", "nats", "nats-server",
           "nats-server", "no (2 min)", False, nats_command, variant="dedup"),
]

DRIVER_PACKAGES = {"redis": "libhiredis-dev", "nats": "libnats-dev"}


def find_binary(broker, build_dir, roostd):
    if broker.name != "roost":
        return shutil.which(broker.binary) or shutil.which(broker.binary, path="/usr/sbin:/sbin")
    if roostd:
        return roostd
    for folder, _, files in os.walk(build_dir):
        path = os.path.join(folder, broker.binary)
        if broker.binary in files and os.access(path, os.X_OK):
            return path
    return None


def why_not(broker, binary, drivers):
    """Why this broker cannot be measured here, or None."""
    if broker.driver not in drivers:
        package = DRIVER_PACKAGES.get(broker.driver)
        if package:
            return f"bench_client was built without its driver: install {package}, configure again"
        return "bench_client was built without its driver"
    if not binary:
        return (f"{broker.binary} not found: install the package {broker.package}"
                if broker.package else f"{broker.binary} is not in the build directory")
    return None


class Server:
    """One running broker; a context manager that leaves nothing behind."""

    def __init__(self, broker, binary, scratch, core, extra=()):
        self.broker = broker
        self.core = core
        self.port = free_port()
        self.directory = tempfile.mkdtemp(prefix=broker.name + "-", dir=scratch)
        self.command = broker.command(binary, self.directory, self.port, extra)
        self.log_path = os.path.join(self.directory, "server.log")
        self.process = None

    def _in_child(self):
        os.sched_setaffinity(0, {self.core})
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # never outlives the runner

    def __enter__(self):
        try:
            with open(self.log_path, "wb") as log:
                self.process = subprocess.Popen(
                    self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    preexec_fn=self._in_child, start_new_session=True)
            self._wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _wait_until_ready(self):
        deadline = time.monotonic() + START_PATIENCE_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.broker.name} did not start: {self._last_log()}")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError(f"{self.broker.name} did not listen within {START_PATIENCE_S} s: "
                           f"{self._last_log()}")

    def _last_log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return " | ".join(log.read().strip().split("\n")[-3:]) or "(no log)"

    def __exit__(self, *_error):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
