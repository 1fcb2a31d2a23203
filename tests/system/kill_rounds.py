# SPDX-License-Identifier: MPL-2.0
"""kill -9 over and over: is anything acknowledged ever lost, reordered, invented or shown twice?

usage: kill_rounds.py [--rounds N] [--seed S] [--rate R] [--keep DIR] [--expect-broken]
                      [--languages python,c,javascript] [--power-cuts] [--minutes M]
                      [--long-life S [--long-every N]] [--last-life S]

Senders and receivers are processes of their own, of the languages named in turn (ROOST_LEDGER_PEER
names the one in C; the one in JavaScript needs its npm packages). In each round the broker lives for
20 to 400 ms after it is ready; then the broker, a sender or a receiver gets SIGKILL and is started
again. At the end all queues drain, and the ledgers are judged (ledger.py). ROOST_TEST_ALL=1 plays
3,000 rounds.

--power-cuts: the data are on a disk (ROOST_FAULT_FS, tests/faults) that loses with the broker all
that was not synced: in every second cut all of it, in the others parts of it, down to sectors.

A soak: with --long-life every N-th life of the broker is so long, with --last-life the last one is, and
every 30 s of these a client is killed, a consumer or the broker stops for 2 s, or the disk is slow or full
for 2 s (--power-cuts); soak.py looks at what grows.

Owns the processes and the faults; leaves the judgement to ledger.py. Prints the command that
replays the same faults; the interleaving of processes is the system's.
"""
import argparse
import collections
import errno
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "faults")]

import ledger  # noqa: E402
from broker import Broker, eventually, no_orphan  # noqa: E402
from fault_disk import FaultDisk, why_not  # noqa: E402
from javascript import HAS_PACKAGES, NODE, WHY  # noqa: E402
from roost import BUSY, Client, RoostError  # noqa: E402
from soak import Soak, in_words, look_at  # noqa: E402

SCOPES = ["peer:anna", "peer:boris", "queue:work"]
DRAIN_S = 360
SKIPPED = 77
TROUBLE_EVERY_S, TROUBLE_S = 30, 2


