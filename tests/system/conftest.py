# SPDX-License-Identifier: MPL-2.0
"""Fixtures of the system tests: brokers that end with the test, clients that are closed."""
import os
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "faults"))

from broker import Broker  # noqa: E402
from fault_disk import FaultDisk, Unavailable  # noqa: E402
from lair_client import LairClient  # noqa: E402
from lan_peer import IptuxPeer, LanPeer, network  # noqa: E402
from raw import Raw  # noqa: E402
from rest import Rest  # noqa: E402
from roost import Client  # noqa: E402


@pytest.fixture
def make_broker(tmp_path):
    """make_broker(**settings): a started Broker on an own data directory."""
    brokers = []

    def make(data=None, is_started=True, **settings):
        broker = Broker(data or tmp_path / f"data{len(brokers)}", **settings)
        brokers.append(broker)
        return broker.start() if is_started else broker

    yield make
    for broker in brokers:
        print(f"--- log of {broker.data}", *broker.lines[-200:], sep="\n")
        if broker.is_running():
            code = broker.stop()
            assert code == 0, f"roostd ended with {code}"


@pytest.fixture
def broker(make_broker):
    return make_broker()


@pytest.fixture
def connect():
    """connect(broker, peer, **options): a Client that is closed after the test."""
    clients = []

    def make(broker, peer, **options):
        client = Client(broker.url, peer, **options)
        clients.append(client)
        client.wait_ready(20)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def lair(make_broker):
    """A broker that speaks Lair Chat."""
    return make_broker(lair__listen="127.0.0.1:*")


@pytest.fixture
def join():
    """join(broker, name): a Lair Chat connection that is logged in (registered, unless
    kind="login"); join(broker): one that is not. Closed after the test."""
    clients = []

    def make(broker, name=None, kind="register", **options):
        client = LairClient(broker.lair_address(), **options)
        clients.append(client)
        return client.enter(name, kind=kind) if name else client

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def http(make_broker):
    """A broker that speaks HTTP."""
    return make_broker(http__listen="127.0.0.1:*")


@pytest.fixture
def rest():
    """rest(broker, peer, ...): a client of REST; its connection is closed after the test."""
    clients = []

    def make(broker, peer=None, **options):
        clients.append(Rest(broker, peer, **options))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def lan(make_broker, tmp_path):
    """A broker on a local network of its own, and its neighbours.

    lan.broker; lan.address, where it listens; lan.peer(n, ...): a LanPeer at address n;
    lan.iptux(n, nickname): the real one (skipped where it is not installed); lan.make(...): another
    broker instead, with other settings."""
    network_of = network()

    class Lan:
        address, neighbours, broker = network_of(1), [], None

        def make(self, **settings):
            settings = {"ipmsg__listen": f"{self.address}:2425", "ipmsg__broadcast": "off", **settings}
            self.broker = make_broker(**settings)
            return self.broker

        def at(self, last):
            return network_of(last)

        def peer(self, last, **options):
            self.neighbours.append(LanPeer(network_of(last), self.address, **options))
            return self.neighbours[-1]

        def iptux(self, last, nickname, **options):
            if not os.environ.get("ROOST_IPTUX_PEER"):
                pytest.skip("iptux-core is not installed: the real iptux is left out")
            home = tmp_path / f"iptux{last}"
            self.neighbours.append(IptuxPeer(network_of(last), nickname, home, **options))
            return self.neighbours[-1]

    lan = Lan()
    yield lan
    for neighbour in lan.neighbours:
        neighbour.close()


@pytest.fixture
def connect_raw():
    """connect_raw(broker): a Raw socket that is closed after the test."""
    raws = []

    def make(broker, **options):
        raws.append(Raw(broker.url, **options))
        return raws[-1]

    yield make
    for raw in raws:
        raw.close()


@pytest.fixture
def strace():
    """Command prefix for fault injection: strace(*options)."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    probe = subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], check=False)
    if probe.returncode != 0:
        pytest.skip("strace may not trace here")
    return lambda *options: ["strace", "-f", "-qq", "-D", *options]


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a file system of 24 MiB of its own; needs root."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m,mode=700", "tmpfs", str(folder)]
    is_mounted = os.geteuid() == 0 and subprocess.run(
        mount, check=False, stderr=subprocess.DEVNULL).returncode == 0
    if not is_mounted:
        pytest.skip("a small file system can only be mounted by root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def fault_disk(tmp_path):
    """A disk that loses its power, fails and is slow when told to (tests/faults). Ask for it before
    make_broker: brokers end first."""
    folder = tmp_path / "faults"
    folder.mkdir()
    try:
        disk = FaultDisk(os.environ.get("ROOST_FAULT_FS"), folder)
    except Unavailable as reason:
        pytest.skip(str(reason))
    yield disk
    disk.close()
