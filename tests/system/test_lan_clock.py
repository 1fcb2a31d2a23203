# SPDX-License-Identifier: MPL-2.0
"""The wall clock is set an hour forward and back under the running daemon: nobody comes or goes, and no
mail expires before its time."""
import os
import struct

import pytest

from broker import eventually
from lan_peer import ANSENTRY, BR_ABSENCE, BR_ENTRY, CAPUTF8, SENDMSG

HOUR_S = 3600


@pytest.fixture
def town(lan, tmp_path, connect):
    """town.set_clock(seconds): the daemon's clock is so much ahead."""
    file = tmp_path / "clock"

    def set_clock(seconds):
        with open(file, "r+b" if file.exists() else "wb") as out:
            out.write(struct.pack("@q", seconds))

    set_clock(0)
    lan.make(message__ttl_s=HOUR_S // 2, cleanup__interval_s=1, presence__timeout_s=6,
             environment={"LD_PRELOAD": os.environ["ROOST_MOVED_CLOCK"], "ROOST_CLOCK_FILE": str(file),
                          "ASAN_OPTIONS": "verify_asan_link_order=0"})
    lan.zed, lan.set_clock = connect(lan.broker, "zed"), set_clock
    return lan


def events(client):
    return [(event.peer, event.is_online, event.reason) for event in
            client.query("PRESENCE_EVENTS", "events", limit=500).items]


def online(client):
    return {peer.name for peer in client.peers(online_only=True).items}


def test_an_hour_both_ways(town):
    ann, ben, cat = (town.peer(last, user=user) for last, user in ((2, "ann"), (3, "ben"), (4, "cat")))
    for peer in (ann, ben, cat):
        peer.enter()
        peer.wait_for(ANSENTRY)
    ann.confirms = False
    town.zed.send("peer:lan:ann@pc", b"on its way")
    ann.wait_for(SENDMSG)
    cat.answers = False
    cat.leave()
    eventually(lambda: online(town.zed) == {"zed", "lan:ann@pc", "lan:ben@pc"})
    town.zed.send("peer:lan:cat@pc", b"waiting")
    town.zed.send("queue:jobs", b"job")
    before = events(town.zed)
    for ahead in (HOUR_S, 0, -HOUR_S, 0, HOUR_S):
        town.set_clock(ahead)
        # Two rounds of asking the silent, sweeping, cleaning up.
        asked = len(ben.of_mode(BR_ENTRY))
        ben.wait_for(BR_ENTRY, asked + 2)
        ann.say(BR_ABSENCE | CAPUTF8, ann.entry_body())
        assert online(town.zed) == {"zed", "lan:ann@pc", "lan:ben@pc"}, f"at {ahead}"
        assert events(town.zed) == before, f"at {ahead}"
        assert town.zed.peer_stats()["online"] == 3
    assert len({packet.number for packet in ann.of_mode(SENDMSG)}) == 1, "the same packet all the time"
    ann.confirms = True
    ann.say(BR_ABSENCE | CAPUTF8, ann.entry_body())
    assert ann.wait_texts(1) == ["zed: on its way"]
    cat.enter()
    assert cat.wait_texts(1) == ["zed: waiting"]
    job = town.zed.attach("queue:jobs").receive(10)
    assert job is not None and job.body == b"job"
    town.zed.send("peer:lan:ben@pc", b"sent meanwhile")
    assert ben.wait_texts(1) == ["zed: sent meanwhile"]
