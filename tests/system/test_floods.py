# SPDX-License-Identifier: MPL-2.0
"""More than a process can hold: connections beyond its files, a message without end, memory that runs
out. It refuses, or it ends and starts again at once; what was acknowledged is there in any case."""
import re
import shutil
import socket
import struct
import threading
import time

import pytest

from broker import Patience
from helpers import bodies, numbered, receive_all
from roost import RoostClosed, RoostError

MIB = 1 << 20
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
READY = b"\x04\x29\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER\x08Identity\x00\x00\x00\x00"

@pytest.fixture
def limits():
    if not shutil.which("prlimit"):
        pytest.skip("prlimit (package util-linux) is not installed")
    return lambda **most: ["prlimit", *(f"--{name}={value}" for name, value in most.items())]

def peak_bytes(broker):
    try:
        with open(f"/proc/{broker.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return 0

def test_silent_connections_beyond_all_files(make_broker, connect, limits):
    """Twice as many as it may open files, and nobody says a word: those who were there go on, and a
    new client is served when the silent ones are dropped."""
    broker = make_broker(prefix=limits(nofile=512))
    early = connect(broker, "early")
    inbox = early.attach()
    silent = []
    for _ in range(1000):
        try:
            silent.append(socket.create_connection(("127.0.0.1", broker.port), 2))
        except OSError:
            break
    try:
        for body in numbered(20):
            early.send("early", body)
        assert bodies(receive_all(inbox, 20)) == numbered(20)
        late = connect(broker, "late")
        late.send("early", "made it")
        assert receive_all(inbox, 1)[0].body == b"made it"
    finally:
        for one in silent:
            one.close()
    assert broker.is_running()

def endless(port, is_over, sent):
    """Parts of a message that never ends."""
    part = bytes([3]) + struct.pack(">Q", 60_000) + bytes(60_000)
    with socket.create_connection(("127.0.0.1", port), 10) as link:
        link.sendall(GREETING)
        link.recv(64, socket.MSG_WAITALL)  # its greeting
        link.sendall(READY)
        link.recv(1000)  # its READY
        try:
            while not is_over.is_set():
                link.sendall(part * 16)
                sent[0] += 16 * 60_000
        except OSError:
            return  # it was cut off, or the process ended

def test_a_message_without_end(make_broker, connect, limits):
    """libzmq sets no bound on the parts of a message that is not complete; the memory limit of the
    service does. Whatever happens, the acknowledged is there when it is back."""
    broker = make_broker(prefix=limits(data=512 * MIB))
    bob = connect(broker, "bob")
    for body in numbered(200):
        bob.send("alice", body)
    is_over, sent = threading.Event(), [0]
    flood = threading.Thread(target=endless, args=(broker.port, is_over, sent))
    flood.start()
    deadline, peak = time.monotonic() + 8, 0
    while broker.is_running() and flood.is_alive() and time.monotonic() < deadline:
        peak = max(peak, peak_bytes(broker))
        time.sleep(0.02)
    has_ended = not broker.is_running()
    is_over.set()
    if has_ended:
        assert broker.wait() != 0
    else:
        broker.kill()
    flood.join()
    print(f"{sent[0] >> 20} MiB sent, {peak >> 20} MiB at most, "
          f"{'the process ended' if has_ended else 'cut off'}")
    bob.close()
    broker.prefix = []
    broker.start()
    inbox = connect(broker, "alice").attach()
    assert bodies(receive_all(inbox, inbox.waiting_at_attach)) == numbered(200)

@pytest.mark.parametrize("most_mib", [64, 80, 96, 128, 192, 384])
def test_memory_runs_out_in_the_middle_of_work(make_broker, connect, limits, most_mib):
    """Whatever the limit, it serves, refuses or ends; it never answers for what is not there. With so little
    that libzmq drops the connection over each frame, again and again, nobody can do more than wait."""
    broker = make_broker(prefix=limits(data=most_mib * MIB), is_started=False)
    broker.launch()
    try:
        broker.wait_for_log(r"\bready\b")
    except AssertionError:
        assert broker.wait() != 0, "too little to start with: it ends, and says so"
        return

    broker.port = int(re.findall(r"tcp://127\.0\.0\.1:(\d+)", "\n".join(broker.log_of_run()))[-1])
    acknowledged, refused = [], []
    bob = connect(broker, "bob", unacknowledged_max=2000)
    deadline = time.monotonic() + 6

    def answered(future, body):
        problem = future.exception()
        if problem is None:
            acknowledged.append(body)
        elif not isinstance(problem, RoostClosed):
            refused.append((body, problem))

    def pour():
        try:
            for number in range(3000):
                body = b"%06d" % number + bytes(60_000)
                future = bob.send_async("alice", body)
                future.add_done_callback(lambda future, body=body[:6]: answered(future, body))
                if time.monotonic() > deadline or not broker.is_running():
                    return
        except RoostError:
            return

    sender = threading.Thread(target=pour)
    sender.start()
    patience = Patience(30)
    while sender.is_alive() and broker.is_running() and not patience.is_over():
        time.sleep(0.05)
    assert not patience.is_over() or most_mib < 96, "it neither goes on nor ends"
    if broker.is_running():
        broker.kill()
    broker.wait()
    bob.close()
    sender.join()
    on_disk = list(acknowledged)
    broker.prefix = []
    broker.start()
    inbox = connect(broker, "alice").attach()
    got = [body[:6] for body in bodies(receive_all(inbox, inbox.waiting_at_attach, timeout=60))]
    assert not refused, "nothing is refused for good for want of memory"
    assert got[:len(on_disk)] == on_disk, "acknowledged and not there"
    print(f"{most_mib} MiB: {len(on_disk)} acknowledged")
