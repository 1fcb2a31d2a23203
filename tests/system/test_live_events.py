# SPDX-License-Identifier: MPL-2.0
"""GET /events: samples, presence, log lines and messages as they come; whoever comes back misses nothing
or is told to begin anew; a reader that does not read is closed, and nobody else notices."""
import json

import pytest

from helpers import bodies, eventually, numbered, receive_all
from live_client import get, request, Stream


@pytest.fixture
def live(make_broker):
    return make_broker(http__listen="127.0.0.1:*")


@pytest.fixture
def listen():
    """listen(broker, topics, ...): a Stream that is closed after the test."""
    streams = []

    def make(broker, topics, **options):
        stream = Stream(broker, topics, **options)
        streams.append(stream)
        if options.get("is_read", True):
            assert stream.answered() == 200, stream.refusal
        return stream

    yield make
    for stream in streams:
        stream.close()


def refusal(broker, topics, **who):
    stream = Stream(broker, topics, **who)
    status = stream.answered()
    stream.close()
    return status, json.loads(stream.refusal)["error"]["name"]


# ---------------------------------------------------------------- what comes

def test_a_sample_each_second(live, listen, connect):
    stream = listen(live, "sample")
    hello = stream.next()
    assert hello.kind == "hello" and hello.data["resumed"] is False
    assert hello.id.startswith(hello.data["boot_id"][:8] + ".")
    sender = connect(live, "sender")
    for body in numbered(20):
        sender.send("somebody", body)
    first, second = stream.next("sample").data, stream.next("sample").data
    assert 500 <= second["at_ms"] - first["at_ms"] <= 5000
    series = get(live, "/api/v1/overview")["samples"]
    for name in series:
        assert name == "interval_ms" or name in first, name
    stored = first["stored"] + second["stored"]
    while stored < 15:      # rates of seconds that are not quite seconds
        stored += stream.next("sample").data["stored"]
    assert {actor["name"] for actor in second["actors"]} >= {"persistence", "sync-manager"}
    assert second["totals"]["streams"] == 1 and second["health"]["state"] == "ok"


def test_who_comes_and_goes(live, listen, connect):
    stream = listen(live, "presence")
    alice = connect(live, "alice")
    event = stream.next("presence").data
    while event["peer"] != "alice":
        event = stream.next("presence").data
    assert event["is_online"] is True
    alice.close()
    event = stream.next("presence").data
    assert (event["peer"], event["is_online"], event["reason"]) == ("alice", False, "goodbye")


def test_log_lines(live, listen, connect):
    stream = listen(live, "log")
    connect(live, "somebody")
    line = stream.next("log").data
    while "peer=somebody" not in line["text"]:
        line = stream.next("log").data
    assert line["actor"] == "zmq-gateway" and line["level"] == "info" and line["at_ms"] > 0


def test_messages_of_a_room_for_its_members(live, listen, connect):
    alice = connect(live, "alice")
    alice.create_room("tea")
    assert refusal(live, "scope:room:tea", peer="bob") == (403, "NOT_MEMBER")
    assert refusal(live, "scope:room:nowhere", peer="bob") == (404, "NO_SUCH_SCOPE")
    bob = connect(live, "bob")
    bob.join("tea")
    stream = listen(live, "scope:room:tea", peer="bob")
    alice.send("room:tea", b"hello")
    alice.send("room:tea", bytes([0xff, 0]))
    first, second = stream.next("message").data, stream.next("message").data
    assert (first["scope"], first["sender"], first["body"]) == ("room:tea", "alice", "hello")
    assert first["kind"] == "text" and first["seq"] > 0 and len(first["message_id"]) == 36
    assert second["body_base64"] == "/wA="
    bob.leave("tea")
    closed = stream.next("closed").data
    assert (closed["scope"], closed["name"]) == ("room:tea", "NOT_MEMBER")
    assert stream.is_over.wait(20)       # nothing is left to listen to


