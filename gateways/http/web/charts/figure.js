// SPDX-License-Identifier: MPL-2.0
/**
 * The frame of every chart: a title, the drawing as role=img with a summary in words, and the same
 * as a table on demand. Charts of one page share a pointer through a group.
 */
import {h, setAttr, uniqueId} from "/ui/dom.js";
import {icon} from "/ui/icons.js";

const DESCRIBE_MS = 10_000;

/** Shares the time under the pointer between charts. */
export function hoverGroup() {
    /** @type {Set<(at_ms: number|null) => void>} */
    const all = new Set();
    return {
        /** @param {(at_ms: number|null) => void} listener */
        join(listener) { all.add(listener); },
        /** @param {number|null} at_ms */
        move(at_ms) {
            for (const listener of all)
                listener(at_ms);
        },
    };
}

/**
 * @param {object} options
 * @param {string} options.title
 * @param {Element} options.drawing
 * @param {any} [options.legend]
 * @param {string} [options.note]
 * @param {() => {heads: string[], rows: string[][]}} options.table made when it is asked for
 * @param {string} [options.className]
 */
export function figure(options) {
    const titleId = uniqueId("chart");
    const place = h("div", {class: "chart-table"});
    place.hidden = true;
    let isTable = false, described = -DESCRIBE_MS;
    const toggle = h("button", {type: "button", class: "quiet icon-button chart-toggle", "aria-pressed": "false",
        "aria-label": `Show as table: ${options.title}`, title: "Show as table", on: {click: flip}}, icon("table"));
    setAttr(options.drawing, "role", "img");

    function fillTable() {
        const {heads, rows} = options.table();
        place.replaceChildren(h("div", {class: "table-scroll", tabindex: "0", role: "region", "aria-labelledby": titleId},
            h("table", {class: "table"}, h("caption", {class: "unseen"}, options.title),
                h("thead", null, h("tr", null, heads.map((head, at) => h("th", {scope: "col", class: at ? "end" : null}, head)))),
                h("tbody", null, rows.map(row => h("tr", null, row.map((text, at) =>
                    at === 0 ? h("th", {scope: "row"}, text) : h("td", {class: "end"}, text))))))));
    }

    function flip() {
        isTable = !isTable;
        toggle.setAttribute("aria-pressed", String(isTable));
        if (isTable)
            fillTable();
        place.hidden = !isTable;
        drawn.hidden = isTable;
    }

    const drawn = h("div", {class: "chart-drawing"}, options.drawing);
    const el = h("figure", {class: `chart ${options.className ?? ""}`},
        h("figcaption", {class: "chart-head"},
            h("h3", {class: "chart-title", id: titleId}, options.title, options.note && h("span", {class: "chart-note"}, options.note)),
            options.legend, toggle),
        drawn, place);
    return {
        el,
        /** The summary, at most every ten seconds: it is read, not watched. @param {() => string} words */
        describe(words) {
            if (performance.now() - described < DESCRIBE_MS)
                return;
            described = performance.now();
            setAttr(options.drawing, "aria-label", `${options.title}: ${words()}`);
        },
        get isTable() { return isTable; },
    };
}

/**
 * Calls draw with the width whenever it changes, and ends with the signal.
 * @param {Element} element @param {(width: number) => void} draw @param {AbortSignal} signal
 */
export function onWidth(element, draw, signal) {
    let known = 0;
    const observer = new ResizeObserver(entries => {
        const width = Math.round(entries[0].contentRect.width);
        if (width > 0 && width !== known) {
            known = width;
            requestAnimationFrame(() => signal.aborted || draw(width));
        }
    });
    observer.observe(element);
    signal.addEventListener("abort", () => observer.disconnect(), {once: true});
}
