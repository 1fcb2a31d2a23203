# SPDX-License-Identifier: MPL-2.0
"""Lair Chat through TLS: what speaks to it, what does not, what a slow or broken handshake costs, a certificate
that is replaced while everything goes on, and what the configuration refuses."""
import os
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

import pytest

from broker import Broker, eventually
from lair_client import LairClient


def openssl(*words, cwd):
    subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=cwd)


class Authority:
    """A certificate authority of our own."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", "/CN=roost tests", "-keyout", "ca.key", "-out", "ca.pem", cwd=folder)

    def issue(self, name, common="localhost"):
        """(certificate, key) in files of this name; the key is for its owner alone."""
        (self.folder / "ext").write_text(f"subjectAltName=DNS:{common},IP:127.0.0.1\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={common}",
                "-keyout", f"{name}.key", "-out", f"{name}.csr", cwd=self.folder)
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-days", "2", "-extfile", "ext", "-out", f"{name}.pem", cwd=self.folder)
        key = self.folder / f"{name}.key"
        key.chmod(0o600)
        return self.folder / f"{name}.pem", key

    def context(self, **versions):
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        for name, value in versions.items():
            setattr(context, name, value)
        return context


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls") / "ca")


@pytest.fixture
def broker(make_broker, authority):
    certificate, key = authority.issue("server")
    return make_broker(lair__listen="127.0.0.1:*", lair__tls_certificate=certificate, lair__tls_key=key)


class TlsClient(LairClient):
    def __init__(self, address, context, **options):
        self.context = context
        super().__init__(address, greet=False)
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        if options.get("greet", True):
            self.greet()


@pytest.fixture
def dial(broker, authority):
    clients = []

    def make(**options):
        clients.append(TlsClient(broker.lair_address(), options.pop("context", authority.context()), **options))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def test_people_talk_through_it(dial):
    ana, bob = dial().enter("ana", kind="register"), dial().enter("bob", kind="register")
    ana.drain()
    ana.say("hello through TLS")
    eventually(lambda: "hello through TLS" in bob.line(), what="bob hears it")
    big = "x" * 60000  # several records
    for _ in range(20):
        bob.say(big)
    seen = 0
    while seen < 20:
        seen += big in ana.line()


@pytest.mark.parametrize("version,is_spoken", [
    (ssl.TLSVersion.TLSv1, False), (ssl.TLSVersion.TLSv1_1, False),
    (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True),
])
def test_versions(broker, authority, version, is_spoken):
    context = authority.context(minimum_version=version, maximum_version=version)
    context.set_ciphers("ALL:@SECLEVEL=0")
    if is_spoken:
        client = TlsClient(broker.lair_address(), context)
        assert client.socket.version().replace("v1.", "v1_") == version.name
        client.close()
        return
    with pytest.raises(ssl.SSLError):
        TlsClient(broker.lair_address(), context)


def test_openssl_agrees(broker, authority):
    """openssl s_client finds a chain it trusts, and neither compression nor a renegotiation."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", "%s:%d" % broker.lair_address(), "-tls1_2",
         "-CAfile", str(authority.folder / "ca.pem"), "-verify_return_error", "-servername", "localhost"],
        input="R\n", capture_output=True, text=True, timeout=30, check=False)
    assert "Verify return code: 0 (ok)" in done.stdout
    assert "Compression: NONE" in done.stdout
    assert "RENEGOTIATING" not in done.stdout or done.returncode != 0 or "error" in done.stderr.lower()
    for flag in ("-tls1", "-tls1_1"):
        refused = subprocess.run(["openssl", "s_client", "-connect", "%s:%d" % broker.lair_address(), flag,
                                  "-cipher", "ALL:@SECLEVEL=0"],
                                 input="", capture_output=True, text=True, timeout=30, check=False)
        assert refused.returncode != 0


def test_somebody_else_is_noticed(broker, tmp_path):
    """A client that does not know the authority, or asked for another name, does not go on."""
    stranger = Authority(tmp_path / "other").context()
    with pytest.raises(ssl.SSLCertVerificationError):
        TlsClient(broker.lair_address(), stranger)


@pytest.mark.parametrize("data", [
    b"hello\n", b"\x16\x03\x01\x00\x05hello", b"\x16\x03\x01\xff\xff" + b"\0" * 100, b"\0" * 70000,
    b"GET / HTTP/1.1\r\n\r\n", os.urandom(5000),
], ids=["line", "record", "long-record", "zeros", "http", "noise"])
def test_plain_bytes(broker, dial, data):
    """Whoever speaks something else is closed, at the latest after five seconds, and learns nothing."""
    connection = socket.create_connection(broker.lair_address(), 10)
    began = time.monotonic()
    got = b""
    try:
        connection.sendall(data)
        while True:
            part = connection.recv(4096)
            if not part:
                break
            got += part
    except (ConnectionResetError, BrokenPipeError):
        pass
    assert time.monotonic() - began < 8
    assert b"Welcome" not in got and len(got) < 100
    connection.close()
    dial()


