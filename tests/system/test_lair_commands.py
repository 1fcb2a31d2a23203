# SPDX-License-Identifier: MPL-2.0
"""Every command of Lair Chat and every text it is answered with."""
import re

import pytest

ID = "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
NO_ID = "0b9e0000-0000-7000-8000-000000000001"
NO_MESSAGE = "MESSAGE_ERROR:Failed to {}: Record not found: Message with id {}"


@pytest.fixture
def pair(lair, join):
    """alice and bob, both in the Lobby, with nothing left to read."""
    a, b = join(lair, "alice"), join(lair, "bob")
    a.until("ROOM_STATUS:Lobby,bob")
    return a, b


def enter(client, name, *others):
    """Creates the room or joins it, and takes what everybody is told."""
    client.say(f"CREATE_ROOM:{name}")
    if client.line() != f"ROOM_CREATED:{name}":
        client.say(f"JOIN_ROOM:{name}")
        assert client.line() == f"ROOM_JOINED:{name}"
    assert client.line() == f"CURRENT_ROOM:{name}"
    status = client.line()
    assert status.startswith(f"ROOM_STATUS:{name},"), status
    for other in others:
        assert other.line() == status


def ids_in(client, words):
    """Message ids that SEARCH_MESSAGES gives, best match first."""
    found = client.ask(f"SEARCH_MESSAGES:{words}")
    assert found.startswith("SEARCH_RESULTS:"), found
    return re.findall(ID, found)


# ------------------------------------------------------------ rooms

def test_rooms(pair):
    a, b = pair
    enter(a, "general", b)
    assert a.ask("LIST_ROOMS") == "ROOM_LIST:Lobby,general"
    assert a.ask("CREATE_ROOM: GENERAL ") == "ROOM_ERROR:Room 'GENERAL' already exists"
    b.say("JOIN_ROOM: general ")
    assert b.lines(3) == ["ROOM_JOINED:general", "CURRENT_ROOM:general", "ROOM_STATUS:general,bob"]
    assert a.line() == "ROOM_STATUS:general,bob"
    b.say("JOIN_ROOM:general")  # again: no error
    assert b.lines(3) == ["ROOM_JOINED:general", "CURRENT_ROOM:general", "ROOM_STATUS:general,bob"]
    assert a.line() == "ROOM_STATUS:general,bob"
    for lobby in ("Lobby", "lobby", "LOBBY"):
        b.say(f"JOIN_ROOM:{lobby}")
        assert b.lines(3) == ["ROOM_JOINED:Lobby", "CURRENT_ROOM:Lobby", "ROOM_STATUS:Lobby,bob"]
        assert a.line() == "ROOM_STATUS:Lobby,bob"
        assert b.ask(f"CREATE_ROOM:{lobby}") == \
            "ROOM_ERROR:Cannot create a room named 'Lobby' (reserved)"
    for blank in ("", " ", "\t  "):
        assert b.ask(f"CREATE_ROOM:{blank}") == "ROOM_ERROR:Room name cannot be empty"
    assert b.ask("JOIN_ROOM:nope") == "ROOM_ERROR:Room 'nope' does not exist"
    assert a.is_silent() and b.is_silent()


@pytest.mark.parametrize("name", ["a,b", "a|b", "a;b", "a\nb", "x" * 1000, "\u202eevil", "a\u0085b"])
def test_names_that_would_break_lines_are_refused(pair, name):
    a, b = pair
    assert a.ask(f"CREATE_ROOM:{name}").startswith("ROOM_ERROR:Failed to create room: ")
    assert a.ask(f"JOIN_ROOM:{name}").startswith("ROOM_ERROR:")
    assert a.ask("LIST_ROOMS") == "ROOM_LIST:Lobby"
    assert b.is_silent()


def test_names_of_all_scripts(pair):
    a, b = pair
    enter(a, "кухня", b)
    enter(b, "日本語 の 部屋", a)
    listed = a.ask("LIST_ROOMS")
    assert sorted(listed.removeprefix("ROOM_LIST:").split(",")) == ["Lobby", "кухня", "日本語 の 部屋"]


def test_chat_reaches_those_whose_room_it_is(pair, lair, join):
    a, b = pair
    c = join(lair, "carol")
    for client in (a, b):
        client.until("ROOM_STATUS:Lobby,carol")
    enter(a, "general", b, c)
    enter(b, "general", a, c)
    b.say("only here", "ACTION:waves", " blanks kept ", "line\nfeed", "bar|and,comma;")
    assert a.lines(5) == ["bob: only here", "bob: ACTION:waves", "bob:  blanks kept ",
                          "bob: line\nfeed", "bob: bar|and,comma;"]
    c.say("in the Lobby")
    assert a.is_silent() and b.is_silent() and c.is_silent()
    b.say("JOIN_ROOM:Lobby")  # the membership stays, the lines do not come
    b.until("ROOM_STATUS:Lobby,bob")
    c.until("ROOM_STATUS:Lobby,bob")
    a.until("ROOM_STATUS:Lobby,bob")
    a.say("back in general")
    c.say("who is there?")
    assert b.line() == "carol: who is there?"
    assert b.is_silent()