def test_the_own_mailbox_is_only_looked_at(live, listen, connect):
    bob = connect(live, "bob")
    assert refusal(live, "scope:peer:alice", peer="bob") == (403, "NOT_ALLOWED")
    alice = connect(live, "alice")
    stream = listen(live, "scope:peer:alice", peer="alice")
    for body in numbered(10):
        bob.send("alice", body)
    assert [stream.next("message").data["body"] for _ in range(10)] == \
        [body.decode() for body in numbered(10)]
    assert bodies(receive_all(alice.attach(), 10)) == numbered(10)      # nothing was taken away


def test_wrong_questions(live):
    assert refusal(live, "everything") == (422, "BAD_FIELD")
    assert refusal(live, "") == (422, "MISSING_FIELD")
    assert refusal(live, "scope:nothing") == (422, "BAD_SCOPE")
    assert refusal(live, "sample,scope:queue:jobs")[0] == 422    # a queue is worked on, not watched
    many = ",".join(f"scope:topic:t{i}" for i in range(20))
    assert refusal(live, many)[1] == "TOO_MANY"
    assert request(live, "/events?topics=sample", method="POST")[0] == 405


# ---------------------------------------------------------------- coming back

def messages_of(stream, count):
    return [stream.next("message").data["body"] for _ in range(count)]


def texts(first, count):
    return [body.decode() for body in numbered(count, first)]


def test_a_reader_that_comes_back_misses_nothing(live, listen, connect):
    sender = connect(live, "sender")
    stream = listen(live, "scope:topic:news", peer="reader")
    for body in numbered(10):
        sender.send("topic:news", body)
    events = [stream.next("message") for _ in range(10)]
    assert [event.data["body"] for event in events] == texts(0, 10)
    stream.close()
    for body in numbered(5, 10):
        sender.send("topic:news", body)     # while it is away
    again = listen(live, "scope:topic:news", peer="reader", last_id=events[4].id)
    assert again.next().data["resumed"] is True
    assert messages_of(again, 10) == texts(5, 10)
    sender.send("topic:news", b"live")
    assert messages_of(again, 1) == ["live"]


def test_more_may_be_missed_than_may_be_left_unread(live, listen, connect):
    sender, size = connect(live, "sender"), 20000
    stream = listen(live, "scope:topic:much", peer="reader")
    last_id = stream.next("hello").id
    stream.close()
    for number in range(60):                    # 1.2 MB
        sender.send("topic:much", f"{number} ".encode() + b"x" * size)
    again = listen(live, "scope:topic:much", peer="reader", last_id=last_id)
    assert again.next().data["resumed"] is True
    assert [text.split()[0] for text in messages_of(again, 60)] == [str(number) for number in range(60)]


def test_what_was_not_listened_to_before_is_said_to_be_unknown(live, listen, connect):
    sender = connect(live, "sender")
    stream = listen(live, "presence", peer="reader")
    last_id = stream.next("hello").id
    sender.send("topic:news", b"nobody listened")
    again = listen(live, "presence,scope:topic:news", peer="reader", last_id=last_id)
    assert again.next().data["resumed"] is True
    assert again.next("reset").data["topics"] == ["scope:topic:news"]
    sender.send("topic:news", b"now")
    assert messages_of(again, 1) == ["now"]


def test_another_run_begins_anew(live, listen, connect):
    stream = listen(live, "sample,presence")
    last_id = stream.next("sample").id
    live.restart()
    again = listen(live, "sample,presence", last_id=last_id)
    hello = again.next()
    assert (hello.kind, hello.data["resumed"]) == ("hello", False)
    reset = again.next()
    assert reset.kind == "reset" and reset.data["topics"] == ["sample", "presence"]
    assert reset.id.split(".")[0] != last_id.split(".")[0]
    assert again.next("sample").data["totals"]["streams"] == 1


