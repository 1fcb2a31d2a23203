# SPDX-License-Identifier: MPL-2.0
"""Tables and curves of bench/scale: one table and one picture for each thing that grows."""
import os

NOT_MEASURED = float("nan")  # what an earlier run has stored (--data)
TITLES = {
    "sessions": "Idle ZeroMQ sessions",
    "rooms": "Rooms",
    "members": "Members of one room, all of them there",
    "scopes": "Queues with one message each",
    "waiting": "Messages waiting for one peer who is away",
    "stored": "Stored messages, in 1,000 queues",
    "stop": "Stop under load (producers with 1,000 in flight), and start",
}
# What is drawn over the count: (column, axis); several curves of one axis share a picture.
CURVES = {
    "sessions": [("kib_each", "KiB each"), ("ratio", "publish rate beside / alone")],
    "rooms": [("kib_each", "KiB each"), ("seconds", "seconds to make them")],
    "members": [("deliveries_per_s", "deliveries/s"), ("cpu_us_each", "processor us per delivery"),
                ("joining_s", "seconds to join")],
    "scopes": [("kib_each", "KiB each"), ("per_s", "made per second")],
    "waiting": [("mib", "MiB resident"), ("start_ms", "start to first STORED, ms")],
    "stored": [("publish_per_s", "publishes/s"), ("publish_cpu_us", "processor us per publish"),
               ("page_p99_ms", "page of history p99, ms"),
               ("start_ms", "start to first STORED, ms")],
}


def text_of(value):
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def as_markdown(results, info, failures):
    text = ["# Scale", "",
            f"{info['when']}; {info['cores']} cores ({info['cpu']}), Linux {info['kernel']}, "
            f"{info['file_system']}; load {info['load_1min_at_start']:.1f} before, "
            f"{info['load_1min_at_end']:.1f} after (its own included)."]
    for name, rows in results.items():
        columns = list(rows[-1]) if len(rows[-1]) > len(rows[0]) else list(rows[0])
        text += ["", f"## {TITLES[name]}", "", "| " + " | ".join(columns) + " |",
                 "|---" * len(columns) + "|"]
        text += ["| " + " | ".join(text_of(row.get(column, NOT_MEASURED)) for column in columns) + " |"
                 for row in rows]
    text += [""] + [f"failed: {failure}" for failure in failures]
    return "\n".join(text) + "\n"


def draw_one(pyplot, name, rows, path):
    curves = CURVES[name]
    figure, axes = pyplot.subplots(1, len(curves), squeeze=False, layout="constrained",
                                   figsize=(3.6 * len(curves), 2.8))
    for axis, (column, label) in zip(axes[0], curves):
        axis.plot([row["count"] for row in rows], [row.get(column, NOT_MEASURED) for row in rows], "o-",
                  color="#c4561a", linewidth=1.4, markersize=4)
        axis.set_xscale("log")
        axis.set_ylim(bottom=0)
        axis.set_title(label, fontsize=9, loc="left")
        axis.tick_params(labelsize=7)
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axis.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
        axis.grid(axis="y", linewidth=0.4, color="#cccccc")
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    figure.suptitle(TITLES[name], fontsize=10)
    figure.savefig(path)
    pyplot.close(figure)


def draw(results, out_dir):
    """Writes the pictures; returns a sentence about what there is."""
    try:
        import matplotlib
        matplotlib.use("svg")
        from matplotlib import pyplot
    except ImportError:
        return "no plots: matplotlib is not installed (package python3-matplotlib)"
    written = []
    for name, rows in results.items():
        if name in CURVES and len(rows) > 1:
            draw_one(pyplot, name, rows, os.path.join(out_dir, f"{name}.svg"))
            written.append(f"{name}.svg")
    return "plots: " + ", ".join(written) if written else "no plots: nothing to draw"
