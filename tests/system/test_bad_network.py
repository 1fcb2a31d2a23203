# SPDX-License-Identifier: MPL-2.0
"""Between clients and broker: delay and jitter, a trickle, resets, silence one way and both ways, cut
cables and lost packets. Nothing that was handed over is lost, reordered or shown twice, and it goes
on by itself when the network is well again."""
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

import ledger
from broker import no_orphan
from chaos_proxy import ChaosProxy
from helpers import bodies, eventually, info, numbered, receive_all
from namespaces import Town, Unavailable

HEARTBEAT_MS = 500


class Behind:
    """A broker behind a bad stretch, as Broker is for connect()."""

    def __init__(self, broker, proxy):
        self.broker, self.proxy = broker, proxy
        self.url = f"tcp://127.0.0.1:{proxy.port}"


@pytest.fixture
def stretch(make_broker):
    broker = make_broker(zmq__heartbeat_ms=HEARTBEAT_MS)
    proxy = ChaosProxy(broker.port)
    yield Behind(broker, proxy)
    proxy.close()


def exchange(stretch, connect, trouble, count=300):
    """A sender and a receiver behind the stretch; trouble() runs while messages flow."""
    bob, alice = connect(stretch, "bob"), connect(stretch, "alice")
    inbox = alice.attach(window=20)
    got, problems = [], []

    def receive():
        try:
            got.extend(bodies(receive_all(inbox, count, timeout=60)))
        except BaseException as problem:  # shown by the test
            problems.append(problem)

    receiver = threading.Thread(target=receive)
    receiver.start()
    futures = [bob.send_async("alice", body) for body in numbered(count // 3)]
    trouble()
    futures += [bob.send_async("alice", body) for body in numbered(count - count // 3, count // 3)]
    assert bob.flush(60), "everything is answered in the end"
    assert all(future.exception() is None for future in futures)
    receiver.join()
    assert not problems, problems
    assert got == numbered(count), "lost, reordered or twice"
    inbox.confirm()
    assert info(alice, "alice").waiting == 0
    return bob, alice


def test_delay_and_jitter(stretch, connect):
    exchange(stretch, connect, lambda: stretch.proxy.delay(0.2, jitter=0.2))


def test_a_trickle(stretch, connect):
    """10 ms for each byte or two, for a while: frames come in hundreds of pieces."""
    def trouble():
        stretch.proxy.drip(150)
        time.sleep(3)
        stretch.proxy.clear()
    exchange(stretch, connect, trouble)


def test_resets(stretch, connect):
    def trouble():
        for _ in range(20):
            stretch.proxy.reset()
            time.sleep(0.05)
    bob, _ = exchange(stretch, connect, trouble)
    assert bob.reconnects > 0 and stretch.proxy.resets > 2


@pytest.mark.parametrize("to_server, to_client", [(True, True), (True, False), (False, True)],
                         ids=["both ways", "to the broker", "to the client"])
def test_silence_is_noticed(stretch, connect, to_server, to_client):
    """Bytes vanish and nobody is told: heartbeats notice it, and a new connection is made."""
    def trouble():
        before = connects[0]()
        stretch.proxy.swallow(to_server, to_client)
        eventually(lambda: connects[0]() > before, what="the loss to be noticed")
        stretch.proxy.clear()
        stretch.proxy.reset()

    watcher = connect(stretch, "watcher")
    connects = [lambda: watcher.reconnects]
    exchange(stretch, connect, trouble)


# ------------------------------------------------------------------ machines on wires of their own

@pytest.fixture
def town(make_broker):
    """A broker on one machine and room for clients on another; root only."""
    try:
        town = Town()
    except Unavailable as reason:
        pytest.skip(str(reason))
    try:
        for name, address in (("server", "10.77.0.1/24"), ("client", "10.77.0.2/24")):
            town.machine(name)
            town.plug(name, "e0", address, "wire")
        town.broker = make_broker(prefix=town.enter("server"), is_started=False, arguments=["--insecure"], security__acl_default="allow",
                                  zmq__listen="tcp://10.77.0.1:7667", zmq__heartbeat_ms=HEARTBEAT_MS,
                                  mailbox__autocreate="on")
        town.broker.port = 7667
        town.broker.start()
        yield town
        town.broker.stop()
    finally:
        town.close()


class Abroad:
    """A sender and a receiver, processes on the other machine, with their ledgers."""

    def __init__(self, town, folder):
        self.folder, self.enter = str(folder), town.enter("client")
        self.log = open(os.path.join(self.folder, "peers.log"), "ab")
        self.sender = self._start("send", "bob", "200", "peer:alice")
        self.receiver = self._start("recv", "alice", "peer:alice")

    def _start(self, how, peer, *words):
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ledger_peer.py")
        return subprocess.Popen(
            [*self.enter, sys.executable, program, how, "tcp://10.77.0.1:7667", peer,
             os.path.join(self.folder, f"{peer}.ledger"), *words],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, preexec_fn=no_orphan())

    def count(self, verb, peer):
        try:
            with open(os.path.join(self.folder, f"{peer}.ledger"), encoding="ascii") as file:
                return sum(line.startswith(verb + " ") for line in file)
        except FileNotFoundError:
            return 0

    def wait_for_more(self, verb, peer, count=20):
        before = self.count(verb, peer)
        eventually(lambda: self.count(verb, peer) >= before + count, timeout=60,
                   what=f"{count} more {verb} of {peer}")

    def finish(self):
        self.sender.send_signal(signal.SIGTERM)
        assert self.sender.wait(90) == 0, "not everything was answered"
        eventually(lambda: self.count("P", "alice") >= self.count("A", "bob"), timeout=60,
                   what="everything to be delivered")
        self.receiver.send_signal(signal.SIGTERM)
        assert self.receiver.wait(60) == 0
        verdict = ledger.check(ledger.read_folder(self.folder))
        assert verdict.is_good, verdict.problems[:10]
        assert verdict.counts["acknowledged"] > 100

    def close(self):
        for process in (self.sender, self.receiver):
            process.kill()
            process.wait()
        self.log.close()


@pytest.fixture
def abroad(town, tmp_path):
    folder = tmp_path / "ledgers"
    folder.mkdir()
    # Each connection that is lost is a fault that explains a window of deliveries shown again.
    (folder / "faults.ledger").write_text("".join(f"F {number}\n" for number in range(20)))
    abroad = Abroad(town, folder)
    yield abroad
    abroad.close()


def filter_of(town, rule):
    """Packets to and from the broker meet this rule of nftables; "" takes it away."""
    enter = town.enter("server")
    subprocess.run([*enter, "nft", "delete", "table", "inet", "trouble"], check=False,
                   stderr=subprocess.DEVNULL)
    if rule:
        out = "accept" if "reject" in rule else rule
        table = "\n".join(["table inet trouble {",
                           "chain in {", "type filter hook input priority 0;", f"iif e0 {rule};", "}",
                           "chain out {", "type filter hook output priority 0;", f"oif e0 {out};", "}",
                           "}", ""])
        done = subprocess.run([*enter, "nft", "-f", "-"], input=table, text=True, check=False,
                              capture_output=True)
        if done.returncode != 0:
            pytest.skip("no nftables to be had here: " + done.stderr.strip()[-200:])


@pytest.mark.parametrize("rule, seconds", [
    ("drop", 3),
    ("numgen random mod 100 < 20 drop", 4),
    ("tcp dport 7667 reject with tcp reset", 2),
], ids=["partition", "20 % lost", "reset storm"])
def test_the_wire_fails_and_heals(town, abroad, rule, seconds):
    abroad.wait_for_more("K", "alice")
    filter_of(town, rule)
    time.sleep(seconds)
    filter_of(town, "")
    abroad.wait_for_more("A", "bob")
    abroad.wait_for_more("K", "alice")
    abroad.finish()


def test_a_cable_that_comes_and_goes(town, abroad):
    abroad.wait_for_more("K", "alice")
    for _ in range(4):
        town.command("server", "link", "set", "e0", "down")
        time.sleep(0.7)
        town.command("server", "link", "set", "e0", "up")
        time.sleep(0.5)
    abroad.wait_for_more("K", "alice")
    abroad.finish()
