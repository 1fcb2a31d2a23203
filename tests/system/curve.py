# SPDX-License-Identifier: MPL-2.0
"""What the tests of CURVE have in common: a broker that speaks it, keys, and clients with them."""
import os
import re
import subprocess

from broker import binary
from raw import Raw
from roost import Client, KeyPair


def cli(*words, home=None, text=None):
    """Runs the command-line tool; gives the finished process."""
    environment = {**os.environ, **({"HOME": str(home)} if home else {})}
    return subprocess.run([os.environ["ROOST_CLI"], *map(str, words)], input=text, text=True,
                          capture_output=True, timeout=60, env=environment, check=False)


def server_key(broker):
    """The public key of the broker, as its log says it."""
    line = broker.wait_for_log(r"\bserver-key public=")
    return re.search(r'public="?([^" ]{40})', line).group(1)


class Curve:
    """A broker that listens on CURVE and, for administrators, on this machine without it."""

    def __init__(self, make_broker, **settings):
        settings = {"zmq__listen": "tcp://127.0.0.1:*,curve://127.0.0.1:*", **settings}
        self.broker = make_broker(is_started=False, **settings)
        self.broker.launch()
        self.ready()
        # the same ports after a restart
        self.broker.settings["zmq.listen"] = f"{self.plain_url},{self.url.replace('tcp', 'curve')}"

    def ready(self):
        self.broker.wait_for_log(r"\bready\b")
        ports = re.findall(r"listening address=tcp://[\d.]+:(\d+) security=(\w+)",
                           "\n".join(self.broker.log_of_run()))
        by_security = {security: port for port, security in ports}
        self.url = f"tcp://127.0.0.1:{by_security['curve']}"
        self.plain_url = f"tcp://127.0.0.1:{by_security['none']}"
        self.broker.port = int(by_security["none"])
        self.server_key = server_key(self.broker)
        return self

    def restart(self):
        self.broker.kill()
        self.broker.launch()
        return self.ready()

    def admin(self):
        return Client(self.plain_url, "root")

    def client(self, peer, key, **options):
        options = {"server_key": self.server_key, **options}
        return Client(self.url, peer, key=key, **options)

    def raw(self, key, routing_id=None):
        """A socket without a library, whose connection proves this key."""
        def secure(socket):
            socket.curve_serverkey = self.server_key.encode()
            socket.curve_publickey = key.public.encode()
            socket.curve_secretkey = key.secret.encode()
        return Raw(self.url, routing_id, secure)

    def enrol(self, name, label=""):
        """An account with a key; gives the key."""
        pair = KeyPair.make()
        with self.admin() as admin:
            admin.wait_ready(20)
            admin.enrol_key(name, pair.public, label)
        return pair


def run_to_end(data, *sets):
    """roostd with these settings: its exit code and what it said."""
    words = [word for one in sets for word in ("--set", one)]
    done = subprocess.run([binary(), "--data", str(data), *words, "--set", "http.listen="],
                          capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stderr
