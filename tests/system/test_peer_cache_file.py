# SPDX-License-Identifier: MPL-2.0
"""peers.cache_file: read at the start, written while it runs and at the stop, and no reason ever not
to start or to stop."""
import json
import os
import time

import pytest

from broker import eventually
from lan_peer import ANSENTRY, BR_ENTRY

NOW = int(time.time())


def entry(name, *addresses, **fields):
    return {"peer_id": name, "addresses": list(addresses), "last_seen": NOW - 60,
            "connection_count": 3, "successful_transfers": 12, "failed_transfers": 3,
            "total_bytes_transferred": 4096, "average_latency_ms": 45, "is_bootstrap": False,
            "supports_relay": True, "reliability_score": 0.7565, **fields}


def write(path, *entries):
    path.write_text(json.dumps({"version": 1, "last_updated": NOW, "peers": list(entries)}))


def names(path):
    return {peer["peer_id"] for peer in json.loads(path.read_text())["peers"]}


def test_read_at_the_start_and_written_at_the_stop(tmp_path, lan, connect):
    cache = tmp_path / "cache.json"
    write(cache, entry("lan:user2@pc", f"{lan.at(2)}:2425"), entry("other", lan.at(3)))
    os.chmod(cache, 0o640)
    ann = lan.peer(2, user="user2")
    lan.make(peers__cache_file=cache)
    assert lan.broker.wait_for_log(r"\bpeer-cache-loaded\b.*added=2")
    ann.wait_for(BR_ENTRY)
    zed = connect(lan.broker, "zed")
    eventually(lambda: "lan:user2@pc" in {peer.name for peer in zed.peers(online_only=True).items},
               what="who was in the cache to be found")
    zed.close()
    assert lan.broker.stop() == 0
    assert lan.broker.wait_for_log(r"\bpeer-cache-saved\b.*peers=3")
    assert names(cache) == {"lan:user2@pc", "other", "zed"}
    saved = next(peer for peer in json.loads(cache.read_text())["peers"]
                 if peer["peer_id"] == "lan:user2@pc")
    assert saved["connection_count"] == 4 and saved["supports_relay"], "counters are kept"
    assert os.stat(cache).st_mode & 0o777 == 0o640, "who else may read it stays so"


def test_written_while_it_runs(tmp_path, lan):
    """A kill -9 costs an interval at most. The name is in the data directory."""
    lan.make(peers__cache_file="cache.json", peers__cache_interval_s=1)
    cache = tmp_path / "data0" / "cache.json"
    ann = lan.peer(2)
    ann.enter()
    ann.wait_for(ANSENTRY)
    eventually(lambda: cache.exists() and names(cache) == {"lan:ann@pc"}, what="the cache")
    lan.broker.kill()
    assert names(cache) == {"lan:ann@pc"}
    lan.broker.start()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version":1}'])
def test_what_is_no_cache_is_set_aside(tmp_path, make_broker, connect, text):
    cache = tmp_path / "cache.json"
    cache.write_text(text)
    broker = make_broker(peers__cache_file=cache)
    assert broker.wait_for_log(r"\bpeer-cache\b.*no peer cache")
    assert not cache.exists() and (tmp_path / "cache.json.bad").read_text() == text
    connect(broker, "zed")


def test_nothing_to_write_and_nowhere_to_write_to(tmp_path, make_broker, connect):
    cache = tmp_path / "cache.json"
    write(cache, entry("old", last_seen=NOW - 700000))
    before = cache.read_text()
    broker = make_broker(peers__cache_file=cache)
    assert broker.stop() == 0
    assert cache.read_text() == before, "nothing to write truncates nothing"
    broker.settings["peers.cache_file"] = tmp_path / "nowhere" / "cache.json"
    broker.start()
    connect(broker, "zed").close()
    assert broker.stop() == 0
    assert broker.wait_for_log(r"\bpeer-cache-not-saved\b")
