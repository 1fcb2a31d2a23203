# SPDX-License-Identifier: MPL-2.0
"""Who gets in over CURVE, and as whom: by the key of the connection, and by nothing else."""
import os
import re
import time

import pytest
import zmq

from broker import eventually
from curve import Curve, run_to_end
from helpers import counter
from raw import Raw
from roost import (BAD_CODE, KEY_NOT_ENROLLED, KEY_OF_ANOTHER, KEY_REVOKED, LOCKED_OUT, KeyPair,
                   RoostError)
from roost.schema import pb

SILENCE_MS = 1500


@pytest.fixture
def curve(make_broker):
    return Curve(make_broker)


def refusal_of(client, timeout=15):
    """The code with which the broker does not let it in."""
    with client, pytest.raises(RoostError) as refused:
        client.wait_ready(timeout)
    return refused.value.code


def is_in(client):
    with client:
        client.wait_ready(20)
        return client.peer


# ------------------------------------------------------------------ the door

def test_a_key_that_is_enrolled_gets_in(curve):
    key = curve.enrol("alice", "laptop")
    with curve.client("alice", key) as alice:
        alice.wait_ready(20)
        alice.send("alice", b"to myself")
        with alice.attach() as inbox:
            assert inbox.receive(10).body == b"to myself"
        row = alice.keys().items[0]
    assert (row.peer, row.key, row.label, row.revoked_ms) == ("alice", key.public, "laptop", 0)
    assert row.used_ms >= row.created_ms > 0


def test_a_key_that_is_not_enrolled_is_refused(curve):
    curve.enrol("alice")
    assert refusal_of(curve.client("alice", KeyPair.make())) == KEY_NOT_ENROLLED
    curve.broker.wait_for_log(r"key-refused .*not enrolled")


def refused_rows(curve):
    with curve.admin() as admin:
        return [(row.target, row.detail) for row in admin.audit(limit=500).items if row.action == "key-refused"]


def knock(curve, key, sources):
    """A handshake from each of these addresses of this machine's own network."""
    def secure(socket):
        socket.curve_serverkey = curve.server_key.encode()
        socket.curve_publickey, socket.curve_secretkey = key.public.encode(), key.secret.encode()
        socket.reconnect_ivl = -1  # one is one

    def refused():
        with curve.admin() as admin:
            return counter(admin, "handshakes_refused_total")

    wanted = refused() + len(sources)
    where = curve.url.removeprefix("tcp://")
    raws = [Raw(f"tcp://{source}:0;{where}", security=secure) for source in sources]
    eventually(lambda: refused() >= wanted, what="all are refused")
    for raw in raws:
        raw.close()
    assert refused() == wanted


def test_refused_handshakes_are_noted_and_fill_nothing(curve):
    """The first of an address at once, the others as a count; the rest when the broker stops."""
    stranger = KeyPair.make()
    assert refused_rows(curve) == []
    knock(curve, stranger, ["127.0.0.2"])
    first = ("127.0.0.2", f"1 handshake, the last with {stranger.public}: it is not enrolled")
    eventually(lambda: refused_rows(curve) == [first], what="the first is noted at once")
    knock(curve, stranger, ["127.0.0.2"] * 20)
    knock(curve, stranger, [f"127.0.1.{number + 1}" for number in range(40)])
    eventually(lambda: len(refused_rows(curve)) == 33, what="32 addresses, and the others")
    assert curve.broker.stop() == 0
    curve.broker.start()
    rows = refused_rows(curve)
    assert len(rows) == 35, rows
    counts = {}
    for target, detail in rows:
        counts[target] = counts.get(target, 0) + int(detail.split()[0])
    assert counts.pop("127.0.0.2") == 21 and counts.pop("other addresses") == 9
    assert len(counts) == 31 and set(counts.values()) == {1}


def test_without_curve_nobody_gets_in(curve):
    """A client without any security, and one with PLAIN, on the port that speaks CURVE."""
    def plain(socket):
        socket.plain_username, socket.plain_password = b"root", b"secret"

    for security in (None, plain):
        with Raw(curve.url, security=security) as raw:
            raw.send(pb.Hello(version_min=1, version_max=1, peer=b"root"))
            assert raw.receive(timeout_ms=SILENCE_MS) is None
    key = curve.enrol("alice")
    assert is_in(curve.client("alice", key)) == "alice"


