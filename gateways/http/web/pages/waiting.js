// SPDX-License-Identifier: MPL-2.0
/**
 * What waits for whom: every consumer that has something, when the next attempts are due, what expires
 * soon. With a scope in the address it is the page of that queue or topic.
 */
import {get, post, API} from "/api.js";
import {columnChart} from "/charts/columns.js";
import {compact, count} from "/format.js";
import {go, link, scopeLink} from "/router.js";
import {now, state} from "/state.js";
import {lineChart} from "/charts/line.js";
import {h} from "/ui/dom.js";
import {ask} from "/ui/dialog.js";
import {pagedList} from "/ui/list.js";
import {attempt} from "/ui/notice.js";
import {button, card, pageHead, timeAgo} from "/ui/parts.js";
import {empty} from "/ui/states.js";
import {dataTable} from "/ui/table.js";
import {mailbox} from "/pages/mailbox.js";

export const title = "Waiting";

/** When the next attempt of a consumer is due, in classes. */
const DUES = [["due", 0], ["1 min", 60e3], ["5 min", 300e3], ["30 min", 1800e3], ["2 h", 7200e3], ["8 h", 28800e3], ["1 d", 86400e3], ["later", Infinity]];

/** @param {any} row */
function scopeCell(row) {
    return [row.scope, () => h("a", {href: scopeLink(row.scope), class: "name", dir: "auto"}, row.scope)];
}

function consumerTable() {
    const number = (/** @type {string} */ key, /** @type {string} */ label, /** @type {any} */ rank) =>
        ({label, align: /** @type {"end"} */ ("end"), rank, cell: (/** @type {any} */ row) => row[key] ? count(row[key]) : "", sort: (/** @type {any} */ row) => row[key] ?? 0});
    return dataTable({
        caption: "Consumers with messages", id: row => `${row.scope}\n${row.consumer}`, sorted: {column: 2, down: true},
        columns: [
            {label: "Scope", head: true, className: "name-cell", cell: scopeCell, sort: row => row.scope},
            {label: "Consumer", rank: 2, cell: row => row.consumer, sort: row => row.consumer},
            number("waiting", "Waiting", undefined), number("leased", "In flight", 2), number("retry", "Retry", undefined),
            number("scheduled", "Scheduled", 3), number("dead", "Dead", undefined),
            {label: "Attached", rank: 2, className: "name-cell", cell: row => row.attached_peer ?? ""},
            {label: "Next due", rank: 3, cell: row => [String(row.next_due_ms), () => row.next_due_ms ? timeAgo(row.next_due_ms) : h("span")], sort: row => row.next_due_ms || Infinity},
        ],
    });
}

/** Empty mailboxes are left out; queues, rooms and topics are few and worth knowing. @param {any} row */
function isWorthSeeing(row) {
    return !row.scope.startsWith("peer:") || row.waiting + row.leased + row.retry + row.scheduled + row.dead > 0;
}

/** @param {any[]} rows */
function dues(rows) {
    const items = DUES.map(([label]) => ({label: String(label), value: 0}));
    for (const row of rows) {
        const late = (row.retry ?? 0) + (row.scheduled ?? 0);
        if (!late || !row.next_due_ms)
            continue;
        const at = DUES.findIndex(([, ms]) => row.next_due_ms - now() <= Number(ms));
        items[at < 0 ? items.length - 1 : at].value += late;
    }
    return items;
}

/** @param {Element} root @param {any} ctx @param {string} scope */
function mountScope(root, ctx, scope) {
    ctx.setTitle(scope);
    root.append(pageHead(scope, h("a", {class: "crumb", href: link("waiting")}, "Everything that waits")),
        mailbox(ctx, scope, "waiting", [scope]).el);
}

/** @param {Element} root @param {any} ctx */
export function mount(root, ctx) {
    if (ctx.route.parts[0]) {
        mountScope(root, ctx, ctx.route.parts[0]);
        return;
    }
    const backlog = lineChart({title: "Backlog", note: "messages", signal: ctx.signal, format: compact, whole: true, series: [
        {key: "waiting", label: "waiting", tone: "tone-3", area: true}, {key: "leased", label: "in flight", tone: "tone-4"}]});
    const due = columnChart({title: "Next attempts", note: "messages to be tried again, by when", heads: ["Within", "Messages"], signal: ctx.signal, tone: "tone-3", height: 150});
    const list = pagedList({
        signal: ctx.signal, what: "consumer", table: consumerTable(),
        fetch: async () => {
            const page = await get(`${API}/queues`, {}, ctx.signal);
            return {...page, items: page.items.filter(isWorthSeeing)};
        },
        empty: () => empty("Nothing waits", "Every message has been settled by whom it was for."),
        onRows: rows => due.update(dues(rows)),
    });
    root.append(pageHead("Waiting", "What is stored and not yet settled, and for whom.", [button("New queue…", () => void create())]),
        h("div", {class: "grid"}, h("div", {class: "card span-6"}, backlog.el), h("div", {class: "card span-6"}, due.el)),
        card("Who has messages", list.el, {className: "is-flush"}));

    async function create() {
        const input = h("input", {type: "text", "aria-label": "Name of the queue", placeholder: "resize", maxlength: "255"});
        const answer = await ask({title: "New queue", text: [input, "Each message of a queue goes to one of those attached to it."], verb: "Create", destroys: false});
        if (answer && input.value && await attempt(() => post(`${API}/queues`, {name: input.value}), () => `queue:${input.value} exists now.`))
            go(link("waiting", [`queue:${input.value}`]));
    }

    const draw = () => state.overview && backlog.update(state.samples.at, state.samples.values);
    ctx.on("sample", draw);
    ctx.on("overview", draw);
    draw();
    due.update(dues([]));
    ctx.poll(list.refresh, 2000);
}

