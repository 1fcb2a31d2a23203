# SPDX-License-Identifier: MPL-2.0
"""The figures as tables: the same rows for the terminal (aligned) and for Markdown.

A figure whose spread over the rounds is above 1.3 carries a '~' and is listed by name: it says
little. Every broker's row states what its acknowledgement means on disk."""
from . import figures
from .plan import PUBLISH_POINTS, RAW

NONE = "-"
BROKER_HEADING = ("Brokers: confirmed publishes/s (producers x window); server CPU at 4x1000; drain "
                  "with acks, messages/s; latency p50 / p99 at 1,000/s")


def number(value):
    """Rates in a form that can be compared at a glance: 2,460  99 k  1.27 M."""
    if value >= 1e6:
        return f"{value / 1e6:.2f} M"
    if value >= 20e3:
        return f"{value / 1e3:.0f} k"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}"


def cell(figure, form=number):
    if figure is None:
        return NONE
    return form(figure.median) + ("~" if figure.is_noisy else "")


def pair(first, second):
    if first is None or second is None:
        return NONE
    return f"{cell(first, '{:,.0f}'.format)} / {cell(second, '{:,.0f}'.format)}"


def publish_points(settings):
    return [point for point in settings.points if point not in ("drain", "latency")] or [
        name for name, _, _ in PUBLISH_POINTS]


def broker_table(results, chosen, points):
    head = ["broker", "on disk at ack?"] + points + [
        "server us/msg", "drain", "confirm us", "end to end us"]
    rows = [head]
    for broker in chosen:
        def at(point, path, name=broker.name):
            return results.figure(name, point, path)
        rows.append(
            [broker.name, broker.durability]
            + [cell(at(point, "per_s")) for point in points]
            + [cell(at("4x1000", "server_cpu_us"), "{:.1f}".format), cell(at("drain", "per_s")),
               pair(at("latency", "confirm_us.p50"), at("latency", "confirm_us.p99")),
               pair(at("latency", "end_to_end_us.p50"), at("latency", "end_to_end_us.p99"))])
    return rows


def batch_table(results, subject, group, latency, label):
    """One row per file or table, one column per batch size."""
    lines = results.raw_lines(subject)
    batches = sorted({line["batch"] for line in lines})
    groups = list(dict.fromkeys(line[group] for line in lines))
    rows = [[label] + [f"{batch:,} per sync" for batch in batches]
            + ["p50 / p99 us at 1 per sync"]]
    for name in groups:
        def at(batch, path, name=name):
            return results.raw_figure(subject, {group: name, "batch": batch}, path)
        rows.append([name] + [cell(at(batch, "per_s")) for batch in batches]
                    + [pair(at(1, latency + ".p50"), at(1, latency + ".p99"))])
    return rows


def zmq_table(results):
    rows = [["ZeroMQ alone", "messages/s", "CPU us/msg, both sides"]]
    for line in results.raw_lines("raw-zmq"):
        match = {"path": line["path"]}
        rows.append([line["path"], cell(results.raw_figure("raw-zmq", match, "per_s")),
                     cell(results.raw_figure("raw-zmq", match, "cpu_us"), "{:.2f}".format)])
    return rows


def goal_table(results, chosen):
    rivals = [broker.name for broker in chosen if broker.on_disk and broker.driver != "roost"]
    rows = [["goal", "what (ratios within each round)", "measured", "wanted", "met?"]]
    for goal, what, figure, relation, bound, note in figures.goal_rows(results, rivals):
        wanted = f"{relation} {bound:g}" + (f" ({note})" if note else "")
        met = "yes" if figures.is_met(figure, relation, bound) else "no"
        rows.append([goal, what, cell(figure, "{:.2f}".format), wanted, met])
    return rows


def noisy_line(name, figure):
    return f"{name}: {number(figure.low)} to {number(figure.high)} ({figure.spread:.2f} x)"