def test_a_broker_with_another_key_is_not_spoken_to(curve):
    key = curve.enrol("alice")
    with curve.client("alice", key, server_key=KeyPair.make().public) as alice:
        with pytest.raises(RoostError):
            alice.wait_ready(2)


def test_the_name_is_that_of_the_key(curve):
    alice, bob = curve.enrol("alice"), curve.enrol("bob")
    assert refusal_of(curve.client("bob", alice)) == KEY_OF_ANOTHER
    assert is_in(curve.client("ALICE", alice)) == "alice"   # the same name
    assert is_in(curve.client("bob", bob)) == "bob"


# ------------------------------------------------------------------ the impostor

def talk_as(raw, peer):
    raw.hello(peer)
    raw.attach(f"peer:{peer}")
    return raw


def become(curve, key, routing_id):
    """A connection that has this routing id, once its owner is gone: the broker answers it."""
    for _ in range(50):
        raw = curve.raw(key, routing_id)
        raw.send(pb.Ping(echo=b"?"))
        if raw.receive(timeout_ms=SILENCE_MS) is not None:
            return raw
        raw.close()
    raise AssertionError("the routing id was never free")


def test_an_impostor_with_the_same_routing_id_hears_nothing(curve):
    """While the other one is connected, and after it has gone."""
    alice, mallory = curve.enrol("alice"), curve.enrol("mallory")
    with curve.admin() as admin:
        admin.wait_ready(20)
        with curve.raw(alice, b"alice") as victim:
            talk_as(victim, "alice")
            with curve.raw(mallory, b"alice") as impostor:
                impostor.send(pb.Attach(handle=1, scope=b"peer:alice", credit_messages=10))
                admin.send("alice", b"for alice")
                assert victim.receive(pb.DELIVER).entries[0].body == b"for alice"
                assert impostor.receive(timeout_ms=SILENCE_MS) is None
        # her connection is gone, her session is not; now the impostor gets her routing id
        with become(curve, mallory, b"alice") as successor:
            for number in range(20):
                admin.send("alice", b"secret %d" % number)
            successor.send(pb.Attach(handle=1, scope=b"peer:alice", credit_messages=10))
            successor.send(pb.Credit(handle=1, messages_total=1000))
            heard = []
            while (message := successor.receive(timeout_ms=SILENCE_MS)) is not None:
                heard.append(type(message).__name__)
            assert set(heard) <= {"NoSession", "Error"}, heard
            # he is who his key says, and gets his own
            talk_as(successor, "mallory")
            admin.send("mallory", b"for mallory")
            assert successor.receive(pb.DELIVER).entries[0].body == b"for mallory"


def test_an_impostor_who_waits_gets_nothing_that_is_on_its_way(curve):
    """Deliveries flow while the victim's connection is cut, and somebody takes its routing id."""
    alice, mallory = curve.enrol("alice"), curve.enrol("mallory")
    with curve.admin() as admin:
        admin.wait_ready(20)
        for attempt in range(10):
            name = b"shared %d" % attempt
            with curve.raw(alice, name) as victim:
                talk_as(victim, "alice")
                sent = [admin.send_async("alice", b"secret") for _ in range(200)]
                assert victim.receive(pb.DELIVER) is not None
            with curve.raw(mallory, name) as impostor:
                impostor.send(pb.Ping(echo=b"here"))
                for stored in sent:
                    stored.result(20)
                more = [admin.send_async("alice", b"secret") for _ in range(50)]
                for stored in more:
                    stored.result(20)
                deadline = time.monotonic() + 0.3
                while time.monotonic() < deadline:
                    message = impostor.receive(timeout_ms=50)
                    assert message is None or isinstance(message, (pb.NoSession, pb.Error)), message


