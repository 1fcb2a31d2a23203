// SPDX-License-Identifier: MPL-2.0
/**
 * Columns side by side: how many fell into which class (retries by attempt, dues by time).
 */
import {figure, onWidth} from "/charts/figure.js";
import {niceTicks, wholeTicks} from "/charts/scale.js";
import {count} from "/format.js";
import {setAttr, svg} from "/ui/dom.js";

/**
 * @param {{title: string, note?: string, heads: [string, string], signal: AbortSignal, tone?: string, height?: number}} options
 */
export function columnChart(options) {
    const height = options.height ?? 140, top = 14, bottom = 20, start = 34;
    /** @type {Array<{label: string, value: number}>} */
    let items = [];
    let width = 0;
    const drawing = svg("svg", {class: "chart-svg", height: String(height)});
    const chart = figure({title: options.title, note: options.note, drawing, table: () => ({
        heads: options.heads, rows: items.map(item => [item.label, count(item.value)]),
    })});

    function draw() {
        if (width === 0)
            return;
        const ticks = wholeTicks(niceTicks(Math.max(1, ...items.map(item => item.value)), 3));
        const max = ticks[ticks.length - 1];
        const ground = height - bottom;
        const nodes = [];
        for (const tick of ticks) {
            const y = Math.round(ground - (ground - top) * tick / max) + 0.5;
            nodes.push(svg("line", {class: "grid-line", x1: start, x2: width, y1: y, y2: y}),
                svg("text", {class: "tick-y", x: start - 6, y: y + 3.5}, count(tick)));
        }
        const step = (width - start) / Math.max(1, items.length);
        const room = Math.ceil(44 / step);
        items.forEach((item, at) => {
            const tall = (ground - top) * item.value / max;
            const x = start + at * step;
            nodes.push(svg("rect", {class: `column ${options.tone ?? "tone-1"}`, x: x + step * 0.16, width: step * 0.68, y: ground - tall, height: Math.max(0, tall), rx: "2"},
                svg("title", null, `${item.label}: ${count(item.value)}`)));
            if (at % room === 0)
                nodes.push(svg("text", {class: "tick-x", x: x + step / 2, y: height - 5}, item.label));
            if (item.value > 0 && step > 26)
                nodes.push(svg("text", {class: "column-value", x: x + step / 2, y: ground - tall - 4}, count(item.value)));
        });
        setAttr(drawing, "viewBox", `0 0 ${width} ${height}`);
        drawing.replaceChildren(...nodes);
    }

    onWidth(drawing, next => { width = next; draw(); }, options.signal);
    return {
        el: chart.el,
        /** @param {Array<{label: string, value: number}>} next */
        update(next) {
            items = next;
            if (!chart.isTable)
                draw();
            const used = items.filter(item => item.value > 0);
            chart.describe(() => used.length ? `${used.map(item => `${item.label} ${count(item.value)}`).join(", ")}.` : "nothing.");
        },
    };
}
