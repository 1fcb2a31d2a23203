# SPDX-License-Identifier: MPL-2.0
"""Sessions: takeover of a consumer, resuming, orderly ends, refusals, ipc, signals, restarts."""
import signal

import pytest

from broker import DEADLINE_S
from helpers import bodies, eventually, info, numbered, receive_all
from roost import Client, RoostError
from roost.schema import pb


def test_a_second_session_takes_the_consumer_over(broker, connect):
    bob, one, two = connect(broker, "bob"), connect(broker, "alice"), connect(broker, "alice")
    first = one.attach()
    for body in numbered(10):
        bob.send("alice", body)
    held = receive_all(first, 5, settle=None)
    second = two.attach()
    with pytest.raises(RoostError) as over:
        for _ in range(20):
            first.receive(5)
    assert over.value.code == 5005
    got = receive_all(second, 10)
    assert bodies(got) == numbered(10) and bodies(held) == numbered(5)
    assert all(m.is_redelivered for m in got[:5])


def test_a_resumed_session_has_its_messages_at_once(broker, connect_raw, connect):
    """HELLO with the token of a lost session: its leases end, nothing waits for a timeout."""
    connect(broker, "bob").send("alice", "hello")
    raw = connect_raw(broker)
    token = raw.hello("alice").resume_token
    raw.attach("alice")
    assert raw.receive(pb.DELIVER)
    again = connect_raw(broker)
    assert again.hello("alice", resume_token=token).resumed
    again.attach("alice")
    assert again.receive(pb.DELIVER).entries[0].body == b"hello"


def test_a_foreign_token_resumes_nothing(broker, connect_raw):
    token = connect_raw(broker).hello("alice").resume_token
    assert not connect_raw(broker).hello("mallory", resume_token=token).resumed


def test_hello_again_on_the_same_connection_starts_anew(broker, connect_raw):
    raw = connect_raw(broker)
    raw.hello("alice")
    raw.store("bob", 3)
    raw.hello("alice")
    raw.numbers = iter(range(1, 100))
    assert raw.store("bob", 2).upto_no == 2


def test_welcome_tells_the_limits(broker, connect_raw):
    welcome = connect_raw(broker).hello("alice")
    assert len(welcome.boot_id) == len(welcome.resume_token) == 16
    assert welcome.version == 1 and welcome.peer == b"alice" and not welcome.is_verified
    limits = welcome.limits
    assert limits.body_bytes_max == 1 << 20 and limits.frame_bytes_max > limits.body_bytes_max
    assert limits.heartbeat_ms == 5000 and limits.lease_ms == 30_000 and limits.entries_max >= 100
    assert welcome.publish_upto >= 1000 and limits.publish_bytes > 0 and welcome.time_ms > 1.6e12


def test_ping_is_answered_with_its_echo(broker, connect_raw):
    raw = connect_raw(broker)
    raw.hello("alice")
    assert raw.ask(pb.Ping(echo=b"echo"), pb.PONG).echo == b"echo"


def test_a_silent_session_is_pinged_and_then_ended(make_broker, connect_raw, connect):
    broker = make_broker(zmq__heartbeat_ms=200)
    connect(broker, "bob").send("alice", "hello")
    raw = connect_raw(broker)
    raw.hello("alice")
    raw.attach("alice")
    assert raw.receive(pb.DELIVER)
    inbox = connect(broker, "alice").attach(consumer="other", start="first")
    assert receive_all(inbox, 1)
    eventually(lambda: info(connect(broker, "probe"), "alice").attached_peer == "")


def test_goodbye_gives_leases_back_at_once(broker, connect_raw, connect):
    connect(broker, "bob").send("alice", "hello")
    raw = connect_raw(broker)
    raw.hello("alice")
    raw.attach("alice")
    assert raw.receive(pb.DELIVER)
    raw.send(pb.Goodbye())
    message = receive_all(connect(broker, "alice").attach(), 1, timeout=5)[0]
    assert message.attempt == 1, "an orderly end is no failure"


def test_detach_gives_leases_back_without_a_failure(broker, connect):
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    bob.send("alice", "hello")
    inbox = alice.attach()
    receive_all(inbox, 1, settle=None)
    inbox.close()
    assert receive_all(alice.attach(), 1)[0].attempt == 1


def test_restarts_put_leases_back_without_a_failure(broker, connect):
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    bob.send("alice", "hello")
    for _ in range(3):
        inbox = alice.attach()
        assert receive_all(inbox, 1, settle=None)[0].attempt == 1
        broker.restart()
        inbox.close()


def test_sigterm_stops_in_order_while_clients_work(broker, connect):
    bob, alice = connect(broker, "bob"), connect(broker, "alice")
    alice.attach()
    futures = [bob.send_async("alice", body) for body in numbered(2000)]
    futures[100].result(20)
    broker.signal(signal.SIGTERM)
    assert broker.wait() == 0
    broker.start()
    assert bob.flush(DEADLINE_S)
    assert all(future.exception() is None for future in futures)


def test_it_starts_again_at_once_with_much_stored(broker, connect):
    """50,000 messages wait: the restart is not slower than the deadline of a client."""
    bob = connect(broker, "bob")
    for body in numbered(50_000):
        bob.send_async(f"peer{int(body[1:]) % 100}", body)
    assert bob.flush(60)
    broker.restart()
    inbox = connect(broker, "peer7").attach()
    assert bodies(receive_all(inbox, 500)) == numbered(50_000)[7::100]


def test_the_log_of_a_start_says_how_many_wait(broker, connect):
    bob = connect(broker, "bob")
    for body in numbered(7):
        bob.send("alice", body)
    inbox = connect(broker, "alice").attach()
    assert bodies(receive_all(inbox, 3)) == numbered(3)
    inbox.confirm(DEADLINE_S)
    broker.restart()
    broker.wait_for_log(r"\bloaded\b.*\bwaiting=4\b")


def test_ipc_works_like_tcp(make_broker, tmp_path):
    path = tmp_path / "roost.sock"
    make_broker(zmq__listen=f"ipc://{path}", is_started=False).launch().wait_for_log("ready")
    with Client(f"ipc://{path}", "alice") as alice:
        alice.wait_ready(20)
        alice.send("alice", "over ipc")
        assert receive_all(alice.attach(), 1)[0].text == "over ipc"


def test_listening_beyond_loopback_is_refused_without_protection(make_broker):
    broker = make_broker(zmq__listen="tcp://0.0.0.0:*", is_started=False)
    broker.launch()
    assert broker.wait() == 78
    assert any("--insecure" in line for line in broker.log_of_run())


@pytest.mark.parametrize("setting", ["zmq.listne=x", "retry.preset=lazy", "message.ttl_s=-1",
                                     "nonsense"])
def test_a_wrong_configuration_is_refused_with_its_place(make_broker, setting):
    broker = make_broker(is_started=False, arguments=["--set", setting])
    broker.launch()
    assert broker.wait() in (2, 78)
    assert any(setting.split("=")[0].split(".")[-1] in line for line in broker.log_of_run())
