# SPDX-License-Identifier: MPL-2.0
"""Every path of REST, once at least: what it does, and that its answer is what its own document says."""
import json
import os
import subprocess
import uuid

import pytest
from helpers import eventually
from rest import Refused, Rest, quoted
from roost import Client


@pytest.fixture(scope="module", autouse=True)
def all_paths_were_asked():
    """At the end: no operation of the document was left out."""
    yield
    if Rest.document is None:
        return
    done = {(method, path) for method, path, status in Rest.seen if status < 400}
    missing = [(method.upper(), path) for path, methods in Rest.document["paths"].items()
               for method in methods if (method.upper(), path) not in done]
    # Those are of other parts of the gateway, with tests of their own.
    elsewhere = {"overview", "actors", "store", "discovery", "log"}
    missing = [one for one in missing if one[1].split("/")[3] not in elsewhere]
    assert not missing


def refused(status, error, action, *arguments, **options):
    with pytest.raises(Refused) as caught:
        action(*arguments, **options)
    assert (caught.value.status, caught.value.error) == (status, error)


def sign_in(rest, broker, name, password="secretive"):
    anybody = rest(broker)
    anybody.post("/users", name=name, password=password)
    return rest(broker, token=anybody.post("/sessions", user=name, password=password)["token"])


def test_sessions_and_tokens(http, rest):
    ana = sign_in(rest, http, "Ana")
    me = ana.get("/me")
    assert (me["name"], me["role"], me["is_verified"]) == ("Ana", "user", True)
    assert rest(http, "guest").get("/me")["is_verified"] is False
    token = ana.post("/users/ana/tokens", label="for the printer")["token"]
    printer = rest(http, token=token)
    assert printer.get("/me")["name"] == "Ana"
    rows = ana.get("/sessions")["items"]
    assert [row["label"] for row in rows] == ["", "for the printer"]
    refused(404, "NO_SUCH_PATH", ana.do, "DELETE", "/sessions/999999")
    ana.do("DELETE", f"/sessions/{rows[1]['id']}")
    eventually(lambda: printer.ask("GET", "/me")[0] == 401, what="the end of the token")
    ana.do("DELETE", "/sessions/current")
    eventually(lambda: ana.ask("GET", "/me")[0] == 401, what="the end of the session")


def test_accounts(http, rest):
    root = rest(http, "root")
    ana, bob = sign_in(rest, http, "ana"), sign_in(rest, http, "bob")
    assert [row["name"] for row in root.pages("/users", limit=1)] == ["ana", "bob"]
    root.do("PATCH", "/users/ana", {"role": "moderator"})
    assert root.get("/users/ana")["role"] == "moderator"
    eventually(lambda: ana.get("/me")["role"] == "moderator", what="the new role")
    refused(422, "BAD_FIELD", root.do, "PATCH", "/users/ana", {"role": "king"})
    refused(404, "NO_SUCH_USER", root.get, "/users/carl")
    root.do("PATCH", "/users/bob", {"banned": True, "reason": "noise"})
    assert root.get("/users/bob")["ban_reason"] == "noise"
    eventually(lambda: bob.ask("GET", "/me")[0] == 403, what="the ban")
    root.do("PATCH", "/users/bob", {"banned": False, "active": False})
    assert rest(http).ask("POST", "/sessions", {"user": "bob", "password": "secretive"})[0] == 403
    root.do("PATCH", "/users/bob", {"active": True})
    refused(403, "BAD_CREDENTIALS", ana.do, "PATCH", "/users/ana",
            {"password": "newsecret", "old_password": "wrong"})
    ana.do("PATCH", "/users/ana", {"password": "newsecret", "old_password": "secretive"})
    assert rest(http).post("/sessions", user="ana", password="newsecret")["user"] == "ana"
    refused(409, "NAME_TAKEN", root.post, "/users", name="ANA", password="another one")
    root.post("/users/ana/unlock")


def test_rooms(http, rest):
    ana, bob = rest(http, "ana"), rest(http, "bob")
    room = ana.post("/rooms", name="tea", topic="茶", privacy="protected", password="leaf")
    assert (room["name"], room["topic"], room["privacy"]) == ("tea", "茶", "protected")
    refused(409, "EXISTS", ana.post, "/rooms", name="Tea")
    assert [row["name"] for row in ana.pages("/rooms", limit=1)] == ["Lobby", "tea"]
    assert [row["name"] for row in ana.get("/rooms", mine="true")["items"]] == ["tea"]
    refused(404, "NO_SUCH_SCOPE", ana.get, "/rooms/coffee")
    bob_joins = lambda password: bob.do("POST", "/rooms/tea/join", {"password": password})  # noqa: E731
    refused(403, "NOT_ALLOWED", bob_joins, "root")
    assert bob.get("/rooms/tea")["my_role"] == "room_role_none"
    bob_joins("leaf")
    changed = ana.do("PATCH", "/rooms/tea", {"topic": None, "display_name": "Tea room"})
    assert (changed["topic"], changed["display_name"]) == ("", "Tea room")
    ana.do("PUT", "/rooms/tea/members/bob", {"role": "reader"})
    members = {row["peer"]: row["role"] for row in ana.get("/rooms/tea/members")["items"]}
    assert members == {"ana": "owner", "bob": "reader"}
    assert bob.ask("POST", "/rooms/tea/messages", {"body": "readers only read"})[0] == 403
    seq = ana.post("/rooms/tea/messages", body="hello")["seq"]
    assert [row["body"] for row in bob.get("/rooms/tea/messages")["items"]] == ["hello"]
    bob.post("/rooms/tea/read", seq=seq)
    bob.post("/rooms/tea/leave")
    bob_joins("leaf")
    ana.do("DELETE", "/rooms/tea/members/bob")
    assert [row["peer"] for row in ana.get("/rooms/tea/members")["items"]] == ["ana"]
    ana.do("DELETE", "/rooms/tea")
    refused(409, "ROOM_ARCHIVED", ana.post, "/rooms/tea/messages", body="late")


