# SPDX-License-Identifier: MPL-2.0
"""Patterns of topics: whoever attaches to topic:a.* or topic:a.> gets what is written to every topic
that matches, in order and under its name, also to topics that are made later, and after kill -9."""
import json
import os
import subprocess
import threading
import time

import pytest

from helpers import ask_file, bodies, eventually, info, numbered, receive_all
from roost import RECEIPT_FATES, Level, RoostError


def scopes(messages):
    return [message.scope for message in messages]


def patterns_stored(broker):
    return ask_file(broker, "SELECT count(*) FROM scope WHERE kind = 4 AND folded >= '>' AND"
                            " folded < '?'")[0][0]


@pytest.mark.parametrize("ephemeral", [False, True])
@pytest.mark.parametrize("pattern, heard", [
    ("topic:sensors.*", [0, 1]),
    ("topic:sensors.>", [0, 1, 2]),
    ("topic:*.temp", [0, 3]),
    ("topic:*.hall.*", [2]),
    ("topic:>", [0, 1, 2, 3, 4]),
    ("topic:Sensors.TEMP", [0]),
])
def test_it_hears_what_matches_and_nothing_else(broker, connect, ephemeral, pattern, heard):
    topics = ["topic:sensors.temp", "topic:sensors.Wind", "topic:sensors.hall.temp",
              "topic:engine.temp", "topic:news"]
    writer, reader = connect(broker, "writer"), connect(broker, "reader")
    writer.send(topics[0], b"too early")
    inbox = reader.attach(pattern, ephemeral=ephemeral)
    expected = []
    for number in range(40):
        topic = topics[number % len(topics)]
        writer.send(topic, str(number).encode())
        if number % len(topics) in heard:
            expected.append((topic, str(number).encode()))
    got = receive_all(inbox, len(expected))
    is_pattern = "*" in pattern or ">" in pattern
    names = scopes(got) if is_pattern else [topic for topic, _ in expected]
    assert list(zip(names, bodies(got))) == expected
    assert [message.seq for message in got] == sorted(message.seq for message in got)
    assert inbox.receive(0.2) is None
    assert patterns_stored(broker) == (1 if is_pattern and not ephemeral else 0)


@pytest.mark.parametrize("ephemeral", [False, True])
def test_it_begins_where_it_is_told(broker, connect, ephemeral):
    writer, reader = connect(broker, "writer"), connect(broker, "reader")
    stored, before_ms = [], 0
    for number, body in enumerate(numbered(30)):
        if number == 20:
            time.sleep(0.05)
            before_ms = int(time.time() * 1000)
            time.sleep(0.05)
        writer.send("queue:noise", b"x")
        stored.append(writer.send(f"topic:a.{number % 3}", body).seq)

    def heard(name, start, value=0):
        inbox = reader.attach("topic:a.*", name, start=start, start_value=value,
                              ephemeral=ephemeral)
        count = inbox.waiting_at_attach
        got = bodies(receive_all(inbox, count))
        inbox.close()
        return got

    assert heard("one", "first") == numbered(30)
    assert heard("two", "seq", stored[9]) == numbered(20, 10)
    assert heard("three", "time", before_ms) == numbered(10, 20)
    assert heard("four", "new") == []
    assert heard("five", "default") == []


def test_a_durable_one_keeps_its_place_over_kill(broker, connect):
    writer, reader = connect(broker, "writer"), connect(broker, "reader")
    inbox = reader.attach("topic:a.>", "log")
    for number, body in enumerate(numbered(20)):
        writer.send(f"topic:a.{number % 4}", body)
    got = [inbox.receive(20) for _ in range(10)]
    for received in got[:5]:
        received.ack()
    got[7].ack()                                    # out of order
    eventually(lambda: info(reader, "topic:a.>", "reader/log").leased >= 4)
    reader.close()
    writer.close()
    eventually(lambda: ask_file(broker, "SELECT count(*) FROM exception WHERE state = 1")[0][0])
    broker.kill()
    broker.start()
    writer, reader = connect(broker, "writer"), connect(broker, "reader")
    writer.send("topic:a.made.later", b"later")     # while nobody is attached
    inbox = reader.attach("topic:a.>", "log")
    left = numbered(20)[5:7] + numbered(20)[8:] + [b"later"]
    again = receive_all(inbox, len(left))
    assert bodies(again) == left
    assert again[-1].scope == "topic:a.made.later"
    assert inbox.receive(0.2) is None


