// SPDX-License-Identifier: MPL-2.0
/**
 * A sparkline: the shape of the last minutes beside a number. Decoration for the eye; the number and
 * the full chart say the same in words.
 */
import {areaPath, linePath} from "/charts/scale.js";
import {svg} from "/ui/dom.js";

const FEW = 60;

/** @param {string} tone @param {number} [width] @param {number} [height] */
export function sparkline(tone, width = 120, height = 28) {
    const area = svg("path", {class: `area ${tone}`}), line = svg("path", {class: `line ${tone}`});
    const el = svg("svg", {class: "spark", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true", focusable: "false"}, area, line);
    return {
        el,
        /** @param {number[]} values the newest last @param {number} [most] points of the whole width */
        update(values, most = 300) {
            const shown = values.slice(-most), room = Math.max(FEW, shown.length);
            let max = 0;
            for (const value of shown)
                max = Number.isFinite(value) ? Math.max(max, value) : max;
            const xs = shown.map((_, at) => width - (shown.length - 1 - at) * width / (room - 1));
            const path = linePath(xs, shown, value => height - 2 - (height - 5) * (max ? value / max : 0));
            line.setAttribute("d", path);
            area.setAttribute("d", areaPath(path, height));
        },
    };
}
