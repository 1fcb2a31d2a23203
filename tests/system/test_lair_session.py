# SPDX-License-Identifier: MPL-2.0
"""The sample session of the protocol, byte for byte, and what must hold around it."""
import re

from lair_client import AUTHENTICATED


def test_the_sample_session(lair, join):
    a = join(lair)
    assert a.ask("hello?") == "Invalid authentication request"
    assert a.authenticate("login", "alice") == "Authentication failed: User not found"
    assert a.authenticate("register", "alice") == AUTHENTICATED
    assert a.ask("REQUEST_USER_LIST") == "USER_LIST:alice"
    assert a.ask("LIST_ROOMS") == "ROOM_LIST:Lobby"
    a.say("CREATE_ROOM:general")
    assert a.lines(3) == ["ROOM_CREATED:general", "CURRENT_ROOM:general",
                          "ROOM_STATUS:general,alice"]
    b = join(lair, "bob")
    assert a.line() in ("USER_LIST:alice,bob", "USER_LIST:bob,alice")
    assert a.line() == "ROOM_STATUS:Lobby,bob"
    a.say("INVITE_USER:bob:general")
    assert b.line() == "SYSTEM_MESSAGE:alice invited you to join room 'general'"
    assert a.line() == "SYSTEM_MESSAGE:You invited bob to join room 'general'"
    assert a.ask("INVITE_USER:bob:general") == \
        "SYSTEM_MESSAGE:ERROR: User 'bob' already has a pending invitation to room 'general'"
    listed = b.ask("LIST_INVITATIONS")
    assert re.fullmatch("SYSTEM_MESSAGE:Pending invitations:\n"
                        "• Room: 'general' from alice \\(ID: [0-9a-f-]{36}\\)", listed), listed
    b.say("ACCEPT_INVITATION:LATEST")
    assert b.lines(4) == ["ROOM_JOINED:general", "CURRENT_ROOM:general", "ROOM_STATUS:general,bob",
                          "SYSTEM_MESSAGE:You joined room 'general'"]
    assert a.line() == "ROOM_STATUS:general,bob"
    b.say("hello: everyone")
    assert a.line() == "bob: hello: everyone"
    a.say("DM:bob:psst: secret")
    assert b.line() == "PRIVATE_MESSAGE:alice:psst: secret"
    assert a.line() == "SYSTEM_MESSAGE:DM sent to bob: psst: secret"
    assert a.ask("DM:nobody:hi") == "SYSTEM_MESSAGE:ERROR: User nobody is not online or not found"
    a.say("DM:bob")
    assert b.ask("CREATE_ROOM:general") == "ROOM_ERROR:Room 'general' already exists"
    assert b.ask("CREATE_ROOM:LOBBY") == "ROOM_ERROR:Cannot create a room named 'Lobby' (reserved)"
    assert b.ask("CREATE_ROOM:") == "ROOM_ERROR:Room name cannot be empty"
    assert b.ask("JOIN_ROOM:nope") == "ROOM_ERROR:Room 'nope' does not exist"
    b.say("LEAVE_ROOM")
    assert b.lines(3) == ["ROOM_LEFT:general", "CURRENT_ROOM:Lobby", "ROOM_STATUS:Lobby,bob"]
    assert a.line() == "ROOM_STATUS:Lobby,bob"
    b.say("LEAVE_ROOM")
    assert b.is_silent()
    b.close()
    assert a.line() == "USER_LIST:alice"
    assert a.is_silent()
