# SPDX-License-Identifier: MPL-2.0
"""Who is measured, and the life of its server: started on a free loopback port with its own fresh
data directory and configuration, pinned to one core, stopped and removed afterwards.

Never touches a system service. `durability` says what an acknowledgement means, and `on_disk` is
True only when the message has been synced before it is acknowledged. A new broker is one entry of
BROKERS (and a driver in bench_client)."""
import ctypes
import glob
import os
import pwd
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from . import machine

START_PATIENCE_S = 60
STOP_PATIENCE_S = 20
PR_SET_PDEATHSIG = 1


class Broker:
    def __init__(self, name, title, driver, binary, package, durability, on_disk, command,
                 variant="", setup=None, not_root=False, leaves_out=None):
        self.name = name
        self.title = title
        self.driver = driver
        self.variant = variant  # text for the driver, or a function of the running Server
        self.binary = binary
        self.package = package
        self.durability = durability
        self.on_disk = on_disk
        self.command = command  # (path of the binary, directory, port, extra) -> list of arguments
        self.setup = setup  # (path of the binary, directory, run) before the start, or None
        self.leaves_out = leaves_out or {}  # {point: why it is not measured}
        self.not_root = not_root  # refuses to run as root: runs as "nobody" then


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def roost_command(binary, directory, port, extra, listen=()):
    command = [binary, "--data", os.path.join(directory, "data"), "--set", "zmq.listen="
               + ",".join(listen or [f"tcp://127.0.0.1:{port}"])]
    known = machine.output_of([binary, "--print-config"])
    if "7668" in known:  # it would listen for HTTP on its fixed default port
        command += ["--set", f"http.listen=127.0.0.1:{free_port()}"]
    for setting in extra:
        command += ["--set", setting]
    return command


def roost_curve_command(binary, directory, port, extra):
    """CURVE at the port that is measured; beside it one without, where keys are enrolled."""
    plain = free_port()
    with open(os.path.join(directory, "plain_port"), "w", encoding="ascii") as file:
        file.write(str(plain))
    both = [f"curve://127.0.0.1:{port}", f"tcp://127.0.0.1:{plain}"]
    return roost_command(binary, directory, port, extra, both)


def roost_curve_variant(server):
    with open(os.path.join(server.directory, "plain_port"), encoding="ascii") as file:
        plain = file.read()
    with open(os.path.join(server.directory, "data", "server.key"), encoding="ascii") as file:
        key = next(line.split("=", 1)[1].strip() for line in file if line.startswith("public"))
    return f"curve:{plain}:{key}"


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


def mosquitto_command(*lines):
    def command(binary, directory, port, _extra):
        path = os.path.join(directory, "mosquitto.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n"
                       f"persistence true\npersistence_location {directory}/\nsys_interval 1\n"
                       "max_inflight_messages 2000\nmax_queued_messages 0\nlog_type error\n"
                       + "".join(line + "\n" for line in lines))
        return [binary, "-c", path]
    return command


def beanstalk_command(*options):
    def command(binary, directory, port, _extra):
        data = os.path.join(directory, "log")
        os.makedirs(data, exist_ok=True)
        return [binary, "-l", "127.0.0.1", "-p", str(port), "-b", data, *options]
    return command


def postgres_setup(binary, directory, run):
    """A new cluster. It syncs nothing itself: the server does from then on."""
    run([os.path.join(os.path.dirname(binary), "initdb"), "--pgdata", os.path.join(directory, "data"),
         "--username", "bench", "--auth", "trust", "--no-sync", "--encoding", "UTF8",
         "--no-locale"])


