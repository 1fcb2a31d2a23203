# SPDX-License-Identifier: MPL-2.0
"""Those who wait: for a slow disk, beside a consumer who stopped reading, beside a message without end,
during a backup."""
import os
import sqlite3
import subprocess
import threading
import time

from troubles.figures import MIB, ms, percentile, ping, status_bytes

OTHERS = 50
RATE_PER_S = 4  # of each


def slow_disk(options, figures, folder):
    from broker import Broker
    from fault_disk import FaultDisk, Unavailable
    from raw import Raw
    from roost import Client
    from roost.schema import pb
    try:
        disk = FaultDisk(os.path.join(options.build, "tests", "faults", "fault_fs"), folder)
    except Unavailable as reason:
        figures.skip(reason)
        return
    with disk:
        broker = Broker(os.path.join(disk.path, "data")).start()
        with Client(broker.url, "bob") as bob, Raw(broker.url) as raw:
            raw.hello("pinger")
            bob.send("alice", "first")
            figures.add("PING p99, disk well", ms(percentile(ping(raw, pb, 3), 99)), "ms")
            before = broker.rss_bytes()
            disk.slow("sync", 1000)
            futures = [bob.send_async("alice", bytes(1000)) for _ in range(20_000)]
            times = ping(raw, pb, 8)
            grown = (broker.rss_bytes() - before) / MIB
            figures.add("PING p99, commits take 1 s", ms(percentile(times, 99)), "ms", most=50,
                        note=f"p50 {ms(percentile(times, 50)):.2f} ms")
            figures.add("growth with 20,000 messages of 1 KB handed over at once", grown, "MiB", most=256)
            disk.clear()
            bob.flush(60)
            stored = sum(future.exception() is None for future in futures)
            if stored != len(futures):
                figures.fail(f"{stored:,} of {len(futures):,} were stored in the end")
        broker.stop()


# ------------------------------------------------------------------ many who talk

class Talk(threading.Thread):
    """50 peers, each with a mailbox; one of them after the other gets a message from the one before, at a
    steady rate. Seconds from the moment it was due until it is received."""

    def __init__(self, broker, count, seconds):
        from roost import Client
        super().__init__(daemon=True)
        self.clients = [Client(broker.url, f"other{number}") for number in range(count)]
        self.inboxes = [client.attach() for client in self.clients]
        self.seconds, self.times, self.error = seconds, [], None

    def run(self):
        try:
            began = time.monotonic()
            for turn in range(int(self.seconds * RATE_PER_S)):
                due = began + turn / RATE_PER_S
                time.sleep(max(0, due - time.monotonic()))
                for number, client in enumerate(self.clients):
                    client.send_async(f"other{(number + 1) % len(self.clients)}", b"x" * 100)
                for inbox in self.inboxes:
                    inbox.receive(30).ack()
                    self.times.append(time.monotonic() - due)
        except Exception as error:  # noqa: BLE001 it is told in the other thread
            self.error = error

    def measure(self):
        self.times, self.error = [], None
        thread = threading.Thread(target=self.run)
        thread.start()
        thread.join()
        if self.error:
            raise self.error
        return self.times

    def close(self):
        for client in self.clients:
            client.close()


def slow_consumer(options, figures, folder):
    from broker import Broker
    from raw import Raw
    from roost import Client
    from roost.schema import pb
    broker = Broker(os.path.join(folder, "data")).start()
    with Client(broker.url, "filler") as filler:
        futures = [filler.send_async("sleeper", bytes(200)) for _ in range(options.waiting)]
        filler.flush(300)
        assert not any(future.exception() for future in futures)
    talk = Talk(broker, OTHERS, 6)
    talk.measure()
    quiet = talk.measure()
    before = broker.rss_bytes()
    with Raw(broker.url) as raw:
        raw.hello("sleeper")
        raw.send(pb.Attach(handle=1, scope=b"peer:sleeper", credit_messages=1 << 40))
        beside = talk.measure()
        grown = (broker.rss_bytes() - before) / MIB
    talk.close()
    ratio = percentile(beside, 99) / percentile(quiet, 99)
    figures.add(f"p99 of {OTHERS} others beside it", ratio, "times as long", most=1.5,
                note=f"{ms(percentile(quiet, 99)):.1f} ms, then {ms(percentile(beside, 99)):.1f} ms")
    figures.add(f"growth with {options.waiting:,} waiting", grown, "MiB", most=32)
    with Client(broker.url, "sleeper") as client:
        inbox = client.attach()
        came = 0
        while came < options.waiting and (received := inbox.receive(30)):
            received.ack()
            came += 1
    if came != options.waiting:
        figures.fail(f"{came:,} of {options.waiting:,} came when it read again")
    broker.stop()


