# SPDX-License-Identifier: MPL-2.0
"""roost import peer-cache and feiqiu, roost export peer-cache, and what a broker says of it."""
import json
import os
import sqlite3
import subprocess
import time

import pytest

from import_helpers import command, counts, dump, reasons, run

NOW = int(time.time())


def entry(name, **fields):
    return {"peer_id": name, "addresses": [f"/ip4/192.0.2.{len(name)}/tcp/4001"],
            "last_seen": NOW - 60, "connection_count": 3, "successful_transfers": 12,
            "failed_transfers": 3, "total_bytes_transferred": 1 << 40, "average_latency_ms": 45,
            "is_bootstrap": False, "supports_relay": True, "reliability_score": 0.7565, **fields}


def write(path, *entries, **fields):
    cache = {"version": 1, "last_updated": NOW, "peers": list(entries), **fields}
    path.write_text(json.dumps(cache))
    return path


def export(data, target, code=0):
    done = subprocess.run(command("export", "peer-cache", target, "--data", data, "--json"),
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout) if code == 0 else None


def peers(client):
    return {peer.name: peer for peer in client.peers().items}


def all_fields(path):
    return {one["peer_id"]: one for one in json.loads(path.read_text())["peers"]}


def test_there_and_back(tmp_path, make_broker, connect):
    entries = [entry("12D3KooWA"), entry("12D3KooWBB", successful_transfers=10, failed_transfers=0,
                                         average_latency_ms=0, reliability_score=0.85,
                                         addresses=["198.51.100.1:4001", "/ip6/2001:db8::1/tcp/1"]),
               entry("new", successful_transfers=0, failed_transfers=0, average_latency_ms=0,
                     reliability_score=0.5, addresses=[], is_bootstrap=True)]
    source = write(tmp_path / "in.json", *entries)
    findings, summary, _ = run("peer-cache", source, "--data", tmp_path / "data")
    assert findings == [] and counts(summary, "peers") == (3, 3, 0, 0)
    once = dump(tmp_path / "data")
    _, summary, _ = run("peer-cache", source, "--data", tmp_path / "data")
    assert counts(summary, "peers") == (3, 0, 3, 0)
    assert dump(tmp_path / "data") == once
    sum_of_all = export(tmp_path / "data", tmp_path / "out.json")
    assert sum_of_all["peers"] == 3 and sum_of_all["relays"] == 3
    assert sum_of_all["transfers"] == 25 and sum_of_all["bytes"] == 3 << 40
    back = all_fields(tmp_path / "out.json")
    for one in entries:
        assert {**back[one["peer_id"]], "addresses": sorted(back[one["peer_id"]]["addresses"])} == \
            {**one, "addresses": sorted(one["addresses"])}
    assert [one["peer_id"] for one in json.loads((tmp_path / "out.json").read_text())["peers"]] == \
        ["12D3KooWBB", "12D3KooWA", "new"]
    client = connect(make_broker(data=tmp_path / "data"), "asker")
    found = peers(client)
    assert found["12D3KooWA"].reliability_ppm == 756500
    assert found["12D3KooWBB"].reliability_ppm == 850000
    assert found["new"].is_bootstrap and found["new"].source == "peer-cache"
    assert not found["new"].is_online and not found["new"].is_verified
    assert [one.name for one in client.peers(address="2001:db8::1").items] == ["12D3KooWBB"]
    export(tmp_path / "data", tmp_path / "running.json")  # beside the broker
    assert "asker" in all_fields(tmp_path / "running.json")