class Peer:
    """A client process that is started again after a kill."""

    def __init__(self, command, log):
        self.command, self.log, self.process = command, log, None
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, preexec_fn=no_orphan())

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def hears_sigterm(self):
        """Whether it has come so far as to catch SIGTERM: its last life may have only just begun."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            caught = next(line for line in file if line.startswith("SigCgt:"))
        return int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1

    def finish(self):
        eventually(self.hears_sigterm, what=f"{self.command[-3:]} listens")
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(DRAIN_S)
        assert code == 0, f"{self.command[-3:]} ended with {code}"


def peer_programs(languages):
    programs = {"python": [sys.executable, os.path.join(HERE, "ledger_peer.py")]}
    in_c = os.environ.get("ROOST_LEDGER_PEER", "")
    if in_c and os.path.exists(in_c):
        programs["c"] = [in_c]
    if HAS_PACKAGES:
        programs["javascript"] = [NODE, os.path.join(HERE, "ledger_peer.mjs")]
    return {name: programs[name] for name in languages if name in programs}


def start_peers(broker, folder, rate, languages):
    """Four senders and, for each scope, a receiver; of each language in turn."""
    programs = peer_programs(languages)
    log = open(os.path.join(folder, "peers.log"), "ab")
    names = list(programs)
    senders, receivers = [], []
    for index in range(4):
        name = f"{names[index % len(names)]}-sender{index}"
        senders.append(Peer([*programs[names[index % len(names)]], "send", broker.url, name,
                             os.path.join(folder, f"{name}.ledger"), str(rate), *SCOPES], log))
    for index, scope in enumerate(SCOPES):
        kind = names[(index + 1) % len(names)]
        peer = scope.split(":")[1] if scope.startswith("peer:") else "worker"
        receivers.append(Peer([*programs[kind], "recv", broker.url, peer,
                               os.path.join(folder, f"{kind}-recv-{peer}.ledger"), scope], log))
    return senders, receivers


def end_broker(broker, disk, number, counts):
    """kill -9, and with it the power of its disk."""
    broker.kill()
    if disk:
        counts["cuts"] += 1
        counts["taken back"] += disk.cut("torn" if number % 2 else "drop", number)


def look_after(peers, expects_broken):
    """Nobody ends by itself; what a broken broker tells them may end them: they are started again."""
    for peer in peers:
        code = peer.process.poll()
        assert code is None or expects_broken, f"{peer.command[-3:]} ended by itself with {code}"
        if code is not None:
            peer.start()


def stop_for_a_while(process):
    process.send_signal(signal.SIGSTOP)
    time.sleep(TROUBLE_S)
    process.send_signal(signal.SIGCONT)


def trouble(broker, disk, senders, receivers, rng, note, counts):
    """A fault that the broker lives through."""
    kinds = ["client killed", "consumer stopped", "broker stopped"] + ["disk slow", "disk full"] * bool(disk)
    kind = rng.choice(kinds)
    look_after(senders + receivers, False)
    note()
    counts[kind] += 1
    if kind == "client killed":
        peer = rng.choice(senders + receivers)
        peer.kill()
        peer.start()
    elif kind == "consumer stopped":
        stop_for_a_while(rng.choice(receivers).process)
    elif kind == "broker stopped":
        stop_for_a_while(broker.process)
    else:
        if kind == "disk slow":
            disk.slow("sync", 300)
        else:
            disk.fault("write", 1, errno.ENOSPC, for_ever=True)
        time.sleep(TROUBLE_S)
        disk.clear()


def play(broker, disk, senders, receivers, rng, folder, options):
    faults = open(os.path.join(folder, "faults.ledger"), "a", encoding="ascii")
    slowest_s, began = 0.0, time.monotonic()
    counts, soak = collections.Counter(), Soak(broker)

    def note():
        counts["faults"] += 1
        faults.write(f"F {counts['faults']}\n")
        faults.flush()

    def live(seconds):
        soak.live(seconds, lambda: trouble(broker, disk, senders, receivers, rng, note, counts),
                  TROUBLE_EVERY_S)

    for number in range(1, options.rounds + 1):
        if time.monotonic() - began > options.minutes * 60:
            break
        if options.long_life and number % options.long_every == 0:
            live(options.long_life)
        else:
            time.sleep(rng.uniform(0.020, 0.400))  # the life of this round, drawn from the seed
        look_after(senders + receivers, options.expects_broken)
        note()
        victim = rng.choices(["broker", "sender", "receiver"], [8, 1, 1])[0]
        if victim == "broker":
            end_broker(broker, disk, number, counts)
            counts["broker killed"] += 1
            start = time.monotonic()
            broker.start()
            slowest_s = max(slowest_s, time.monotonic() - start)
        else:
            peer = rng.choice(senders if victim == "sender" else receivers)
            peer.kill()
            peer.start()
            counts["client killed"] += 1
        if number % 50 == 0:
            print(f"round {number}, {time.monotonic() - began:.0f} s, {in_words(look_at(broker))}", flush=True)
    live(options.last_life)
    counts["slowest start, ms"] = round(slowest_s * 1000)
    return counts, soak


def is_waiting(judge):
    try:
        waiting = [info.waiting for scope in SCOPES
                   for info in judge.query("INSPECT", "consumers", scope=scope).items]
    except RoostError as error:
        if error.code != BUSY:
            raise
        return True  # it says to ask again
    return len(waiting) < len(SCOPES) or any(waiting)


def drain(broker, senders, receivers):
    for sender in senders:
        sender.finish()
    with Client(broker.url, "judge") as judge:
        judge.wait_ready(DRAIN_S)
        eventually(lambda: not is_waiting(judge), DRAIN_S, "empty queues")
    for receiver in receivers:
        receiver.finish()


def drain_broken(broker, senders, receivers):
    """Of a broken broker: what arrives within a time arrives, and then it is over. It may have lost the
    scopes themselves, or serve nobody any more; the ledgers show it."""
    for sender in senders:
        sender.kill()
    with Client(broker.url, "judge") as judge:
        for _ in range(50):
            look_after(receivers, True)
            time.sleep(0.1)
            try:
                judge.wait_ready(1)
                if not is_waiting(judge):
                    break
            except RoostError:
                continue
    for receiver in receivers:
        receiver.kill()
    if broker.is_running():
        broker.kill()


def run_on(disk, folder, options):
    """Gives whether nothing grew that must not; the rest is in the ledgers."""
    rng = random.Random(options.seed)
    broker = Broker(os.path.join(disk.path if disk else folder, "data")).start()
    senders, receivers = start_peers(broker, folder, options.rate, options.languages.split(","))
    counts, soak = {}, Soak(broker)
    try:
        counts, soak = play(broker, disk, senders, receivers, rng, folder, options)
    except AssertionError as problem:  # it does not even start again
        if not options.expects_broken:
            print("\n".join(broker.lines[-40:]), flush=True)
            raise
        print(f"broken: {problem}")
    if options.expects_broken:
        drain_broken(broker, senders, receivers)
    else:
        drain(broker, senders, receivers)
        assert broker.stop() == 0
    for name, count in counts.items():
        print(f"{name:26} {count:>10,}")
    return soak.report()


def run(folder, options):
    if options.has_power_cuts:
        with FaultDisk(os.environ["ROOST_FAULT_FS"], folder) as disk:
            is_steady = run_on(disk, folder, options)
    else:
        is_steady = run_on(None, folder, options)
    verdict = ledger.check(ledger.read_folder(folder))
    for name, count in verdict.counts.items():
        print(f"{name:26} {count:>10,}")
    for problem in verdict.problems[:20]:
        print(problem)
    if options.expects_broken:
        return verdict.counts["lost"] == 0
    return is_steady and verdict.is_good and verdict.counts["acknowledged"] > 0


def main():
    parser = argparse.ArgumentParser(description="kill -9 rounds with a ledger")
    is_long = os.environ.get("ROOST_TEST_ALL") == "1"
    parser.add_argument("--rounds", type=int, default=3000 if is_long else 300)
    parser.add_argument("--minutes", type=float, default=float("inf"),
                        help="at most so long; with many rounds: a soak")
    parser.add_argument("--long-life", dest="long_life", type=float, default=0, metavar="S",
                        help="a soak: some lives of the broker are so long, with other faults in them")
    parser.add_argument("--long-every", dest="long_every", type=int, default=20, metavar="N",
                        help="every N-th is")
    parser.add_argument("--last-life", dest="last_life", type=float, default=0, metavar="S",
                        help="after all rounds the broker lives so long, with other faults")
    parser.add_argument("--power-cuts", dest="has_power_cuts", action="store_true",
                        help="with the broker its disk loses what was not synced")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--rate", type=float, default=300, help="messages per second and sender")
    parser.add_argument("--expect-broken", dest="expects_broken", action="store_true",
                        help="for a broker that breaks its promises: succeed when that is found")
    parser.add_argument("--keep", help="work in this folder and leave it behind")
    parser.add_argument("--languages", default="python,c", help="of the peers, in turn")
    options = parser.parse_args()
    if "javascript" in options.languages.split(",") and not HAS_PACKAGES:
        print(f"SKIPPED: {WHY}")
        return SKIPPED
    reason = options.has_power_cuts and why_not(os.environ.get("ROOST_FAULT_FS"))
    if reason:
        print(f"SKIPPED: {reason}")
        return SKIPPED
    print(f"replay: ROOSTD={os.environ.get('ROOSTD')} {sys.argv[0]} --rounds {options.rounds} "
          f"--seed {options.seed} --rate {options.rate} --languages {options.languages}"
          + " --power-cuts" * options.has_power_cuts
          + f" --long-life {options.long_life} --long-every {options.long_every}" * bool(options.long_life)
          + f" --last-life {options.last_life}" * bool(options.last_life), flush=True)
    if options.keep:
        os.makedirs(options.keep, exist_ok=True)
        is_good = run(options.keep, options)
    else:
        with tempfile.TemporaryDirectory(prefix="roost-kill-") as folder:
            is_good = run(folder, options)
    print("GOOD" if is_good else "BROKEN")
    return 0 if is_good != options.expects_broken else 1


if __name__ == "__main__":
    sys.exit(main())