@pytest.mark.parametrize("last_id", ["nonsense", "1", ".", "00000000.1", "\u00e9.7"])
def test_an_id_of_nowhere_begins_anew(live, listen, last_id):
    stream = listen(live, "presence", last_id=last_id)
    assert stream.next().data["resumed"] is False
    assert stream.next().kind == "reset"


def test_too_long_ago_begins_anew(live, listen, connect):
    sender = connect(live, "sender")
    stream = listen(live, "scope:topic:news", peer="reader")
    last_id = stream.next("hello").id
    for _ in range(100):
        sender.send("topic:news", bytes([0x61]) * 50_000)   # more than is kept
    assert len(messages_of(stream, 100)) == 100
    again = listen(live, "scope:topic:news", peer="reader", last_id=last_id)
    assert again.next().data["resumed"] is False
    assert again.next().kind == "reset"


# ---------------------------------------------------------------- those who do not read

def closed_count(broker):
    text = request(broker, "/metrics")[2]
    lines = [line for line in text.splitlines()
             if line.startswith("roost_http_streams_closed_total{")]
    return sum(float(line.split()[1]) for line in lines)


def test_a_reader_that_does_not_read_is_closed_and_nobody_notices(live, listen, connect):
    sender = connect(live, "sender")
    good = listen(live, "scope:topic:news", peer="good")
    listen(live, "scope:topic:news", peer="lazy", is_read=False)
    eventually(lambda: get(live, "/api/v1/overview")["totals"]["streams"] == 2)
    for number in range(100):
        sender.send("topic:news", f"{number}".encode().ljust(50_000, b"."))
        assert good.next("message").data["body"].rstrip(".") == str(number)
    eventually(lambda: closed_count(live) == 1, what="the lazy reader is closed")
    eventually(lambda: get(live, "/api/v1/overview")["totals"]["streams"] == 1)
    sender.send("topic:news", b"last")
    assert messages_of(good, 1) == ["last"]
    live.wait_for_log("reader-too-slow")


def test_many_readers_get_everything_together(live, listen, connect):
    """With more than a hundred streams what comes goes out several times a second, for all at once."""
    streams = [listen(live, "scope:topic:news") for _ in range(120)]
    sender = connect(live, "sender")
    for body in numbered(40):
        sender.send("topic:news", body)
    for stream in streams[::2]:
        assert messages_of(stream, 40) == [body.decode() for body in numbered(40)]
    for stream in streams[:60:2]:
        stream.close()  # some of them while something is on its way
    sender.send("topic:news", b"last")
    for stream in streams[61::2]:
        assert messages_of(stream, 41)[-1] == "last"


def test_readers_that_go_leave_nothing(live, listen):
    listen(live, "presence")
    for _ in range(50):
        stream = Stream(live, "sample,scope:topic:news")
        assert stream.answered() == 200
        stream.close()
    eventually(lambda: get(live, "/api/v1/overview")["totals"]["streams"] == 1)


def test_streams_end_when_the_broker_stops(live, listen):
    stream = listen(live, "sample")
    stream.next("sample")
    assert live.stop() == 0
    assert stream.is_over.wait(20)


def test_rights_that_end_end_the_stream(make_broker, listen, connect):
    broker = make_broker(http__listen="127.0.0.1:*")
    status, _, text = request(broker, "/api/v1/users", method="POST",
                              body={"name": "ana", "password": "secretive"})
    assert status == 201, text
    status, _, text = request(broker, "/api/v1/sessions", method="POST",
                              body={"user": "ana", "password": "secretive"})
    assert status == 201, text
    token = json.loads(text)["token"]
    stream = listen(broker, "presence", token=token)
    assert stream.next().kind == "hello"
    assert request(broker, "/api/v1/sessions/current", method="DELETE", token=token)[0] == 204
    assert stream.is_over.wait(20)
    stream = Stream(broker, "presence", token=token)
    assert stream.answered() == 401
    stream.close()
