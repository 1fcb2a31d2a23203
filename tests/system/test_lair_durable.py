# SPDX-License-Identifier: MPL-2.0
"""What a Lair Chat client was told holds after kill -9; direct messages come once and in order."""
import os
import random
import re
import sqlite3

import pytest

from broker import eventually
from lair_client import AUTHENTICATED, LairClient

ID = "[0-9a-f-]{36}"
INVITATIONS = "SYSTEM_MESSAGE:(Pending|No pending)"


class People:
    """Logged-in clients by name, made anew after each kill."""

    def __init__(self, broker):
        self.broker, self.clients = broker, {}
        self.mail = []  # what came at logins

    def __getitem__(self, name):
        if name not in self.clients:
            client = LairClient(self.broker.lair_address())
            self.clients[name] = client.enter(name)
            self.mail += [line for line in client.drain() if line.startswith("PRIVATE_MESSAGE:")]
        return self.clients[name]

    def register(self, name):
        self.clients[name] = LairClient(self.broker.lair_address())
        assert self.clients[name].authenticate("register", name) == AUTHENTICATED

    def kill(self):
        self.broker.kill()
        self.close()
        self.broker.start()

    def close(self):
        for client in self.clients.values():
            client.close()
        self.clients.clear()


@pytest.fixture
def people(lair):
    everybody = People(lair)
    yield everybody
    everybody.close()


def identity_of(client, words):
    found = client.answer(f"SEARCH_MESSAGES:{words}", "SEARCH_RESULTS:")
    return re.fullmatch(f"SEARCH_RESULTS:({ID}):.*", found, re.DOTALL).group(1)


def test_what_was_answered_holds_after_kill(people):
    """kill -9 right after each success line."""
    def tell(name, text, answer):
        client = people[name]
        client.drain()
        client.say(text)
        client.until(answer)
        people.kill()

    people.register("alice")
    people.kill()
    people.register("bob")
    people.kill()
    tell("alice", "CREATE_ROOM:general", "ROOM_CREATED:general")
    assert people["alice"].ask("CREATE_ROOM:general") == "ROOM_ERROR:Room 'general' already exists"
    tell("alice", "INVITE_USER:bob:general", "SYSTEM_MESSAGE:ERROR: User bob is not online")
    assert "'general' from alice" in people["bob"].answer("LIST_INVITATIONS", INVITATIONS)
    tell("bob", "DECLINE_INVITATION:LATEST",
         "SYSTEM_MESSAGE:You declined the invitation to room 'general'")
    assert people["bob"].answer("LIST_INVITATIONS", INVITATIONS) == \
        "SYSTEM_MESSAGE:No pending invitations"
    people["alice"].say("INVITE_USER:bob:general")
    people["alice"].until("SYSTEM_MESSAGE:You invited bob to join room 'general'")
    people["bob"].until("SYSTEM_MESSAGE:alice invited you to join room 'general'")
    tell("bob", "ACCEPT_INVITATION:LATEST", "ROOM_JOINED:general")
    assert people["bob"].answer("ACCEPT_INVITATION:LATEST", "SYSTEM_MESSAGE:ERROR") == \
        "SYSTEM_MESSAGE:ERROR: No pending invitations found"
    people["bob"].say("JOIN_ROOM:general")
    people["bob"].until("CURRENT_ROOM:general")
    bob = people["bob"]
    bob.say("words worth keeping", "GET_HISTORY:1")
    bob.until("HISTORY:bob:words worth keeping")
    people.kill()
    check_changes(people, tell)


