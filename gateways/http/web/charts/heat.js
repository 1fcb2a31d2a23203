// SPDX-License-Identifier: MPL-2.0
/**
 * A heat map of latencies: time from left to right, buckets from fast to slow upwards, darker where
 * more fell. A canvas, because it is thousands of cells; colours are read from the style sheet and read
 * again when the theme changes.
 */
import {figure, onWidth} from "/charts/figure.js";
import {heatShare, timeTicks, windowOf} from "/charts/scale.js";
import {count, micros, time} from "/format.js";
import {subscribe} from "/state.js";
import {h, setText} from "/ui/dom.js";

const LEFT = 66, BOTTOM = 20, TOP = 6, RIGHT = 4;

/** A colour of the style sheet as numbers. @param {Element} probe @param {string} name */
function colour(probe, name) {
    /** @type {HTMLElement} */ (probe).style.setProperty("color", `var(${name})`);
    return getComputedStyle(probe).color;
}

/**
 * @param {{title: string, note?: string, signal: AbortSignal, height?: number, what: string}} options what: "commit"
 */
export function heatMap(options) {
    const height = options.height ?? 190;
    const canvas = h("canvas", {class: "heat", height: String(height)});
    const readout = h("span", {class: "legend-value"});
    const probe = h("span", {class: "probe", "aria-hidden": "true"});
    const legend = h("div", {class: "legend"}, readout, probe);
    const chart = figure({title: options.title, note: options.note, drawing: canvas, legend, table});
    let width = 0, colours = {ink: "", text: "", line: ""};
    /** @type {number[]} */
    let bounds = [], times = [];
    /** @type {number[][]} */
    let rows = [];
    let low = 0, high = 0, window_s = 60;

    /** Only the buckets in use, and one around them. */
    function findRange() {
        low = Infinity;
        high = -Infinity;
        for (const row of rows) {
            row.forEach((value, at) => {
                if (value > 0) {
                    low = Math.min(low, at);
                    high = Math.max(high, at);
                }
            });
        }
        if (low > high) {
            low = 0;
            high = Math.min(7, bounds.length - 1);
        }
        low = Math.max(0, low - 1);
        high = Math.min(bounds.length, Math.max(high + 1, low + 4));
    }

    /** @param {number} bucket */
    function label(bucket) {
        return bucket < bounds.length ? `≤ ${micros(bounds[bucket])}` : `> ${micros(bounds[bounds.length - 1])}`;
    }

    function table() {
        const sums = bounds.map((_, at) => rows.reduce((sum, row) => sum + (row[at] ?? 0), 0));
        sums.push(rows.reduce((sum, row) => sum + (row[bounds.length] ?? 0), 0));
        return {
            heads: ["Time taken", `${options.what}s in ten minutes`],
            rows: sums.map((sum, at) => [label(at), count(sum)]).filter((_, at) => sums[at] > 0),
        };
    }

    function draw() {
        const context = canvas.getContext("2d");
        if (!context || width === 0)
            return;
        const scale = window.devicePixelRatio || 1;
        canvas.width = Math.round(width * scale);
        canvas.height = Math.round(height * scale);
        canvas.style.setProperty("height", `${height}px`);
        context.scale(scale, scale);
        findRange();
        const count_of_buckets = high - low + 1;
        const cellH = (height - TOP - BOTTOM) / count_of_buckets;
        const cellW = (width - LEFT - RIGHT) / window_s;
        drawAxes(context, cellH);
        const most = Math.max(1, ...rows.map(row => Math.max(0, ...row)));
        context.fillStyle = colours.ink;
        rows.forEach((row, at) => {
            const x = width - RIGHT - (rows.length - at) * cellW;
            for (let bucket = low; bucket <= high; bucket++) {
                const share = heatShare(row[bucket] ?? 0, most);
                if (share === 0 || x < LEFT)
                    continue;
                context.globalAlpha = share;
                context.fillRect(x, TOP + (high - bucket) * cellH, Math.max(1, cellW + 0.3), cellH - 1);
            }
        });
        context.globalAlpha = 1;
    }

    /** @param {CanvasRenderingContext2D} context @param {number} cellH */
    function drawAxes(context, cellH) {
        context.font = getComputedStyle(canvas).font;
        context.fillStyle = colours.text;
        context.textBaseline = "middle";
        context.textAlign = "right";
        const every = Math.max(1, Math.ceil(16 / cellH));
        for (let bucket = low; bucket <= high; bucket += every)
            context.fillText(label(bucket), LEFT - 6, TOP + (high - bucket + 0.5) * cellH);
        context.fillStyle = colours.line;
        context.fillRect(LEFT, height - BOTTOM, width - LEFT - RIGHT, 1);
        context.fillStyle = colours.text;
        for (const {ago_ms, label: text} of timeTicks(window_s * 1000, width - LEFT)) {
            context.textAlign = ago_ms ? "center" : "right";
            const x = width - RIGHT - (width - LEFT - RIGHT) * ago_ms / (window_s * 1000);
            if (x > LEFT + 14 || ago_ms === 0)
                context.fillText(text, x, height - 8);
        }
    }

    function readColours() {
        colours = {ink: colour(probe, "--heat"), text: colour(probe, "--text-3"), line: colour(probe, "--line")};
    }

    function describe() {
        chart.describe(() => {
            let sum = 0, slowest = -1;
            for (const row of rows) {
                row.forEach((value, at) => {
                    sum += value;
                    if (value > 0)
                        slowest = Math.max(slowest, at);
                });
            }
            return sum === 0 ? "nothing in the last ten minutes."
                : `${count(sum)} in the last ten minutes, the slowest ${label(slowest)}.`;
        });
    }

    canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
        const cellW = (width - LEFT - RIGHT) / window_s;
        const at = rows.length - Math.ceil((width - RIGHT - event.offsetX) / cellW);
        const bucket = high - Math.floor((event.offsetY - TOP) / ((height - TOP - BOTTOM) / (high - low + 1)));
        const value = rows[at]?.[bucket];
        setText(readout, value === undefined || bucket < low ? "" : `${time(times[at])}  ${label(bucket)}: ${count(value)}`);
    });
    canvas.addEventListener("pointerleave", () => setText(readout, ""));
    onWidth(canvas, next => { width = next; readColours(); draw(); }, options.signal);
    const redraw = () => requestAnimationFrame(() => { readColours(); draw(); });
    subscribe("theme", redraw, options.signal);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw, {signal: options.signal});

    return {
        el: chart.el,
        /** @param {number[]} at @param {{bounds_us: number[], rows: number[][]}} heat */
        update(at, heat) {
            bounds = heat.bounds_us;
            rows = heat.rows;
            times = at.slice(-rows.length);
        window_s = windowOf(times) / 1000;
            if (!chart.isTable)
                draw();
            describe();
        },
    };
}
