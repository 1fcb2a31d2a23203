// SPDX-License-Identifier: MPL-2.0
/**
 * Lines and areas over time, in SVG so that the colours are those of the style sheet. The legend shows
 * the newest values; under the pointer, those of that second, in all charts of the group at once.
 */
import {figure, onWidth} from "/charts/figure.js";
import {areaPath, linePath, nearest, niceTicks, summary, thin, timeTicks, wholeTicks, windowOf} from "/charts/scale.js";
import {time} from "/format.js";
import {h, setAttr, setText, svg} from "/ui/dom.js";

/**
 * @typedef {{key: string, label: string, tone: string, area?: boolean, step?: boolean}} Series
 *
 * @param {object} options
 * @param {string} options.title
 * @param {string} [options.note]
 * @param {Series[]} options.series
 * @param {(value: number) => string} options.format
 * @param {AbortSignal} options.signal
 * @param {ReturnType<typeof import("/charts/figure.js").hoverGroup>} [options.group]
 * @param {number} [options.height]
 * @param {number} [options.base] 1024 for bytes
 * @param {boolean} [options.whole] only whole numbers
 */
export function lineChart(options) {
    const {series, format, signal, group} = options;
    const height = options.height ?? 150;
    const top = 8, bottom = 20, end = 4;
    let width = 0, start = 44;
    /** @type {number[]} */
    let times = [], xs = [];
    /** @type {Record<string, number[]>} */
    let values = {};
    let max = 1, drawn = "", window_ms = 60_000;
    /** @type {number|null} */
    let hovered = null;

    const grid = svg("g", {class: "chart-grid"});
    const lines = svg("g");
    const rule = svg("line", {class: "chart-rule"});
    const dots = svg("g");
    const drawing = svg("svg", {class: "chart-svg", height: String(height)}, grid, lines, rule, dots);
    const shapes = series.map(one => {
        const area = one.area ? svg("path", {class: `area ${one.tone}`}) : null;
        const line = svg("path", {class: `line ${one.tone}`});
        const dot = svg("circle", {class: `spot ${one.tone}`, r: "3"});
        if (area)
            lines.append(area);
        lines.append(line);
        dots.append(dot);
        return {area, line, dot};
    });
    const readout = series.map(one => h("span", {class: "legend-value"}, "–"));
    const when = h("span", {class: "legend-time"});
    const legend = h("div", {class: "legend"}, when, series.map((one, at) => h("span", {class: "legend-item"},
        h("span", {class: `legend-mark ${one.tone}`, "aria-hidden": "true"}), h("span", null, one.label), readout[at])));
    const chart = figure({title: options.title, note: options.note, drawing, legend, table});

    /** @param {number} value */
    const place = value => top + (height - top - bottom) * (1 - value / max);

    function table() {
        const each = Math.max(1, Math.round(times.length / 60));
        const stamps = thin(times, each);
        const columns = series.map(one => thin(values[one.key] ?? [], each));
        return {
            heads: ["Time", ...series.map(one => one.label)],
            rows: stamps.map((at, row) => [time(at), ...columns.map(column => format(column[row]))]),
        };
    }

    /** @param {number[]} ticks */
    function drawGrid(ticks) {
        const labels = ticks.map(tick => tick === 0 ? "0" : format(tick));
        const key = `${width} ${window_ms} ${labels.join()}`;
        if (key === drawn)
            return;
        drawn = key;
        start = Math.max(28, ...labels.map(label => label.length * 6.3 + 10));
        const nodes = [];
        ticks.forEach((tick, at) => {
            const y = Math.round(place(tick)) + 0.5;
            nodes.push(svg("line", {x1: start, x2: width - end, y1: y, y2: y}),
                svg("text", {x: start - 6, y: y + 3.5, class: "tick-y"}, labels[at]));
        });
        for (const {ago_ms, label} of timeTicks(window_ms, width - start - end)) {
            const x = width - end - (width - start - end) * ago_ms / window_ms;
            const kind = ago_ms === 0 ? "tick-x is-last" : x < start + 22 ? "tick-x is-first" : "tick-x";
            nodes.push(svg("text", {x, y: height - 5, class: kind}, label));
        }
        grid.replaceChildren(...nodes);
    }

    function draw() {
        if (width === 0)
            return;
        const newest = times[times.length - 1] ?? 0;
        window_ms = windowOf(times);
        const top_value = Math.max(0, ...series.map(one => summary(values[one.key] ?? []).max || 0));
        let ticks = niceTicks(top_value, Math.max(2, Math.round(height / 48)), options.base);
        if (options.whole)
            ticks = wholeTicks(ticks);
        max = ticks[ticks.length - 1];
        setAttr(drawing, "viewBox", `0 0 ${width} ${height}`);
        drawGrid(ticks);
        const scale = (width - start - end) / window_ms;
        xs = times.map(at => width - end - (newest - at) * scale);
        const gap = 3500 * scale + 0.5;
        series.forEach((one, at) => {
            const path = linePath(xs, values[one.key] ?? [], place, {step: one.step, gap});
            shapes[at].line.setAttribute("d", path);
            shapes[at].area?.setAttribute("d", areaPath(path, height - bottom));
        });
        point();
    }

    /** The rule, the dots and the legend. */
    function point() {
        const isOn = hovered !== null && times.length > 0;
        const index = isOn ? nearest(times, /** @type {number} */ (hovered)) : times.length - 1;
        setAttr(rule, "class", isOn ? "chart-rule is-on" : "chart-rule");
        if (isOn) {
            for (const [name, value] of [["x1", xs[index]], ["x2", xs[index]], ["y1", top], ["y2", height - bottom]])
                rule.setAttribute(String(name), String(value));
        }
        setText(when, isOn ? time(times[index]) : "");
        series.forEach((one, at) => {
            const value = values[one.key]?.[index];
            setText(readout[at], Number.isFinite(value) ? format(value) : "–");
            setAttr(shapes[at].dot, "class", `spot ${one.tone} ${isOn && Number.isFinite(value) ? "is-on" : ""}`);
            if (isOn && Number.isFinite(value)) {
                shapes[at].dot.setAttribute("cx", String(xs[index]));
                shapes[at].dot.setAttribute("cy", String(place(value)));
            }
        });
    }

    function describe() {
        chart.describe(() => series.map(one => {
            const {last, max: most, mean, count} = summary(values[one.key] ?? []);
            return count ? `${one.label} now ${format(last)}, mean ${format(mean)}, highest ${format(most)}` : `${one.label}: nothing yet`;
        }).join("; ") + ".");
    }

    drawing.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
        const x = event.offsetX;
        const newest = times[times.length - 1] ?? 0;
        const at = newest - (width - end - x) * window_ms / (width - start - end);
        (group ?? {move: hover}).move(x >= start ? at : null);
    });
    drawing.addEventListener("pointerleave", () => (group ?? {move: hover}).move(null));

    /** @param {number|null} at_ms */
    function hover(at_ms) {
        hovered = at_ms;
        point();
    }
    group?.join(hover);
    onWidth(drawing, next => { width = next; draw(); }, signal);

    return {
        el: chart.el,
        /** @param {number[]} at @param {Record<string, number[]>} data */
        update(at, data) {
            times = at;
            values = data;
            if (!chart.isTable)
                draw();
            describe();
        },
    };
}