def test_invitations(http, rest):
    ana, bob = rest(http, "ana"), rest(http, "bob")
    bob.get("/me")
    for name in ("one", "two", "three", "four"):
        ana.post("/rooms", name=name, privacy="private")
        ana.post("/invitations", room=name, peer="bob", text=f"to {name}")
    mine = bob.pages("/invitations", limit=2)
    assert [row["scope"] for row in mine] == ["room:one", "room:two", "room:three", "room:four"]
    assert len(ana.get("/invitations", sent="true")["items"]) == 4
    assert bob.post(f"/invitations/{mine[0]['invitation_id']}/accept")["scopes"] == ["room:one"]
    bob.post(f"/invitations/{mine[1]['invitation_id']}/decline")
    ana.do("DELETE", f"/invitations/{mine[2]['invitation_id']}")
    refused(404, "NO_SUCH_INVITATION", bob.post, f"/invitations/{mine[2]['invitation_id']}/accept")
    refused(422, "BAD_FIELD", bob.post, "/invitations/7/accept")
    assert bob.post("/invitations/accept-all")["scopes"] == ["room:four"]


def test_messages(http, rest):
    ana, bob = rest(http, "ana"), rest(http, "bob")
    stored = ana.post("/messages", scope="peer:bob", body="first tea", kind="action", priority=3,
                      headers=[{"name": "a", "value": "b"}])
    message = bob.get(f"/messages/{stored['message_id']}")
    assert (message["body"], message["kind"], message["headers"]) == \
        ("first tea", "action", [{"name": "a", "value": "b"}])
    again = ana.post("/messages", scope="peer:bob", body="first tea", message_id=stored["message_id"])
    assert again == {**stored, "duplicate": True}
    ana.do("PATCH", f"/messages/{stored['message_id']}", {"body": "second tea"})
    assert bob.get(f"/messages/{stored['message_id']}")["body"] == "second tea"
    assert [row["body"] for row in bob.get(f"/messages/{stored['message_id']}/edits")["items"]][0] == "first tea"
    thumb = quoted("👍")
    bob.do("PUT", f"/messages/{stored['message_id']}/reactions/{thumb}")
    assert bob.get(f"/messages/{stored['message_id']}")["reactions"] == \
        [{"emoji": "👍", "count": 1, "is_mine": True}]
    bob.do("DELETE", f"/messages/{stored['message_id']}/reactions/{thumb}")
    assert ana.get(f"/messages/{stored['message_id']}/trace")["items"][0]["event"] == "stored"
    assert [row["body"] for row in ana.get("/search", q="second")["items"]] == ["second tea"]
    reply = bob.post("/conversations/ana/messages", body="thanks", parent_id=stored["message_id"])
    talk = ana.pages("/conversations/bob/messages", limit=1)
    assert [row["body"] for row in talk] == ["second tea", "thanks"]
    newest = ana.pages("/conversations/bob/messages", limit=1, newest_first="true")
    assert [row["body"] for row in newest] == ["thanks", "second tea"]
    one = ana.get("/conversations")["items"][0]
    assert (one["peer"], one["unread"], one["last_message"]["body"]) == ("bob", 1, "thanks")
    ana.post("/conversations/bob/read", seq=reply["seq"])
    assert ana.get("/unread")["items"][0]["unread"] == 0
    assert ana.get("/unread", peer="bob")["items"][0]["marker_seq"] == reply["seq"]
    waiting = ana.post("/messages", scope="queue:jobs", body="cancel me")
    assert ana.post(f"/messages/{waiting['message_id']}/cancel") == {"count": 1}
    ana.do("DELETE", f"/messages/{stored['message_id']}")
    gone = bob.get(f"/messages/{stored['message_id']}")
    assert gone["deleted_ms"] > 0 and gone["body"] == ""
    binary = ana.post("/messages", scope="peer:bob", body_base64="AP8=")
    assert bob.get(f"/messages/{binary['message_id']}")["body_base64"] == "AP8="