def test_silent_and_slow_handshakes_hold_up_nobody(broker, dial):
    """Two hundred that say nothing, and fifty that send a byte now and then: others come in at once, and all of
    them are gone after five seconds."""
    held = [socket.create_connection(broker.lair_address(), 10) for _ in range(250)]
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(32)
    is_over = threading.Event()

    def drip():
        for byte in hello:
            for connection in held[:50]:
                try:
                    connection.send(bytes([byte]))
                except OSError:
                    pass
            if is_over.wait(0.3):
                return

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        for number in range(10):
            began = time.monotonic()
            client = dial().enter(f"p{number}", kind="register")
            assert time.monotonic() - began < 4  # Argon2 is most of it
            client.close()

        def all_closed():
            for connection in held:
                connection.setblocking(False)
                try:
                    if connection.recv(100):
                        return False
                except BlockingIOError:
                    return False
                except OSError:
                    continue
            return True

        eventually(all_closed, timeout=15, what="they are closed")
    finally:
        is_over.set()
        thread.join()
        for connection in held:
            connection.close()


def test_a_handshake_that_is_broken_off(broker, dial, authority):
    """At every byte of it: the broker goes on."""
    class Recorder:
        def __init__(self):
            incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            self.object = authority.context().wrap_bio(incoming, self.outgoing, server_hostname="localhost")
            with pytest.raises(ssl.SSLWantReadError):
                self.object.do_handshake()
            self.hello = self.outgoing.read()

    hello = Recorder().hello
    for size in range(0, len(hello) + 1, 7):
        connection = socket.create_connection(broker.lair_address(), 10)
        connection.sendall(hello[:size])
        connection.close()
    for _ in range(100):  # and with changed bytes
        broken = bytearray(hello)
        broken[os.urandom(1)[0] % len(broken)] ^= 1 << os.urandom(1)[0] % 8
        connection = socket.create_connection(broker.lair_address(), 10)
        connection.sendall(bytes(broken))
        connection.close()
    dial().enter("ana", kind="register")


def serial_of(broker, context):
    with socket.create_connection(broker.lair_address(), 10) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as connection:
            return connection.getpeercert()["serialNumber"]


def test_another_certificate(broker, dial, authority):
    """SIGHUP reads both files again: new connections get the new one, old ones go on; files that do not fit
    change nothing."""
    context = authority.context()
    first = serial_of(broker, context)
    ana = dial().enter("ana", kind="register")
    authority.issue("server")
    broker.signal(1)
    eventually(lambda: serial_of(broker, context) != first, what="the new certificate is shown")
    second = serial_of(broker, context)
    assert ana.drain() is not None  # goes on
    (authority.folder / "server.key").write_text("no key")
    broker.signal(1)
    broker.wait_for_log("tls-stays")
    assert serial_of(broker, context) == second
    authority.issue("server")


# ------------------------------------------------------------------------------------ what is not started

def refused(tmp_path, *arguments, **settings):
    """The one line, and the exit code."""
    broker = Broker(tmp_path / "data", arguments=arguments, **settings)
    broker.launch()
    code = broker.wait()
    return code, [line for line in broker.lines if line.startswith("roostd: ")]


def test_passwords_do_not_travel_in_the_clear(tmp_path, authority):
    code, lines = refused(tmp_path, lair__listen="0.0.0.0:0")
    assert code == 78 and len(lines) == 1 and "lair.tls_certificate" in lines[0] and "--insecure" in lines[0]
    certificate, key = authority.issue("plain")
    broker = Broker(tmp_path / "tls", lair__listen="0.0.0.0:*", lair__tls_certificate=certificate,
                    lair__tls_key=key).start()
    assert broker.stop() == 0
    broker = Broker(tmp_path / "laboratory", lair__listen="0.0.0.0:*", arguments=["--insecure"]).start()
    assert broker.stop() == 0


def test_half_a_configuration(tmp_path, authority):
    certificate, key = authority.issue("half")
    code, lines = refused(tmp_path, lair__listen="127.0.0.1:*", lair__tls_certificate=certificate)
    assert code == 78 and "lair.tls_key" in lines[0]
    code, _ = refused(tmp_path, lair__listen="127.0.0.1:*", lair__tls_certificate=certificate,
                      lair__tls_key=tmp_path / "missing")
    assert code == 78


@pytest.mark.parametrize("option", ["lair", "http"])
def test_a_key_that_others_may_read_is_none(tmp_path, authority, option):
    certificate, key = authority.issue("open")
    key.chmod(0o644)
    listen = {f"{option}__listen": "127.0.0.1:*", f"{option}__tls_certificate": certificate,
              f"{option}__tls_key": key}
    broker = Broker(tmp_path / "data", **listen)
    broker.launch()
    assert broker.wait() == 78
    assert any("chmod 600" in line for line in broker.lines)
    key.chmod(0o640)  # its group may: so systemd and Debian hand keys out
    assert Broker(tmp_path / "data", **listen).start().stop() == 0


def test_the_key_of_another_certificate(tmp_path, authority):
    certificate, _ = authority.issue("one")
    _, key = authority.issue("two")
    broker = Broker(tmp_path / "data", lair__listen="127.0.0.1:*", lair__tls_certificate=certificate,
                    lair__tls_key=key)
    broker.launch()
    assert broker.wait() == 78
    assert any("tls-failed" in line for line in broker.lines)
