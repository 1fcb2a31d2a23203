# SPDX-License-Identifier: MPL-2.0
"""From single results to figures: the median over the rounds, the spread (largest divided by
smallest), and the project's goals as ratios of results of the same round.

Does not format anything; see report.py."""
import statistics

NOISY = 1.3


class Figure:
    """Median, smallest, largest of one quantity over the rounds."""

    def __init__(self, values):
        self.values = values
        self.median = statistics.median(values)
        self.low = min(values)
        self.high = max(values)

    @property
    def spread(self):
        return self.high / self.low if self.low > 0 else float("inf")

    @property
    def is_noisy(self):
        return len(self.values) > 1 and self.spread > NOISY


def dig(data, path):
    for key in path.split("."):
        if not isinstance(data, dict) or key not in data:
            return None
        data = data[key]
    return data


class Results:
    def __init__(self, entries):
        self.entries = entries

    def by_round(self, subject, point, path):
        """{round: value} of a broker's result."""
        found = {}
        for entry in self.entries:
            if entry["subject"] == subject and entry["point"] == point and "data" in entry:
                value = dig(entry["data"], path)
                if value is not None:
                    found[entry["round"]] = value
        return found

    def raw_by_round(self, subject, match, path):
        """{round: value} of the line of a raw program that has all the values in `match`."""
        found = {}
        for entry in self.entries:
            if entry["subject"] != subject:
                continue
            for line in entry.get("data", ()):
                if all(line.get(key) == value for key, value in match.items()):
                    found[entry["round"]] = dig(line, path)
        return found

    def figure(self, subject, point, path):
        values = list(self.by_round(subject, point, path).values())
        return Figure(values) if values else None

    def raw_figure(self, subject, match, path):
        values = list(self.raw_by_round(subject, match, path).values())
        return Figure(values) if values else None

    def raw_lines(self, subject):
        """The lines one raw program printed, as match dictionaries, in order."""
        for entry in self.entries:
            if entry["subject"] == subject and "data" in entry:
                return entry["data"]
        return []

    def errors(self):
        return [entry for entry in self.entries if "error" in entry]


def combine(first, second, operation):
    """Applies an operation to two {round: value} where both have the round; Figure or None."""
    values = [operation(first[key], second[key]) for key in first
              if key in second and second[key]]
    return Figure(values) if values else None


def best_of(results, names, point, path="per_s"):
    """{round: largest value} over several brokers."""
    best = {}
    for name in names:
        for key, value in results.by_round(name, point, path).items():
            best[key] = max(value, best.get(key, 0))
    return best


def rate_of_both(first, second):
    """How often a second, when each time both are done, one after the other."""
    return 1 / (1 / first + 1 / second)


def limit_rows(results, syncing_rivals):
    """What parts of the machine allow, beside the goals that they bound: rows like goal_rows."""
    def sqlite(table, batch, path="per_s"):
        return results.raw_by_round("raw-sqlite", {"table": table, "batch": batch}, path)

    def beside(batches):
        """{round: messages per second} when each 100 also take a bare round trip."""
        return {key: 100 * rate_of_both(batches[key] / 100, trips[key])
                for key in batches if key in trips}

    def ratio(first, second):
        return combine(first, second, lambda a, b: a / b)

    trips = results.raw_by_round("raw-zmq", {"path": "tcp there and back"}, "per_s")
    redis = results.by_round("redis-always", "4x1000", "per_s")
    rival = best_of(results, syncing_rivals, "1x100")
    sync_p50 = results.raw_by_round("raw-disk", {"file": "append", "batch": 1}, "sync_us.p50")
    commit_p50 = sqlite("roost message", 1, "commit_us.p50")
    answer = {key: commit_p50[key] + 1e6 / trips[key] for key in commit_p50 if key in trips}
    return [
        ("P1", "SQLite alone, 1,000 rows of ours a commit / redis always, 4x1000",
         ratio(sqlite("roost message", 1000), redis), ">=", 2, "else nobody can with rows"),
        ("P1", "SQLite alone, 1,000 messages as one row / redis always, 4x1000",
         ratio(sqlite("one row a commit", 1000), redis), ">=", 2, "else nobody can with SQLite"),
        ("P2", "100 rows of ours a commit and a bare round trip / best rival that syncs, 1x100",
         ratio(beside(sqlite("roost message", 100)), rival), ">=", 1.5, "else nobody can with rows"),
        ("P2", "100 messages as one row and a bare round trip / best rival that syncs, 1x100",
         ratio(beside(sqlite("one row a commit", 100)), rival), ">=", 1.5,
         "else nobody can with SQLite"),
        ("P5", "one SQLite commit and a bare round trip minus fdatasync p50, us",
         combine(answer, sync_p50, lambda a, b: a - b), "<=", 150, "else nobody can"),
    ]


