// SPDX-License-Identifier: MPL-2.0
/**
 * The arithmetic of charts: where ticks go, where a value is, how a line is written. Pure.
 */

/**
 * Round ticks from 0 (or below) to at least `max`.
 * @param {number} max @param {number} [wanted] about how many steps @param {number} [base] 10, or 1024 for bytes
 * @returns {number[]}
 */
export function niceTicks(max, wanted = 3, base = 10) {
    if (!(max > 0) || !Number.isFinite(max))
        return [0, 1];
    const raw = max / wanted;
    const power = base ** Math.floor(Math.log(raw) / Math.log(base));
    const steps = base === 10 ? [1, 2, 2.5, 5, 10] : [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
    const step = (steps.find(factor => factor * power >= raw * 0.999) ?? base) * power;
    const ticks = [];
    for (let at = 0; at < max + step * 0.999; at += step)
        ticks.push(Number(at.toPrecision(12)));
    return ticks;
}

/** Whole numbers only: half a message is none. @param {number[]} ticks */
export function wholeTicks(ticks) {
    const kept = ticks.filter(Number.isInteger);
    return kept.length > 1 ? kept : [0, Math.max(1, Math.ceil(ticks[ticks.length - 1] ?? 1))];
}

/**
 * The line of a series as an SVG path, broken where time is missing; a value alone is a dot.
 * @param {number[]} xs places in pixels @param {number[]} ys values, NaN where there is none
 * @param {(value: number) => number} place @param {{step?: boolean, gap?: number}} [options]
 */
export function linePath(xs, ys, place, options = {}) {
    const parts = [];
    let before = NaN;
    for (let i = 0; i < xs.length; i++) {
        if (!Number.isFinite(ys[i])) {
            before = NaN;
            continue;
        }
        const x = Math.round(xs[i] * 10) / 10, y = Math.round(place(ys[i]) * 10) / 10;
        const isJoined = Number.isFinite(before) && xs[i] - before <= (options.gap ?? Infinity);
        if (isJoined && options.step)
            parts.push(`H${x}V${y}`);
        else
            parts.push(`${isJoined ? "L" : "M"}${x} ${y}${isJoined || Number.isFinite(ys[i + 1]) ? "" : "h0.1"}`);
        before = xs[i];
    }
    return parts.join("");
}

/** The same, filled down to the ground. @param {string} line @param {number} ground */
export function areaPath(line, ground) {
    return line.split("M").filter(Boolean).map(piece => {
        const numbers = piece.match(/-?\d+(\.\d+)?/g) ?? [];
        const first = numbers[0];
        const last = /H(-?[\d.]+)V-?[\d.]+$/.exec(piece)?.[1] ?? /([-\d.]+) -?[\d.]+$/.exec(piece)?.[1] ?? first;
        return `M${first} ${ground}L${piece}L${last} ${ground}Z`;
    }).join("");
}

/** The index whose value is nearest; xs rises. @param {number[]} xs @param {number} x */
export function nearest(xs, x) {
    let low = 0, high = xs.length - 1;
    while (low < high) {
        const middle = (low + high) >> 1;
        if (xs[middle] < x)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && x - xs[low - 1] < xs[low] - x ? low - 1 : low;
}

/**
 * Times for the axis: whole minutes before now.
 * @param {number} span_ms @param {number} width
 * @returns {Array<{ago_ms: number, label: string}>}
 */
export function timeTicks(span_ms, width) {
    const steps = [10_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000];
    const step = steps.find(ms => span_ms / ms <= Math.max(2, width / 70)) ?? 3_600_000;
    const ticks = [];
    for (let ago = 0; ago <= span_ms * 1.001; ago += step)
        ticks.push({ago_ms: ago, label: ago === 0 ? "now" : ago % 60_000 ? `−${ago / 1000} s` : `−${ago / 60_000} min`});
    return ticks;
}

/** How much time a chart shows: a minute at first, ten when there are ten. @param {number[]} times */
export function windowOf(times) {
    const span_ms = times.length ? times[times.length - 1] - times[0] : 0;
    return [60_000, 120_000, 300_000].find(ms => span_ms <= ms) ?? 600_000;
}

/** @param {number[]} values @returns {{last: number, max: number, mean: number, count: number}} */
export function summary(values) {
    let max = -Infinity, sum = 0, known = 0, last = NaN;
    for (const value of values) {
        if (!Number.isFinite(value))
            continue;
        max = Math.max(max, value);
        sum += value;
        known += 1;
        last = value;
    }
    return {last, max: known ? max : NaN, mean: known ? sum / known : NaN, count: known};
}

/** How strongly a heat map shows a count: by its order of magnitude. @param {number} value @param {number} max */
export function heatShare(value, max) {
    return value > 0 && max > 0 ? 1 - 0.88 * (1 - Math.log1p(value) / Math.log1p(max)) : 0;
}

/**
 * One row of every `each` samples, for the table behind a chart: the largest value of each stretch.
 * @param {number[]} values @param {number} each
 */
export function thin(values, each) {
    const rows = [];
    for (let at = values.length; at > 0; at -= each) {
        const part = values.slice(Math.max(0, at - each), at).filter(Number.isFinite);
        rows.push(part.length ? Math.max(...part) : NaN);
    }
    return rows;
}
