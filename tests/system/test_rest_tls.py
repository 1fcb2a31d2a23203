# SPDX-License-Identifier: MPL-2.0
"""TLS by configuration, with a certificate made for the test."""
import datetime
import http.client
import ipaddress
import signal
import socket
import ssl

import pytest
from helpers import eventually
from rest import say

x509 = pytest.importorskip("cryptography.x509")
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402


def write_pem(folder):
    """Paths of a new certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "roost test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256()))
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                           serialization.NoEncryption()))
    paths[1].chmod(0o600)
    return paths


@pytest.fixture
def pem(tmp_path):
    return write_pem(tmp_path)


def options(pem):
    return {"http__listen": "127.0.0.1:*", "http__tls_certificate": str(pem[0]), "http__tls_key": str(pem[1])}


def test_everything_over_tls(make_broker, rest, pem):
    broker = make_broker(**options(pem))
    trust = ssl.create_default_context(cafile=str(pem[0]))
    ana = rest(broker, "ana", tls=trust)
    assert ana.get("/me")["name"] == "ana"
    body = "x" * 1_000_000
    stored = ana.post("/messages", scope="peer:bob", body=body)
    assert rest(broker, "bob", tls=trust).get(f"/messages/{stored['message_id']}")["body"] == body
    port = broker.http_address()[1]
    response, _ = ana.raw("GET", "/api/v1/me", headers={"Origin": f"http://127.0.0.1:{port}"})
    assert response.status == 403
    came, is_closed = say(broker.http_address(), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", timeout=5)
    assert b"200 OK" not in came and is_closed
    assert ana.get("/me")["name"] == "ana"


def test_old_versions_are_refused(make_broker, pem):
    broker = make_broker(**options(pem))
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        with socket.create_connection(broker.http_address(), timeout=5) as plain:
            old.wrap_socket(plain)


def shown_by(broker):
    """The certificate that a new connection is shown."""
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(broker.http_address(), timeout=10) as plain:
        with anybody.wrap_socket(plain) as connection:
            return ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True))


def test_another_certificate(make_broker, pem):
    """SIGHUP reads both files again: new connections are shown the new one, old ones go on; files that do not
    fit change nothing."""
    broker = make_broker(**options(pem))
    first = pem[0].read_text()
    assert shown_by(broker) == first
    old = http.client.HTTPSConnection(*broker.http_address(), timeout=10,
                                      context=ssl.create_default_context(cafile=str(pem[0])))

    def goes_on():
        old.request("GET", "/healthz")
        assert old.getresponse().read() == b"ok\n"
        return old.sock

    kept = goes_on()
    write_pem(pem[0].parent)
    second = pem[0].read_text()
    assert second != first and shown_by(broker) == first  # nothing changes by itself
    broker.signal(signal.SIGHUP)
    eventually(lambda: shown_by(broker) == second, what="the new certificate is shown")
    assert goes_on() is kept
    for path in (pem[1], pem[0]):
        right = path.read_bytes()
        before = sum("tls-stays" in line for line in broker.lines)
        path.write_text("nonsense")
        broker.signal(signal.SIGHUP)
        eventually(lambda: sum("tls-stays" in line for line in broker.lines) > before, what="it is told")
        assert shown_by(broker) == second
        path.write_bytes(right)
    write_pem(pem[0].parent)
    pem[1].chmod(0o644)  # a key that others may read
    broker.signal(signal.SIGHUP)
    eventually(lambda: any("chmod 600" in line for line in broker.lines), what="it is told")
    assert shown_by(broker) == second
    pem[1].chmod(0o600)
    broker.signal(signal.SIGHUP)
    eventually(lambda: shown_by(broker) == pem[0].read_text(), what="the third certificate is shown")
    assert goes_on() is kept
    old.close()


def test_wrong_files_are_told(make_broker, pem, tmp_path):
    junk = tmp_path / "junk.pem"
    junk.write_text("nonsense")
    for settings, words in (
            ({**options(pem), "http__tls_key": str(tmp_path / "missing.pem")}, "http.tls_key"),
            ({**options(pem), "http__tls_certificate": str(junk)}, "http.tls_certificate"),
            ({**options(pem), "http__tls_key": ""}, "http.tls_key")):
        broker = make_broker(is_started=False, **settings)
        broker.launch()
        assert broker.wait() == 78, broker.lines
        assert any(words in line for line in broker.lines), broker.lines


def test_beyond_loopback_only_with_tls(make_broker, pem):
    broker = make_broker(http__listen="0.0.0.0:*", is_started=False)
    broker.launch()
    assert broker.wait() == 78 and any("http.tls_certificate" in line for line in broker.lines)
    settings = {**options(pem), "http__listen": "0.0.0.0:*"}
    safe = make_broker(is_started=False, **settings)
    safe.launch().wait_for_log("ready")
