# SPDX-License-Identifier: MPL-2.0
"""The real iptux (Debian's, without its windows) and the broker."""
import pytest

from broker import eventually
from helpers import bodies, receive_all
from lan_peer import can_pretend


@pytest.fixture
def town(lan, connect):
    lan.make()
    lan.zed = connect(lan.broker, "zed")
    return lan


def online(client):
    return {peer.display_name for peer in client.peers(online_only=True).items}


def lan_name(client, nickname):
    return next(peer.name for peer in client.peers().items if peer.display_name == nickname)


@pytest.fixture
def ann(town):
    """An iptux that has found the broker."""
    peer = town.iptux(2, "Ann")
    peer.tell(f"detect {town.address}")
    peer.wait_for(f"(online|update) {town.address} roost")
    eventually(lambda: "Ann" in online(town.zed), what="Ann to be online")
    return peer


def test_presence_both_ways(town, ann):
    ann.tell("quit")
    ann.process.wait()
    eventually(lambda: "Ann" not in online(town.zed), what="Ann to be offline")


def test_it_sees_the_broker_leave(town, ann):
    assert town.broker.stop() == 0
    ann.wait_for(f"offline {town.address}")


def test_messages_both_ways(town, ann):
    inbox = town.zed.attach("peer:zed")
    name = lan_name(town.zed, "Ann")
    for number in range(10):
        ann.send(town.address, f"@zed up {number} ä€")
        town.zed.send(f"peer:{name}", f"down {number} 你好".encode())
    assert bodies(receive_all(inbox, 10)) == [f"up {number} ä€".encode() for number in range(10)]
    eventually(lambda: len(shown(ann)) >= 10, what="ten messages at iptux")
    assert shown(ann) == [f"zed: down {number} 你好" for number in range(10)]


def shown(peer):
    """What its user sees, without what the broker explains."""
    return [text for text in peer.messages() if text.startswith("zed: ")]


def test_offline_mail_over_kills(town, ann):
    name = lan_name(town.zed, "Ann")
    ann.kill()  # iptux says nothing then
    for number in range(5):
        town.zed.send(f"peer:{name}", f"letter {number}".encode())
    town.broker.restart()
    for number in range(5, 10):
        town.zed.send(f"peer:{name}", f"letter {number}".encode())
    town.broker.restart()
    again = town.iptux(2, "Ann")  # knows nobody; the broker asks where it last was
    eventually(lambda: len(shown(again)) >= 10, timeout=40, what="ten letters")
    assert shown(again) == [f"zed: letter {number}" for number in range(10)]
    town.broker.restart()
    again.tell(f"detect {town.address}")
    inbox = town.zed.attach("peer:zed")
    again.send(town.address, "@zed thanks")
    assert bodies(receive_all(inbox, 1)) == [b"thanks"]
    assert len(shown(again)) == 10, "nothing is shown twice"


def test_a_kill_in_the_middle_shows_nothing_twice(town, ann):
    """The broker dies between sending and the confirmation, again and again."""
    name = lan_name(town.zed, "Ann")
    count = 24
    for number in range(count):
        town.zed.send(f"peer:{name}", f"{number}".encode())
        if number % 6 == 5:
            town.broker.restart()
    eventually(lambda: len(shown(ann)) >= count, timeout=40, what="all messages")
    assert shown(ann) == [f"zed: {number}" for number in range(count)]


def test_two_of_them_through_the_broker(town, ann):
    if not can_pretend():
        pytest.skip("no other host name to be had: both would be one and the same peer")
    ben = town.iptux(3, "Ben", host="benhost")
    ben.tell(f"detect {town.address}")
    eventually(lambda: "Ben" in online(town.zed), what="Ben to be online")
    ben_name = lan_name(town.zed, "Ben")
    assert ben_name.endswith("@benhost")
    ann.send(town.address, f"@{ben_name} over there")
    ben.wait_for(f"message {town.address} .*over there")


def test_long_texts(town, ann):
    name = lan_name(town.zed, "Ann")
    text = "0123456789" * 2000 + "end"
    town.zed.send(f"peer:{name}", text.encode())
    eventually(lambda: "".join(ann.messages()) == "zed: " + text, what="the whole text")


def test_notices_do_not_hide_mail(town, ann):
    name = lan_name(town.zed, "Ann")
    ann.send(town.address, "hello?")
    ann.wait_for(f"message {town.address} .*@alice")
    for number in range(3):
        town.zed.send(f"peer:{name}", f"{number}".encode())
    eventually(lambda: len(shown(ann)) >= 3, what="three messages")
    assert shown(ann) == ["zed: 0", "zed: 1", "zed: 2"]
