# SPDX-License-Identifier: MPL-2.0
"""Whatever is sent to the HTTP listener: a clear error each, and nobody else notices."""
import json
import socket
import threading
import time

import pytest
from helpers import eventually
from rest import say

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def other(http, rest):
    """Somebody else, who is served as ever before and after."""
    client = rest(http, "other")
    assert client.get("/me")["name"] == "other"
    yield client
    began = time.monotonic()
    assert client.post("/messages", scope="peer:somebody", body="still here")["seq"] > 0
    assert time.monotonic() - began < 5
    assert http.is_running()


def error_of(answer):
    return answer["error"]["name"]


# ---------------------------------------------------------------- bodies

@pytest.mark.parametrize("body, words", [
    (b"{", "line 1"),
    (b'{"name": "a",}', "line 1"),
    (b'{"name": "a"} tail', "line 1"),
    (b'{"name": "a", "name": "b"}', "duplicate"),
    (b'{"name": "\xff"}', "decode"),
    (b'{"name": "\xc0\xaf"}', "decode"),
    (b'{"name": "a\n"}', "line"),
    (b"[" * 100_000, "line 1"),
    (b"[]", "object"),
    (b'"text"', "line 1"),
    (b"\x00", "line 1"),
])
def test_broken_json(http, rest, other, body, words):
    status, answer = rest(http, "ana").ask("POST", "/queues", body)
    assert (status, error_of(answer)) == (400, "BAD_JSON")
    assert words in answer["error"]["text"]


@pytest.mark.parametrize("body, words", [
    ({}, "name"), ({"name": 1}, "name"), ({"name": "a", "color": "b"}, "color"), ({"name": None}, "name"),
    ({"name": ""}, ""), ({"name": "a\u0000b"}, ""), ({"name": "x" * 256}, ""), ({"name": " a"}, ""),
    ({"name": "a\u202eb"}, ""),
])
def test_wrong_fields(http, rest, other, body, words):
    status, answer = rest(http, "ana").ask("POST", "/queues", body)
    assert status == 422 and words in answer["error"]["text"], answer


def test_wrong_media_types(http, rest, other):
    ana = rest(http, "ana")
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
                 "application/json; charset=latin1"):
        status, answer = ana.ask("POST", "/queues", '{"name":"q"}', **{"Content-Type": kind})
        assert (status, error_of(answer)) == (415, "BAD_MEDIA_TYPE")
    status, answer = ana.ask("POST", "/queues", '{"name":"q"}', Content_Encoding="gzip")
    assert status == 415
    assert ana.ask("GET", "/scopes/queue:q")[0] == 404


def test_bodies_that_are_too_large(http, rest, other):
    ana = rest(http, "ana")
    status, answer = ana.ask("POST", "/messages", {"scope": "peer:bob", "body": "x" * (1 << 20) + "y"})
    assert (status, error_of(answer)) == (413, "TOO_LARGE")
    came, is_closed = say(http.http_address(), head(http, "POST", "/api/v1/messages", Content_Length=1 << 30))
    assert b" 413 " in came and is_closed


def test_a_body_without_end_is_cut(http, other):
    address = http.http_address()
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(head(http, "POST", "/api/v1/messages", Transfer_Encoding="chunked"))
        piece, sent = b"10000\r\n" + b"x" * 65536 + b"\r\n", 0
        with pytest.raises(OSError):
            while sent < 1 << 28:
                connection.sendall(piece)
                sent += 65536
    assert sent < 1 << 26


# ---------------------------------------------------------------- heads

def head(broker, method, path, version="HTTP/1.1", **headers):
    host = "%s:%d" % broker.http_address()
    lines = [f"{method} {path} {version}", f"Host: {host}"]
    if method == "POST":
        lines.append("Content-Type: application/json")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin1")


SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: %s\r\n\r\n"


