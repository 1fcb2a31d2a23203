# SPDX-License-Identifier: MPL-2.0
"""What is done in the dashboard is done in the broker: seen by ZeroMQ clients, not by the page."""
import uuid

import pytest

from roost import RoostError
from scenes import a_room, kill_letters, publish


@pytest.fixture(scope="module")
def alice(connect, broker):
    return connect(broker, "alice")


def confirm(page, verb):
    page.click("dialog footer button", verb)
    page.until(lambda: not page.all("dialog"), "the question to close")


def test_redrive_some_dead_letters(page, alice):
    kill_letters(alice, "queue:redrive", 4)
    page.go("dead")
    page.until(lambda: any("queue:redrive" in text for text in page.texts("main h2")), "the queue with dead letters")
    boxes = "main .card:has(h2 a[href*=redrive]) input[type=checkbox]"
    page.until(lambda: len(page.all(boxes)) == 4, "the four letters")
    for box in page.all(boxes)[:2]:
        box.click()
    page.click("main .card:has(h2 a[href*=redrive]) button", "Redrive")
    page.until_text("dialog h2", "2 messages")
    assert not page.accessibility()
    page.shoot("ask-redrive")
    confirm(page, "Redrive 2")
    page.until_text(".notice", "2 messages")
    with alice.attach("queue:redrive") as inbox:
        received = [inbox.receive(20) for _ in range(2)]
        assert all(received)
        for one in received:
            one.ack()
        inbox.confirm()
        assert inbox.receive(0.3) is None
    assert len(alice.dead_letters("queue:redrive").items) == 2


def test_purge_asks_and_says_how_many(page, alice):
    kill_letters(alice, "queue:purge", 3)
    page.go("dead")
    purge = "main .card:has(h2 a[href*=purge]) button"
    page.until(lambda: page.all(purge), "the queue with dead letters")
    page.until(lambda: len(page.all("main .card:has(h2 a[href*=purge]) tbody tr")) == 3, "the letters")
    page.click(purge, "Purge")
    page.until_text("dialog h2", "Destroy 3 dead letters?")
    assert "queue:purge" in page.text("dialog .ask-text")
    assert page.focused() == "Keep as it is", "the button that destroys is not the default"
    page.shoot("ask-purge")
    page.keys("\n")
    page.until(lambda: not page.all("dialog"), "the question to close")
    assert len(alice.dead_letters("queue:purge").items) == 3, "Enter destroys nothing"
    page.click(purge, "Purge")
    confirm(page, "Destroy all 3")
    page.until_text(".notice", "3 dead letters")
    assert len(alice.dead_letters("queue:purge").items) == 0


def test_dead_letters_of_a_mailbox(page, alice, connect, broker):
    kill_letters(alice, "peer:alice", 2)
    page.go("peers/alice?state=dead")
    page.until(lambda: len(page.column("Message")) == 2, "two dead letters")
    page.click("main button", "Redrive")
    confirm(page, "Redrive all")
    page.until_text(".notice", "2 messages")
    with alice.attach() as inbox:
        for _ in range(2):
            inbox.receive(20).ack()
        inbox.confirm()


def test_send_from_the_page(page, alice):
    page.go("tryit")
    page.type("main input[list]", "peer:alice")
    page.type("main textarea", "汤好了 <b>soup</b>")
    page.click("main button[type=submit]", "Send")
    page.until_text(".notice", "On the disk")
    with alice.attach() as inbox:
        message = inbox.receive(20)
        assert message.text == "汤好了 <b>soup</b>" and message.sender == "dashboard"
        message.ack()
        inbox.confirm()


def test_send_json_and_bytes(page, alice):
    page.go("tryit")
    page.type("main input[list]", "queue:bytes")
    choose = "const one = document.querySelector('main form select'); one.value = arguments[0]"
    page.js(choose, "json")
    page.type("main textarea", "{\"a\": ")
    page.click("main button[type=submit]", "Send")
    page.until_text("main [role=alert]", "This is no JSON")
    page.js(choose, "hex")
    page.type("main textarea", "00 ff 80")
    page.click("main button[type=submit]", "Send")
    page.until_text(".notice", "On the disk")
    with alice.attach("queue:bytes") as inbox:
        message = inbox.receive(20)
        assert message.body == b"\x00\xff\x80"
        assert message.content_type == "application/octet-stream"
        message.ack()
        inbox.confirm()


