# SPDX-License-Identifier: MPL-2.0
"""Rooms, accounts and changes by the Python clients against the daemon: the same story, told once
with Client and once with AsyncClient."""
import asyncio

import pytest

import roost
from roost import aio

PASSWORD = "correct horse battery"


def test_the_synchronous_client(broker):
    with roost.connect(broker.url, "alice") as alice, roost.connect(broker.url, "bob") as bob:
        alice.create_room("kitchen", privacy=roost.Privacy.PRIVATE, topic="tea")
        with pytest.raises(roost.RoostError) as refused:
            bob.join("kitchen")
        assert refused.value.code == 2003
        invitation_id = alice.invite("kitchen", "bob", "come and eat")
        mail = bob.attach().receive(10)
        assert roost.invitation_of(mail).invitation_id == invitation_id
        assert [row.text for row in bob.invitations().items] == ["come and eat"]
        assert bob.accept_invitation("kitchen") == ["room:kitchen"]
        assert [(m.peer, m.role) for m in alice.members("kitchen").items] == [
            ("alice", roost.RoomRole.OWNER), ("bob", roost.RoomRole.MEMBER)]
        alice.update_room("kitchen", topic=None, description="hot")
        (room,) = bob.rooms(mine_only=True).items
        assert (room.name, room.topic, room.description, room.members) == (
            "kitchen", "", "hot", 2)

        live = bob.attach("room:kitchen", ephemeral=True)
        stored = alice.send("room:kitchen", "spagetti")
        alice.edit(stored.message_id, "spaghetti")
        bob.react(stored.message_id, "+1")
        kinds = []
        while len(kinds) < 3:
            received = live.receive(10)
            kinds.append(received.kind)
            received.ack()
        assert kinds == [roost.Kind.TEXT, roost.Kind.EDIT, roost.Kind.REACTION]
        (message,) = bob.search("spagh", scope="room:kitchen").items
        assert message.text == "spaghetti" and message.edited_ms
        assert message.reactions == (roost.Reaction("+1", 1, True),)
        assert [old.text for old in bob.edits(stored.message_id).items] == ["spagetti"]
        alice.delete(stored.message_id)
        (message,) = bob.history(scope="room:kitchen").items
        assert message.deleted_ms and message.body == b""
        alice.set_member("kitchen", "bob", roost.RoomRole.BANNED)
        with pytest.raises(roost.RoostError) as refused:
            bob.send("room:kitchen", "hello?")
        assert refused.value.code == 5018


def test_accounts_and_tokens(broker):
    with roost.connect(broker.url, "nobody") as nobody:
        assert nobody.role is roost.Role.NONE
        nobody.register("carol", PASSWORD)
    with pytest.raises(roost.RoostError) as refused:
        roost.connect(broker.url, "carol", credentials="wrong")
    assert refused.value.code == roost.BAD_CREDENTIALS
    with roost.connect(broker.url, "carol", credentials=PASSWORD) as carol:
        assert carol.role in (roost.Role.USER, roost.Role.ADMIN)
        token = carol.create_token("laptop")
        assert [row.label for row in carol.sessions().items if row.label] == ["laptop"]
    with roost.connect(broker.url, "carol", credentials=token) as carol:
        carol.end_session(is_all=True)
    with pytest.raises(roost.RoostError):
        roost.connect(broker.url, "carol", credentials=token)


def test_the_asyncio_client(broker):
    async def story():
        async with aio.connect(broker.url, "alice") as alice, \
                aio.connect(broker.url, "bob") as bob:
            await alice.create_room("kitchen", privacy=roost.Privacy.PROTECTED, password="tea")
            with pytest.raises(roost.RoostError):
                await bob.join("kitchen", "coffee")
            await bob.join("kitchen", "tea")
            await alice.create_room("hall", privacy=roost.Privacy.PRIVATE)
            await alice.invite("hall", "bob")
            assert await bob.accept_invitation(is_all=True) == ["room:hall"]
            assert [room.name for room in (await bob.rooms(mine_only=True)).items] == [
                "hall", "kitchen"]
            stored = await bob.send("room:kitchen", "北京のお茶")
            (message,) = (await alice.search("お茶")).items
            assert message.message_id == stored.message_id
            await bob.leave("kitchen")
            assert [m.peer for m in (await alice.members("kitchen")).items] == ["alice"]

    asyncio.run(story())