@pytest.mark.parametrize("lines, body", [
    ("Content-Length: 4\r\nTransfer-Encoding: chunked", b"0\r\n\r\n"),
    ("Transfer-Encoding: chunked\r\nContent-Length: 4", b"0\r\n\r\n"),
    ("Content-Length: 2\r\nContent-Length: 2", b"{}"),
    ("Content-Length: 0\r\nContent-Length: 9", b""),
    ("Content-Length: 2, 2", b"{}"),
    ("Content-Length: +2", b"{}"),
    ("Content-Length: 0x2", b"{}"),
    ("Content-Length: -1", b""),
    ("Content-Length : 2", b"{}"),
    ("Content-Length: 99999999999999999999", b"{}"),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", b"0\r\n\r\n"),
    ("Transfer-Encoding: identity", b""),
    ("Transfer-Encoding: chunked, identity", b"0\r\n\r\n"),
    ("Transfer-Encoding: xchunked", b"0\r\n\r\n"),
    ("Transfer-Encoding : chunked", b"0\r\n\r\n"),
    ("Transfer-Encoding: chunked", b"zz\r\n\r\n"),
    ("Transfer-Encoding: chunked", b"-1\r\n\r\n"),
    ("Transfer-Encoding: chunked", b"fffffffffffffffff\r\nx"),
    ("Host: evil.example", b""),
    ("Bad Name: x", b""),
    ("X-Folded: a\r\n b", b""),
    ("Content-Length:\r\n 2", b"{}"),
    ("Content-Length: 1\r\n 0", b"0123456789"),
    ("Content-Length: 1\r\n\t0\r\nX-A: b", b"0123456789"),
    ("Transfer-Encoding:\r\n chunked", b"c\r\n{\"name\":\"q\"}\r\n0\r\n\r\n"),
])
def test_smuggling(http, other, lines, body):
    """What two readers may read differently is refused, and the connection ends: what follows is no
    request."""
    host = b"%s:%d" % (http.http_address()[0].encode(), http.http_address()[1])
    request = (b"POST /api/v1/queues HTTP/1.1\r\nHost: " + host + b"\r\nContent-Type: application/json\r\n" +
               lines.encode("latin1") + b"\r\n\r\n" + body + SMUGGLED % host)
    came, is_closed = say(http.http_address(), request, timeout=3)
    assert is_closed and b"200 OK" not in came and b"\nok\n" not in came, came
    assert came.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 ")), came


def test_bare_line_feeds_are_read_one_way(http, other):
    host = "%s:%d" % http.http_address()
    came, is_closed = say(http.http_address(), f"GET /healthz HTTP/1.1\nHost: {host}\n\n".encode(), timeout=2)
    assert came.count(b"HTTP/1.1 ") == 1 and (came.endswith(b"ok\n") or b" 400 " in came)


@pytest.mark.parametrize("lines, status", [
    ("X: " + "a" * 20_000, 431),
    ("\r\n".join(f"X-{number}: 1" for number in range(100)), 400),
    ("\r\n".join(f"X-{number}: {'a' * 100}" for number in range(100)), 431),
])
def test_heads_that_are_too_large(http, other, lines, status):
    host = "%s:%d" % http.http_address()
    came, is_closed = say(http.http_address(), f"GET /healthz HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n\r\n".encode())
    assert int(came.split(b" ")[1]) == status and is_closed


def test_targets(http, rest, other):
    ana = rest(http, "ana")
    for path, status in (("/%", 400), ("/a%00b", 400), ("/%ff", 400), ("/healthz?a=1&a=2", 400),
                         ("/healthz?color=red", 422), ("/" + "a/" * 20, 400), ("/" + "a" * 5000, 400),
                         ("/nope", 404), ("/api/v1/nope", 404), ("/api/v2/me", 404), ("/..%2f..%2fetc/passwd", 404),
                         ("/api/v1/peers?limit=0", 422), ("/api/v1/peers?limit=501", 422),
                         ("/api/v1/peers?cursor=x", 422), ("/api/v1/peers?online=maybe", 422),
                         ("/api/v1/peers?address=ana", 422), ("/api/v1/messages/7", 422),
                         ("/api/v1/search", 422), ("/api/v1/rooms/%20", 422), ("/api/v1/scopes/tea", 422)):
        response, content = ana.raw("GET", path)
        assert response.status == status, (path, response.status, content)
        assert json.loads(content)["error"]["text"]