@pytest.mark.parametrize("text", [
    "", "{", "[]", "\ufeff{}", '{"version":1,"last_updated":1,"peers":[]} x', "7",
    json.dumps({"version": 1, "last_updated": 1, "peers": [{"peer_id": "a"}]}),
    json.dumps({"version": 1, "last_updated": 1, "peers": [entry("a", connection_count=-1)]}),
    json.dumps({"version": 1, "last_updated": 1, "peers": [entry("a"), entry("b", last_seen="1")]}),
])
def test_what_is_no_cache_is_set_aside(tmp_path, text):
    source = tmp_path / "cache.json"
    source.write_text(text)
    for name in ("cache.json.bad", "cache.json.bad.2"):
        findings, summary, _ = run("peer-cache", source, "--data", tmp_path / "data", "--dry-run")
        assert source.exists() and "no peer cache" in findings[0]["reason"]
        findings, summary, _ = run("peer-cache", source, "--data", tmp_path / "data")
        assert summary["added"] == 0 and name in findings[0]["reason"]
        assert not source.exists() and (tmp_path / name).read_text() == text
        source.write_text(text)
    source.unlink()
    findings, summary, _ = run("peer-cache", source, "--data", tmp_path / "data")
    assert "no such file" in findings[0]["reason"] and summary["skipped"] == 0


def test_odd_but_fine(tmp_path, make_broker, connect):
    source = write(tmp_path / "in.json",
                   entry("high", reliability_score=7), entry("low", reliability_score=-1),
                   entry("twice"), entry("twice", addresses=["198.51.100.9"], last_seen=NOW - 50),
                   entry("old", last_seen=NOW - 605000), entry("future", last_seen=NOW + 5000),
                   entry("many", addresses=[f"10.0.0.{i}" for i in range(40)]), entry("bad\nname"),
                   entry(""), entry("$system"), entry("extra", unknown=[1]), version=9)
    findings, summary, _ = run("peer-cache", source, "--data", tmp_path / "data")
    why = reasons(findings, "peers")
    assert "between 0 and 1" in why["high"] and "between 0 and 1" in why["low"]
    assert "more than once" in why["twice"] and "7 days" in why["old"]
    assert "future" in why["future"] and "16 of its addresses" in why["many"]
    assert counts(summary, "peers") == (10, 6, 0, 4)
    assert "newer than 1" in reasons(findings, "file")[str(source)]
    client = connect(make_broker(data=tmp_path / "data"), "asker")
    found = peers(client)
    assert found["high"].reliability_ppm == 1000000 and found["low"].reliability_ppm == 0
    assert {one.address for one in found["twice"].addresses} == \
        {"/ip4/192.0.2.5/tcp/4001", "198.51.100.9"}
    assert not found["future"].is_online


def test_nothing_to_export_truncates_nothing(tmp_path):
    target = tmp_path / "cache.json"
    target.write_text("what was there")
    run("peer-cache", write(tmp_path / "in.json", entry("old", last_seen=1)), "--data",
        tmp_path / "data")
    assert export(tmp_path / "data", target)["peers"] == 0
    assert target.read_text() == "what was there"
    export(tmp_path / "data", tmp_path / "nowhere" / "cache.json", code=0)  # nothing to write there
    run("peer-cache", write(tmp_path / "in.json", entry("new")), "--data", tmp_path / "data")
    export(tmp_path / "data", tmp_path / "nowhere" / "cache.json", code=1)
    export(tmp_path / "data", target)
    assert list(all_fields(target)) == ["new"]
    assert sorted(os.listdir(tmp_path)) == ["cache.json", "data", "in.json"]
    export(tmp_path / "none", target, code=4)


def test_the_best_hundred(tmp_path):
    entries = [entry(f"p{i:03}", connection_count=i % 7, reliability_score=(i * 37 % 101) / 101)
               for i in range(150)]
    run("peer-cache", write(tmp_path / "in.json", *entries), "--data", tmp_path / "data")
    export(tmp_path / "data", tmp_path / "out.json")
    best = sorted(entries, key=lambda e: (-e["reliability_score"], -e["connection_count"],
                                          e["peer_id"]))[:100]
    assert list(all_fields(tmp_path / "out.json").values()) == best


