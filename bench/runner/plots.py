# SPDX-License-Identifier: MPL-2.0
"""Four pictures: throughput per scenario and by messages in flight, latency and its distribution. Needs
matplotlib; without it, says so.

Brokers whose acknowledgement is on disk have filled bars and dots, the others hollow, hatched
ones, and in curves dashed lines, so that unlike things are not compared by accident."""
import math
import os
import statistics

from .plan import parse_publish
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


def throughput(pyplot, results, chosen, points, path):
    panels = []
    for point in (point for point in points if point != "latency"):
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


def latency(pyplot, results, chosen, _points, path):
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


# Of the curves: one colour per broker, told apart without colour by their marks.
CURVE_COLOURS = ["#c4561a", "#1f5fa8", "#2e7d32", "#7b3fa0", "#a8841f", "#00838f", "#b0305c", "#5d4037",
                 "#455a64", "#7a8794"]
CURVE_MARKS = "os^Dv<>pX*"


def style_of(place, broker):
    return {"color": CURVE_COLOURS[place % len(CURVE_COLOURS)],
            "marker": CURVE_MARKS[place % len(CURVE_MARKS)], "markersize": 4, "linewidth": 1.2,
            "linestyle": "-" if broker.on_disk else "--", "label": label_of(broker)}


def finish_curves(pyplot, figure, axis, path):
    axis.grid(linewidth=0.3, color="#cccccc")
    axis.tick_params(labelsize=7)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    axis.legend(fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path)
    pyplot.close(figure)


def windows(pyplot, results, chosen, points, path):
    """Throughput over messages in flight, where at least three numbers of producers x window with the
    same producers were measured."""
    parsed = [(parse_publish(point), point) for point in points if point not in ("drain", "latency")]
    producers = max((first for (first, _), _ in parsed), default=0,
                    key=lambda first: sum(other == first for (other, _), _ in parsed))
    parsed = sorted(((first, window), point) for (first, window), point in parsed
                    if first == producers)
    if len(parsed) < 3:
        return False
    figure, axis = pyplot.subplots(layout="constrained", figsize=(8, 4))
    for place, broker in enumerate(chosen):
        found = [(window, results.figure(broker.name, point, "per_s"))
                 for (_, window), point in parsed]
        found = [(window, figure_of.median) for window, figure_of in found if figure_of]
        if found:
            axis.plot(*zip(*found), **style_of(place, broker))
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel(f"messages in flight per producer ({producers} producers)", fontsize=8)
    axis.set_title("Confirmed publishes per second (median; dashed: not on disk)", fontsize=10,
                   loc="left")
    axis.yaxis.set_major_formatter(lambda value, _: number(value))
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    finish_curves(pyplot, figure, axis, path)
    return True


def curve_of(results, broker, key):
    """[(share, median over the rounds)] of a latency."""
    rounds = list(results.by_round(broker.name, "latency", key + ".curve").values())
    if not rounds:
        return []
    return [(points[0][0], statistics.median(point[1] for point in points))
            for points in zip(*rounds)]


def distribution(pyplot, results, chosen, _points, path):
    """Latency by share of the messages, on an axis where each further nine is as wide as the last."""
    figure, axes = pyplot.subplots(1, 2, layout="constrained", figsize=(11, 4), sharey=True)
    is_drawn = False
    for axis, (key, title) in zip(axes, (("confirm_us", "until confirmed"),
                                         ("end_to_end_us", "end to end"))):
        for place, broker in enumerate(chosen):
            curve = curve_of(results, broker, key)
            if curve:
                axis.plot([-math.log10(1 - share) for share, _ in curve],
                          [value for _, value in curve], **style_of(place, broker))
                is_drawn = True
        axis.set_yscale("log")
        axis.set_title(f"Latency at 1,000/s, {title}, us", fontsize=10, loc="left")
        axis.set_xticks([-math.log10(1 - share) for share in (0.5, 0.9, 0.99, 0.999, 0.9999)],
                        ["p50", "p90", "p99", "p99.9", "p99.99"])
        axis.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    if not is_drawn:
        pyplot.close(figure)
        return False
    axes[0].grid(linewidth=0.3, color="#cccccc")
    finish_curves(pyplot, figure, axes[1], path)
    return True


def draw(results, chosen, points, out_dir):
    """Writes the pictures; returns a sentence about what there is."""
    try:
        import matplotlib
        matplotlib.use("svg")
        from matplotlib import pyplot
    except ImportError:
        return "no plots: matplotlib is not installed (package python3-matplotlib)"
    written = []
    for name, drawing in (("throughput.svg", throughput), ("windows.svg", windows),
                          ("latency.svg", latency), ("distribution.svg", distribution)):
        if drawing(pyplot, results, chosen, points, os.path.join(out_dir, name)):
            written.append(name)
    return "plots: " + ", ".join(written) if written else "no plots: nothing to draw"
