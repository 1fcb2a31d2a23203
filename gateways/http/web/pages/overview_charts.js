// SPDX-License-Identifier: MPL-2.0
/**
 * The charts of the overview: they share a pointer, so one moment is read in all of them.
 */
import {hoverGroup} from "/charts/figure.js";
import {heatMap} from "/charts/heat.js";
import {lineChart} from "/charts/line.js";
import {bytes, compact, count, micros} from "/format.js";
import {state} from "/state.js";
import {h} from "/ui/dom.js";

/** @param {AbortSignal} signal */
export function figureGrid(signal) {
    const group = hoverGroup();
    const throughput = lineChart({title: "Throughput", note: "messages per second", signal, group, height: 190, format: compact, series: [
        {key: "stored", label: "stored", tone: "tone-1", area: true},
        {key: "delivered", label: "delivered", tone: "tone-2"},
        {key: "settled", label: "settled", tone: "tone-3"},
    ]});
    const backlog = lineChart({title: "Backlog", note: "messages", signal, group, height: 190, format: compact, whole: true, series: [
        {key: "waiting", label: "waiting", tone: "tone-3", area: true},
        {key: "leased", label: "in flight", tone: "tone-4"},
    ]});
    const commit = lineChart({title: "Commit", note: "until it is on the disk", signal, group, format: micros, series: [
        {key: "commit_p99_us", label: "p99", tone: "tone-4", area: true},
        {key: "commit_p50_us", label: "p50", tone: "tone-1"},
    ]});
    const whole = lineChart({title: "End to end", note: "stored to settled", signal, group, format: micros, series: [
        {key: "end_to_end_p99_us", label: "p99", tone: "tone-4", area: true},
        {key: "end_to_end_p50_us", label: "p50", tone: "tone-1"},
    ]});
    const online = lineChart({title: "Who is there", signal, group, format: count, whole: true, series: [
        {key: "peers_online", label: "peers", tone: "tone-2", step: true, area: true},
        {key: "sessions", label: "sessions", tone: "tone-1", step: true},
    ]});
    const traffic = lineChart({title: "Traffic", note: "per second", signal, group, format: bytes, base: 1024, series: [
        {key: "bytes_in", label: "in", tone: "tone-1", area: true},
        {key: "bytes_out", label: "out", tone: "tone-2"},
    ]});
    const heat = heatMap({title: "How long commits take", note: "stronger: more of them", what: "commit", signal});
    const latencies = ["commit_p50_us", "commit_p99_us", "end_to_end_p50_us", "end_to_end_p99_us"];
    const cards = [["span-6", throughput], ["span-6", backlog], ["span-4", commit], ["span-4", whole], ["span-4", online],
        ["span-8", heat], ["span-4", traffic]];

    /** A second without a commit has no latency; 0 would draw a lie. */
    function known() {
        const values = {...state.samples.values};
        for (const key of latencies)
            values[key] = (values[key] ?? []).map(value => value > 0 ? value : NaN);
        return values;
    }

    return {
        el: h("div", {class: "grid"}, cards.map(([size, chart]) => h("div", {class: `card ${size}`}, /** @type {any} */ (chart).el))),
        update() {
            const {at} = state.samples, values = known();
            for (const chart of [throughput, backlog, commit, whole, online, traffic])
                chart.update(at, values);
            heat.update(at, state.heat);
        },
    };
}
