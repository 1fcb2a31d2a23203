# SPDX-License-Identifier: MPL-2.0
"""REST and ZeroMQ show one and the same data; 201 means on disk; large bodies arrive."""
import base64
import os
import threading

from helpers import eventually, receive_all


def test_what_rest_sends_a_zeromq_client_receives(http, rest, connect):
    ana, bob = rest(http, "ana"), connect(http, "bob")
    inbox = bob.attach("peer:bob")
    stored = ana.post("/messages", scope="peer:bob", body="茶?", content_type="text/plain",
                      correlation_id="c-1")
    message = receive_all(inbox, 1)[0]
    assert (message.body, message.sender, message.seq) == ("茶?".encode(), "ana", stored["seq"])
    assert message.content_type == "text/plain"


def test_what_a_zeromq_client_sends_rest_shows(http, rest, connect):
    bob = connect(http, "bob")
    bob.send("peer:ana", b"hello from bob")
    bob.send("peer:ana", b"\xff\x00")
    rows = rest(http, "ana").get("/conversations/bob/messages")["items"]
    assert rows[0]["body"] == "hello from bob" and rows[0]["sender"] == "bob"
    assert base64.b64decode(rows[1]["body_base64"]) == b"\xff\x00" and "body" not in rows[1]


def test_created_means_on_disk(http, rest):
    """kill -9 after 201, again and again: every message is there, once."""
    ids = []
    for turn in range(4):
        client = rest(http, "ana")
        for number in range(20):
            ids.append(client.post("/messages", scope="peer:bob", body=f"{turn}.{number}")["message_id"])
        http.kill()
        client.close()
        http.start()
    bob = rest(http, "bob")
    rows = bob.pages("/conversations/ana/messages", limit=7)
    assert [row["message_id"] for row in rows] == ids


def test_killed_under_load_nothing_acknowledged_is_missing(http, rest):
    stored, errors = [], []

    def pour(name):
        client = rest(http, name)
        try:
            for number in range(100_000):
                stored.append(client.post("/messages", scope="peer:bob", body=f"{name} {number}")["message_id"])
        except (OSError, EOFError, AssertionError, Exception) as error:  # noqa: B014 the kill
            errors.append(error)

    threads = [threading.Thread(target=pour, args=(f"p{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(stored) > 200, what="some messages")
    http.kill()
    for thread in threads:
        thread.join(20)
    assert len(errors) == 4
    http.start()
    bob = rest(http, "bob")
    kept = [row["message_id"] for number in range(4)
            for row in bob.pages(f"/conversations/p{number}/messages", limit=500)]
    assert len(kept) == len(set(kept)) and set(stored) <= set(kept)


def test_sending_again_is_safe(http, rest):
    ana = rest(http, "ana")
    message = {"scope": "peer:bob", "body": "once", "message_id": "018f6f2e-7d3a-7c31-9b1e-0123456789ab"}
    assert ana.ask("POST", "/messages", message)[0] == 201
    http.restart()
    ana.close()
    status, answer = ana.ask("POST", "/messages", message)
    assert (status, answer["duplicate"]) == (200, True)
    assert len(rest(http, "bob").get("/conversations/ana/messages")["items"]) == 1


def test_a_large_upload_arrives_at_once(make_broker, rest):
    """The epoll of libmicrohttpd is edge-triggered: 3 MB stalled for ever, once."""
    broker = make_broker(http__listen="127.0.0.1:*", message__size_max_bytes="4M", http__request_s=10)
    body = base64.b64encode(os.urandom(3 * 1000 * 1000)).decode()
    ana = rest(broker, "ana")
    for _ in range(3):
        stored = ana.post("/messages", scope="peer:bob", body_base64=body)
        assert rest(broker, "bob").get(f"/messages/{stored['message_id']}")["body_base64"] == body


def test_an_object_that_is_known_is_not_sent_again(http, rest):
    ana = rest(http, "ana")
    ana.post("/rooms", name="tea")
    first, body = ana.raw("GET", "/api/v1/rooms/tea")
    tag = first.getheader("ETag")
    second, nothing = ana.raw("GET", "/api/v1/rooms/tea", headers={"If-None-Match": tag})
    assert (second.status, nothing, second.getheader("ETag")) == (304, b"", tag) and body
    ana.do("PATCH", "/rooms/tea", {"topic": "new"})
    third, changed = ana.raw("GET", "/api/v1/rooms/tea", headers={"If-None-Match": tag})
    assert third.status == 200 and b"new" in changed


def test_presence_follows_requests(make_broker, rest, connect):
    broker = make_broker(http__listen="127.0.0.1:*", http__session_s=1)
    watcher = rest(broker, "watcher")
    rest(broker, "ana").get("/me")
    assert watcher.get("/peers/ana")["is_online"]
    eventually(lambda: not watcher.get("/peers/ana")["is_online"], what="ana's going")
    reasons = [row["reason"] for row in watcher.get("/peers/events", peer="ana")["items"]]
    assert sorted(reasons) == ["goodbye", "hello"]


def test_stops_in_order_while_asked(http, rest):
    client = rest(http, "ana")
    client.get("/me")
    assert http.stop() == 0
    assert not any(" error " in line for line in http.log_of_run())
