# SPDX-License-Identifier: MPL-2.0
"""Who is put to the test: each broker with its default and its strictest setting, how it is started,
and its client. Servers come from their Debian packages; system services are not touched.

`settings` says in words what is special. Where a default drops messages beyond a count, the count is
lifted, so that only what a fault loses is counted as lost.
"""
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

from . import links

START_PATIENCE_S = 60


class Subject:
    def __init__(self, name, settings, binary, package, link, command, make=None, environment=None,
                 probe=None, companion=None):
        self.name, self.settings = name, settings
        self.binary, self.package = binary, package
        self.link, self.command = link, command
        self.make = make                                  # once, on the new link
        self.environment = environment or (lambda directory, port: {})
        self.probe = probe                                # why this setting is not to be had, or None
        self.companion = companion                        # what must run beside it, over its lives


def find(binary):
    return shutil.which(binary) or shutil.which(binary, path="/usr/sbin:/sbin:/usr/lib/rabbitmq/bin")


def why_not(subject, build):
    if subject.name.startswith("roost"):
        return None if os.path.exists(f"{build}/actors/roostd") else f"no {build}/actors/roostd: build first"
    if not find(subject.binary):
        return f"{subject.binary} not found: install the package {subject.package}"
    if subject.link in (links.Rabbit, links.RabbitQuorum):
        try:
            import pika  # noqa: F401
        except ImportError:
            return "no client: install the package python3-pika"
    return subject.probe() if subject.probe else None


def roost_command(build, directory, port):
    return [f"{build}/actors/roostd", "--data", f"{directory}/data", "--set",
            f"zmq.listen=tcp://127.0.0.1:{port}", "--set", "http.listen=", "--set", "log.level=warn"]


def with_file(binary, lines, words=("-c",)):
    """A command with a configuration file; {directory} and {port} in its lines are replaced."""
    def command(_build, directory, port):
        path = f"{directory}/server.conf"
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines).replace("{directory}", directory).replace("{port}", str(port)))
        return [find(binary), *words, path]
    return command


MOSQUITTO = ["listener {port} 127.0.0.1", "allow_anonymous true", "persistence true",
             "persistence_location {directory}/", "user root", "max_queued_messages 0"]
NATS = ['listen: "127.0.0.1:{port}"', 'jetstream { store_dir: "{directory}/data" @ }']


def nats(extra):
    return with_file("nats-server", [line.replace("@", extra) for line in NATS])


def nats_has_sync_always():
    """sync_interval: always came with 2.10."""
    version = subprocess.run([find("nats-server"), "--version"], capture_output=True, text=True,
                             check=False).stdout.split("v")[-1].strip()
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    return None if numbers >= (2, 10) else f"version {version} has no setting that syncs (2.10 has)"


def redis(*words):
    def command(_build, directory, port):
        return [find("redis-server"), "--bind", "127.0.0.1", "--port", str(port), "--dir", directory,
                "--daemonize", "no", *words]
    return command


def beanstalk(*words):
    def command(_build, directory, port):
        return [find("beanstalkd"), "-l", "127.0.0.1", "-p", str(port), "-b", directory, *words]
    return command


def rabbit_command(_build, directory, _port):
    return ["/usr/lib/rabbitmq/bin/rabbitmq-server"]


def epmd(port):
    """Else the first node starts one that outlives it, and meets the next life half awake."""
    return ["epmd", "-address", "127.0.0.1", "-port", str(port + 2)]


def rabbit_environment(directory, port):
    return {"HOME": directory, "RABBITMQ_MNESIA_BASE": f"{directory}/mnesia",
            "RABBITMQ_LOG_BASE": f"{directory}/log", "RABBITMQ_NODENAME": f"durability{port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1", "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(port + 1), "ERL_EPMD_PORT": str(port + 2),
            "ERL_EPMD_ADDRESS": "127.0.0.1", "ERL_CRASH_DUMP": f"{directory}/erl_crash.dump",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{directory}/plugins",
            "RABBITMQ_CONFIG_FILE": f"{directory}/none", "RABBITMQ_LOGS": "-"}


