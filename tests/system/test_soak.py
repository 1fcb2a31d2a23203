# SPDX-License-Identifier: MPL-2.0
"""What a soak says about samples that grow, and about those that do not."""
import os
import types

import pytest
from soak import JUDGED_S, Sample, Soak, look_at, slope

MIB = 1 << 20


def life(number, seconds, rss=lambda age: 30 * MIB, files=lambda age: 260, wal=lambda age: 20 * MIB, began=0):
    return [Sample(number, age, began + age, int(rss(age)), int(rss(age)) // 2, files(age), wal(age))
            for age in range(0, seconds, 2)]


def report(capsys, *lives):
    soak = Soak(broker=None)
    soak.samples = [sample for samples in lives for sample in samples]
    return soak.report(), capsys.readouterr().out


def test_the_slope_is_that_of_the_line():
    assert slope([(x, 3 * x + 1) for x in range(10)]) == pytest.approx(3)
    assert slope([]) == slope([(1, 5)]) == slope([(1, 5), (1, 7)]) == 0


def test_a_steady_life_is_good_also_when_it_was_small_at_first(capsys):
    is_good, said = report(capsys, life(1, 2 * JUDGED_S, rss=lambda age: min(10 + age / 10, 30) * MIB))
    assert is_good and "30.0 to 30.0 MiB" in said and "+0.00 MiB/h" in said


@pytest.mark.parametrize("what", [
    {"rss": lambda age: (30 + age * 2 / 3600) * MIB},
    {"files": lambda age: 260 + age // 60},
    {"wal": lambda age: 65 * MIB if age == 100 else 0},
])
def test_what_grows_is_bad(capsys, what):
    assert not report(capsys, life(1, 2 * JUDGED_S, **what))[0]


def test_a_short_life_is_not_judged_by_its_memory(capsys):
    assert report(capsys, life(1, 60, rss=lambda age: (30 + age) * MIB))[0]


def test_lives_are_compared_at_the_same_age(capsys):
    lives = [life(n, 20, rss=lambda age, n=n: (20 + n) * MIB, began=3600 * n) for n in range(1, 7)]
    _, said = report(capsys, *lives, life(7, 40, began=3600 * 7))
    assert "6 lives at the age of 18 s, over 5.00 h: 21.5 MiB in the first third of them, 25.5 in the last" in said
    assert "+1.00 MiB/h" in said


def test_nothing_sampled_is_nothing_wrong(capsys):
    assert report(capsys) == (True, "")


def test_a_process_is_looked_at(tmp_path):
    (tmp_path / "roost.db-wal").write_bytes(b"x" * 1000)
    (tmp_path / "roost.db").write_bytes(b"x" * 5000)
    this = types.SimpleNamespace(pid=os.getpid())
    rss, anonymous, files, wal = look_at(types.SimpleNamespace(process=this, data=str(tmp_path)))
    assert rss > anonymous > MIB and files >= 3 and wal == 1000