def check_changes(people, tell):
    def back():
        people["bob"].say("JOIN_ROOM:general")
        people["bob"].until("ROOM_STATUS:general,bob")
        return people["bob"]

    identity = identity_of(back(), "keeping")
    tell("bob", f"EDIT_MESSAGE:{identity}:other words", f"MESSAGE_EDITED:{identity}:other words")
    back().say("GET_HISTORY:1")
    people["bob"].until("HISTORY:bob:other words")
    tell("bob", f"REACT_MESSAGE:{identity}:+1", f"REACTION_ADDED:{identity}:+1")
    with sqlite3.connect(f"file:{os.path.join(people.broker.data, 'roost.db')}?mode=ro",
                         uri=True) as file:
        assert file.execute("SELECT count(*) FROM reaction").fetchone() == (1,)
    reply = back().answer(f"REPLY_MESSAGE:{identity}:an answer", "REPLY_CREATED:")
    assert re.fullmatch(f"REPLY_CREATED:{identity}:{ID}", reply)
    people.kill()
    assert identity_of(back(), "answer") == reply[-36:]
    tell("bob", f"DELETE_MESSAGE:{identity}", f"MESSAGE_DELETED:{identity}")
    back().say("GET_HISTORY:2", "LEAVE_ROOM")
    people["bob"].until("HISTORY:bob:an answer")
    assert people["bob"].line() == "ROOM_LEFT:general"
    people.kill()
    with sqlite3.connect(f"file:{os.path.join(people.broker.data, 'roost.db')}?mode=ro",
                         uri=True) as file:
        members = file.execute("SELECT p.name FROM member m JOIN peer p ON p.id = m.peer_id JOIN "
                               "scope s ON s.id = m.scope_id WHERE s.name = 'general'").fetchall()
    assert members == [("alice",)]


def test_direct_messages_to_who_is_away_hold(people):
    for name in ("alice", "bob"):
        people.register(name)
    people.kill()
    texts = [f"number {number}" for number in range(6)]
    for text in texts:
        assert people["alice"].ask(f"DM:bob:{text}").startswith("SYSTEM_MESSAGE:")
        people.kill()
    bob = LairClient(people.broker.lair_address()).enter("bob")
    assert bob.lines(6) == [f"PRIVATE_MESSAGE:alice:{text}" for text in texts]
    bob.drain()  # a later line of his: they have arrived
    eventually(lambda: unsettled(people.broker) == 0, what="the settling of the mail")
    bob.close()
    people.kill()
    assert people["bob"].is_silent()


def unsettled(broker):
    """Mail of bob's behind the floor of his mailbox's consumer."""
    with sqlite3.connect(f"file:{os.path.join(broker.data, 'roost.db')}?mode=ro", uri=True) as file:
        return file.execute(
            "SELECT count(*) FROM message m JOIN consumer c ON c.scope_id = m.scope_id "
            "JOIN scope s ON s.id = c.scope_id WHERE s.name = 'bob' AND m.seq > c.floor_seq").fetchone()[0]


def enter_and_read(broker, name):
    """Logs in and gives the direct messages that come with it."""
    client = LairClient(broker.lair_address()).enter(name)
    lines = []
    while True:
        try:
            lines.append(client.line(0.5))
        except TimeoutError:
            return client, [line for line in lines if line.startswith("PRIVATE_MESSAGE:")]


def test_mail_of_an_orderly_end_does_not_come_again(people):
    people.register("alice")
    people.register("bob")
    people["alice"].say("DM:bob:one", "DM:bob:two")
    people["bob"].until("PRIVATE_MESSAGE:alice:two")
    people.clients.pop("bob").close()
    people["alice"].until("USER_LIST:alice")
    bob, mail = enter_and_read(people.broker, "bob")
    assert mail == []
    bob.close()


def test_mail_of_a_broken_connection_comes_again_once(people):
    people.register("alice")
    people.register("bob")
    people["alice"].say("DM:bob:one", "DM:bob:two")
    people["bob"].until("PRIVATE_MESSAGE:alice:two")
    people.clients.pop("bob").reset()
    people["alice"].until("USER_LIST:alice")
    bob, mail = enter_and_read(people.broker, "bob")
    assert mail == ["PRIVATE_MESSAGE:alice:one", "PRIVATE_MESSAGE:alice:two"]
    bob.reset()
    people["alice"].until("USER_LIST:alice")
    bob, mail = enter_and_read(people.broker, "bob")
    assert mail == []  # at most one repeat
    bob.close()