def test_many_kills_lose_nothing(broker, connect):
    """Topics come and go in turn; after each kill -9 the consumer goes on in order without a gap."""
    sent, got = [], []
    first = connect(broker, "reader")
    first.attach("topic:k.*", "log").close()
    first.close()
    for turn in range(5):
        writer, reader = connect(broker, "writer"), connect(broker, "reader")
        inbox = reader.attach("topic:k.*", "log")
        for number in range(200):
            body = f"{turn}-{number}".encode()
            writer.send_async(f"topic:k.{number % (7 + turn)}", body)
            sent.append(body)
        assert writer.flush(20)
        for received in iter(lambda: inbox.receive(0.5 if turn < 4 else 2), None):
            got.append(received.message)
            received.ack()
            if turn < 4 and len(got) % 150 == 100:
                break
        broker.kill()
        reader.close()                              # or it comes back and takes over
        writer.close()
        broker.start()
    reader = connect(broker, "reader")
    inbox = reader.attach("topic:k.*", "log")
    got += receive_all(inbox, inbox.waiting_at_attach)
    seen = list(dict.fromkeys(bodies(got)))          # what came again after a kill counts once
    assert seen == sent


def test_readers_and_patterns_do_not_take_from_each_other(broker, connect):
    writer, ann, bob = (connect(broker, name) for name in ("writer", "ann", "bob"))
    inboxes = [ann.attach("topic:a.b"), ann.attach("topic:a.*"), ann.attach("topic:>"),
               bob.attach("topic:a.*"), bob.attach("topic:a.*", ephemeral=True)]
    for body in numbered(20):
        writer.send("topic:a.b", body)
    for inbox in inboxes:
        assert bodies(receive_all(inbox, 20)) == numbered(20)


def test_retry_dead_letters_and_redrive(broker, connect):
    writer, reader = connect(broker, "writer"), connect(broker, "reader")
    inbox = reader.attach("topic:jobs.*")
    stored = writer.send("topic:jobs.one", b"1", receipts=RECEIPT_FATES)
    writer.send("topic:jobs.two", b"2")
    first, second = inbox.receive(20), inbox.receive(20)
    second.fail(delay_ms=50)
    first.reject("no good")
    again = inbox.receive(20)
    assert (again.message.body, again.message.attempt) == (b"2", 2)
    again.ack()
    eventually(lambda: info(reader, "topic:jobs.*", "reader/main").dead == 1)
    letter = reader.dead_letters("topic:jobs.*", "reader/main").items[0]
    assert (letter.scope, letter.message.scope) == ("topic:jobs.*", "topic:jobs.one")
    receipt, = writer.attach().receipts(20)
    assert (receipt.level, receipt.scope) == (Level.DEAD, "topic:jobs.one")
    steps = [(step.scope, step.event) for step in writer.trace(first.message.message_id).items]
    assert ("topic:jobs.*", "dead") in steps
    reply = reader.call("DEAD_REDRIVE", scope=b"topic:jobs.*", message_ids=first.message.message_id)
    assert reply.count == 1
    redriven = inbox.receive(20)
    assert (redriven.message.body, redriven.message.seq) == (b"1", stored.seq)
    redriven.ack()


def test_an_expired_message_is_told_once(broker, connect):
    writer, reader = connect(broker, "writer"), connect(broker, "reader")
    for pattern in ("topic:a.b", "topic:a.*", "topic:>"):
        reader.attach(pattern, window=1).close()
    writer.send("topic:a.b", b"x", ttl_ms=300, receipts=RECEIPT_FATES)
    mailbox = writer.attach()
    assert [receipt.scope for receipt in mailbox.receipts(20)] == ["topic:a.b"]
    assert mailbox.receipts(3) == []


