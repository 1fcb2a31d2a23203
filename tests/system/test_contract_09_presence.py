# SPDX-License-Identifier: MPL-2.0
"""Contract 9: a peer that says goodbye is offline at once, one that vanishes after its timeout;
both survive a restart."""
import queue

from helpers import eventually


def is_online(client, name):
    found = [peer for peer in client.peers().items if peer.name == name]
    return found[0].is_online if found else None


def watch(broker, connect, name="watcher"):
    events = queue.Queue()
    client = connect(broker, name,
                     on_presence=lambda event: events.put((event.peer, event.is_online)))
    client.subscribe_presence()
    return client, events


def next_of(events, peer, timeout=20):
    while True:
        name, is_up = events.get(timeout=timeout)
        if name == peer:
            return is_up


def test_goodbye_is_offline_at_once(broker, connect):
    watcher, events = watch(broker, connect)
    alice = connect(broker, "alice")
    assert next_of(events, "alice") is True
    assert is_online(watcher, "alice") is True
    alice.close()
    assert next_of(events, "alice") is False
    assert is_online(watcher, "alice") is False
    peer = [p for p in watcher.peers().items if p.name == "alice"][0]
    assert peer.left_ms >= peer.last_seen_ms > 0


def test_who_vanishes_is_offline_after_the_timeout(make_broker, connect, connect_raw):
    broker = make_broker(presence__timeout_s=3, zmq__heartbeat_ms=300)
    watcher, events = watch(broker, connect)
    raw = connect_raw(broker)
    raw.hello("ghost")
    assert next_of(events, "ghost") is True
    raw.close()
    assert next_of(events, "ghost") is False
    assert is_online(watcher, "ghost") is False
    assert is_online(watcher, "watcher") is True


def test_both_survive_a_restart(make_broker, connect):
    broker = make_broker(presence__timeout_s=600)
    gone, stays = connect(broker, "gone"), connect(broker, "stays")
    watcher = connect(broker, "watcher")
    gone.close()
    eventually(lambda: is_online(watcher, "gone") is False)
    broker.kill()
    stays.close()       # it cannot say goodbye any more
    broker.start()
    eventually(lambda: is_online(watcher, "stays") is not None)
    assert is_online(watcher, "gone") is False
    assert is_online(watcher, "stays") is True, "within its timeout it counts as online"


def test_the_list_can_be_filtered_and_paged(broker, connect):
    clients = [connect(broker, f"peer{number:02d}") for number in range(12)]
    for client in clients[:4]:
        client.close()
    watcher = connect(broker, "watcher")
    online = {peer.name for peer in watcher.peers(online_only=True).items}
    assert online == {f"peer{number:02d}" for number in range(4, 12)} | {"watcher"}
    names, after = [], ""
    while True:
        page = watcher.peers(limit=5, after_name=after)
        assert len(page.items) <= 5
        names += [peer.name for peer in page.items]
        if not page.has_more:
            break
        after = page.next_name
    assert len(names) == len(set(names)) == 13


def test_the_history_of_presence_is_kept(broker, connect):
    watcher = connect(broker, "watcher")
    for _ in range(2):
        connect(broker, "alice").close()
    page = eventually(lambda: (lambda p: p if len(p.items) >= 4 else None)(
        watcher.query("PRESENCE_EVENTS", "events", peer="alice")))
    items = sorted(page.items, key=lambda event: event.event_id)
    assert [event.is_online for event in items] == [True, False, True, False]
    assert all(event.time_ms > 0 and event.reason for event in page.items)


def test_an_own_name_keeps_its_first_spelling_and_is_one_peer(broker, connect):
    connect(broker, "Alice").close()
    again = connect(broker, "ALICE")
    assert again.peer == "Alice"
    assert [p.name for p in again.peers().items] == ["Alice"]


def test_a_display_name_is_shown(broker, connect):
    alice = connect(broker, "alice", display_name="Alice from Wonderland")
    assert [p.display_name for p in alice.peers().items] == ["Alice from Wonderland"]
