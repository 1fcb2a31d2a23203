# SPDX-License-Identifier: MPL-2.0
"""Whole daemons on real wires: broadcast, interfaces that come and go, two networks.

Each machine is a network namespace, so this needs root; elsewhere it is left out, and says so.
"""
import os
import platform

import pytest

from broker import eventually
from helpers import ask_file, bodies, receive_all
from lan_peer import ANSENTRY, BR_ENTRY, BR_EXIT, IptuxPeer, LanPeer
from namespaces import Town, Unavailable
from roost import Client

HOST = platform.node()


@pytest.fixture
def town(make_broker, tmp_path):
    """town.daemon(machine): roostd there; town.client(broker, name); town.peer(machine, ...)."""
    try:
        town = Town()
    except Unavailable as problem:
        pytest.skip(f"real broadcast is not tested: {problem}")
    closing = []

    def daemon(machine, **settings):
        url = f"ipc://{tmp_path}/{machine}.sock"
        broker = make_broker(is_started=False, prefix=town.enter(machine), zmq__listen=url,
                             ipmsg__listen="0.0.0.0:2425", mailbox__autocreate="on",
                             security__admins="*", presence__timeout_s=6,
                             ipmsg__user=f"roost-{machine}", **settings)
        broker.port = 0  # it has none
        broker.client_url = url
        return broker.start()

    def client(broker, name):
        closing.append(Client(broker.client_url, name))
        closing[-1].wait_ready(20)
        return closing[-1]

    def peer(machine, broker, **options):
        closing.append(town.run_in(machine, lambda: LanPeer("0.0.0.0", broker, **options)))
        return closing[-1]

    def iptux(machine, nickname):
        if not os.environ.get("ROOST_IPTUX_PEER"):
            pytest.skip("iptux-core is not installed: the real iptux is left out")
        closing.append(IptuxPeer("*", nickname, tmp_path / nickname, prefix=town.enter(machine)))
        return closing[-1]

    town.daemon, town.client, town.peer, town.iptux = daemon, client, peer, iptux
    yield town
    for thing in closing:
        thing.close()
    town.close()


@pytest.fixture
def street(town):
    """Machines a and b on one wire."""
    for last, name in enumerate("ab", 1):
        town.machine(name)
        town.plug(name, "e0", f"10.99.1.{last}/24", "w1")
    return town


def online(client):
    return {peer.name: peer for peer in client.peers(online_only=True).items if peer.kind == "ipmsg"}


def addresses(client, name):
    peer, = client.peers(name=name).items
    return {address.address for address in peer.addresses}


def test_two_brokers_find_each_other(street):
    one = street.client(street.daemon("a"), "zed")
    other_broker = street.daemon("b")
    other = street.client(other_broker, "yan")
    eventually(lambda: f"lan:roost-b@{HOST}" in online(one), what="b to be seen at a")
    eventually(lambda: f"lan:roost-a@{HOST}" in online(other), what="a to be seen at b")
    assert addresses(one, f"lan:roost-b@{HOST}") == {"10.99.1.2:2425"}
    one.send(f"peer:lan:roost-b@{HOST}", b"over the wire")
    eventually(lambda: not one.query("INSPECT", "consumers", scope=f"peer:lan:roost-b@{HOST}")
               .items[0].waiting, what="the message to be confirmed")
    assert other_broker.stop() == 0
    eventually(lambda: f"lan:roost-b@{HOST}" not in online(one), what="b to be gone")
    (count,), = ask_file(other_broker, "SELECT count(*) FROM message")
    assert count <= 2, "no notice triggers another"


def test_the_real_iptux_by_broadcast(street):
    """It comes after the broker, and the broker comes (back) after it."""
    broker = street.daemon("a")
    zed = street.client(broker, "zed")
    ann = street.iptux("b", "Ann")
    ann.wait_for("(online|update) 10.99.1.1 roost")
    eventually(lambda: "Ann" in {peer.display_name for peer in online(zed).values()})
    inbox = zed.attach("peer:zed")
    ann.send("10.99.1.1", "@zed up")
    assert bodies(receive_all(inbox, 1)) == [b"up"]
    name = next(name for name, peer in online(zed).items() if peer.display_name == "Ann")
    zed.send(f"peer:{name}", b"down")
    eventually(lambda: "zed: down" in ann.messages(), what="the message at iptux")
    assert broker.stop() == 0
    ann.wait_for("offline 10.99.1.1")
    broker.start()
    ann.wait_for("online 10.99.1.1 roost", 2 if "online 10.99.1.1 roost" in ann.lines else 1)
    again = street.client(broker, "yan")
    eventually(lambda: name in online(again), what="Ann to be found again")
    ann.tell("quit")
    eventually(lambda: name not in online(again), what="Ann to be gone")


