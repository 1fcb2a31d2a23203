// SPDX-License-Identifier: MPL-2.0
/**
 * The data file: how large commits are, how long the disk takes, how the log grows, what takes the room.
 */
import {get, API} from "/api.js";
import {hoverGroup} from "/charts/figure.js";
import {heatMap} from "/charts/heat.js";
import {lineChart} from "/charts/line.js";
import {bytes, compact, count, micros, percent} from "/format.js";
import {state} from "/state.js";
import {h, setText} from "/ui/dom.js";
import {bar, card, facts, pageHead} from "/ui/parts.js";
import {failure, loading} from "/ui/states.js";
import {dataTable} from "/ui/table.js";

export const title = "Store";

/** @param {() => number} most */
function tableSizes(most) {
    return dataTable({
        caption: "Size by table", id: row => row.name, sorted: {column: 1, down: true},
        columns: [
            {label: "Table", head: true, cell: row => [row.name, () => h("span", {class: "mono"}, row.name)], sort: row => row.name},
            {label: "Size", live: (row, td) => {
                td.bar ??= bar("");
                if (!td.firstChild)
                    td.append(td.bar.el);
                td.bar.update(row.bytes / Math.max(1, most()), bytes(row.bytes));
            }, sort: row => row.bytes ?? 0},
            {label: "Share", align: "end", cell: row => percent(row.share), sort: row => row.share},
        ],
    });
}

/** What was not counted is one row. @param {Record<string, number>} tables */
function sizeRows(tables) {
    const sum = Math.max(1, Object.values(tables).reduce((one, other) => one + other, 0));
    return Object.entries(tables).map(([name, size]) =>
        ({name: name === "rest" ? "messages and their indexes" : name, bytes: size, share: size / sum}));
}

/** Whatever numbers the broker gives beyond those with a place of their own. @param {any} value @param {string} key */
function numberText(value, key) {
    if (typeof value !== "number")
        return String(value);
    if (/bytes/.test(key))
        return bytes(value);
    return /_us$/.test(key) ? micros(value) : count(value);
}

/** @param {any} store */
function factRows(store) {
    const free = store.page_count ? store.free_pages / store.page_count : NaN;
    /** @type {Array<[string, any]>} */
    const rows = [["File", store.path], ["Data file", bytes(store.database_bytes)], ["Write-ahead log", bytes(store.wal_bytes)], ["Pages", count(store.page_count)],
        ["Free pages", `${count(store.free_pages)}${Number.isFinite(free) ? `, ${percent(free)}` : ""}`]];
    for (const group of ["batch", "commit", "checkpoint"]) {
        for (const [key, value] of Object.entries(store[group] && typeof store[group] === "object" ? store[group] : {})) {
            if (typeof value === "number" || typeof value === "string")
                rows.push([`${group[0].toUpperCase()}${group.slice(1)}, ${key.replace(/_us$|_bytes$/, "").replaceAll("_", " ")}`, numberText(value, key)]);
        }
    }
    for (const [key, value] of Object.entries(store)) {
        if (typeof value === "number" && !["database_bytes", "wal_bytes", "page_count", "free_pages", "batch", "commit"].includes(key))
            rows.push([`${key.replace(/_us$|_bytes$|_ms$/, "").replaceAll("_", " ")}`.replace(/^./, letter => letter.toUpperCase()), numberText(value, key)]);
    }
    return rows;
}

/** @param {Element} root @param {any} ctx */
export function mount(root, ctx) {
    const {signal} = ctx, group = hoverGroup();
    const batch = lineChart({title: "Batch", note: "messages per commit", signal, group, format: compact, series: [{key: "batch", label: "messages", tone: "tone-1", area: true}]});
    const commit = lineChart({title: "Commit", note: "until it is on the disk", signal, group, format: micros, series: [
        {key: "commit_p99_us", label: "p99", tone: "tone-4", area: true}, {key: "commit_p50_us", label: "p50", tone: "tone-1"}]});
    const wal = lineChart({title: "Write-ahead log", note: "size", signal, group, format: bytes, base: 1024, series: [{key: "wal_bytes", label: "bytes", tone: "tone-3", area: true}]});
    const heat = heatMap({title: "How long commits take", note: "stronger: more of them", what: "commit", signal, height: 230});
    const about = facts("The data file");
    let most = 1;
    const table = tableSizes(() => most);
    const place = h("div");
    const said = h("span"), shown = h("div", null, loading());
    const sizes = h("div", {class: "span-6"}, card("Size by table", place, {className: "is-flush", note: said}));
    sizes.hidden = true;
    root.append(pageHead("Store", "One file. Whatever is acknowledged was synced to the disk; one sync carries everything that came in while the one before was under way."),
        h("div", {class: "grid"},
            h("div", {class: "card span-4"}, batch.el), h("div", {class: "card span-4"}, commit.el), h("div", {class: "card span-4"}, wal.el),
            h("div", {class: "card span-12"}, heat.el),
            h("div", {class: "span-6"}, card("Data file", shown)), sizes));

    function draw() {
        if (!state.overview)
            return;
        const values = {...state.samples.values};
        for (const key of ["commit_p50_us", "commit_p99_us"])
            values[key] = (values[key] ?? []).map(value => value > 0 ? value : NaN);
        for (const chart of [batch, commit, wal])
            chart.update(state.samples.at, values);
        heat.update(state.samples.at, state.heat);
    }

    async function load() {
        try {
            const store = await get(`${API}/store`, {}, signal);
            about.update(factRows(store));
            if (!about.el.isConnected)
                shown.replaceChildren(about.el);
        } catch (error) {
            if (!signal.aborted && !about.el.isConnected)
                shown.replaceChildren(failure(error, () => void load()));
        }
    }
    async function measure() {
        try {
            const tables = sizeRows(await get(`${API}/store/tables`, {}, signal));
            most = Math.max(1, ...tables.map(one => one.bytes));
            table.update(tables);
            if (place.firstChild !== table.el)
                place.replaceChildren(table.el);
            setText(said, `${count(tables.length)} tables and indexes`);
            sizes.hidden = false;
        } catch {
            sizes.hidden = true; // the rest of the page says what is wrong
        }
    }
    ctx.on("sample", draw);
    ctx.on("overview", draw);
    draw();
    ctx.poll(load, 5000);
    ctx.poll(measure, 60000);
}