def postgres_command(*settings):
    def command(binary, directory, port, _extra):
        words = [binary, "-D", os.path.join(directory, "data"), "-p", str(port),
                 "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        for setting in settings:
            words += ["-c", setting]
        return words
    return command


def rabbitmq_command(binary, directory, port, _extra):
    """The server in the foreground, with a name service for Erlang of its own that ends with it."""
    names, distribution = free_port(), free_port()
    environment = {
        "HOME": directory, "ERL_EPMD_PORT": names, "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"bench{port}@localhost", "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": port, "RABBITMQ_DIST_PORT": distribution,
        "RABBITMQ_MNESIA_BASE": f"{directory}/mnesia", "RABBITMQ_LOG_BASE": f"{directory}/log",
        "RABBITMQ_PID_FILE": f"{directory}/pid", "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_ENABLED_PLUGINS_FILE": f"{directory}/plugins",
        "RABBITMQ_CONFIG_FILE": f"{directory}/rabbitmq", "RUNNING_UNDER_SYSTEMD": "true",
        "ERL_CRASH_DUMP": f"{directory}/erl_crash.dump",
    }
    with open(f"{directory}/rabbitmq.conf", "w", encoding="utf-8") as file:
        # Its alarms look at the whole machine: the disk that is measured may be half full.
        file.write("disk_free_limit.absolute = 50MB\nvm_memory_high_watermark.relative = 0.6\n")
    with open(f"{directory}/plugins", "w", encoding="utf-8") as file:
        file.write("[].\n")
    words = " ".join(f"{name}={shlex.quote(str(value))}" for name, value in environment.items())
    return ["/bin/sh", "-c", f"export {words}; epmd -port {names} & exec {shlex.quote(binary)}"]


BROKERS = [
    Broker("roost", "roost", "roost", "roostd", None,
           "yes: commit with fsync", True, roost_command),
    Broker("roost-curve", "roost, sessions with CURVE", "roost", "roostd", None,
           "yes: commit with fsync", True, roost_curve_command, variant=roost_curve_variant),
    Broker("redis-always", "redis streams, appendfsync always", "redis", "redis-server",
           "redis-server", "yes: fsync before the answer", True, redis_command("always")),
    Broker("redis-everysec", "redis streams, appendfsync everysec", "redis", "redis-server",
           "redis-server", "no (1 s)", False, redis_command("everysec")),
    Broker("nats", "NATS JetStream, file", "nats", "nats-server", "nats-server",
           "no (2 min)", False, nats_command),
    Broker("nats-dedup", "NATS JetStream, file, duplicate check", "nats", "nats-server",
           "nats-server", "no (2 min)", False, nats_command, variant="dedup"),
    Broker("postgres", "PostgreSQL as a queue, one INSERT per flush", "postgres", "postgres",
           "postgresql", "yes: commit with fsync", True, postgres_command(), setup=postgres_setup,
           not_root=True),
    Broker("postgres-rows", "the same, one INSERT per message", "postgres", "postgres",
           "postgresql", "yes: commit with fsync", True, postgres_command(), variant="rows",
           setup=postgres_setup, not_root=True),
    Broker("postgres-async", "the same, synchronous_commit off", "postgres", "postgres",
           "postgresql", "no (0.6 s)", False, postgres_command("synchronous_commit=off"),
           setup=postgres_setup, not_root=True),
    Broker("rabbitmq-quorum", "RabbitMQ, quorum queue of one", "amqp", "rabbitmq-server",
           "rabbitmq-server", "yes: Raft log with fsync", True, rabbitmq_command,
           variant="quorum"),
    Broker("rabbitmq", "RabbitMQ, classic durable queue", "amqp", "rabbitmq-server",
           "rabbitmq-server", "yes: fsync before the confirm", True, rabbitmq_command),
    Broker("beanstalkd-always", "beanstalkd, -b -f0", "beanstalk", "beanstalkd", "beanstalkd",
           "yes: fsync before the answer", True, beanstalk_command("-f", "0")),
    Broker("beanstalkd", "beanstalkd, -b", "beanstalk", "beanstalkd", "beanstalkd",
           "no (50 ms)", False, beanstalk_command()),
    Broker("mosquitto-autosave", "mosquitto QoS 1, saved after each change", "mqtt", "mosquitto",
           "mosquitto", "no (after the answer)", False,
           mosquitto_command("autosave_on_changes true", "autosave_interval 1"),
           leaves_out={"drain": "it writes its whole file after every change, hours for this"}),
    Broker("mosquitto", "mosquitto QoS 1, persistence as delivered", "mqtt", "mosquitto",
           "mosquitto", "no (30 min)", False, mosquitto_command()),
    Broker("malamute", "Malamute, mailboxes in memory", "malamute", "malamute", None,
           "no (memory)", False, None),
]

DRIVER_PACKAGES = {"redis": "libhiredis-dev", "nats": "libnats-dev", "postgres": "libpq-dev"}
# Where to look before PATH; * stands for every version that is installed, the newest first.
BINARY_PLACES = {"rabbitmq-server": ["/usr/lib/rabbitmq/bin"], "postgres": ["/usr/lib/postgresql/*/bin"]}
NOT_PACKAGED = {"malamute": "Debian 12 has no package of it, and it is no longer developed; its table "
                            "in docs/PERFORMANCE.md is of a build from its sources"}


def find_binary(broker, build_dir, roostd):
    if broker.binary != "roostd":
        places = [place for pattern in BINARY_PLACES.get(broker.binary, [])
                  for place in sorted(glob.glob(pattern), reverse=True)]
        return shutil.which(broker.binary, path=os.pathsep.join(
            places + [os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))
    if roostd:
        return roostd
    for folder, _, files in os.walk(build_dir):
        path = os.path.join(folder, broker.binary)
        if broker.binary in files and os.access(path, os.X_OK):
            return path
    return None


def why_not(broker, binary, drivers):
    """Why this broker cannot be measured here, or None."""
    if broker.name in NOT_PACKAGED:
        return NOT_PACKAGED[broker.name]
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
        self.user = pwd.getpwnam("nobody") if broker.not_root and os.geteuid() == 0 else None
        if self.user:
            self._hand_over(scratch)
        if broker.setup:
            broker.setup(binary, self.directory, self._run)
        self.command = broker.command(binary, self.directory, self.port, extra)
        self.log_path = os.path.join(self.directory, "server.log")
        self.process = None

    def _hand_over(self, scratch):
        """The directory to another user, who must be able to come there."""
        os.chown(self.directory, self.user.pw_uid, self.user.pw_gid)
        place = os.path.realpath(scratch)
        os.chmod(place, 0o755)
        while place != "/":
            if not os.stat(place).st_mode & 0o001:
                raise RuntimeError(f"{self.broker.name} does not run as root, and its user cannot "
                                   f"enter {place}: name another directory with --scratch")
            place = os.path.dirname(place)

    def _run(self, command):
        """A program before the server, as the server's user."""
        result = subprocess.run(command, capture_output=True, text=True, check=False,
                                preexec_fn=self._become_user, cwd=self.directory)
        if result.returncode != 0:
            raise RuntimeError(f"{command[0]}: {result.stderr.strip() or result.stdout.strip()}")

    def _become_user(self):
        if self.user:
            os.setgroups([])
            os.setgid(self.user.pw_gid)
            os.setuid(self.user.pw_uid)

    def _in_child(self):
        os.sched_setaffinity(0, {self.core})
        self._become_user()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # never outlives the runner

    def __enter__(self):
        try:
            with open(self.log_path, "wb") as log:
                self.process = subprocess.Popen(
                    self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    cwd=self.directory, preexec_fn=self._in_child, start_new_session=True)
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
        if self.process:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)  # what it started beside itself
            except ProcessLookupError:
                pass
        shutil.rmtree(self.directory, ignore_errors=True)
