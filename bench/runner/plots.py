# SPDX-License-Identifier: MPL-2.0
"""Two pictures: throughput per scenario, and latency. Needs matplotlib; without it, says so.

Brokers whose acknowledgement is on disk have filled bars and dots, the others hollow, hatched
ones, so that unlike things are not compared by accident."""
import os

from .plan import PUBLISH_POINTS
from .report import number

ON_DISK_COLOUR = "#1f5fa8"
ROOST_COLOUR = "#c4561a"
OFF_DISK_COLOUR = "#7a8794"


def colour_of(broker):
    if broker.name == "roost":
        return ROOST_COLOUR
    return ON_DISK_COLOUR if broker.on_disk else OFF_DISK_COLOUR


def label_of(broker):
    return broker.name + ("" if broker.on_disk else " (not on disk)")


def draw_bars(axis, title, bars):
    """bars: [(broker, figure)], one horizontal bar each, with its range over the rounds."""
    largest = max(figure.high for _, figure in bars)
    for place, (broker, figure) in enumerate(bars):
        colour = colour_of(broker)
        axis.barh(place, figure.median, height=0.7, edgecolor=colour, linewidth=1.2,
                  color=colour if broker.on_disk else "white",
                  hatch=None if broker.on_disk else "///")
        axis.plot([figure.low, figure.high], [place, place], color="black", linewidth=1)
        axis.text(figure.high + largest * 0.02, place, number(figure.median), va="center",
                  fontsize=8)
    axis.set_title(title, fontsize=10, loc="left")
    axis.set_xlim(0, largest * 1.22)
    axis.xaxis.set_major_formatter(lambda value, _: number(value) if value else "0")
    axis.tick_params(axis="x", labelsize=7)
    axis.invert_yaxis()
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def throughput(pyplot, results, chosen, path):
    points = [name for name, _, _ in PUBLISH_POINTS] + ["drain"]
    panels = []
    for point in points:
        bars = [(broker, results.figure(broker.name, point, "per_s")) for broker in chosen]
        if any(figure for _, figure in bars):
            panels.append((point, [bar for bar in bars if bar[1]]))
    if not panels:
        return False
    figure, axes = pyplot.subplots(len(panels), 1, squeeze=False, layout="constrained",
                                   figsize=(8, 0.6 + sum(0.7 + 0.3 * len(b) for _, b in panels)))
    for axis, (point, bars) in zip(axes[:, 0], panels):
        title = "drain with acks" if point == "drain" else f"publish {point}"
        draw_bars(axis, title + ", messages/s", bars)
        axis.set_yticks(range(len(bars)), [label_of(broker) for broker, _ in bars], fontsize=8)
    figure.suptitle("Messages per second (median; line: range over the rounds)", fontsize=11)
    figure.savefig(path)
    pyplot.close(figure)
    return True


def latency(pyplot, results, chosen, path):
    rows = []
    for broker in chosen:
        for what, key in (("confirm", "confirm_us"), ("end to end", "end_to_end_us")):
            p50 = results.figure(broker.name, "latency", key + ".p50")
            p99 = results.figure(broker.name, "latency", key + ".p99")
            if p50 and p99:
                rows.append((broker, what, p50.median, p99.median))
    if not rows:
        return False
    figure, axis = pyplot.subplots(layout="constrained", figsize=(8, 1.4 + 0.3 * len(rows)))
    for place, (broker, _, p50, p99) in enumerate(rows):
        colour = colour_of(broker)
        inside = colour if broker.on_disk else "white"
        axis.plot([p50, p99], [place, place], color=colour, linewidth=1.5)
        axis.plot([p50], [place], "o", color=colour, markerfacecolor=inside)
        axis.plot([p99], [place], "|", color=colour, markersize=11)
    sync = results.raw_figure("raw-disk", {"file": "append", "batch": 1}, "sync_us.p50")
    if sync:
        axis.axvline(sync.median, color="black", linewidth=0.8, linestyle=":")
        axis.text(sync.median, -0.8, " fdatasync p50", fontsize=8)
    axis.set_yticks(range(len(rows)),
                    [f"{label_of(broker)}: {what}" for broker, what, _, _ in rows], fontsize=8)
    axis.set_xscale("log", subs=[])
    axis.xaxis.set_major_locator(pyplot.matplotlib.ticker.LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axis.set_xlabel("microseconds (dot p50, bar p99), 1,000 messages/s")
    axis.set_ylim(len(rows) - 0.4, -1.2)
    figure.savefig(path)
    pyplot.close(figure)
    return True


def draw(results, chosen, out_dir):
    """Writes the pictures; returns a sentence about what there is."""
    try:
        import matplotlib
        matplotlib.use("svg")
        from matplotlib import pyplot
    except ImportError:
        return "no plots: matplotlib is not installed (package python3-matplotlib)"
    written = []
    for name, drawing in (("throughput.svg", throughput), ("latency.svg", latency)):
        if drawing(pyplot, results, chosen, os.path.join(out_dir, name)):
            written.append(name)
    return "plots: " + ", ".join(written) if written else "no plots: nothing to draw"