def test_a_session_is_not_resumed_with_another_key(curve):
    alice, other = curve.enrol("alice"), KeyPair.make()
    with curve.admin() as admin:
        admin.wait_ready(20)
        admin.enrol_key("alice", other.public)
    with curve.raw(alice) as first, curve.raw(other) as second:
        welcome = first.hello("alice")
        answer = second.hello("alice", resume_token=welcome.resume_token)
        assert not answer.resumed
        first.send(pb.Ping(echo=b"still here"))
        assert first.receive(pb.PONG).echo == b"still here"


# ------------------------------------------------------------------ revocation

def test_revoking_ends_sessions_at_once(curve):
    key, other = curve.enrol("alice", "stolen"), KeyPair.make()
    with curve.admin() as admin:
        admin.wait_ready(20)
        admin.enrol_key("alice", other.public, "kept")
        with curve.raw(key) as stolen, curve.raw(other) as kept:
            talk_as(stolen, "alice")
            kept.hello("alice")
            began = time.monotonic()
            admin.revoke_key(key.public)
            goodbye = stolen.receive(pb.GOODBYE)
            assert goodbye.reason == KEY_REVOKED
            assert time.monotonic() - began < 1
            # neither the connection that is there nor a new one is of use
            stolen.send(pb.Hello(version_min=1, version_max=1, peer=b"alice"))
            assert stolen.receive(pb.ERROR).code == KEY_REVOKED
            kept.send(pb.Ping(echo=b"kept"))
            assert kept.receive(pb.PONG).echo == b"kept"
        assert refusal_of(curve.client("alice", key)) == KEY_NOT_ENROLLED
        assert is_in(curve.client("alice", other)) == "alice"
        with pytest.raises(RoostError):   # never again
            admin.enrol_key("alice", key.public)
        actions = [entry.action for entry in admin.audit(limit=500).items]
        assert actions.count("key-enrol") == 2 and actions.count("key-revoke") == 1
    curve.restart()
    assert refusal_of(curve.client("alice", key)) == KEY_NOT_ENROLLED
    assert is_in(curve.client("alice", other)) == "alice"


def test_all_of_one_account(curve):
    key, other = curve.enrol("mallory"), curve.enrol("alice")
    with curve.admin() as admin, curve.raw(key) as mallory, curve.raw(other) as alice:
        admin.wait_ready(20)
        code = admin.invite_key("mallory")
        mallory.hello("mallory")
        alice.hello("alice")
        assert admin.revoke_key(name="mallory", is_all=True).count == 2   # and the code
        assert mallory.receive(pb.GOODBYE).reason == KEY_REVOKED
        admin.invite_key("bob")   # so that strangers get as far as HELLO
        assert refusal_of(curve.client("mallory", KeyPair.make(), credentials=code)) == BAD_CODE
        alice.send(pb.Ping(echo=b"still here"))
        assert alice.receive(pb.PONG).echo == b"still here"


def test_one_revokes_ones_own_and_nobody_elses(make_broker):
    curve = Curve(make_broker, security__admins="root")
    alice, bob = curve.enrol("alice"), curve.enrol("bob")
    with curve.client("alice", alice) as client:
        client.wait_ready(20)
        for choice in ({"key": bob.public}, {"key_id": 2}, {"name": "bob", "is_all": True}):
            with pytest.raises(RoostError) as refused:
                client.revoke_key(**choice)
            assert refused.value.code == 2003
        for name in ("bob", "nobody"):
            with pytest.raises(RoostError):
                client.keys(name)
        client.revoke_key(alice.public)
        eventually(lambda: client._core.error is not None, what="the session ends")


# ------------------------------------------------------------------ codes

