# SPDX-License-Identifier: MPL-2.0
"""Does a daemon that works for long grow? Samples of its memory, descriptors and write-ahead log, and what
they say.

Two comparisons, since a daemon that is killed over and over never gets old: within one life, the slope after
its warm-up (the first third of it); and between lives, what each had at the same age, over the hours. The
first shows what work leaves behind in a process, the second what it leaves behind in the files.

Owns the samples and the sums; leaves the faults to kill_rounds.py. Prints everything, and calls a soak bad
when the log passes WAL_MAX, when descriptors or, in lives of at least JUDGED_S, the memory grow.
"""
import collections
import os
import re
import time

SAMPLE_S = 2
JUDGED_S = 1200      # a shorter life has no slope worth the name
WAL_MAX = 64 << 20
GROWTH_MAX = 1 << 20  # bytes per hour
FILES_MAX = 16        # a connection that comes or goes is a few

Sample = collections.namedtuple("Sample", "life age_s at_s rss anonymous files wal")


def slope(points):
    """Least squares: how much y grows for each x; 0 for fewer than two."""
    count = len(points)
    if count < 2:
        return 0.0
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    width = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / width if width else 0.0


def look_at(broker):
    """(resident bytes, those that are no file's, descriptors, bytes of the write-ahead log)"""
    folder = f"/proc/{broker.process.pid}"
    with open(f"{folder}/status", encoding="ascii") as file:
        sizes = dict(re.findall(r"(\w+):\s+(\d+) kB", file.read()))
    log = sum(entry.stat().st_size for entry in os.scandir(broker.data) if entry.name.endswith("-wal"))
    return (int(sizes["VmRSS"]) << 10, int(sizes["RssAnon"]) << 10, len(os.listdir(f"{folder}/fd")), log)


def in_words(seen):
    rss, anonymous, files, log = seen
    return (f"{rss / 2**20:.1f} MiB resident ({anonymous / 2**20:.1f} its own), {files} descriptors, "
            f"WAL {log / 2**20:.1f} MiB")


class Soak:
    def __init__(self, broker):
        self.broker, self.samples = broker, []
        self._began, self._life = time.monotonic(), 0

    def live(self, seconds, fault, every_s):
        """The broker lives for so long; fault() is called each every_s seconds of it."""
        began, faults = time.monotonic(), 0
        self._life += 1
        while (age := time.monotonic() - began) < seconds:
            assert self.broker.is_running(), f"roostd ended with {self.broker.process.returncode}"
            self.samples.append(Sample(self._life, age, began + age - self._began, *look_at(self.broker)))
            if age > (faults + 0.5) * every_s:
                faults += 1
                fault()
            time.sleep(SAMPLE_S)
            if len(self.samples) % (60 // SAMPLE_S) == 0:
                print(f"soak {age:.0f} of {seconds:.0f} s: {in_words(look_at(self.broker))}", flush=True)

    def by_life(self):
        lives = collections.defaultdict(list)
        for sample in self.samples:
            lives[sample.life].append(sample)
        return list(lives.values())

    def report_life(self, samples):
        """One line of a life; gives whether it is good."""
        lasted = samples[-1].age_s
        old = [sample for sample in samples if sample.age_s >= lasted / 3]
        rss, own, files = (3600 * slope([(s.age_s, getattr(s, name)) for s in old])
                           for name in ("rss", "anonymous", "files"))
        print(f"a life of {lasted:.0f} s: {old[0].rss / 2**20:.1f} to {old[-1].rss / 2**20:.1f} MiB after its "
              f"warm-up of {old[0].age_s:.0f} s, {rss / 2**20:+.2f} MiB/h (its own {own / 2**20:+.2f}), "
              f"{files:+.0f} descriptors/h")
        return lasted < JUDGED_S or rss < GROWTH_MAX

    def report_equal_ages(self, lives):
        """What the lives of one length had at the same age."""
        age = max(life[-1].age_s for life in lives)
        same = [life[-1] for life in lives if life[-1].age_s > age - 2 * SAMPLE_S]
        hours = (same[-1].at_s - same[0].at_s) / 3600
        rss, own = (slope([(s.at_s / 3600, getattr(s, name)) for s in same]) for name in ("rss", "anonymous"))
        third = max(1, len(same) // 3)
        means = [sum(s.rss for s in part) / len(part) / 2**20 for part in (same[:third], same[-third:])]
        print(f"{len(same)} lives at the age of {age:.0f} s, over {hours:.2f} h: {means[0]:.1f} MiB in the first "
              f"third of them, {means[1]:.1f} in the last, {rss / 2**20:+.2f} MiB/h (its own {own / 2**20:+.2f})")

    def report(self):
        """Prints the sums; gives whether nothing grew that must not."""
        if not self.samples:
            return True
        lives = sorted(self.by_life(), key=lambda life: life[-1].age_s)
        is_good = self.report_life(lives[-1])
        if len(lives) > 2:
            self.report_equal_ages(sorted(lives[:-1], key=lambda life: life[0].life))
        log, files = max(s.wal for s in self.samples), [s.files for s in self.samples]
        settled = [s.files for s in lives[-1] if s.age_s >= lives[-1][-1].age_s / 3]
        print(f"WAL at most {log / 2**20:.1f} MiB; {min(files)} to {max(files)} descriptors, "
              f"{min(settled)} to {max(settled)} in the longest life after its warm-up")
        return is_good and log <= WAL_MAX and max(settled) - min(settled) <= FILES_MAX