def test_methods(http, rest, other):
    ana = rest(http, "ana")
    for method in ("POST", "PUT", "DELETE", "TRACE", "CONNECT", "BREW", "get"):
        response, content = ana.raw(method, "/api/v1/me", headers={"Content-Length": "0"})
        assert response.status == 405 and response.getheader("Allow") == "GET, HEAD, OPTIONS", method
        assert error_of(json.loads(content)) == "BAD_METHOD"
    response, content = ana.raw("OPTIONS", "/api/v1/rooms/tea")
    assert (response.status, response.getheader("Allow")) == (204, "GET, HEAD, PATCH, DELETE, OPTIONS")
    assert response.getheader("Access-Control-Allow-Origin") is None
    response, content = ana.raw("HEAD", "/api/v1/me")
    assert response.status == 200 and content == b"" and int(response.getheader("Content-Length")) > 10


# ---------------------------------------------------------------- who asks, from where

def test_foreign_hosts_and_origins(http, rest, other):
    ana = rest(http, "ana")
    port = http.http_address()[1]
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", f"127.0.0.1.evil.example:{port}"):
        response, content = ana.raw("GET", "/api/v1/me", headers={"Host": host})
        assert response.status == 421, host
    for origin in ("http://evil.example", "null", f"https://127.0.0.1:{port + 1}", "http://localhost"):
        response, content = ana.raw("POST", "/api/v1/queues", '{"name":"q"}', {**JSON, "Origin": origin})
        assert response.status == 403 and error_of(json.loads(content)) == "WRONG_ORIGIN", origin
    assert ana.ask("GET", "/scopes/queue:q")[0] == 404
    response, _ = ana.raw("POST", "/api/v1/queues", '{"name":"q"}', {**JSON, "Origin": f"http://127.0.0.1:{port}"})
    assert response.status == 201


def test_further_hosts(make_broker, rest):
    broker = make_broker(http__listen="127.0.0.1:*", http__hosts="roost.example")
    response, _ = rest(broker).raw("GET", "/api/v1/me", headers={
        "Host": "roost.example", "Origin": "https://roost.example"})
    assert response.status == 200


def test_wrong_tokens(http, rest, other):
    for token in ("x", "roost_" + "A" * 43, "roost_", "roost_" + "A" * 100):
        status, answer = rest(http, token=token).ask("GET", "/me")
        assert (status, error_of(answer)) == (401, "BAD_CREDENTIALS")
    response, _ = rest(http).raw("GET", "/api/v1/me", headers={"Authorization": "Basic YTpi"})
    assert response.status == 401 and response.getheader("WWW-Authenticate").startswith("Bearer")
    rest(http).post("/users", name="ana", password="secretive")
    eventually(lambda: rest(http, "ana").ask("GET", "/me")[0] == 401, what="an account that wants its token")
    for name in ("$broker", "lan:ana@host", "%zz", "a%00", "x" * 300):
        response, _ = rest(http).raw("GET", "/api/v1/me", headers={"Roost-Peer": name})
        assert response.status == 422, name


def test_an_expired_token(http, rest):
    ana = rest(http)
    ana.post("/users", name="ana", password="secretive")
    ana.token = ana.post("/sessions", user="ana", password="secretive")["token"]
    now = ana.get("/peers/ana")["last_seen_ms"]
    short = rest(http, token=ana.post("/users/ana/tokens", label="short", until_ms=now + 1500)["token"])
    assert short.get("/me")["name"] == "ana"
    eventually(lambda: short.ask("GET", "/me")[0] == 401, what="the end of the token")
    assert ana.get("/me")["name"] == "ana"


def test_guessing_is_throttled(http, rest):
    anybody = rest(http)
    anybody.post("/users", name="ana", password="secretive")
    for _ in range(5):
        assert anybody.ask("POST", "/sessions", {"user": "ana", "password": "wrong"})[0] == 401
    response, content = anybody.raw("POST", "/api/v1/sessions", '{"user":"ana","password":"secretive"}', JSON)
    assert response.status == 429 and error_of(json.loads(content)) == "LOCKED_OUT"
    assert int(response.getheader("Retry-After")) > 60
    anybody.post("/users/ana/unlock")
    assert anybody.ask("POST", "/sessions", {"user": "ana", "password": "secretive"})[0] == 201