def test_pipelined_commands_are_answered_in_order(lair, join):
    a = join(lair)
    login = '{"type":"register","username":"alice","password":"password123"}'
    a.say(login, "one", "CREATE_ROOM:r", "two", "GET_HISTORY:5", "LIST_ROOMS", "three",
          "GET_HISTORY:5", "LEAVE_ROOM", "GET_HISTORY:5", "SHOW_HELP")
    assert a.lines(12)[0:] == [
        "Authentication successful! Welcome to The Lair!", "ROOM_CREATED:r", "CURRENT_ROOM:r",
        "ROOM_STATUS:r,alice", "HISTORY:alice:two", "ROOM_LIST:Lobby,r", "HISTORY:alice:three",
        "HISTORY:alice:two", "ROOM_LEFT:r", "CURRENT_ROOM:Lobby", "ROOM_STATUS:Lobby,alice",
        "HISTORY:alice:one"]
    assert a.line().startswith("SYSTEM_MESSAGE:Available commands:")


# ------------------------------------------------------------ invitations

def test_what_an_invitation_needs(pair, lair, join):
    a, b = pair
    assert a.ask("INVITE_USER:bob:nope") == "SYSTEM_MESSAGE:ERROR: Room 'nope' does not exist"
    enter(b, "hers", a)
    assert a.ask("INVITE_USER:bob:hers") == \
        "SYSTEM_MESSAGE:ERROR: You must be in room 'hers' to invite others"
    assert a.ask("INVITE_USER:nobody:hers") == \
        "SYSTEM_MESSAGE:ERROR: You must be in room 'hers' to invite others"
    assert b.ask("INVITE_USER:nobody:hers") == "SYSTEM_MESSAGE:ERROR: User 'nobody' does not exist"
    assert b.ask("INVITE_USER:bob:hers") == \
        "SYSTEM_MESSAGE:ERROR: User 'bob' is already a member of room 'hers'"
    b.say("INVITE_USER:alice:hers")
    assert b.line() == "SYSTEM_MESSAGE:You invited alice to join room 'hers'"
    assert a.line() == "SYSTEM_MESSAGE:bob invited you to join room 'hers'"
    assert b.ask("INVITE_USER:alice:hers") == \
        "SYSTEM_MESSAGE:ERROR: User 'alice' already has a pending invitation to room 'hers'"
    b.say("INVITE_USER:alice", "INVITE_USER:")
    assert b.is_silent() and a.is_silent()


def test_answers_to_invitations(pair):
    a, b = pair
    for kind in ("ACCEPT", "DECLINE"):
        assert b.ask(f"{kind}_INVITATION:LATEST") == \
            "SYSTEM_MESSAGE:ERROR: No pending invitations found"
        assert b.ask(f"{kind}_INVITATION:nope") == "SYSTEM_MESSAGE:ERROR: Room 'nope' does not exist"
    assert b.ask("LIST_INVITATIONS") == "SYSTEM_MESSAGE:No pending invitations"
    assert b.ask("ACCEPT_ALL_INVITATIONS") == "SYSTEM_MESSAGE:No pending invitations to accept"
    for room in ("one", "two", "three", "four"):
        enter(a, room, b)
        assert b.ask(f"ACCEPT_INVITATION:{room}") == \
            f"SYSTEM_MESSAGE:ERROR: No pending invitation found for room '{room}'"
        assert a.ask(f"INVITE_USER:bob:{room}") == \
            f"SYSTEM_MESSAGE:You invited bob to join room '{room}'"
        assert b.line() == f"SYSTEM_MESSAGE:alice invited you to join room '{room}'"
    listed = b.ask("LIST_INVITATIONS").split("\n")
    assert listed[0] == "SYSTEM_MESSAGE:Pending invitations:"
    assert {re.sub(ID, "ID", line) for line in listed[1:]} == \
        {f"• Room: '{room}' from alice (ID: ID)" for room in ("one", "two", "three", "four")}
    assert b.ask("DECLINE_INVITATION:LATEST") == \
        "SYSTEM_MESSAGE:You declined the invitation to room 'four'"
    assert b.ask("ACCEPT_INVITATION:four") == \
        "SYSTEM_MESSAGE:ERROR: No pending invitation found for room 'four'"
    b.say("ACCEPT_INVITATION: one ")
    assert b.lines(4) == ["ROOM_JOINED:one", "CURRENT_ROOM:one", "ROOM_STATUS:one,bob",
                          "SYSTEM_MESSAGE:You joined room 'one'"]
    accepted = b.ask("ACCEPT_ALL_INVITATIONS")
    assert accepted in ("SYSTEM_MESSAGE:Accepted 2 invitations. Joined rooms: two, three",
                        "SYSTEM_MESSAGE:Accepted 2 invitations. Joined rooms: three, two")
    assert {line for line in b.drain() if not line.startswith("ROOM_STATUS:")} == set()
    b.say("still in one")  # accepting all changes no current room
    a.say("JOIN_ROOM:one", "GET_HISTORY:1")
    a.until("HISTORY:bob:still in one")


