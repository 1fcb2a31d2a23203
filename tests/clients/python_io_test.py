# SPDX-License-Identifier: MPL-2.0
"""Client and AsyncClient over real sockets, with the model broker behind a ROUTER: the same story
for both, through a crash of the broker in the middle."""
import asyncio
import signal
import threading
import time

import pytest
import zmq

import roost
from python_model_broker import ModelBroker
from roost import aio
from roost.inbox import Inbox
from roost.schema import pack, pb


FRAMES_PER_TURN = 100


class Served:
    """The model broker on a ROUTER, in a thread. As the real one it hears each connection for itself: what an
    earlier one of the client has left behind does not belong to the session of a later one."""

    def __init__(self):
        self.model = ModelBroker(publish_window=1000, publish_bytes=1 << 20)
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.url = f"tcp://127.0.0.1:{self.port}"
        self.crashes = threading.Event()
        self.is_over = False
        self.greeted = None  # the connection that said HELLO
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while not self.is_over:
            for turn in range(FRAMES_PER_TURN):
                if not self.socket.poll(5 if turn == 0 else 0):
                    break
                self.answer(*self.socket.recv_multipart())
            if self.greeted and self.model.has_session:
                for frame in self.model.deliver(100):
                    self.socket.send_multipart([self.greeted, frame])
            if self.crashes.is_set():
                self.model.crash()
                self.crashes.clear()
        self.socket.close()

    def answer(self, peer, frame):
        if frame[3] == pb.HELLO:
            self.greeted = peer
        if peer != self.greeted:
            self.socket.send_multipart([peer, pack(pb.NoSession())])
        elif frame[3] == pb.GOODBYE:
            self.model.crash()
            self.socket.send_multipart([peer, pack(pb.Goodbye())])
        elif frame[3] == pb.QUERY:
            query = pb.Query.FromString(frame[4:])
            for message in (pb.Result(request_id=query.request_id, peers=[pb.Peer(name=b"bob")]),
                            pb.Fin(request_id=query.request_id)):
                self.socket.send_multipart([peer, pack(message)])
        else:
            for answer in self.model.receive(frame):
                self.socket.send_multipart([peer, answer])

    def close(self):
        self.is_over = True
        self.thread.join()


@pytest.fixture
def served():
    broker = Served()
    yield broker
    broker.close()


def test_the_synchronous_client(served):
    with roost.connect(served.url, "alice") as client:
        futures = [client.send_async("alice", str(n)) for n in range(2000)]
        inbox = client.attach(window=50)
        got = []
        while len(got) < 2000:
            received = inbox.receive(10)
            got.append(int(received.text))
            received.ack()
            if len(got) in (300, 1200):
                served.crashes.set()
        assert got == list(range(2000))
        assert client.flush(10)
        assert [future.result().seq for future in futures] == list(range(1, 2001))
        inbox.confirm(10)
        assert [peer.name for peer in client.peers().items] == ["bob"]
        assert all(count == 1 for count in served.model.settled.values())


def test_the_asyncio_client(served):
    async def story():
        async with aio.connect(served.url, "alice") as client:
            futures = [await client.send_async("alice", str(n)) for n in range(1000)]
            inbox = await client.attach(window=50)
            got = []
            async for received in inbox:
                got.append(int(received.text))
                received.ack()
                if len(got) == 300:
                    served.crashes.set()
                if len(got) == 1000:
                    break
            assert got == list(range(1000))
            assert [(await future).seq for future in futures] == list(range(1, 1001))
            assert [peer.name for peer in (await client.peers()).items] == ["bob"]
            assert await inbox.receive(0.05) is None
            await client.flush()

    asyncio.run(story())
    assert all(count == 1 for count in served.model.settled.values())


def test_an_absent_broker_is_a_timeout_and_what_was_sent_waits_for_it():
    with roost.Client("tcp://127.0.0.1:1", "alice") as client:
        with pytest.raises(roost.RoostTimeout):
            client.wait_ready(0.1)
        with pytest.raises(roost.RoostTimeout):
            client.send("bob", "x", timeout=0.1)
        future = client.send_async("bob", "y")
    assert isinstance(future.exception(1), roost.RoostClosed)
    with pytest.raises(roost.RoostClosed):
        client.send("bob", "z")


def test_a_closed_client_ends_its_inboxes(served):
    client = roost.connect(served.url, "alice")
    inbox = client.attach()
    client.close()
    assert list(inbox) == []
    client.close()


def test_many_threads_may_use_one_client(served):
    with roost.connect(served.url, "alice") as client:
        results = []

        def work(thread):
            results.extend(client.send("alice", f"{thread}").seq for _ in range(50))

        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(results) == list(range(1, 401))


def test_wrong_arguments_are_said_at_once(served):
    with roost.connect(served.url, "alice") as client:
        for wrong in (lambda: client.send("", "x"), lambda: client.attach("a", start="sometime"),
                      lambda: client.history(), lambda: client.history("a", scope="queue:b"),
                      lambda: client.attach(window=0), lambda: roost.Client(served.url)):
            with pytest.raises(ValueError):
                wrong()


@pytest.mark.parametrize("url", ["nowhere", "tcp://", "tcp://127.0.0.1", ""])
def test_an_address_that_is_none_is_told_at_once(url):
    with pytest.raises(ValueError, match="url: "):
        roost.Client(url, "alice")

    async def story():
        aio.AsyncClient(url, "alice").start()

    with pytest.raises(ValueError, match="url: "):
        asyncio.run(story())


def test_signals_do_not_keep_receive_beyond_its_time():
    """A signal that comes as the time ends: CPython's own queue then waits for ever."""
    inbox = Inbox(None, keeps_receipts=False)
    end = threading.Timer(30, inbox._on_item, (None, RuntimeError("receive() did not come back")))
    end.start()

    def late(*_):
        time.sleep(0.002)  # longer than receive() is to wait
        signal.setitimer(signal.ITIMER_REAL, 0.0007)

    before = signal.signal(signal.SIGALRM, late)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0007)
        for _ in range(500):
            assert inbox.receive(0.001) is None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        end.cancel()