def test_beyond_loopback_everybody_needs_a_token(make_broker, rest):
    broker = make_broker(http__listen="127.0.0.1:*", zmq__listen="tcp://0.0.0.0:*",
                         arguments=["--insecure"], is_started=False)
    broker.launch().wait_for_log("ready")
    status, answer = rest(broker, "ana").ask("GET", "/me")
    assert (status, error_of(answer)) == (401, "NO_CREDENTIALS")
    anybody = rest(broker)
    made = anybody.post("/users", name="ana", password="secretive")
    me = rest(broker, token=made["token"]).get("/me")
    assert (me["name"], me["is_admin"], me["needs_account"]) == ("ana", False, True)
    assert rest(broker, token=made["token"]).ask("GET", "/admin/audit")[0] == 403


# ---------------------------------------------------------------- those who are slow

def test_slow_requests_end_in_time(make_broker, rest):
    broker = make_broker(http__listen="127.0.0.1:*", http__request_s=1)
    lines = head(broker, "POST", "/api/v1/queues", Content_Length=1000)
    ends = []

    def trickle(data):
        with socket.create_connection(broker.http_address(), timeout=20) as connection:
            began = time.monotonic()
            try:
                for number in range(200):
                    connection.sendall(data[number % len(data):][:1] or b"x")
                    connection.settimeout(0.1)
                    try:
                        if connection.recv(4096) == b"":
                            break
                    except (socket.timeout, TimeoutError):
                        pass
            except OSError:
                pass
            ends.append(time.monotonic() - began)

    threads = [threading.Thread(target=trickle, args=(data,)) for data in (lines, b"G", lines[:-2] + b"X-A: b\r\n" * 50)]
    client = rest(broker, "ana")
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert client.get("/me")["name"] == "ana"
        time.sleep(0.05)
    assert len(ends) == 3 and all(end < 10 for end in ends), ends


def test_an_answer_nobody_takes_ends_in_time(make_broker, rest):
    broker = make_broker(http__listen="127.0.0.1:*", http__request_s=1)
    ana = rest(broker, "ana")
    for _ in range(7):
        ana.post("/messages", scope="peer:bob", body="x" * 1_000_000)
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect(broker.http_address())
        reader.sendall(head(broker, "GET", "/api/v1/conversations/ana/messages", Roost_Peer="bob"))
        time.sleep(3)  # nothing is read for longer than it may take
        came = 0
        try:
            while piece := reader.recv(65536):
                came += len(piece)
        except ConnectionError:
            pass
        assert came < 7_000_000
    assert rest(broker, "ana").get("/me")["name"] == "ana"


def test_a_crowd_has_bounds(make_broker, rest):
    broker = make_broker(http__listen="127.0.0.1:*", http__connections_max=50, http__connections_per_address=40)
    crowd = [socket.create_connection(broker.http_address()) for _ in range(60)]
    eventually(lambda: sum(is_closed(one) for one in crowd) >= 20, what="the end of those that are too many")
    for one in crowd[:10]:
        one.close()
    eventually(lambda: can_ask(rest(broker, "ana")), what="room for another one")
    for one in crowd:
        one.close()


def is_closed(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def can_ask(client):
    try:
        return client.get("/me")["name"] == "ana"
    except OSError:
        return False
    except Exception:  # noqa: BLE001 an answer that broke off
        return False


def test_sessions_have_a_bound(make_broker, rest):
    broker = make_broker(http__listen="127.0.0.1:*", http__sessions_max=3)
    client = rest(broker)
    for number in range(10):
        client.peer = f"p{number}"
        assert client.get("/me")["name"] == client.peer
    assert len(client.get("/peers", online="true")["items"]) <= 3


def test_a_port_that_is_taken(make_broker):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        broker = make_broker(http__listen="127.0.0.1:%d" % other.getsockname()[1], is_started=False)
        broker.launch()
        assert broker.wait() == 69
    assert "http.listen" in broker.lines[-2] and "address" in broker.lines[-2]
