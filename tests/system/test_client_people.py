# SPDX-License-Identifier: MPL-2.0
"""Rooms, accounts and changes by the Python clients against the daemon: the same story, told once
with Client and once with AsyncClient."""
import asyncio

import pytest

import roost
from helpers import eventually
from roost import aio
from roost.people import People

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


def test_a_locked_name_is_told_at_once(broker):
    with roost.connect(broker.url, "keeper") as keeper:
        for _ in range(5):
            with pytest.raises(roost.RoostError):
                roost.connect(broker.url, "carol", credentials="wrong")

        async def story():
            async with aio.AsyncClient(broker.url, "carol", credentials="wrong") as carol:
                await carol.wait_ready(600)

        with pytest.raises(roost.RoostError) as refused:
            asyncio.run(story())
        assert refused.value.code == roost.LOCKED_OUT
        with roost.Client(broker.url, "carol", credentials=PASSWORD) as carol:
            with pytest.raises(roost.RoostError) as refused:
                carol.wait_ready(600)
            assert refused.value.code == roost.LOCKED_OUT
            keeper.register("carol", PASSWORD)
            keeper.unlock("carol")
            eventually(lambda: carol.peer == "carol", what="it goes on trying")


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


def test_every_call_of_the_asyncio_client(broker):
    """The same names as those of Client; each is called here once."""
    names = {name for name in dir(People) if not name.startswith("_")} - {"query", "call"}
    called = set()

    class Recorder(aio.AsyncClient):
        def __getattribute__(self, name):
            if name in names:
                called.add(name)
            return super().__getattribute__(name)

    async def rooms(alice, bob):
        await alice.create_room("hall", privacy=roost.Privacy.PRIVATE)
        for _ in range(2):
            await alice.invite("hall", "bob", "come")
            await alice.revoke_invitation("hall", "bob")
        invitation_id = await alice.invite("hall", "bob")
        assert [row.invitee for row in (await alice.invitations(sent_by="alice")).items] == ["bob"]
        await bob.decline_invitation(invitation_id=invitation_id)
        await alice.invite("hall", "bob")
        assert await bob.accept_invitation("hall") == ["room:hall"]
        await bob.leave("hall")
        await alice.update_room("hall", privacy=roost.Privacy.PUBLIC, topic="t")
        await bob.join("hall")
        await alice.set_member("hall", "bob", roost.RoomRole.MODERATOR)
        assert [row.role for row in (await bob.members("hall")).items] == [
            roost.RoomRole.OWNER, roost.RoomRole.MODERATOR]
        (room,) = (await bob.rooms(mine_only=True)).items
        assert room.topic == "t"

    async def messages(alice, bob):
        stored = await alice.send("room:hall", "spagetti")
        await alice.edit(stored.message_id, "spaghetti")
        await bob.react(stored.message_id, "+1")
        assert [old.text for old in (await bob.edits(stored.message_id)).items] == ["spagetti"]
        (message,) = (await bob.search("spagh", scope="room:hall")).items
        assert message.reactions == (roost.Reaction("+1", 1, True),)
        await bob.react(stored.message_id, "+1", is_on=False)
        await alice.delete(stored.message_id)
        (message,) = (await bob.history(scope="room:hall")).items
        assert message.deleted_ms and not message.reactions
        await alice.archive_room("hall")

    async def accounts(alice):
        await alice.register("carol", PASSWORD)
        await alice.set_role("carol", roost.Role.MODERATOR)
        await alice.ban("carol", "noise")
        (user,) = (await alice.users()).items
        assert (user.name, user.role, user.ban_reason) == ("carol", roost.Role.MODERATOR, "noise")
        await alice.unban("carol")
        await alice.set_active("carol", False)
        await alice.set_active("carol", True)
        await alice.unlock("carol")
        async with Recorder(broker.url, "carol", credentials=PASSWORD) as carol:
            await carol.wait_ready()
            await carol.create_token("laptop")
            (session,) = (await carol.sessions()).items
            await carol.end_session(session.id)
            assert not (await carol.sessions()).items
            await carol.change_password(PASSWORD + "!", PASSWORD)
        key = roost.KeyPair.make()
        await alice.enrol_key("carol", key.public, "laptop")
        (row,) = (await alice.keys("carol")).items
        assert (row.key, row.label, row.revoked_ms) == (key.public, "laptop", 0)
        assert await alice.invite_key("carol")
        await alice.revoke_key(key.public)
        assert (await alice.keys("carol")).items[0].revoked_ms
        rule = await alice.acl_add("carol", 1, "queue:closed", is_allow=False)
        assert [(row.id, row.subject, row.scope, row.is_allow) for row in (await alice.acl()).items] == [
            (rule, "carol", "queue:closed", False)]
        assert not await alice.acl_test("carol", 1, "queue:closed")
        await alice.acl_remove(rule)
        assert await alice.acl_test("carol", 1, "queue:closed")
        actions = [entry.action for entry in (await alice.audit()).items]
        assert "ban" in actions and "password" in actions

    async def story():
        async with Recorder(broker.url, "alice") as alice, Recorder(broker.url, "bob") as bob:
            await alice.wait_ready()
            await bob.wait_ready()
            await rooms(alice, bob)
            await messages(alice, bob)
            await accounts(alice)

    asyncio.run(story())
    assert called == names