def endless(_options, figures, folder):
    from broker import Broker
    from raw import Raw
    from roost.schema import pb
    from test_floods import endless as flood
    broker = Broker(os.path.join(folder, "data"), prefix=["prlimit", f"--data={512 * MIB}"]).start()
    with Raw(broker.url) as raw:
        raw.hello("pinger")
        is_over, sent = threading.Event(), [0]
        thread = threading.Thread(target=flood, args=(broker.port, is_over, sent))
        thread.start()
        times = ping(raw, pb, 5)
        peak = status_bytes(broker.process.pid, "VmHWM") / MIB
        is_over.set()
        thread.join()
        figures.add("memory at the most, with a limit of 512 MiB of data", peak, "MiB", most=512,
                    note=f"{sent[0] / MIB:.0f} MiB sent")
        figures.add("PING p99 meanwhile", ms(percentile(times, 99)), "ms")
    broker.kill()
    began = time.monotonic()
    broker.start()
    figures.add("killed and ready again", time.monotonic() - began, "s", most=1)
    broker.stop()


# ------------------------------------------------------------------ a backup under load

class Load(threading.Thread):
    """Keeps so many messages in flight; knows which were acknowledged, and how long each took."""

    def __init__(self, client, scope, window):
        super().__init__(daemon=True)
        self.client, self.scope, self.window = client, scope, window
        self.acknowledged, self.times, self.is_over = [], [], threading.Event()
        self.room = threading.Semaphore(window)
        self.start()

    def run(self):
        while not self.is_over.is_set():
            self.room.acquire()
            began = time.monotonic()
            self.client.send_async(self.scope, bytes(1000)).add_done_callback(
                lambda future, began=began: self.done(future, began))

    def done(self, future, began):
        if future.exception() is None:
            self.times.append((began, time.monotonic() - began))
            self.acknowledged.append(future.result().message_id)
        self.room.release()

    def between(self, begin, end):
        return [took for began, took in list(self.times) if begin <= began < end]


def message_ids(path):
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return {row[0] for row in database.execute("SELECT message_id FROM message")}
    finally:
        database.close()


def backup(_options, figures, folder):
    from broker import Broker
    from roost import Client
    broker = Broker(os.path.join(folder, "data")).start()
    clients = [Client(broker.url, f"sender{number}") for number in range(4)]
    loads = [Load(client, f"queue:q{number}", 100) for number, client in enumerate(clients)]
    time.sleep(4)
    missing, alone, beside, copied_s = 0, [], [], []
    for attempt in range(5):
        begin = time.monotonic()
        time.sleep(3)
        middle = time.monotonic()
        before = {ident for load in loads for ident in list(load.acknowledged)}
        path = os.path.join(folder, f"copy{attempt}")
        done = subprocess.run([os.environ["ROOST_CLI"], "backup", "--data", broker.data, path], capture_output=True,
                              text=True, check=False)
        end = time.monotonic()
        if done.returncode != 0:
            figures.fail(done.stderr)
            break
        alone += [took for load in loads for took in load.between(begin, middle)]
        beside += [took for load in loads for took in load.between(middle, end)]
        copied_s.append(end - middle)
        missing += len(before - {bytes(ident) for ident in message_ids(path)})
    for load in loads:
        load.is_over.set()
    for client in clients:
        client.flush(60)
        client.close()
    figures.add("acknowledged before and not in the copy", missing, "messages", most=0,
                note=f"5 copies, {sum(copied_s):.1f} s; {sum(len(load.acknowledged) for load in loads):,} acknowledged")
    if missing:
        figures.fail("a message that was acknowledged is not in the copy")
    figures.add("p99 of the senders beside it", percentile(beside, 99) / percentile(alone, 99), "times as long", most=2,
                note=f"{ms(percentile(alone, 99)):.1f} ms, then {ms(percentile(beside, 99)):.1f} ms")
    broker.stop()