def test_inspect_and_remove(broker, connect):
    writer, reader = connect(broker, "writer"), connect(broker, "reader")
    durable = reader.attach("topic:a.*", "log")
    listening = reader.attach("topic:b.>", ephemeral=True)
    writer.send("topic:a.x", b"1")
    assert durable.receive(20) and listening
    state = info(reader, "topic:A.*", "reader/log")
    assert (state.scope, state.waiting, state.leased) == ("topic:a.*", 1, 1)
    all_of_them = reader.query("INSPECT", "consumers").items
    assert "topic:b.>" in [item.scope for item in all_of_them]
    assert reader.call("CONSUMER_REMOVE", scope=b"topic:a.*", consumer=b"log").count == 1
    page = reader.query("INSPECT", "consumers").items
    assert "topic:a.*" not in [item.scope for item in page]
    with pytest.raises(RoostError):
        reader.attach("topic:a.*", "log", must_exist=True)


def test_what_names_no_topic_is_refused(broker, connect):
    client = connect(broker, "ann")
    for scope in ("topic:a.*", "topic:>"):
        with pytest.raises(RoostError, match="wildcards"):
            client.send(scope, b"x")
        with pytest.raises(RoostError):
            client.history(scope=scope)
        with pytest.raises(RoostError):
            client.call("SCOPE_CREATE", scope=scope.encode())
        with pytest.raises(RoostError):
            client.mark_read(scope=scope, seq=1)
    for scope in ("topic:a.>.b", "topic:a*", "topic:a..b", "queue:"):
        with pytest.raises(RoostError):
            client.attach(scope)
    assert client.attach("queue:a.*").waiting_at_attach == 0     # a queue may be called so


def test_a_writer_of_other_topics_is_not_kept(broker, connect):
    """A reader that takes nothing holds what matches, and nothing of the rest."""
    writer, reader = connect(broker, "writer"), connect(broker, "reader")
    reader.attach("topic:quiet.*", "log", window=1)
    for body in numbered(2000):
        writer.send_async("topic:loud", body)
    assert writer.flush(30)
    assert info(reader, "topic:quiet.*", "reader/log").waiting == 0


def test_the_command_line_tool(broker, connect):
    tool = [os.environ["ROOST_CLI"], "--url", broker.url, "--as", "ops"]
    writer = connect(broker, "writer")
    tail = subprocess.Popen([*tool, "tail", "topic:s.*", "--json", "--count", "2"],
                            stdout=subprocess.PIPE, text=True)
    eventually(lambda: "topic:s.*" in
               [item.scope for item in writer.query("INSPECT", "consumers").items])
    writer.send("topic:s.one", b"1")
    writer.send("topic:s.two", b"2")
    lines = [json.loads(line) for line in tail.communicate(timeout=20)[0].splitlines()]
    assert [line["scope"] for line in lines] == ["topic:s.one", "topic:s.two"]
    assert subprocess.run([*tool, "recv", "topic:s.>", "--wait", "0.1"], check=False,
                          capture_output=True).returncode == 3
    writer.send("topic:s.one.x", b"for the eye")
    done = subprocess.run([*tool, "recv", "topic:s.>"], check=True, capture_output=True, text=True)
    assert "topic:s.one.x" in done.stdout and "for the eye" in done.stdout


def test_patterns_come_and_go_while_messages_flow(broker, connect):
    """Whoever attaches in the middle of the stream has everything from some message on."""
    writer = connect(broker, "writer")
    reader = connect(broker, "reader")
    stop = threading.Event()
    sent = []

    def write():
        while not stop.is_set():
            sent.append(writer.send_async(f"topic:flow.{len(sent) % 5}", str(len(sent)).encode()))
            time.sleep(0.0005)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for turn in range(30):
            inbox = reader.attach("topic:flow.*", f"c{turn}", ephemeral=turn % 2 == 0)
            numbers = [int(body) for body in bodies(receive_all(inbox, 50))]
            assert numbers == list(range(numbers[0], numbers[0] + 50))
            inbox.close()
    finally:
        stop.set()
        thread.join()
    assert writer.flush(20)