def test_an_interface_comes_and_goes(street):
    """A second network appears while it runs: all there are told, and found; when it goes away, so do
    they, and the first network notices nothing."""
    broker = street.daemon("a")
    zed = street.client(broker, "zed")
    ben = street.peer("b", "10.99.1.1", user="ben")
    ben.enter()
    ben.wait_for(ANSENTRY)
    street.machine("c")
    street.plug("c", "e0", "10.99.2.2/24", "w2")
    cat = street.peer("c", "10.99.2.1", user="cat", nickname="Cat")
    for count in (1, 2):
        heard = len(cat.of_mode(BR_ENTRY))
        street.plug("a", "e1", "10.99.2.1/24", "w2")
        entry = cat.wait_for(BR_ENTRY, heard + 1)[heard]
        assert entry.source == ("10.99.2.1", 2425)
        eventually(lambda: "lan:cat@pc" in online(zed), what="cat to be found")
        zed.send("peer:lan:cat@pc", f"hello {count}".encode())
        assert cat.wait_texts(count)[-1] == f"zed: hello {count}"
        street.unplug("a", "e1")
        zed.send("peer:lan:ben@pc", f"still here {count}".encode())
        assert ben.wait_texts(count)[-1] == f"zed: still here {count}"
        eventually(lambda: "lan:cat@pc" not in online(zed), what="cat to be out of reach")
    assert "lan:ben@pc" in online(zed)
    zed.send("peer:lan:cat@pc", b"kept meanwhile")
    street.plug("a", "e1", "10.99.2.1/24", "w2")
    assert cat.wait_texts(3)[-1] == "zed: kept meanwhile"


def test_two_networks_at_once(street):
    """Each neighbour is spoken to from the address of his own network, and mail goes from one to the
    other through the broker."""
    street.machine("c")
    street.plug("c", "e0", "10.99.2.2/24", "w2")
    street.plug("a", "e1", "10.99.2.1/24", "w2")
    ben = street.peer("b", "10.99.1.1", user="ben", nickname="Ben")
    cat = street.peer("c", "10.99.2.1", user="cat", nickname="Cat")
    broker = street.daemon("a")
    zed = street.client(broker, "zed")
    assert {packet.source for packet in ben.wait_for(BR_ENTRY)} == {("10.99.1.1", 2425)}
    assert {packet.source for packet in cat.wait_for(BR_ENTRY)} == {("10.99.2.1", 2425)}
    eventually(lambda: {"lan:ben@pc", "lan:cat@pc"} <= set(online(zed)), what="both to be found")
    ben.deliver("@Cat from the other side")
    assert cat.wait_texts(1) == ["lan:ben@pc: from the other side"]
    cat.deliver("@lan:ben@pc and back")
    assert ben.wait_texts(1) == ["lan:cat@pc: and back"]
    for peer, own in ((ben, "10.99.1.1"), (cat, "10.99.2.1")):
        assert {packet.source for packet in peer.packets} == {(own, 2425)}
    street.command("b", "route", "add", "255.255.255.255", "dev", "e0")
    # Somebody's broadcast is answered by him who heard it, once.
    def answers():
        return [packet for packet in ben.of_mode(ANSENTRY) if packet.user.startswith(b"roost")]

    before = len(answers())
    ben.number += 1
    head = f"1:{ben.number}:ben:pc:{BR_ENTRY | ben.capabilities}:".encode()
    for everybody in ("255.255.255.255", "10.99.1.255"):
        ben.raw(head + ben.entry_body() + b"\0", (everybody, 2425))
    eventually(lambda: len(answers()) > before, what="an answer")
    assert cat.is_silent(ANSENTRY, 0.5), "the other network hears nothing of it"
    assert len(answers()) == before + 1
    assert broker.stop() == 0
    for peer in (ben, cat):
        peer.wait_for(BR_EXIT)


def test_a_peer_with_two_networks_is_one_peer(street):
    """The broker hears it on both; who it is does not depend on where."""
    for name, last in (("a", 1), ("b", 2)):
        street.plug(name, "e1", f"10.99.2.{last}/24", "w2")
    broker = street.daemon("a")
    zed = street.client(broker, "zed")
    ben = street.peer("b", "10.99.1.1", user="ben", nickname="Ben")
    ben.enter()
    eventually(lambda: set(online(zed)) == {"lan:ben@pc"}, what="ben")
    broker.wait_for_log(r"\bwarm-start\b")
    ben.is_silent(BR_ENTRY, 1)  # which it answers on both
    ben.broker = ("10.99.2.1", 2425)
    ben.enter()
    eventually(lambda: addresses(zed, "lan:ben@pc") == {"10.99.1.2:2425", "10.99.2.2:2425"},
               what="both addresses")
    zed.send("peer:lan:ben@pc", b"once")
    assert ben.wait_texts(1) == ["zed: once"]