def noisy_list(results, chosen, points):
    """Every figure of the tables above whose rounds differ too much, by name."""
    latencies = ["confirm_us.p50", "confirm_us.p99", "end_to_end_us.p50", "end_to_end_us.p99"]
    paths = {"latency": latencies, "4x1000": ["per_s", "server_cpu_us"]}
    figures_seen = {}
    for broker in chosen:
        for point in points:
            for path in paths.get(point, ["per_s"]):
                name = f"{broker.name} {point} {path}"
                figures_seen[name] = results.figure(broker.name, point, path)
    for subject in RAW:
        for line in results.raw_lines(subject):
            match = {key: line[key] for key in ("file", "table", "path", "batch") if key in line}
            name = " ".join([subject] + [str(value) for value in match.values()])
            figures_seen[name] = results.raw_figure(subject, match, "per_s")
    return [noisy_line(name, figure) for name, figure in figures_seen.items()
            if figure and figure.is_noisy]


def sections(results, chosen, skipped, settings):
    """[(heading, table or list of sentences)], those without content left out."""
    parts = []
    if chosen:
        parts.append((BROKER_HEADING, broker_table(results, chosen, publish_points(settings))))
    if results.raw_lines("raw-disk"):
        parts.append(("Disk alone: 256-byte records per second, write + fdatasync",
                      batch_table(results, "raw-disk", "file", "sync_us", "file")))
    if results.raw_lines("raw-sqlite"):
        parts.append(("SQLite alone: rows per second, WAL, synchronous=FULL",
                      batch_table(results, "raw-sqlite", "table", "commit_us", "table")))
    if results.raw_lines("raw-zmq"):
        parts.append(("ZeroMQ alone", zmq_table(results)))
    goals = goal_table(results, chosen)
    if len(goals) > 1:
        parts.append(("roost against its goals", goals))
    notes = [f"skipped: {name}: {why}" for name, why in skipped]
    notes += [f"left out: {broker.name} {point}: {why}" for broker in chosen
              for point, why in broker.leaves_out.items()]
    notes += [f"failed: round {entry['round'] + 1} {entry['subject']} {entry['point']}: "
              f"{entry['error']}" for entry in results.errors()]
    if settings.rounds > 1:
        noisy = noisy_list(results, chosen, settings.points)
        if noisy:
            notes.append("a figure marked ~ differs by more than 1.3 x between rounds:")
        notes += ["noisy: " + text for text in noisy]
    else:
        notes.append("one round only: nothing is known about noise, take no figure from this run")
    if settings.cores[0] == settings.cores[1]:
        notes.append("server and clients shared one core")
    parts.append(("Notes", notes or ["nothing was noisy (all spreads up to 1.3 x)"]))
    return parts


def as_terminal(parts):
    text = []
    for heading, content in parts:
        text.append(f"\n{heading}")
        if isinstance(content[0], str):
            text += ["  " + sentence for sentence in content]
            continue
        widths = [max(len(row[i]) for row in content) for i in range(len(content[0]))]
        is_text = [any(row[i][:1].isalpha() for row in content[1:]) or i == 0
                   for i in range(len(widths))]
        for row in content:
            cells = [row[i].ljust(widths[i]) if is_text[i] else row[i].rjust(widths[i])
                     for i in range(len(row))]
            text.append("  " + "  ".join(cells).rstrip())
    return "\n".join(text) + "\n"


def as_markdown(parts, machine, settings):
    text = ["# Benchmark", "",
            f"{machine['when']}; {machine['cores']} cores ({machine['cpu']}), Linux "
            f"{machine['kernel']}, {machine['file_system']}; {settings.rounds} round(s) of "
            f"{settings.seconds:g} s per point, medians. `~`: spread over the rounds above 1.3 x. "
            "Only ratios within this one run count."]
    for heading, content in parts:
        text += ["", f"## {heading}", ""]
        if isinstance(content[0], str):
            text += ["* " + sentence for sentence in content]
            continue
        text.append("| " + " | ".join(content[0]) + " |")
        text.append("|---" * len(content[0]) + "|")
        text += ["| " + " | ".join(row) + " |" for row in content[1:]]
    return "\n".join(text) + "\n"
