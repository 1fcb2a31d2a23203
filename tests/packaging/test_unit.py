# SPDX-License-Identifier: MPL-2.0
"""roostd.service: its exposure, that it is right, and that the daemon runs under just these limits.

The limits are applied by sandbox.py, which reads them from the unit: a real run of the real
daemon. With a real systemd: boot_test.py.
"""
import os
import re
import shutil
import subprocess
import sys

import pytest

from broker import Broker
from rest import Rest
from roost import Client
from unit_file import Unit

HERE = os.path.dirname(os.path.abspath(__file__))
UNIT = os.environ["ROOST_UNIT"]
EXPOSURE_MAX = 10  # tenths

needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"),
                                   reason="no systemd-analyze (package systemd)")
needs_root = pytest.mark.skipif(os.geteuid() != 0 or not os.path.exists("/proc/self/ns/user"),
                                reason="needs root to take rights away")


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", "--no-pager", *arguments], check=False,
                          capture_output=True, text=True)


def sandboxed(program):
    return [sys.executable, os.path.join(HERE, "sandbox.py"), UNIT, program]


@needs_systemd
def test_the_exposure_is_at_most_one():
    done = analyze("security", "--offline=yes", f"--threshold={EXPOSURE_MAX}", UNIT)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_systemd
def test_a_unit_that_gives_more_away_is_found(tmp_path):
    with open(UNIT, encoding="utf-8") as file:
        text = file.read()
    (tmp_path / "roostd.service").write_text(text.replace("PrivateUsers=yes\n", ""))
    done = analyze("security", "--offline=yes", f"--threshold={EXPOSURE_MAX}",
                   str(tmp_path / "roostd.service"))
    assert done.returncode != 0


@needs_systemd
def test_systemd_understands_every_line(tmp_path):
    """The installed paths are put aside: nothing is installed here."""
    with open(UNIT, encoding="utf-8") as file:
        text = re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", file.read())
    (tmp_path / "roostd.service").write_text(text, encoding="utf-8")
    done = analyze("verify", "--man=no", str(tmp_path / "roostd.service"))
    about_us = [line for line in (done.stdout + done.stderr).splitlines() if "roostd" in line]
    assert not about_us


def test_the_command_of_the_unit_is_one_of_roostd(tmp_path):
    words = Unit(UNIT).last("ExecStart").split()
    assert words[1] == "--config" and words[3:] == ["$ROOSTD_OPTIONS"]
    (tmp_path / "roost.conf").write_text("[log]\nlevel = warn\n", encoding="utf-8")
    subprocess.run([os.environ["ROOSTD"], "--config", str(tmp_path / "roost.conf"), "--insecure",
                    "--check-config"], check=True)


# ------------------------------------------------------------------------------ a real run


@needs_systemd
@needs_root
def test_the_limits_are_in_force(tmp_path):
    """What the daemon is run under in the next test is no cardboard."""
    python = os.path.realpath(sys.executable)
    with open(os.path.join(HERE, "probe.py"), encoding="utf-8") as file:
        source = file.read()
    done = subprocess.run([*sandboxed(python), "--data", str(tmp_path)], check=False, timeout=60,
                          capture_output=True, text=True)
    assert "unknown option --data" in done.stderr, "python itself runs there: " + done.stderr
    done = subprocess.run([*sandboxed(python), "-c", source], check=False, timeout=60,
                          capture_output=True, text=True)
    assert done.stdout.splitlines() == ["done"], done.stdout + done.stderr
    os.chmod(tmp_path, 0o777)
    free = subprocess.run([python, "-c", source], check=True, timeout=60, capture_output=True,
                          text=True, user=65534, env={"STATE_DIRECTORY": str(tmp_path)})
    assert len(free.stdout.splitlines()) > 5, "without limits the probe finds what it may"


@pytest.fixture
def broker(tmp_path):
    os.chmod(tmp_path, 0o755)
    broker = Broker(tmp_path / "data", prefix=sandboxed(os.environ["ROOSTD"])[:-1],
                    arguments=["--set", "zmq.listen=ipc:///run/roost/zmq"], http__listen="127.0.0.1:*",
                    lair__listen="127.0.0.1:*", ipmsg__listen="127.0.0.1:2425")
    yield broker
    if broker.is_running():
        broker.stop()
    print(*broker.lines, sep="\n")


def said(peer, url):
    with Client(url, peer) as client:
        inbox = client.attach()
        message = inbox.receive(20)
        message.ack()
        inbox.confirm()
        return message.text


@needs_systemd
@needs_root
def test_the_daemon_runs_under_the_limits(broker, tmp_path):
    broker.start()
    with open(f"/proc/{broker.process.pid}/status", encoding="ascii") as file:
        status = file.read()
    assert re.search(r"(?m)^Seccomp:\t2$", status) and re.search(r"(?m)^CapBnd:\t0+$", status)
    with Client(broker.url, "bob") as bob:
        bob.send("alice", "under the limits")
        bob.send("alice", "x" * 1000000)
        bob.register("carol", "a password of hers")  # Argon2id: memory, threads
    assert said("alice", broker.url) == "under the limits"
    broker.signal(1)
    broker.wait_for_log("configuration-read")
    broker.restart()
    assert len(said("alice", broker.url)) == 1000000
    with Client(broker.url, "carol", credentials="a password of hers") as carol:
        carol.wait_ready(20)
        assert carol.search("nothing") is not None
    rest = Rest(broker, token=None)
    assert rest.post("/sessions", user="carol", password="a password of hers")["token"]
    rest.close()
    copy = tmp_path / "copy.db"
    subprocess.run([os.environ["ROOST_CLI"], "backup", "--data", broker.data, copy], check=True, capture_output=True)
    subprocess.run([os.environ["ROOST_CLI"], "verify", copy], check=True, capture_output=True)
    assert broker.stop() == 0
    assert not [line for line in broker.lines if re.search(r" error | warn ", line)]
