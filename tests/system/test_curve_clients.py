# SPDX-License-Identifier: MPL-2.0
"""CURVE with each client: the tool (and with it the C library), asyncio, JavaScript."""
import asyncio
import json
import os
import subprocess

import pytest

import roost.aio
from curve import Curve, cli
from javascript import NODE, only_with_packages
from roost import KEY_NOT_ENROLLED, KeyPair, RoostError

SECRET = "secret = "


@pytest.fixture
def curve(make_broker):
    return Curve(make_broker)


def done(*words, **options):
    process = cli(*words, **options)
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


def test_the_tool_from_the_first_key_to_its_end(curve, tmp_path):
    key, server = tmp_path / "phone.key", tmp_path / "broker.pub"
    server.write_text(done("key", "server", "--data", curve.broker.data) + "\n")
    assert server.read_text().strip() == curve.server_key
    admin = ("-u", curve.plain_url, "--as", "root")
    mine = ("-u", curve.url, "--as", "alice", "--key-file", key, "--server-key", server)
    code = done("key", "invite", "alice", "--label", "phone", *admin)
    assert done("key", "redeem", "-", *mine, text=code + "\n") == "enrolled alice"
    assert os.stat(key).st_mode & 0o777 == 0o600
    assert done("key", "redeem", "-", *mine, text=code + "\n") == "enrolled alice"   # does no harm
    done("send", "alice", "hello", *mine)
    assert "hello" in done("recv", "--count", "1", *mine)
    row = json.loads(done("key", "list", "--json", *mine))
    assert row["peer"] == "alice" and row["label"] == "phone"
    assert row["key"] == done("key", "show", key)
    done("key", "revoke", row["id"], *admin)
    refused = cli("send", "alice", "hello", *mine)
    assert refused.returncode == 5 and "2023" in refused.stderr


def test_the_tool_enrols_by_key(curve, tmp_path):
    key = tmp_path / "laptop.key"
    public = done("key", "make", key)
    assert cli("key", "make", key).returncode == 1   # it is not replaced
    admin = ("-u", curve.plain_url, "--as", "root")
    done("key", "enrol", "bob", public, *admin)
    again = cli("key", "enrol", "bob", key, *admin)
    assert again.returncode == 5 and "2022" in again.stderr
    environment = {"ROOST_KEY_FILE": str(key), "ROOST_SERVER_KEY": curve.server_key}
    os.environ.update(environment)
    try:
        done("send", "bob", "by environment", "-u", curve.url, "--as", "bob")
    finally:
        for name in environment:
            del os.environ[name]


def test_the_tool_says_what_is_missing(curve, tmp_path):
    key = tmp_path / "one.key"
    done("key", "make", key)
    cases = [
        (("--key-file", key), "--server-key"),
        (("--server-key", curve.server_key), "--key-file"),
        (("--key-file", tmp_path / "none", "--server-key", curve.server_key), "roost key make"),
        (("--key-file", key, "--server-key", "short"), "neither"),
    ]
    for words, hint in cases:
        process = cli("send", "bob", "x", "-u", curve.url, *words)
        assert process.returncode == 2 and hint in process.stderr, process.stderr
    key.chmod(0o640)
    process = cli("send", "bob", "x", "-u", curve.url, "--key-file", key, "--server-key",
                  curve.server_key)
    assert process.returncode == 2 and "chmod 600" in process.stderr
    assert SECRET not in process.stderr


def test_asyncio(curve):
    key = curve.enrol("alice")

    async def story():
        async with roost.aio.connect(curve.url, "alice", key=key,
                                     server_key=curve.server_key) as client:
            await client.send("alice", b"to myself")
            inbox = await client.attach()
            assert (await inbox.receive(10)).body == b"to myself"
        with pytest.raises(RoostError) as refused:
            async with roost.aio.connect(curve.url, "alice", key=KeyPair.make(),
                                         server_key=curve.server_key):
                pass
        assert refused.value.code == KEY_NOT_ENROLLED

    asyncio.run(story())


def test_python_reads_the_files_of_the_tool(curve, tmp_path):
    file = tmp_path / "one.key"
    public = done("key", "make", file)
    with curve.admin() as admin:
        admin.wait_ready(20)
        admin.enrol_key("alice", public)
    with curve.client("alice", str(file)) as client:
        client.wait_ready(20)
    file.chmod(0o644)
    with pytest.raises(ValueError, match="chmod 600"):
        curve.client("alice", str(file))
    with pytest.raises(ValueError, match="belong together"):
        roost.Client(curve.url, "alice", key=KeyPair.make())
    assert KeyPair.make().secret not in repr(KeyPair.make())


@only_with_packages
def test_javascript(curve, tmp_path):
    file = tmp_path / "jay.key"
    done("key", "make", file)
    with curve.admin() as admin:
        admin.wait_ready(20)
        code = admin.invite_key("jay", "node")
        admin.invite_key("somebody-else")
        path = os.path.join(os.path.dirname(__file__), "javascript_stories", "curve.mjs")
        process = subprocess.run([NODE, path, curve.url, curve.server_key, str(file), code],
                                 capture_output=True, text=True, timeout=60, check=False)
        assert process.returncode == 0 and process.stdout.endswith("done\n"), process.stderr
        assert admin.keys("jay").items[0].revoked_ms > 0