def test_receive_in_the_page(page, alice):
    page.go("tryit")
    alice.call("SCOPE_CREATE", scope=b"topic:news")
    inputs = page.all("main input[list]")
    inputs[1].send_keys("topic:news")
    page.click("main button[type=submit]", "Listen")
    page.until_text("main .card-note", "listening to topic:news")
    page.until(lambda: page.link_text() == "live", "the stream with the topic")
    alice.send("topic:news", "号外".encode())
    page.until(lambda: page.column("Body") == ["号外"], "the message")
    page.click("main button[type=submit]", "Stop")
    alice.send("topic:news", b"not heard")
    assert page.column("Body") == ["号外"]


def test_a_name_for_a_peer_and_forgetting_it(page, alice):
    publish(alice, "peer:old friend", 1)
    page.go("peers/old%20friend")
    page.click("main button", "Nickname")
    page.type("dialog input", "die Alte")
    confirm(page, "Save")
    page.until(lambda: [peer.label for peer in alice.peers(name="old friend").items] == ["die Alte"], "the nickname")
    page.until_text("main h1", "die Alte")
    page.click("main button", "Forget")
    confirm(page, "Forget this peer")
    page.until_text(".notice.is-bad", "the peer has messages")
    page.trouble()
    assert alice.peers(name="old friend").items


def test_rooms_are_made_and_talked_in(page, alice):
    page.go("rooms")
    page.click("main button", "New room")
    page.type("dialog input", "茶馆")
    confirm(page, "Create")
    page.until_text("main h1", "茶馆")
    page.until(lambda: "茶馆" in [room.name.removeprefix("room:") for room in alice.rooms().items], "the room")
    alice.join("茶馆")
    page.type("main textarea", "谁在?\n")
    page.until_text(".said-body", "谁在?")
    with alice.attach("room:茶馆", start="first") as inbox:
        found = [inbox.receive(20)]
        while found[-1] is not None and found[-1].text != "谁在?":
            found.append(inbox.receive(20))
        assert found[-1] is not None and found[-1].sender == "dashboard"


def test_only_members_write(page, alice, connect, broker):
    room = f"club-{uuid.uuid4().hex[:6]}"
    a_room(connect(broker, "owner"), room)
    page.go(f"rooms/{room}")
    page.type("main textarea", "may I?\n")
    page.until_text(".notice.is-bad", "join the room first")
    page.trouble()
    page.click("main button", "Join")
    page.until_text(".notice", "You are a member")
    page.type("main textarea", "\nnow I may\n")
    page.until_text(".said-body", "now I may")


def test_a_queue_is_made(page, alice):
    page.go("waiting")
    page.click("main button", "New queue")
    page.type("dialog input", "新队列")
    confirm(page, "Create")
    page.until_text("main h1", "queue:新队列")
    alice.send("queue:新队列", b"work")
    page.until(lambda: page.column("Body") == ["work"], "the message in the queue")


def test_a_message_is_followed_to_its_end(page, alice, connect, broker):
    stored = connect(broker, "bob").send("peer:alice", b"follow me", receipts=7)
    page.go(f"message/{uuid.UUID(bytes=stored.message_id)}")
    page.until_text(".step-name", "Waiting")
    with alice.attach() as inbox:
        message = inbox.receive(20)
        while message.text != "follow me":
            message.ack()
            message = inbox.receive(20)
        page.until_text(".step-name", "In flight")
        message.ack()
        inbox.confirm()
    page.until_text(".step-name", "Settled")
    alice.mark_read(peer="bob", seq=message.seq)
    page.until_text(".step-name", "Read")
    page.until(lambda: any("READ by alice; bob was told" in text for text in page.texts(".step-about")), "the receipt")
    with pytest.raises(RoostError):
        alice.trace(b"\0" * 16)