def goal_rows(results, syncing_rivals):
    """(goal, what, figure, text of the goal, predicate for 'met'); figure None if not measured."""
    def rate(name, point):
        return results.by_round(name, point, "per_s")

    def ratio(first, second):
        return combine(first, second, lambda a, b: a / b)

    def latency(path):
        return results.by_round("roost", "latency", path)

    sync = {"file": "append", "batch": 1}
    sync_p50 = results.raw_by_round("raw-disk", sync, "sync_us.p50")
    sync_p99 = results.raw_by_round("raw-disk", sync, "sync_us.p99")
    sync_rate = results.raw_by_round("raw-disk", sync, "per_s")
    rows = results.raw_by_round("raw-sqlite", {"table": "roost message", "batch": 1000}, "per_s")
    commits = results.raw_by_round("raw-sqlite", {"table": "roost message", "batch": 1}, "per_s")
    trips = results.raw_by_round("raw-zmq", {"path": "tcp there and back"}, "per_s")
    bare = {key: rate_of_both(commits[key], trips[key]) for key in commits if key in trips}
    cpu = results.by_round("roost", "4x1000", "server_cpu_us")
    table = [
        ("P1", "4x1000 / redis always", ratio(rate("roost", "4x1000"),
         rate("redis-always", "4x1000")), ">=", 1.3, "final 2"),
        ("P1", "4x1000 / NATS JetStream", ratio(rate("roost", "4x1000"), rate("nats", "4x1000")),
         ">=", 1.2, "final"),
        ("P1", "16x1000 / redis always", ratio(rate("roost", "16x1000"),
         rate("redis-always", "16x1000")), ">=", 1.5, "final"),
        ("P2", "1x100 / best rival that syncs", ratio(rate("roost", "1x100"),
         best_of(results, syncing_rivals, "1x100")), ">=", 1.0, "final 1.5"),
        ("P3", "1x1 / append + fdatasync", ratio(rate("roost", "1x1"), sync_rate), ">=", 0.75,
         "final 0.85"),
        ("P3", "one SQLite commit and a bare round trip / append + fdatasync",
         ratio(bare, sync_rate), ">=", 0.75, "else nobody can"),
        ("P3", "1x1 / one SQLite commit and a bare round trip", ratio(rate("roost", "1x1"), bare),
         ">=", 0.75, ""),
        ("P4", "server CPU us per message, 4x1000", Figure(list(cpu.values())) if cpu else None,
         "<=", 4.0, "final: below redis always and NATS"),
        ("P5", "confirm p50 minus fdatasync p50, us",
         combine(latency("confirm_us.p50"), sync_p50, lambda a, b: a - b), "<=", 150, ""),
        ("P5", "confirm p99 / fdatasync p99", ratio(latency("confirm_us.p99"), sync_p99), "<=", 3,
         ""),
        ("P5", "end to end p50 minus fdatasync p50, us",
         combine(latency("end_to_end_us.p50"), sync_p50, lambda a, b: a - b), "<=", 300, ""),
        ("P6", "drain / best rival that syncs", ratio(rate("roost", "drain"),
         best_of(results, syncing_rivals, "drain")), ">=", 1.0, ""),
        ("P6", "drain / NATS JetStream", ratio(rate("roost", "drain"), rate("nats", "drain")),
         ">=", 2.0, "final"),
        ("P11", "4x1000 with CURVE / without", ratio(rate("roost-curve", "4x1000"),
         rate("roost", "4x1000")), ">=", 0.6, ""),
        ("P12", "4x1000 / SQLite alone, 1,000 rows per commit",
         ratio(rate("roost", "4x1000"), rows), ">=", 0.6, ""),
    ]
    table += limit_rows(results, syncing_rivals)
    return sorted((row for row in table if row[2] is not None), key=lambda row: int(row[0][1:]))


def is_met(figure, relation, bound):
    return figure.median >= bound if relation == ">=" else figure.median <= bound