# ------------------------------------------------------------ direct messages

def test_direct_messages(pair):
    a, b = pair
    a.say("DM:bob:psst: secret")
    assert b.line() == "PRIVATE_MESSAGE:alice:psst: secret"
    assert a.line() == "SYSTEM_MESSAGE:DM sent to bob: psst: secret"
    a.say("DM:bob:")
    assert b.line() == "PRIVATE_MESSAGE:alice:"
    assert a.line() == "SYSTEM_MESSAGE:DM sent to bob: "
    a.say("DM:alice:to myself")
    assert sorted(a.lines(2)) == ["PRIVATE_MESSAGE:alice:to myself",
                                  "SYSTEM_MESSAGE:DM sent to alice: to myself"]
    for name in ("nobody", "Welcome1", "a b", ""):
        assert a.ask(f"DM:{name}:hi") == \
            f"SYSTEM_MESSAGE:ERROR: User {name} is not online or not found"
    a.say("DM:bob", "DM:")
    assert a.is_silent() and b.is_silent()


def test_a_direct_message_to_who_is_away(pair, lair, join):
    a, b = pair
    b.close()
    assert a.line() == "USER_LIST:alice"
    for number in range(3):
        kept = a.ask(f"DM:bob:later {number}")
        assert kept.startswith("SYSTEM_MESSAGE:") and "ERROR: " not in kept
        assert " is not online" not in kept and ": true" not in kept
    b = join(lair, "bob", kind="login")
    assert b.lines(3) == [f"PRIVATE_MESSAGE:alice:later {number}" for number in range(3)]
    assert b.is_silent()


# ------------------------------------------------------------ changes, search, history

def test_changes_of_messages(pair):
    a, b = pair
    enter(a, "general", b)
    enter(b, "general", a)
    a.say("the first wrods")
    assert b.line() == "alice: the first wrods"
    identity, = ids_in(a, "wrods")
    assert a.ask(f"EDIT_MESSAGE:{identity}:the first: words") == \
        f"MESSAGE_EDITED:{identity}:the first: words"
    assert b.line() == f"MESSAGE_EDITED:alice:{identity}:the first: words"
    assert b.ask(f"EDIT_MESSAGE:{identity}:mine") == \
        "MESSAGE_ERROR:Failed to edit message: Validation error: user_id - " \
        "Permission denied: only message author can edit"
    assert ids_in(a, "wrods") == [] and ids_in(b, "words") == [identity]
    for client in (b, b):  # idempotent
        assert client.ask(f"REACT_MESSAGE:{identity}:👍") == f"REACTION_ADDED:{identity}:👍"
    for client in (b, b):
        assert client.ask(f"UNREACT_MESSAGE:{identity}:👍") == f"REACTION_REMOVED:{identity}:👍"
    for unknown in (NO_ID, "7", ""):
        assert a.ask(f"EDIT_MESSAGE:{unknown}:x") == NO_MESSAGE.format("edit message", unknown)
        assert a.ask(f"DELETE_MESSAGE:{unknown}") == NO_MESSAGE.format("delete message", unknown)
        assert a.ask(f"MARK_READ:{unknown}") == f"MESSAGES_READ:{unknown}"
        assert a.ask(f"REPLY_MESSAGE:{unknown}:x").startswith("MESSAGE_ERROR:")
        assert a.ask(f"REACT_MESSAGE:{unknown}:x").startswith("MESSAGE_ERROR:")
    assert a.ask(f"EDIT_MESSAGE:{identity}").startswith("MESSAGE_ERROR:")
    assert b.ask(f"MARK_READ:{identity}") == f"MESSAGES_READ:{identity}"
    reply = b.ask(f"REPLY_MESSAGE:{identity}:yes: indeed")
    assert re.fullmatch(f"REPLY_CREATED:{identity}:{ID}", reply), reply
    assert a.line() == f"REPLY:bob:{identity}:yes: indeed"
    assert b.ask(f"DELETE_MESSAGE:{identity}").startswith("MESSAGE_ERROR:Failed to delete message: ")
    assert a.ask(f"DELETE_MESSAGE:{identity}") == f"MESSAGE_DELETED:{identity}"
    assert ids_in(a, "words") == []
    assert a.is_silent() and b.is_silent()