SUBJECTS = [
    Subject("roost", "default, and only, setting", "roostd", None, links.Roost, roost_command),
    Subject("mosquitto", "persistence on, default interval (30 min)", "mosquitto", "mosquitto",
            links.Mosquitto, with_file("mosquitto", MOSQUITTO)),
    Subject("mosquitto-strict", "saved at every change", "mosquitto", "mosquitto", links.Mosquitto,
            with_file("mosquitto", MOSQUITTO + ["autosave_on_changes true", "autosave_interval 1"])),
    Subject("nats", "JetStream in files, default (syncs every 2 min)", "nats-server", "nats-server",
            links.Nats, nats(""), make=links.Nats.make),
    Subject("nats-strict", "JetStream, sync_interval always", "nats-server", "nats-server",
            links.Nats, nats("sync_interval: always"), make=links.Nats.make,
            probe=nats_has_sync_always),
    Subject("redis", "default: snapshots only", "redis-server", "redis-server", links.Redis, redis()),
    Subject("redis-everysec", "append-only file, its default", "redis-server", "redis-server",
            links.Redis, redis("--save", "", "--appendonly", "yes")),
    Subject("redis-strict", "append-only file, appendfsync always", "redis-server", "redis-server",
            links.Redis, redis("--save", "", "--appendonly", "yes", "--appendfsync", "always")),
    Subject("rabbitmq", "durable classic queue, persistent, confirms", "rabbitmq-server",
            "rabbitmq-server", links.Rabbit, rabbit_command, environment=rabbit_environment,
            companion=epmd),
    Subject("rabbitmq-strict", "quorum queue, confirms", "rabbitmq-server", "rabbitmq-server",
            links.RabbitQuorum, rabbit_command, environment=rabbit_environment,
            companion=epmd),
    Subject("beanstalkd", "-b, default (syncs every 50 ms)", "beanstalkd", "beanstalkd",
            links.Beanstalk, beanstalk()),
    Subject("beanstalkd-strict", "-b -f0: syncs every write", "beanstalkd", "beanstalkd",
            links.Beanstalk, beanstalk("-f0")),
]


def free_port():
    """The first of three in a row, for those who need more than one."""
    while True:
        with contextlib.ExitStack() as stack:
            probes = [stack.enter_context(socket.socket()) for _ in range(3)]
            try:
                probes[0].bind(("127.0.0.1", 0))
                port = probes[0].getsockname()[1]
                probes[1].bind(("127.0.0.1", port + 1))
                probes[2].bind(("127.0.0.1", port + 2))
                return port
            except (OSError, OverflowError):
                continue


class Server:
    """One life after the other of a broker on one directory, all of its processes together."""

    def __init__(self, subject, build, directory, log):
        self.subject, self.build, self.directory = subject, build, directory
        self.port, self.log, self.process, self.companion = free_port(), log, None, None

    def start(self):
        if self.subject.companion and self.companion is None:
            self.companion = subprocess.Popen(self.subject.companion(self.port), cwd="/",
                                              stdin=subprocess.DEVNULL, stdout=self.log,
                                              stderr=self.log)
            time.sleep(0.5)  # until it listens
        command = self.subject.command(self.build, self.directory, self.port)
        environment = {**os.environ, **self.subject.environment(self.directory, self.port)}
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, env=environment, start_new_session=True,
                                        cwd=self.directory)

    def link(self):
        """A client, as soon as the broker serves one. links.NotServed: it never did."""
        deadline = time.monotonic() + START_PATIENCE_S
        while True:
            try:
                return self.subject.link(self.port)
            except Exception as error:  # whatever its library raises while nobody is there
                if self.process.poll() is not None:
                    raise links.NotServed(f"ended with {self.process.returncode}") from error
                if time.monotonic() > deadline:
                    raise links.NotServed(f"not within {START_PATIENCE_S} s: {error!r}") from error
                time.sleep(0.05)

    def kill(self):
        """All of them at one moment, and waits until they are gone."""
        if self.process is None:
            return
        for pid in self._all():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        while self._all():
            time.sleep(0.005)
        self.process = None

    def close(self):
        self.kill()
        if self.companion:
            self.companion.kill()
            self.companion.wait()

    def _all(self):
        """Those that work in our directory or belong to the session we began."""
        found = []
        for name in os.listdir("/proc"):
            if not name.isdigit() or int(name) == os.getpid():
                continue
            try:
                with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as file:
                    words = file.read().rsplit(")", 1)[1].split()
                if words[0] != "Z" and (int(words[3]) == self.process.pid or
                                        self.directory == os.readlink(f"/proc/{name}/cwd")):
                    found.append(int(name))
            except (OSError, IndexError):
                continue
        return found


if __name__ == "__main__":
    sys.exit("this is a part of bench/durability")
