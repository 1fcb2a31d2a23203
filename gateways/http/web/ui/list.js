// SPDX-License-Identifier: MPL-2.0
/**
 * Lists that come in pages by cursor: the first page at once, further ones by "more", never more than
 * ROWS_MAX on the screen. refresh() asks again for as much as is shown and changes only what changed.
 */
import {count, plural} from "/format.js";
import {h, replace, setText} from "/ui/dom.js";
import {failure, loading} from "/ui/states.js";

const PAGE = 100, ASK_MAX = 500, ROWS_MAX = 2000, FEW = 15;

/**
 * @param {object} options
 * @param {(query: {limit: number, cursor?: string}) => Promise<{items: any[], next: string|null}>} options.fetch
 * @param {{el: Element, update: (rows: any[]) => void}} options.table
 * @param {() => Element} options.empty
 * @param {AbortSignal} options.signal
 * @param {string} options.what "peer": what is counted
 * @param {string} [options.many] its plural
 * @param {(rows: any[]) => void} [options.onRows]
 */
export function pagedList(options) {
    const {table, signal} = options;
    /** @type {any[]} */
    let rows = [];
    /** @type {string|null} */
    let next = null;
    let isBusy = false, isShown = false;
    const place = h("div", {class: "list-place"}, loading());
    const more = h("button", {type: "button", on: {click: () => void loadMore()}}, "Show more");
    const said = h("p", {class: "list-said"});
    const foot = h("div", {class: "list-foot"}, said, more);
    foot.hidden = true;

    function show() {
        if (rows.length === 0) {
            replace(place, options.empty());
        } else {
            table.update(rows);
            if (place.firstChild !== table.el)
                replace(place, table.el);
        }
        isShown = true;
        foot.hidden = rows.length < FEW && !next;
        const isFull = rows.length >= ROWS_MAX;
        more.hidden = !next || isFull;
        setText(said, isFull && next ? `The first ${count(rows.length)} are shown; narrow the search to see others.`
            : `${plural(rows.length, options.what, options.many)}${next ? " shown, there are more" : ""}`);
        options.onRows?.(rows);
    }

    /** @param {any} error */
    function fail(error) {
        if (signal.aborted)
            return;
        if (!isShown || error.status === 401 || error.status === 403) {
            replace(place, failure(error, () => void refresh()));
            foot.hidden = true;
            isShown = false;
        }
    }

    async function loadMore() {
        if (isBusy || !next)
            return;
        isBusy = true;
        more.disabled = true;
        try {
            const page = await options.fetch({limit: PAGE, cursor: next});
            const first = rows.length;
            rows = [...rows, ...page.items];
            next = page.next;
            show();
            /** @type {HTMLElement|undefined} */
            const focus = place.querySelectorAll("tbody tr")[first]?.querySelector("a, button");
            focus?.focus();
        } catch (error) {
            fail(error);
        } finally {
            isBusy = false;
            more.disabled = false;
        }
    }

    async function refresh() {
        if (isBusy)
            return;
        isBusy = true;
        try {
            const wanted = Math.max(PAGE, rows.length);
            let page = await options.fetch({limit: Math.min(ASK_MAX, wanted)});
            let items = page.items;
            while (items.length < wanted && page.next && !signal.aborted) {
                page = await options.fetch({limit: Math.min(ASK_MAX, wanted - items.length), cursor: page.next});
                items = [...items, ...page.items];
            }
            rows = items;
            next = page.next;
            if (!signal.aborted)
                show();
        } catch (error) {
            fail(error);
        } finally {
            isBusy = false;
        }
    }

    /** Forgets what is shown: other filters, another list. */
    function reset() {
        rows = [];
        next = null;
        isShown = false;
        replace(place, loading());
        foot.hidden = true;
        return refresh();
    }

    return {el: h("div", {class: "list"}, place, foot), refresh, reset, get rows() { return rows; }};
}