def test_a_code_enrols_one_key_once(curve):
    first, second = KeyPair.make(), KeyPair.make()
    with curve.admin() as admin:
        admin.wait_ready(20)
        code = admin.invite_key("carol", "phone")
        assert re.fullmatch(r"([0-9A-HJKMNP-TV-Z]{5}-){4}[0-9A-HJKMNP-TV-Z]{5}", code)
        admin.invite_key("dave")
    assert refusal_of(curve.client("carol", first)) == KEY_NOT_ENROLLED
    assert refusal_of(curve.client("dave", first, credentials=code)) == BAD_CODE   # not his
    typed = code.lower().replace("-", " ")
    assert is_in(curve.client("carol", first, credentials=typed)) == "carol"
    assert is_in(curve.client("carol", first, credentials=code)) == "carol"   # does no harm
    assert is_in(curve.client("carol", first)) == "carol"
    assert refusal_of(curve.client("carol", second, credentials=code)) == BAD_CODE
    with curve.admin() as admin:
        admin.wait_ready(20)
        rows = admin.keys("carol").items
        assert [(row.key, row.label) for row in rows] == [(first.public, "phone")]
        details = [(entry.action, entry.actor) for entry in admin.audit(limit=500).items]
        assert ("key-redeem", "carol") in details


def test_without_an_open_code_strangers_stay_outside(curve):
    with curve.admin() as admin:
        admin.wait_ready(20)
        code = admin.invite_key("carol")
        assert is_in(curve.client("carol", KeyPair.make(), credentials=code)) == "carol"
        # that was the last one: the next stranger fails at the handshake
        eventually(lambda: refusal_text(curve).startswith("the broker refused the key"),
                   what="the door closes")


def refusal_text(curve):
    with curve.client("x", KeyPair.make()) as client, pytest.raises(RoostError) as refused:
        client.wait_ready(15)
    return refused.value.text


def test_guessing_codes_is_throttled(make_broker):
    curve = Curve(make_broker, security__login_failures_max=3, security__lock_s=600)
    with curve.admin() as admin:
        admin.wait_ready(20)
        code = admin.invite_key("carol")
        wrong = ("0" if code[0] != "0" else "1") + code[1:]
        codes = [refusal_of(curve.client("carol", KeyPair.make(), credentials=wrong))
                 for _ in range(4)]
        assert codes == [BAD_CODE, BAD_CODE, BAD_CODE, LOCKED_OUT]
        key = KeyPair.make()
        assert refusal_of(curve.client("carol", key, credentials=code)) == LOCKED_OUT
        assert "key-lock" in [entry.action for entry in admin.audit(limit=500).items]
        admin.unlock("carol")
        assert is_in(curve.client("carol", key, credentials=code)) == "carol"


def test_what_is_noted_of_keys(make_broker):
    """Every event of keys that docs/SECURITY.md lists, and of whom."""
    curve = Curve(make_broker, security__login_failures_max=1)
    with curve.admin() as admin:
        admin.wait_ready(20)
        key = KeyPair.make()
        admin.enrol_key("alice", key.public, "laptop")
        code = admin.invite_key("bob")
        assert is_in(curve.client("bob", KeyPair.make(), credentials=code)) == "bob"
        code = admin.invite_key("carol")
        wrong = ("0" if code[0] != "0" else "1") + code[1:]
        assert refusal_of(curve.client("carol", KeyPair.make(), credentials=wrong)) == BAD_CODE
        admin.revoke_key(key.public)
        noted = [(entry.action, entry.target) for entry in admin.audit(limit=500).items]
    for event in [("key-enrol", "alice"), ("key-code", "bob"), ("key-redeem", "bob"),
                  ("key-code", "carol"), ("key-lock", "carol"), ("key-revoke", "alice")]:
        assert noted.count(event) == 1, (event, noted)


def test_enrolment_can_be_switched_off(make_broker):
    curve = Curve(make_broker, security__enrolment="off")
    with curve.admin() as admin:
        admin.wait_ready(20)
        code = admin.invite_key("carol")
    assert refusal_of(curve.client("carol", KeyPair.make(), credentials=code)) == KEY_NOT_ENROLLED
    assert is_in(curve.client("bob", curve.enrol("bob"))) == "bob"


@pytest.mark.parametrize("how", ["code", "administrator"])
def test_what_was_acknowledged_survives_kill_9(curve, how):
    for number in range(5):
        key, name = KeyPair.make(), f"{how}{number}"
        with curve.admin() as admin:
            admin.wait_ready(20)
            if how == "administrator":
                admin.enrol_key(name, key.public)
            else:
                code = admin.invite_key(name)
                with curve.raw(key) as raw:
                    raw.hello(name, credentials=code.encode())   # WELCOME is the answer
            curve.restart()
        assert is_in(curve.client(name, key)) == name