def test_mail_of_a_quiet_connection_is_settled_after_a_while(people):
    people.register("alice")
    people.register("bob")
    people["alice"].say("DM:bob:one")
    people["bob"].until("PRIVATE_MESSAGE:alice:one")
    eventually(lambda: unsettled(people.broker) == 0, what="the settling of the mail")
    people.clients.pop("bob").reset()
    bob, mail = enter_and_read(people.broker, "bob")
    assert mail == []
    bob.close()


def test_invitations_are_told_at_the_next_login(people):
    people.register("alice")
    people.register("bob")
    people.kill()
    people["alice"].say("CREATE_ROOM:general", "INVITE_USER:bob:general")
    people["alice"].until("SYSTEM_MESSAGE:ERROR: User bob is not online")
    people.kill()
    bob = LairClient(people.broker.lair_address()).enter("bob")
    assert bob.line() == "SYSTEM_MESSAGE:alice invited you to join room 'general'"
    bob.say("ACCEPT_INVITATION:LATEST")
    assert bob.line() == "ROOM_JOINED:general"
    bob.close()


def test_a_lock_survives_a_restart(people):
    people.register("alice")
    stranger = LairClient(people.broker.lair_address())
    for _ in range(5):
        assert stranger.authenticate("login", "alice", "wrong") == \
            "Authentication failed: Invalid credentials"
    limit = "Authentication failed: Rate limit exceeded"
    assert stranger.authenticate("login", "alice") == limit
    people.kill()
    stranger = LairClient(people.broker.lair_address())
    assert stranger.authenticate("login", "alice") == limit
    assert stranger.authenticate("register", "bob") == AUTHENTICATED


def at_most_one_repeat(lines, confirmed):
    """In order but for repeats: each at most twice, and nothing that was confirmed is missing."""
    firsts = list(dict.fromkeys(lines))
    assert firsts == sorted(firsts), "out of order"
    assert all(lines.count(line) <= 2 for line in firsts), lines
    assert set(firsts) >= set(confirmed), set(confirmed) - set(firsts)


@pytest.mark.parametrize("seed", range(3))
def test_random_kills(people, seed):
    """alice writes to bob, who comes and goes; the broker is killed at any moment."""
    dice = random.Random(seed)
    people.register("alice")
    people.register("bob")
    confirmed, received, number = [], [], 0
    for _ in range(8):
        alice = people["alice"]
        bob = people["bob"] if dice.random() < 0.7 else None
        received += people.mail
        people.mail.clear()
        for _ in range(dice.randrange(1, 12)):
            number += 1
            alice.say(f"DM:bob:{number:06d}")
            answer = alice.line()
            while answer.startswith(("USER_LIST:", "ROOM_STATUS:")):
                answer = alice.line()
            assert answer.startswith("SYSTEM_MESSAGE:") and "ERROR" not in answer, answer
            confirmed.append(f"PRIVATE_MESSAGE:alice:{number:06d}")
        if bob:
            received += read_for(bob, dice.random() * 0.2)
        if dice.random() < 0.7:
            people.kill()
            if bob:
                received += read_for(bob, None)
        elif bob:
            people.clients.pop("bob").close()
            alice.until("USER_LIST:alice")
    people.close()
    bob, mail = enter_and_read(people.broker, "bob")
    bob.close()
    at_most_one_repeat(received + mail, confirmed)


def read_for(client, seconds):
    """Direct messages that come within this time (None: until the end)."""
    lines = []
    while True:
        try:
            line = client.line(seconds or 5)
        except (TimeoutError, OSError):
            break
        if line is None:
            break
        lines.append(line)
    return [line for line in lines if line.startswith("PRIVATE_MESSAGE:")]
