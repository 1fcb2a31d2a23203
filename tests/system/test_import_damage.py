# SPDX-License-Identifier: MPL-2.0
"""Files damaged at random places: an import ends in order, leaves a sound store, and twice is once.

The seed is printed; ROOST_TEST_SEED=N replays it, ROOST_TEST_ROUNDS=N does more of them.
"""
import json
import os
import random
import shutil
import subprocess

from import_helpers import command
from import_sources import Gigi, Lair, ident

SEED = int(os.environ.get("ROOST_TEST_SEED", random.randrange(1 << 30)))
ROUNDS = int(os.environ.get("ROOST_TEST_ROUNDS", 30))


def make_lair(path):
    lair = Lair(path)
    for name in ("ana", "bob", "eva"):
        lair.user(name)
    lair.room("general", members=("ana:owner", "bob", "eva"))
    lair.room("dm", room_type="direct_message", members=("ana", "bob"))
    for number in range(400):
        lair.message(number, "general" if number % 3 else "dm", "ana" if number % 2 else "bob",
                     f"message {number} " + "x" * (number % 300),
                     edited_at=1700009000 if number % 7 == 0 else None,
                     is_deleted=int(number % 11 == 0))
        lair.mark("message_reactions", number, "eva", reaction="👍")
    lair.invitation("general", "ana", "bob")
    return lair.close()


def make_gigi(path):
    gigi = Gigi(path)
    for number in range(300):
        gigi.message(number, {"type": "Text", "text": f"message {number}"},
                     is_quoted=number % 2 == 0, group="friends" if number % 5 == 0 else None)
        if number % 4 == 0:
            gigi.queue(number, is_quoted=number % 8 == 0)
        if number % 6 == 0:
            gigi.acknowledge(number, kind="Read")
    assert ident("gigi 1") != ident("gigi 2")
    return gigi.close()


def damage(dice, content):
    for _ in range(dice.choice((1, 3, 10, 30))):
        at = dice.randrange(100, len(content))
        size = min(dice.randrange(1, 3000), len(content) - at)
        way = dice.randrange(4)
        if way == 0:
            content[at] ^= 1 << dice.randrange(8)
        elif way == 1:
            content[at:at + size] = dice.randbytes(size)
        elif way == 2:
            content[at:at + size] = bytes(size)
        elif dice.random() < 0.1:
            del content[at:]
    return content


def test_random_damage(tmp_path):
    print(f"ROOST_TEST_SEED={SEED}")
    dice = random.Random(SEED)
    sources = {"lair": make_lair(tmp_path / "lair.db"), "gigi": make_gigi(tmp_path / "gigi.db")}
    data, source = tmp_path / "data", tmp_path / "source.db"
    taken = 0
    for number in range(ROUNDS):
        kind = ("lair", "gigi")[number % 2]
        with open(sources[kind], "rb") as file:
            source.write_bytes(damage(dice, bytearray(file.read())))
        shutil.rmtree(data, ignore_errors=True)
        before, summary = source.read_bytes(), None
        for _ in range(2):
            words = command("import", kind, source, "--as", "me", "--data", data, "--json")
            done = subprocess.run(words, capture_output=True, timeout=60, check=False)
            assert done.returncode in (0, 1), (number, done)
            summary = json.loads(done.stdout.splitlines()[-1]) if done.stdout else None
        assert source.read_bytes() == before
        assert summary is None or summary["added"] == 0, (number, summary)
        taken += summary is not None and summary["present"] > 0
        if (data / "roost.db").exists():
            verify = subprocess.run(command("verify", data / "roost.db"), capture_output=True,
                                    check=False)
            assert verify.returncode == 0, (number, verify)
    assert taken > ROUNDS // 10, "most damage leaves something to take over"
