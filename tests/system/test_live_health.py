# SPDX-License-Identifier: MPL-2.0
"""How the broker is, by HTTP: readiness names the actor that does not answer, a full disk is told and
its end too, metrics are what Prometheus reads, statistics are true within a second."""
import json
import os
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from helpers import eventually, numbered, receive_all
from live_client import get, held_still, request, Stream
from test_contract_11_full_disk import fill

WITHIN_S = 1.5      # promised: a second; and the time to ask


@pytest.fixture
def live(make_broker):
    broker = make_broker(http__listen="127.0.0.1:*")
    eventually(lambda: request(broker, "/readyz")[0] == 200, what="ready")
    return broker


def metrics_of(broker):
    status, headers, text = request(broker, "/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(families, name, **labels):
    found = [sample.value for family in families.values() for sample in family.samples
             if sample.name == name and labels.items() <= sample.labels.items()]
    return sum(found)


# ---------------------------------------------------------------- readiness

def test_every_actor_is_asked(live):
    answer = get(live, "/readyz")
    assert answer == {"actors_missing": [], "store_writable": True, "is_ready": True, "text": "ready"}
    actors = get(live, "/api/v1/actors")["items"]
    assert {"persistence", "history", "auth-worker-1", "auth-worker-2", "http-gateway"} <= \
        {actor["name"] for actor in actors}
    assert len({actor["name"] for actor in actors}) == len(actors)
    for actor in actors:
        assert actor["state"] == "running", actor
        assert actor["last_ping_us"] >= 0 and actor["silent_ms"] < 5000


@pytest.mark.parametrize("actor", ["history", "accounts"])
def test_readiness_names_the_actor_that_is_stuck(live, actor):
    stream = Stream(live, "alarm")
    assert stream.answered() == 200
    with held_still(live, actor):
        status = eventually(lambda: (answer := request(live, "/readyz"))[0] == 503 and answer,
                            what="503")
        answer = json.loads(status[2])
        assert answer["actors_missing"] == [actor]
        assert answer["is_ready"] is False and answer["store_writable"] is True
        alarm = stream.next("alarm").data
        assert alarm["name"] == f"actor-stuck:{actor}"
        assert actor in alarm["text"]
        overview = get(live, "/api/v1/overview")
        assert overview["health"]["state"] != "ok"
        assert [one["name"] for one in overview["alarms"]] == [f"actor-stuck:{actor}"]
        state = {one["name"]: one["state"] for one in get(live, "/api/v1/actors")["items"]}
        assert state[actor] == "stuck"
        assert request(live, "/healthz")[0] == 200      # the process lives
    eventually(lambda: request(live, "/readyz")[0] == 200, what="ready again")
    eventually(lambda: get(live, "/api/v1/overview")["alarms"] == [], what="no alarm")
    while stream.next("alarm").data["level"] != "ok":   # warn may have become bad meanwhile
        pass
    stream.close()


def test_a_full_disk_is_not_ready_and_says_so(make_broker, small_disk, connect):
    broker = make_broker(data=small_disk / "data", store__reserve_bytes=1 << 20,
                         http__listen="127.0.0.1:*")
    eventually(lambda: request(broker, "/readyz")[0] == 200, what="ready")
    stream = Stream(broker, "alarm")
    assert stream.answered() == 200
    ballast = fill(small_disk)
    sender = connect(broker, "sender")
    for _ in range(40):
        sender.send_async("somebody", bytes(50_000))
    eventually(lambda: request(broker, "/readyz")[0] == 503, what="503")
    answer = json.loads(request(broker, "/readyz")[2])
    assert answer["store_writable"] is False and answer["actors_missing"] == []
    assert "free some space" in answer["text"]
    alarm = stream.next("alarm").data
    assert (alarm["name"], alarm["level"]) == ("disk-full", "bad")
    assert "Free some space" in alarm["text"]
    assert value(metrics_of(broker), "roost_disk_full") == 1
    os.unlink(ballast)
    eventually(lambda: request(broker, "/readyz")[0] == 200, what="ready again")
    assert stream.next("alarm").data["level"] == "ok"
    stream.close()


# ---------------------------------------------------------------- metrics

def test_metrics_are_read_by_prometheus(live, connect):
    alice, bob = connect(live, "alice"), connect(live, "bob")
    for body in numbered(50):
        bob.send("alice", body)
    receive_all(alice.attach(), 50)
    eventually(lambda: value(metrics_of(live), "roost_settled_total") >= 50)
    families = metrics_of(live)
    assert value(families, "roost_stored_total") == 50
    for name in ("roost_commit_microseconds", "roost_end_to_end_microseconds"):
        family = families[name]
        assert family.type == "histogram"
        buckets = [sample for sample in family.samples if sample.name == f"{name}_bucket"]
        counts = [sample.value for sample in buckets]
        assert counts == sorted(counts) and buckets[-1].labels["le"] == "+Inf"
        assert counts[-1] == value(families, f"{name}_count") > 0
    assert value(families, "roost_end_to_end_microseconds_count") == 50
    series = [(sample.name, tuple(sorted(sample.labels.items())))
              for family in families.values() for sample in family.samples]
    assert len(series) == len(set(series)), "a series comes twice"
    assert value(families, "roost_actor_mailbox_max_messages", actor="persistence") > 0
    assert value(families, "roost_actor_ping_microseconds", actor="history") >= 0


def test_names_of_metrics_are_frozen(live):
    """docs/METRICS.md names them all, with their kinds; and it is printed from the table."""
    path = os.path.join(os.environ["ROOST_SOURCE"], "docs", "METRICS.md")
    with open(path, encoding="utf-8") as file:
        rows = [line.split("|") for line in file if line.startswith("| `roost_")]
    named = {row[1].strip().strip("`"): row[2].strip() for row in rows}
    text = request(live, "/metrics")[2]
    typed = dict(line.split()[2:4] for line in text.splitlines() if line.startswith("# TYPE"))
    assert typed == named
    helped = [line.split()[2] for line in text.splitlines() if line.startswith("# HELP")]
    assert sorted(helped) == sorted(named), "HELP once per name"


def test_metrics_are_for_administrators_elsewhere(make_broker):
    broker = make_broker(http__listen="127.0.0.1:*", security__admins="root")
    assert request(broker, "/metrics")[0] == 200        # this machine
    assert request(broker, "/api/v1/overview")[0] == 403
    assert request(broker, "/api/v1/log")[0] == 403
    stream = Stream(broker, "sample")
    assert stream.answered() == 403
    assert "administrators" in stream.refusal
    stream = Stream(broker, "presence", peer="anybody")
    assert stream.answered() == 200
    stream.close()


# ---------------------------------------------------------------- statistics

def test_statistics_are_true_within_a_second(live, connect):
    def statistics():
        return get(live, "/api/v1/admin/statistics")

    def becomes(**wanted):
        eventually(lambda: wanted.items() <= statistics().items(), timeout=WITHIN_S, what=str(wanted))

    before = statistics()
    assert before["rooms"] == 1 and before["users_per_room"] == [{"room": "Lobby", "users": 0}]
    alice = connect(live, "alice")
    becomes(connected=before["connected"] + 1)
    bob = connect(live, "bob")
    becomes(connected=before["connected"] + 2, authenticated=0)
    alice.create_room("tea")
    becomes(rooms=2)
    assert {"room": "tea", "users": 1} in statistics()["users_per_room"]
    alice.invite("tea", "bob")
    becomes(invitations_pending=1)
    bob.accept_invitation("tea")
    becomes(invitations_pending=0)
    assert {"room": "tea", "users": 2} in statistics()["users_per_room"]
    alice.archive_room("tea")
    becomes(rooms=1)
    bob.close()
    becomes(connected=before["connected"] + 1)
    size = statistics()["database_bytes"]
    for _ in range(20):
        alice.send("carol", bytes(50_000))
    eventually(lambda: statistics()["database_bytes"] >= size + 20 * 50_000, timeout=WITHIN_S)
    first = statistics()["uptime_ms"]
    time.sleep(0.05)
    assert 0 < first < statistics()["uptime_ms"] < 600_000


def test_the_last_ten_minutes_are_there_at_once(live, connect):
    sender = connect(live, "sender")
    for body in numbered(30):
        sender.send("somebody", body)

    def seen():
        samples = get(live, "/api/v1/overview")["samples"]
        return samples if sum(samples["stored"]) >= 20 else None     # rates: rounded

    samples = eventually(seen)
    lengths = {len(series) for name, series in samples.items() if name != "interval_ms"}
    assert len(lengths) == 1 and lengths.pop() >= 1
    assert samples["at_ms"] == sorted(samples["at_ms"])
    overview = get(live, "/api/v1/overview")
    heat = overview["commit_heat"]
    assert sum(map(sum, heat["rows"])) > 0
    assert all(len(row) == len(heat["bounds_us"]) + 1 for row in heat["rows"])
    assert overview["totals"]["waiting"] == 30
    assert 0 < overview["totals"]["oldest_undelivered_ms"] < 60_000


def test_the_log_is_shown(live, connect):
    connect(live, "somebody")
    items = get(live, "/api/v1/log?limit=1000")["items"]
    assert [item["seq"] for item in items] == sorted(item["seq"] for item in items)
    opened = [item for item in items if item["event"] == "session-open" and "somebody" in item["text"]]
    assert opened and opened[0]["actor"] == "zmq-gateway" and opened[0]["level"] == "info"
    only = get(live, "/api/v1/log?actor=persistence")["items"]
    assert only and {item["actor"] for item in only} == {"persistence"}
    assert get(live, "/api/v1/log?level=error")["items"] == []
    assert len(get(live, "/api/v1/log?limit=2")["items"]) == 2
    for wrong in ("level=loud", "limit=x", "limit=5000", "other=1"):
        assert request(live, f"/api/v1/log?{wrong}")[0] == 422, wrong


# ---------------------------------------------------------------- the file, the network

def test_the_store_is_shown(live, connect):
    sender = connect(live, "sender")
    for body in numbered(30):
        sender.send("somebody", body)
    store = eventually(lambda: (now := get(live, "/api/v1/store"))["stored"] == 30 and now)
    assert store["database_bytes"] == store["page_count"] * 4096 > 0
    assert 0 <= store["free_pages"] < store["page_count"]
    assert store["commit"]["count"] > 0
    assert 0 < store["commit"]["p50_us"] <= store["commit"]["p99_us"] <= store["commit"]["max_us"]
    assert 1 <= store["batch"]["p50_messages"] <= store["batch"]["max_messages"] <= 30
    assert store["wal_bytes"] > 0 and store["is_disk_full"] is False
    assert store["path"].startswith(live.data)
    tables = get(live, "/api/v1/store/tables")
    assert tables["message"] >= 4096 and tables["peer"] >= 4096 and "rest" not in tables
    assert sum(tables.values()) <= store["database_bytes"]


def test_a_broker_alone_discovers_nobody(live):
    answer = get(live, "/api/v1/discovery")
    assert answer["is_on"] is False
    assert answer["interfaces"] == answer["seeds"] == answer["announced"] == []


def test_who_announced_himself_is_shown(lan):
    broker = lan.make(http__listen="127.0.0.1:*", ipmsg__seeds=lan.at(9))
    ann = lan.peer(2, nickname="Ann", group="lab")
    ann.enter()

    def announced():
        answer = get(broker, "/api/v1/discovery")
        return answer if [one for one in answer["announced"] if one["is_online"]] else None

    answer = eventually(announced, what="ann to be shown")
    assert answer["is_on"] is True and answer["own_name"].startswith("lan:roost@")
    assert answer["interfaces"] == [{"address": lan.address, "broadcast": ""}]
    assert answer["seeds"] == [lan.at(9)]
    seen, = [one for one in answer["announced"] if one["peer"] == "lan:ann@pc"]
    assert (seen["nickname"], seen["group"], seen["interface"]) == ("Ann", "lab", lan.address)
    assert seen["address"] == f"{lan.at(2)}:2425"
    assert abs(seen["heard_ms"] / 1000 - time.time()) < 60
    ann.leave()
    eventually(lambda: not announced(), what="ann to be gone")
