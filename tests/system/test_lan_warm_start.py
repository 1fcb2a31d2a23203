# SPDX-License-Identifier: MPL-2.0
"""The warm start: the broker looks for everybody it knew on the local network."""
import json
import os
import re
import subprocess
import time

import pytest

from broker import eventually
from import_helpers import run
from lan_peer import ANSENTRY, BR_ENTRY, SENDMSG
from roost import RoostError

NOW = int(time.time())


def entry(name, address, **fields):
    return {"peer_id": name, "addresses": [address], "last_seen": NOW - 60, "connection_count": 3,
            "successful_transfers": 12, "failed_transfers": 3, "total_bytes_transferred": 4096,
            "average_latency_ms": 45, "is_bootstrap": False, "supports_relay": False,
            "reliability_score": 0.5, **fields}


def remember(lan, *entries):
    """A broker that has imported this cache; not started."""
    broker = lan.make(is_started=False)
    cache = os.path.join(os.path.dirname(broker.data), "cache.json")
    with open(cache, "w", encoding="utf-8") as file:
        json.dump({"version": 1, "last_updated": NOW, "peers": list(entries)}, file)
    run("peer-cache", cache, "--data", broker.data)
    return broker


def cli(broker, *words, code=0):
    done = subprocess.run([os.environ["ROOST_CLI"], *words, "--url", broker.url, "--as", "op",
                           "--json"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, (done.stdout, done.stderr)
    return json.loads(done.stdout) if code == 0 else done.stdout + done.stderr


def fields(line):
    return {key: int(value) for key, value in re.findall(r"(\w+)=\"?(\d+)\"?", line)}


def warm_line(broker, timeout=20):
    return fields(broker.wait_for_log(r"\bwarm-start\b", timeout))


def test_five_of_a_hundred_are_found(lan, connect):
    forms = ["{}", "{}:2425", "/ip4/{}/udp/2425/quic", "/ip4/{}/tcp/4001/p2p/12D3"]
    broker = remember(lan, *(entry(f"peer-{n}", forms[n % 4].format(lan.at(n)))
                             for n in range(2, 102)),
                      entry("far", "203.0.113.9:2425"), entry("six", "/ip6/2001:db8::1/udp/2425"))
    live = [lan.peer(n, user=f"user{n}") for n in (2, 23, 44, 65, 101)]
    began = time.monotonic()
    broker.start()
    for peer in live:
        peer.wait_for(BR_ENTRY, timeout=10)
    answered = time.monotonic()
    zed = connect(broker, "zed")
    names = {f"lan:{peer.user}@pc" for peer in live}
    eventually(lambda: names <= {peer.name for peer in zed.peers(online_only=True).items},
               timeout=10, what="the five to be online")
    found = time.monotonic()
    print(f"asked and answered within {answered - began:.2f} s of the start of the process, "
          f"online {found - answered:.2f} s after that")
    assert found - began < 10 and found - answered < 1
    line = warm_line(broker)
    assert (line["known"], line["asked"], line["answered"]) == (101, 100, 5)
    assert line["hit_rate_percent"] == 5 and line["took_ms"] < 7000
    counters = zed.warm_start()
    assert counters == {"run": 1, "running": 0, "known": 101, "asked": 100, "answered": 5,
                        "waiting": 0, "hit_rate_ppm": 50000}


def test_asked_for_by_hand(lan, connect):
    broker = remember(lan, entry("here", lan.at(2)), entry("gone", lan.at(3)))
    broker.start()
    assert warm_line(broker)["answered"] == 0
    peer = lan.peer(2)
    assert cli(broker, "peers", "warm", "--last")["answered"] == 0
    answer = cli(broker, "peers", "warm")
    assert answer == {"run": 2, "running": False, "known": 2, "asked": 2, "answered": 1, "waiting": 0,
                      "hit_rate": 0.5}
    assert len(peer.of_mode(BR_ENTRY)) == 1
    zed = connect(broker, "zed")
    assert zed.warm_start_again() == 3
    assert zed.warm_start_again() == 3, "one that is under way is joined"
    stats = {counter.name: counter.value for counter in zed.stats().items}
    assert stats["warm_start_runs_total"] == 3


def test_the_silent_are_asked_twice(lan):
    broker = remember(lan, entry("deaf", lan.at(2)))
    deaf = lan.peer(2)
    deaf.answers = False
    broker.start()
    line = warm_line(broker)
    assert (line["asked"], line["answered"]) == (1, 0) and 5000 <= line["took_ms"] < 7000
    assert len(deaf.of_mode(BR_ENTRY)) == 2


def test_relays_first_then_the_reliable(lan):
    """Datagrams go out in lots of 20, 50 ms apart: who is in a later lot is asked later."""
    count = 60

    def rank(n):  # 0 is to be asked first
        return (n * 7) % count

    broker = remember(lan, *(entry(f"peer-{n}", lan.at(2 + n), supports_relay=rank(n) < 20,
                                   reliability_score=0.3 if rank(n) < 20 else 1 - rank(n) / 100)
                             for n in range(count)))
    peers = {rank(n): lan.peer(2 + n, user=f"user{n}") for n in range(count)}
    broker.start()
    at = {order: peer.wait_for(BR_ENTRY)[0].at for order, peer in peers.items()}
    assert max(at[order] for order in range(20)) < min(at[order] for order in range(20, count))
    assert max(at[order] for order in range(20, 40)) < min(at[order] for order in range(40, count))


def test_known_from_before(lan, connect):
    """Without any import: whoever was heard is looked for after a kill -9, but nobody to whom a
    packet is on its way."""
    lan.make()
    zed = connect(lan.broker, "zed")
    ann, ben = lan.peer(2), lan.peer(3, user="ben")
    for peer in (ann, ben):
        peer.enter()
        peer.wait_for(ANSENTRY)
    eventually(lambda: len([peer for peer in zed.peers(online_only=True).items
                            if peer.kind == "ipmsg"]) == 2)
    ben.confirms = False
    zed.send("peer:lan:ben@pc", b"hello")
    ben.wait_for(SENDMSG)
    lan.broker.kill()
    heard = len(ben.packets)
    lan.broker.start()
    ann.wait_for(BR_ENTRY, timeout=10)
    line = warm_line(lan.broker)
    assert (line["known"], line["asked"], line["answered"]) == (2, 1, 1)
    assert {packet.mode for packet in ben.packets[heard:]} == {SENDMSG}
    ben.confirms = True
    eventually(lambda: ben.texts() == ["zed: hello"])


def standing(client):
    return {peer.name: (peer.transfers_ok, peer.transfers_failed, peer.is_relay)
            for peer in client.peers().items}


def test_killed_in_the_middle_of_it(lan, connect):
    """kill -9 while most have not answered: nobody is forgotten or thought less of, whoever had
    answered is one peer, and the next start looks for all of them again."""
    silent = range(3, 63)
    broker = remember(lan, entry("here", lan.at(2), reliability_score=0.9),
                      *(entry(f"silent-{n}", lan.at(n)) for n in silent))
    live = lan.peer(2)
    broker.start()
    live.wait_for(BR_ENTRY)
    zed = connect(broker, "zed")
    eventually(lambda: "lan:ann@pc" in {peer.name for peer in zed.peers(online_only=True).items})
    before = standing(zed)
    assert zed.warm_start()["running"] == 1
    zed.close()
    broker.kill()
    assert not [line for line in broker.log_of_run() if "warm-start" in line]
    late = lan.peer(30, user="late")  # turns up while the broker is away
    broker.start()
    late.wait_for(BR_ENTRY)
    line = warm_line(broker)
    assert (line["known"], line["asked"], line["answered"]) == (61, 61, 2)
    zed = connect(broker, "zed")
    after = standing(zed)
    assert after.pop("lan:late@pc")[1] == 0
    assert after == before
    assert [peer.name for peer in zed.peers(online_only=True).items
            if peer.kind == "ipmsg"] == ["lan:ann@pc", "lan:late@pc"]


def test_who_may_ask_for_it(make_broker, connect, lan):
    lan.make(security__admins="root")
    with pytest.raises(RoostError) as failure:
        connect(lan.broker, "zed").warm_start_again()
    assert failure.value.code == 2003
    assert connect(lan.broker, "root").warm_start_again() > 0
    deaf = make_broker()
    with pytest.raises(RoostError) as failure:
        connect(deaf, "zed").warm_start_again()
    assert failure.value.code == 6105 and "ipmsg.listen" in str(failure.value)
    assert connect(deaf, "other").warm_start()["run"] == 0