def test_receipts_stand_in_the_trace(http, rest):
    """What the sender was told, of whom and when: to him, by REST and by the tool, and not to others."""
    with Client(http.url, "ana") as ana, Client(http.url, "bob") as bob:
        seen = ana.send("bob", b"seen?", receipts=7)
        job = ana.send("queue:broken", b"job", receipts=4)
        quiet = ana.send("bob", b"no matter")
        for scope, settle in (("bob", "ack"), ("queue:broken", "reject")):
            with bob.attach(scope) as inbox:
                getattr(inbox.receive(10), settle)()
                inbox.confirm(10)
        bob.mark_read("ana", seq=seen.seq)

    def receipts(who, stored):
        steps = rest(http, who).get(f"/messages/{uuid.UUID(bytes=stored.message_id)}/trace")["items"]
        return [step for step in steps if step["event"] == "receipt"]

    told = receipts("ana", seen)
    assert [step["detail"].split(";")[0] for step in told] == ["DELIVERED by bob", "READ by bob"], told
    assert all("ana was told" in step["detail"] and step["scope"] == "peer:bob" for step in told)
    assert 0 < told[0]["time_ms"] <= told[1]["time_ms"]
    dead = receipts("ana", job)
    assert [step["detail"].split(";")[0] for step in dead] == ["DEAD by bob"] and dead[0]["reason"] == 5007, dead
    assert receipts("ana", quiet) == []
    words = ["trace", str(uuid.UUID(bytes=seen.message_id)), "--json", "--url", http.url, "--as", "ana"]
    done = subprocess.run([os.environ["ROOST_CLI"], *words], capture_output=True, text=True, timeout=30, check=True)
    by_tool = [json.loads(line) for line in done.stdout.splitlines()]
    assert [step["detail"] for step in by_tool if step["event"] == "receipt"] == [step["detail"] for step in told]


def test_peers(http, rest):
    ana = rest(http, "ana")
    rest(http, "李雷").get("/me")
    assert {row["name"] for row in ana.pages("/peers", limit=1)} == {"ana", "李雷"}
    assert all(row["is_online"] for row in ana.get("/peers", online="true")["items"])
    assert ana.get("/peers", address="127.0.0.1")["items"]
    assert ana.get("/peers/statistics")["online"] == 2
    assert {row["peer"] for row in ana.get("/peers/events")["items"]} == {"ana", "李雷"}
    path = f"/peers/{quoted('李雷')}"
    ana.do("PATCH", path, {"nickname": "Lei"})
    assert ana.get(path)["label"] == "Lei"
    refused(404, "NO_SUCH_PEER", ana.get, "/peers/nobody")
    refused(409, "PEER_IN_USE", ana.do, "DELETE", path)


def test_a_peer_is_forgotten(make_broker, rest):
    broker = make_broker(http__listen="127.0.0.1:*", http__session_s=1)
    rest(broker, "passer-by").get("/me")
    ana = rest(broker, "ana")
    eventually(lambda: not ana.get("/peers/passer-by")["is_online"], what="the end of an idle session")
    ana.do("DELETE", "/peers/passer-by")
    assert ana.ask("GET", "/peers/passer-by")[0] == 404


def test_scopes_and_dead_letters(http, rest, connect):
    ana = rest(http, "ana")
    assert ana.post("/queues", name="jobs") == {"scope": "queue:jobs"}
    ids = [ana.post("/messages", scope="queue:jobs", body=f"job {number}")["message_id"] for number in range(3)]
    with connect(http, "worker").attach("queue:jobs") as inbox:
        for _ in ids:
            inbox.receive(20).reject("broken")
        eventually(lambda: len(ana.get("/dead", scope="queue:jobs")["items"]) == 3, what="dead letters")
    row = next(row for row in ana.get("/scopes/queue:jobs")["items"])
    assert (row["dead"], row["waiting"]) == (3, 0)
    assert any(row["scope"] == "queue:jobs" for row in ana.get("/queues")["items"])
    dead = ana.pages("/dead", scope="queue:jobs", limit=1)
    assert [one["message"]["message_id"] for one in dead] == ids and dead[0]["text"] == "broken"
    assert ana.post("/dead/redrive", scope="queue:jobs", message_ids=ids[:1]) == {"count": 1}
    assert ana.post("/dead/purge", scope="queue:jobs", all=True) == {"count": 2}
    refused(422, "BAD_FIELD", ana.post, "/dead/purge", scope="queue:jobs")
    assert [row["body"] for row in ana.get("/scopes/queue:jobs/messages")["items"]][0] == "job 0"


def test_administration(http, rest):
    root = rest(http, "root")
    root.post("/users", name="ana", password="secretive")
    root.post("/rooms", name="tea")
    # Its counts are live within a second.
    statistics = eventually(lambda: (now := root.get("/admin/statistics"))["rooms"] == 2 and now)
    assert statistics["connected"] >= 1
    assert {"room": "tea", "users": 1} in statistics["users_per_room"]
    assert statistics["database_bytes"] > 0
    assert [row["action"] for row in root.pages("/admin/audit", limit=1)] == ["start", "register"]
    assert root.get("/openapi.json")["openapi"] == "3.0.3"