# ------------------------------------------------------------------ when the keyring dies

def test_without_the_keyring_nobody_new_gets_in(make_broker, tmp_path):
    down = tmp_path / "down"
    curve = Curve(make_broker, program=os.environ["ROOSTD_FRAIL"],
                  environment={"ROOST_TEST_KEYRING_DOWN": str(down)})
    key = curve.enrol("alice")
    with curve.raw(key) as there:
        there.hello("alice")
        down.touch()
        with curve.raw(key) as refused, curve.raw(KeyPair.make()) as stranger:
            for raw in (refused, stranger):   # the first of them kills it
                raw.send(pb.Hello(version_min=1, version_max=1, peer=b"alice"))
            curve.broker.wait_for_log(r"keyring .*(died|restart)|(died|restart).*keyring")
            for raw in (refused, stranger):
                assert raw.receive(timeout_ms=2 * SILENCE_MS) is None
            there.send(pb.Ping(echo=b"served"))   # who is in stays in
            assert there.receive(pb.PONG).echo == b"served"
        down.unlink()
        assert is_in(curve.client("alice", key)) == "alice"
        eventually(lambda: refusal_of(curve.client("x", KeyPair.make())) == KEY_NOT_ENROLLED,
                   what="strangers are refused again")


# ------------------------------------------------------------------ starting

def test_beyond_this_machine_only_with_curve(tmp_path):
    code, said = run_to_end(tmp_path / "a", "zmq.listen=tcp://0.0.0.0:*")
    assert code == 78 and said.count("\n") == 1, said
    assert "curve://" in said and "--insecure" in said


def test_with_curve_it_listens_everywhere(make_broker):
    curve = Curve(make_broker, zmq__listen="tcp://127.0.0.1:*,curve://0.0.0.0:*",
                  security__admins="root", mailbox__autocreate="on")
    assert "tcp://0.0.0.0:" in "\n".join(curve.broker.log_of_run())
    key = curve.enrol("alice")
    assert is_in(curve.client("alice", key)) == "alice"


def test_a_key_file_that_others_may_read_is_refused(tmp_path):
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    listen = "zmq.listen=curve://127.0.0.1:*"
    file = data / "server.key"
    for mode in (0o640, 0o604, 0o660, 0o666):
        file.write_text("not even looked at")
        file.chmod(mode)
        code, said = run_to_end(data, listen)
        assert code == 78 and said.count("\n") == 1 and "chmod 600" in said, said
    for text in ("", "kind = server\n", "public = x\n"):
        file.write_text(text)
        file.chmod(0o600)
        code, said = run_to_end(data, listen)
        assert code == 78 and said.count("\n") == 1 and str(file) in said, said


def test_the_server_key_is_made_once_and_kept(curve):
    path = os.path.join(curve.broker.data, "server.key")
    assert os.stat(path).st_mode & 0o777 == 0o600
    before = curve.server_key
    curve.restart()
    assert curve.server_key == before


def test_no_secret_is_shown(curve):
    """Not in the log, not among the arguments, not in the database."""
    key = curve.enrol("alice")
    with curve.admin() as admin:
        admin.wait_ready(20)
        code = admin.invite_key("carol")
    assert is_in(curve.client("alice", key)) == "alice"
    assert is_in(curve.client("carol", KeyPair.make(), credentials=code)) == "carol"
    with open(os.path.join(curve.broker.data, "server.key"), encoding="ascii") as file:
        server = re.search(r"secret = (\S+)", file.read()).group(1)
    with open(f"/proc/{curve.broker.process.pid}/cmdline", "rb") as file:
        arguments = file.read().decode()
    assert curve.broker.stop() == 0
    shown = "\n".join(curve.broker.lines) + arguments
    kept = b"".join(open(os.path.join(curve.broker.data, name), "rb").read()
                    for name in os.listdir(curve.broker.data) if name.startswith("roost.db"))
    for secret in (server, key.secret, code, code.replace("-", "")):
        assert secret not in shown and secret.encode() not in kept