def test_history_and_search(pair):
    a, b = pair
    for number in range(30):
        a.say(f"line number {number}")
        assert b.line() == f"alice: line number {number}"
    b.say("GET_HISTORY:3")
    assert b.lines(3) == [f"HISTORY:alice:line number {29 - i}" for i in range(3)]
    b.say("GET_HISTORY:many")
    assert b.lines(20) == [f"HISTORY:alice:line number {29 - i}" for i in range(20)]
    b.say("GET_HISTORY:500")
    assert b.lines(30) == [f"HISTORY:alice:line number {29 - i}" for i in range(30)]
    b.say("GET_HISTORY:0")
    assert b.is_silent()
    assert len(ids_in(b, "number")) == 20
    found = b.ask("SEARCH_MESSAGES:17")
    assert re.fullmatch(f"SEARCH_RESULTS:{ID}:alice:line number 17", found), found
    assert b.ask("SEARCH_MESSAGES:nothing like it") == "SEARCH_RESULTS:"
    a.say("今天天气很好")
    assert b.line() == "alice: 今天天气很好"
    assert len(ids_in(b, "天气")) == 1
    enter(b, "empty", a)
    b.say("GET_HISTORY:5")
    assert b.is_silent()
    assert b.ask("SEARCH_MESSAGES:number") == "SEARCH_RESULTS:"


# ------------------------------------------------------------ users

def test_logging_in(lair, join):
    a = join(lair)
    for text in ("CREATE_ROOM:x", "", "{}", '{"type":"logout","username":"a","password":"b"}',
                 '{"type":"Login","username":"a","password":"b"}'):
        assert a.ask(text) == "Invalid authentication request"
    for name in ("", "a,b", "a:b", "a b", "tab\t", "Welcome 1", "new\nline"):
        failed = a.authenticate("register", name)
        assert failed.startswith("Authentication failed: "), failed
        assert not any(word in failed for word in ("successful", "Welcome", "a,b"))
    assert a.authenticate("register", "Welcome1") == \
        "Authentication successful! Welcome to The Lair!"
    b = join(lair)
    taken = "Authentication failed: Username already taken"
    assert b.authenticate("register", "Welcome1") == taken
    assert b.authenticate("register", "WELCOME1") == taken
    assert b.authenticate("login", "Welcome1", "wrong") == \
        "Authentication failed: Invalid credentials"
    assert b.authenticate("login", "nobody") == "Authentication failed: User not found"
    assert b.authenticate("login", "Welcome1") == "Authentication successful! Welcome to The Lair!"


def test_two_connections_of_one_user(lair, join):
    first = join(lair, "alice")
    bob = join(lair, "bob")
    first.until("ROOM_STATUS:Lobby,bob")
    second = join(lair, "alice", kind="login")
    for client in (first, bob):
        assert client.line() in ("USER_LIST:alice,bob", "USER_LIST:bob,alice")
        assert client.line() == "ROOM_STATUS:Lobby,alice"
    bob.say("DM:alice:one", "chat one")
    assert bob.line() == "SYSTEM_MESSAGE:DM sent to alice: one"
    assert sorted(second.lines(2)) == ["PRIVATE_MESSAGE:bob:one", "bob: chat one"]
    assert first.is_silent()
    second.close()  # the first is still there and has its place again
    for client in (first, bob):
        assert client.line() in ("USER_LIST:alice,bob", "USER_LIST:bob,alice")
    bob.say("DM:alice:two", "chat two")
    assert bob.line() == "SYSTEM_MESSAGE:DM sent to alice: two"
    assert sorted(first.lines(2)) == ["PRIVATE_MESSAGE:bob:two", "bob: chat two"]
    first.close()
    assert bob.line() == "USER_LIST:bob"


def test_the_older_connection_may_leave_first(lair, join):
    first, bob = join(lair, "alice"), join(lair, "bob")
    second = join(lair, "alice", kind="login")
    bob.until("ROOM_STATUS:Lobby,alice")
    first.close()
    assert bob.line() in ("USER_LIST:alice,bob", "USER_LIST:bob,alice")
    bob.say("DM:alice:still there?")
    second.until("PRIVATE_MESSAGE:bob:still there?")
    assert second.ask("REQUEST_USER_LIST") in ("USER_LIST:alice,bob", "USER_LIST:bob,alice")
