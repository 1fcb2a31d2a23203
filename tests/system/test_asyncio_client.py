# SPDX-License-Identifier: MPL-2.0
"""The asyncio client against the daemon, through a kill -9 in the middle of a stream."""
import asyncio

from helpers import bodies, numbered, receive_all
from roost import RECEIPT_DELIVERED, aio


def test_a_stream_through_a_kill(broker):
    async def story():
        async with aio.connect(broker.url, "bob") as bob, aio.connect(broker.url, "alice") as alice:
            inbox = await alice.attach(window=100)
            futures = [await bob.send_async("alice", body) for body in numbered(2000)]
            got = []
            async for received in inbox:
                got.append(received.body)
                received.ack()
                if len(got) == 700:
                    await asyncio.get_running_loop().run_in_executor(None, broker.restart)
                if len(got) == 2000:
                    break
            await bob.flush()
            assert [await future for future in futures]
            return got

    assert asyncio.run(story()) == numbered(2000)


def test_questions_receipts_and_presence(broker, connect):
    async def story():
        events = asyncio.Queue()
        async with aio.connect(broker.url, "bob", on_presence=events.put_nowait) as bob:
            await bob.subscribe_presence()
            stored = await bob.send("alice", "hello", receipts=RECEIPT_DELIVERED)
            loop = asyncio.get_running_loop()
            alice = await loop.run_in_executor(None, connect, broker, "alice")
            while (await events.get()).peer != "alice":
                pass
            await loop.run_in_executor(None, lambda: receive_all(alice.attach(), 1))
            inbox = await bob.attach()
            receipts = await inbox.receipts(timeout=10)
            assert [r.message_ids for r in receipts] == [(stored.message_id,)]
            assert bodies((await bob.history("alice")).items) == [b"hello"]
            assert (await bob.unread()) == 0
            assert {peer.name for peer in (await bob.peers()).items} == {"alice", "bob"}
            assert len((await bob.peers(address="127.0.0.1")).items) == 2
            assert (await bob.peer_stats())["total"] == 2

    asyncio.run(story())


def test_a_cancelled_wait_keeps_the_message(broker, connect):
    async def story():
        async with aio.connect(broker.url, "bob") as bob:
            task = asyncio.ensure_future(bob.send("alice", "kept"))
            await asyncio.sleep(0)
            task.cancel()
            await bob.flush()

    asyncio.run(story())
    assert bodies(receive_all(connect(broker, "alice").attach(), 1)) == [b"kept"]
