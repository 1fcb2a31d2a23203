# SPDX-License-Identifier: MPL-2.0
"""kill -9 over and over: is anything acknowledged ever lost, reordered, invented or shown twice?

usage: kill_rounds.py [--rounds N] [--seed S] [--rate R] [--keep DIR] [--expect-broken]
                      [--languages python,c,javascript]

Senders and receivers are processes of their own, of the languages named in turn (ROOST_LEDGER_PEER
names the one in C; the one in JavaScript needs its npm packages). In each round the broker lives for 20 to 400 ms after it is
ready; then the broker, a sender or a receiver gets SIGKILL and is started again. At the end all
queues drain, and the ledgers are judged (ledger.py). ROOST_TEST_ALL=1 plays 3,000 rounds.

Owns the processes and the faults; leaves the judgement to ledger.py. Prints the command that
replays the same faults; the interleaving of processes is the system's.
"""
import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import ledger  # noqa: E402
from broker import Broker, eventually, no_orphan  # noqa: E402
from javascript import HAS_PACKAGES, NODE, WHY  # noqa: E402
from roost import Client  # noqa: E402

SCOPES = ["peer:anna", "peer:boris", "queue:work"]
DRAIN_S = 120
SKIPPED = 77


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


def play(broker, senders, receivers, rounds, rng, folder):
    faults = open(os.path.join(folder, "faults.ledger"), "a", encoding="ascii")
    slowest_s, began = 0.0, time.monotonic()
    for number in range(1, rounds + 1):
        time.sleep(rng.uniform(0.020, 0.400))  # the life of this round, drawn from the seed
        for peer in senders + receivers:
            code = peer.process.poll()
            assert code is None, f"{peer.command[-3:]} ended by itself with {code}"
        faults.write(f"F {number}\n")
        faults.flush()
        victim = rng.choices(["broker", "sender", "receiver"], [8, 1, 1])[0]
        if victim == "broker":
            broker.kill()
            start = time.monotonic()
            broker.start()
            slowest_s = max(slowest_s, time.monotonic() - start)
        else:
            peer = rng.choice(senders if victim == "sender" else receivers)
            peer.kill()
            peer.start()
        if number % 50 == 0:
            print(f"round {number}, {time.monotonic() - began:.0f} s", flush=True)
    return slowest_s


def drain(broker, senders, receivers):
    for sender in senders:
        sender.finish()
    with Client(broker.url, "judge") as judge:
        judge.wait_ready(20)

        def is_empty():
            waiting = [info.waiting for scope in SCOPES
                       for info in judge.query("INSPECT", "consumers", scope=scope).items]
            return len(waiting) >= len(SCOPES) and not any(waiting)

        eventually(is_empty, DRAIN_S, "empty queues")
    for receiver in receivers:
        receiver.finish()


def run(rounds, seed, rate, languages, folder):
    rng = random.Random(seed)
    broker = Broker(os.path.join(folder, "data")).start()
    senders, receivers = start_peers(broker, folder, rate, languages)
    slowest_s = play(broker, senders, receivers, rounds, rng, folder)
    drain(broker, senders, receivers)
    assert broker.stop() == 0
    verdict = ledger.check(ledger.read_folder(folder))
    for name, count in verdict.counts.items():
        print(f"{name:26} {count:>10,}")
    print(f"{'slowest start, ms':26} {slowest_s * 1000:>10,.0f}")
    for problem in verdict.problems[:20]:
        print(problem)
    return verdict.is_good and verdict.counts["acknowledged"] > 0


def main():
    parser = argparse.ArgumentParser(description="kill -9 rounds with a ledger")
    is_long = os.environ.get("ROOST_TEST_ALL") == "1"
    parser.add_argument("--rounds", type=int, default=3000 if is_long else 300)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--rate", type=float, default=300, help="messages per second and sender")
    parser.add_argument("--expect-broken", dest="expects_broken", action="store_true",
                        help="for a broker that breaks its promises: succeed when that is found")
    parser.add_argument("--keep", help="work in this folder and leave it behind")
    parser.add_argument("--languages", default="python,c", help="of the peers, in turn")
    options = parser.parse_args()
    languages = options.languages.split(",")
    if "javascript" in languages and not HAS_PACKAGES:
        print(f"SKIPPED: {WHY}")
        return SKIPPED
    how = options.rounds, options.seed, options.rate, languages
    print(f"replay: ROOSTD={os.environ.get('ROOSTD')} {sys.argv[0]} --rounds {options.rounds} "
          f"--seed {options.seed} --rate {options.rate} --languages {options.languages}", flush=True)
    if options.keep:
        os.makedirs(options.keep, exist_ok=True)
        is_good = run(*how, options.keep)
    else:
        with tempfile.TemporaryDirectory(prefix="roost-kill-") as folder:
            is_good = run(*how, folder)
    print("GOOD" if is_good else "BROKEN")
    return 0 if is_good != options.expects_broken else 1


if __name__ == "__main__":
    sys.exit(main())
