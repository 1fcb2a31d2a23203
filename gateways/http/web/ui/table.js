// SPDX-License-Identifier: MPL-2.0
/**
 * Tables that are updated in place, cell by cell: selection, focus, scroll and the place of a screen
 * reader stay. Rows are known by an id; a cell is written only when its text (or the key of its node)
 * is another one. Sorting is offered only where all rows are here.
 */
import {h, setAttr, setText, uniqueId} from "/ui/dom.js";

/**
 * @typedef {object} Column
 * @property {string} label
 * @property {(row: any) => any} cell a text, or [key, () => Node]: a new node only for a new key
 * @property {(row: any, td: HTMLElement) => void} [live] instead of cell: writes into the cell itself
 * @property {(row: any) => number|string} [sort]
 * @property {boolean} [head] the cell that names its row
 * @property {"end"} [align]
 * @property {1|2|3} [rank] 2 is left out on small, 3 on middle screens
 * @property {(row: any) => string} [title]
 * @property {string} [className]
 *
 * @typedef {object} TableOptions
 * @property {string} caption
 * @property {Column[]} columns
 * @property {(row: any) => string} id
 * @property {boolean} [showCaption]
 * @property {{column: number, down?: boolean}} [sorted]
 * @property {(row: any) => string|null} [mark] a class of the row
 */

/** @param {TableOptions} options */
export function dataTable(options) {
    const {columns} = options;
    /** @type {Map<string, {tr: HTMLTableRowElement, cells: any[]}>} */
    let known = new Map();
    /** @type {any[]} */
    let rows = [];
    let sorted = options.sorted ?? null;
    const captionId = uniqueId("caption");
    const heads = columns.map(headCell);
    const body = h("tbody");
    const table = h("table", {class: "table"},
        h("caption", {id: captionId, class: options.showCaption ? "" : "unseen"}, options.caption),
        h("thead", null, h("tr", null, heads)), body);
    const el = h("div", {class: "table-scroll", role: "region", "aria-labelledby": captionId, tabindex: "0"}, table);

    /** @param {Column} column */
    function classOf(column) {
        return [column.align === "end" ? "end" : "", column.rank ? `rank-${column.rank}` : "",
            column.className ?? ""].filter(Boolean).join(" ") || null;
    }

    /** @param {Column} column @param {number} at */
    function headCell(column, at) {
        const label = column.sort
            ? h("button", {type: "button", class: "sort", on: {click: () => sortBy(at)}}, column.label,
                h("span", {class: "sort-mark", "aria-hidden": "true"}))
            : column.label;
        return h("th", {scope: "col", class: classOf(column)}, label);
    }

    /** @param {number} at */
    function sortBy(at) {
        const down = columns[at].align === "end";
        sorted = sorted?.column === at ? {column: at, down: !sorted.down} : {column: at, down};
        render();
    }

    function order() {
        heads.forEach((head, at) => setAttr(head, "aria-sort",
            sorted?.column === at ? (sorted.down ? "descending" : "ascending") : columns[at].sort ? "none" : null));
        if (!sorted)
            return rows;
        const value = /** @type {(row: any) => number|string} */ (columns[sorted.column].sort);
        const sign = sorted.down ? -1 : 1;
        return [...rows].sort((a, b) => {
            const left = value(a), right = value(b);
            return sign * (typeof left === "string" ? left.localeCompare(String(right)) : left - Number(right));
        });
    }

    /** @param {any} row */
    function makeRow(row) {
        const cells = columns.map(column => column.head
            ? h("th", {scope: "row", class: classOf(column)}) : h("td", {class: classOf(column)}));
        const tr = h("tr", null, cells);
        return {tr, cells: cells.map(cell => ({cell, key: null}))};
    }

    /** @param {any} entry @param {any} row */
    function writeRow(entry, row) {
        columns.forEach((column, at) => {
            const place = entry.cells[at];
            if (column.live) {
                column.live(row, place.cell);
            } else {
                const value = column.cell(row);
                if (!Array.isArray(value)) {
                    setText(place.cell, value ?? "");
                } else if (place.key !== value[0]) {
                    place.key = value[0];
                    place.cell.replaceChildren(value[1]());
                }
            }
            if (column.title)
                setAttr(place.cell, "title", column.title(row) || null);
        });
        if (options.mark)
            setAttr(entry.tr, "class", options.mark(row));
    }

    function render() {
        const next = new Map();
        let at = body.firstElementChild;
        for (const row of order()) {
            const id = options.id(row);
            if (next.has(id))
                continue;
            const entry = known.get(id) ?? makeRow(row);
            writeRow(entry, row);
            next.set(id, entry);
            if (entry.tr === at)
                at = at.nextElementSibling;
            else
                body.insertBefore(entry.tr, at);
        }
        for (const [id, entry] of known) {
            if (!next.has(id))
                entry.tr.remove();
        }
        known = next;
    }

    return {
        el,
        table,
        /** @param {any[]} all the rows in their order */
        update(all) {
            rows = all;
            render();
        },
        get rows() { return rows; },
    };
}
