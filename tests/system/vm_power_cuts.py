# SPDX-License-Identifier: MPL-2.0
"""The power of a virtual machine fails, over and over: is anything lost that roostd had acknowledged?

usage: vm_power_cuts.py [--cuts N] [--seed S] [--rate R] [--keep DIR] [--expect-broken]
                        [--lying-disk] [--mount OPTIONS] [--accelerator tcg|kvm]

roostd runs in a machine of qemu (vm.py) on ext4, on a disk with a cache that is lost with the power
(volatile_disk.py): in every second cut all of it, in the others parts of it, down to sectors. Senders and
receivers are processes outside of the machine, and so are their ledgers. Every fourth cut comes while the
machine starts: its disk is being mounted, or roostd recovers. After the last one roostd starts once more and
ends in order; then the disk is looked at from outside: e2fsck, `roost verify`, and whether every message
that was ever acknowledged is in the data file, whole and in order. The ledgers are judged too (ledger.py).

--lying-disk is one that says flushed and has not, --mount rw,nobarrier a guest that does not ask:
no program keeps its word on these, and the tool must find that out (--expect-broken).

Owns the faults; leaves the machine, the disk and the judgement to others. Exit status 77: no machine here.
"""
import argparse
import contextlib
import glob
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "faults")]

import kill_rounds  # noqa: E402
import ledger  # noqa: E402
import vm  # noqa: E402
from broker import Patience, eventually  # noqa: E402
from ledger_peer import digest_of  # noqa: E402
from volatile_disk import VolatileDisk  # noqa: E402

SKIPPED = 77
FLUSH_S = 0.03


def is_early(number):
    return number % 4 == 0


def live(machine, disk, rng, number, folder):
    """One life of the machine up to the moment of its cut, in which something was acknowledged. Two of three
    cuts come while the disk holds something back; the others at any moment, most of them in between."""
    if is_early(number):
        machine.launch()
        machine.wait_for("^MOUNTING")
        time.sleep(rng.uniform(0, 1.5))
    else:
        before = count_acknowledged(folder)
        machine.start()
        eventually(lambda: count_acknowledged(folder) > before, vm.BOOT_S, "an acknowledgement")
        time.sleep(rng.uniform(0.2, 4))
    if number % 3:
        patience = Patience(2)
        while not disk.is_dirty() and not patience.is_over():
            time.sleep(0.002)
        time.sleep(rng.uniform(0, FLUSH_S))


def count_acknowledged(folder):
    return sum(line.startswith("A ") for path in glob.glob(os.path.join(folder, "*sender*.ledger"))
               for line in open(path, encoding="ascii"))


def play(machine, disk, peers, rng, folder, options):
    """All cuts; ends with the machine up."""
    faults = open(os.path.join(folder, "faults.ledger"), "a", encoding="ascii")
    for number in range(1, options.cuts + 1):
        began = time.monotonic()
        live(machine, disk, rng, number, folder)
        kill_rounds.look_after(peers, options.expects_broken)
        faults.write(f"F {number}\n")
        faults.flush()
        lost = disk.cut("torn" if number % 2 else "drop", number)
        machine.kill()
        print(f"cut {number}{', while it started' * is_early(number)}: {lost} writes not flushed, "
              f"{count_acknowledged(folder):,} acknowledged so far, {time.monotonic() - began:.1f} s", flush=True)
    machine.start()


def look_at_disk(image, folder):
    """The disk after it was unmounted: the file system, and the data file in it. Gives what is stored of the
    senders: id -> (place in the order, digest)."""
    subprocess.run(["e2fsck", "-f", "-n", image], check=True, capture_output=True)
    data = os.path.join(folder, "roost.db")
    subprocess.run(["debugfs", "-R", f"dump /roost/roost.db {data}", image], check=True,
                   stderr=subprocess.DEVNULL)
    assert os.path.getsize(data) > 0, "no data file on the disk"
    verify = subprocess.run([os.environ["ROOST_CLI"], "verify", data], check=False, capture_output=True, text=True)
    assert verify.returncode == 0, f"roost verify: {verify.stdout}{verify.stderr}"
    with contextlib.closing(sqlite3.connect(data)) as database:
        return {ident.hex(): (seq, digest_of(body)) for seq, ident, body in database.execute(
            "SELECT seq, message_id, body FROM message JOIN peer ON peer.id = sender_id"
            " WHERE peer.name LIKE '%-sender%'")}