def test_counters_only_grow(tmp_path, make_broker, connect):
    """What is here is never made less, and names and nicknames stay."""
    broker = make_broker(data=tmp_path / "data")
    client = connect(broker, "Known", display_name="A name")
    client.call("PEER_NICKNAME", peer="known", text="nick")
    client.close()
    broker.stop()
    run("peer-cache", write(tmp_path / "a.json", entry("known", successful_transfers=50)), "--data",
        tmp_path / "data")
    run("peer-cache", write(tmp_path / "b.json", entry("known", connection_count=0)), "--data",
        tmp_path / "data")
    broker.start()
    known = peers(connect(broker, "asker"))["Known"]
    assert (known.transfers_ok, known.connections) == (50, 3)
    assert (known.nickname, known.display_name, known.kind) == ("nick", "A name", "zmq")


def test_feiqiu(tmp_path, make_broker, connect):
    source = tmp_path / "neolan.db"
    database = sqlite3.connect(source)
    database.execute("CREATE TABLE peers (id INTEGER PRIMARY KEY, ip TEXT, port INTEGER, username TEXT,"
                     " hostname TEXT, nickname TEXT, avatar TEXT, groups TEXT, last_seen, created_at,"
                     " updated_at, user_id TEXT)")
    database.execute("CREATE TABLE messages (id INTEGER PRIMARY KEY, content TEXT)")
    database.execute("INSERT INTO messages (content) VALUES ('hello')")
    insert = ("INSERT INTO peers (ip, port, username, hostname, nickname, avatar, groups, last_seen)"
              " VALUES (?, 2425, ?, ?, ?, 'icon.png', '[\"Sales\"]', ?)")
    for row in (("192.0.2.7", "ana", "PC-17", "Ana", "2026-01-31 12:34:56.789"),
                ("192.0.2.8", "ana", "pc-17", "Ana, new", "2026-02-01 08:00:00"),
                ("192.0.2.9", "ana", "PC-17", "Ana, old", 1600000000),
                ("192.0.2.7", "bob", "PC-18", "", "2026-01-01 00:00:00"),
                ("192.0.2.10", "", "PC-19", None, None), ("192.0.2.11", None, None, None, 5),
                ("x", None, None, None, "yesterday")):
        database.execute(insert, row)
    database.commit()
    database.close()
    before = source.read_bytes()
    findings, summary, _ = run("feiqiu", source, "--data", tmp_path / "data")
    assert counts(summary, "peers") == (7, 4, 2, 1)
    assert counts(summary, "messages") == (1, 0, 0, 1)
    assert "neither a user name" in reasons(findings, "peers")["rowid 7"]
    once = dump(tmp_path / "data")
    _, summary, _ = run("feiqiu", source, "--data", tmp_path / "data")
    assert counts(summary, "peers") == (7, 0, 6, 1)
    assert dump(tmp_path / "data") == once and source.read_bytes() == before
    client = connect(make_broker(data=tmp_path / "data"), "asker")
    found = peers(client)
    ana = found["lan:ana@PC-17"]
    assert (ana.label, ana.host_name, ana.kind, ana.port) == ("Ana, new", "pc-17", "ipmsg", 2425)
    assert ana.last_seen_ms == 1769932800000 and ana.groups == '["Sales"]'
    assert [one.address for one in ana.addresses] == ["192.0.2.8", "192.0.2.7", "192.0.2.9"]
    assert found["lan:bob@PC-18"].label == "bob" and found["lan:@PC-19"].label == "PC-19"
    assert found["lan:@192.0.2.11"].label == "192.0.2.11"
    assert not any(peer.is_online or peer.is_verified for name, peer in found.items()
                   if name.startswith("lan:"))
    assert [one.name for one in client.peers(address="192.0.2.7").items] == \
        ["lan:ana@PC-17", "lan:bob@PC-18"]
    assert client.peer_stats()["lan"] == 4
    client.remove_peer("lan:BOB@pc-18")
    assert client.peer_stats()["lan"] == 3