def check_stored(stored, history):
    """What is wrong with what is stored, beside what is not there at all."""
    problems, newest = [], {}
    for ident, (_, digest) in sorted(stored.items(), key=lambda item: item[1]):
        if ident not in history.sent:
            problems.append(f"phantom: {ident} is stored, and nobody sent it")
            continue
        sender, index, scope, sent_digest = history.sent[ident]
        if digest != sent_digest:
            problems.append(f"corrupted: {ident} is stored with another body")
        if index < newest.get((sender, scope), -1):
            problems.append(f"reordered: {ident} is stored after a younger one")
        newest[sender, scope] = index
    return problems


def play_to_the_end(machine, disk, image, folder, options):
    """Gives what is stored in the end."""
    rng = random.Random(options.seed)
    senders, receivers = kill_rounds.start_peers(machine, folder, options.rate, ["python", "c"])
    play(machine, disk, senders + receivers, rng, folder, options)
    for peer in senders + receivers:
        peer.kill()
    assert machine.stop() == 0, "roostd did not end in order"
    disk.lies = False
    disk.flush()
    return look_at_disk(image, folder)


def run(folder, options):
    image = os.path.join(folder, "image")
    if not os.path.exists(image):
        vm.make_disk(image)
    disk = VolatileDisk(image, FLUSH_S, options.has_lying_disk)
    socket = os.path.join(folder, f"nbd-{os.getpid()}")
    disk.serve(socket)
    machine = vm.Machine(folder, socket, options.accelerator, options.mount)
    stored = {}
    try:
        stored = play_to_the_end(machine, disk, image, folder, options)
    except AssertionError as problem:  # a file system or a daemon that does not even start again
        if not options.expects_broken:
            raise
        print(f"broken: {problem}")
    finally:
        if machine.is_running():
            machine.kill()
        disk.close()
        with open(os.path.join(folder, "console.log"), "w", encoding="utf-8") as file:
            file.write("\n".join(machine.lines))
    history = ledger.read_folder(folder)
    verdict = ledger.check(history, expected_fates=stored)
    verdict.problems += check_stored(stored, history)
    for name, count in (*verdict.counts.items(), ("stored", len(stored)), *disk.counts.items()):
        print(f"{name:26} {count:>10,}")
    for problem in verdict.problems[:20]:
        print(problem)
    if options.expects_broken:
        return not any(problem.startswith("lost") for problem in verdict.problems)
    return verdict.is_good and verdict.counts["acknowledged"] > 0


def main():
    parser = argparse.ArgumentParser(description="power cuts of a virtual machine with a ledger")
    is_long = os.environ.get("ROOST_TEST_ALL") == "1"
    parser.add_argument("--cuts", type=int, default=20 if is_long else 3)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--rate", type=float, default=50, help="messages per second and sender")
    parser.add_argument("--expect-broken", dest="expects_broken", action="store_true",
                        help="for what breaks its promises: succeed when that is found")
    parser.add_argument("--lying-disk", dest="has_lying_disk", action="store_true",
                        help="a disk that says flushed and has not")
    parser.add_argument("--mount", default="rw", help="options of ext4")
    parser.add_argument("--accelerator", default="tcg", help="of qemu")
    parser.add_argument("--keep", help="work in this folder, go on with what is there, and leave it behind")
    options = parser.parse_args()
    reason = vm.why_not()
    if reason:
        print(f"SKIPPED: {reason}")
        return SKIPPED
    print(f"replay: ROOSTD={os.environ.get('ROOSTD')} {sys.argv[0]} --cuts {options.cuts} --seed {options.seed} "
          f"--rate {options.rate} --mount {options.mount}" + " --lying-disk" * options.has_lying_disk, flush=True)
    if options.keep:
        os.makedirs(options.keep, exist_ok=True)
        is_good = run(options.keep, options)
    else:
        with tempfile.TemporaryDirectory(prefix="roost-vm-") as folder:
            is_good = run(folder, options)
    print("GOOD" if is_good else "BROKEN")
    return 0 if is_good != options.expects_broken else 1


if __name__ == "__main__":
    sys.exit(main())
