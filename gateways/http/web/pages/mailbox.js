// SPDX-License-Identifier: MPL-2.0
/**
 * The messages of one scope by what has become of them. Used by the page of a peer and by the one of a
 * queue or topic. Dead ones can be sent on their way again or destroyed.
 */
import {get, path} from "/api.js";
import {count, excerpt, shortId, span} from "/format.js";
import {link, parseRoute} from "/router.js";
import {deadActions} from "/pages/dead_actions.js";
import {bodyText, showMessage} from "/ui/body.js";
import {h, name} from "/ui/dom.js";
import {pagedList} from "/ui/list.js";
import {card, facts, tabs, timeAgo, unverified} from "/ui/parts.js";
import {empty} from "/ui/states.js";
import {dataTable} from "/ui/table.js";

/** @type {Array<{id: string, label: string, none: string}>} */
export const STATES = [
    {id: "pending", label: "Pending", none: "Nothing waits here."},
    {id: "leased", label: "In flight", none: "Nobody is working on anything."},
    {id: "retry", label: "Retry", none: "Nothing failed and waits for its next attempt."},
    {id: "scheduled", label: "Scheduled", none: "Nothing waits for a time of its own."},
    {id: "delivered", label: "Delivered", none: "Nothing has been settled yet."},
    {id: "read", label: "Read", none: "Nothing was marked read."},
    {id: "expired", label: "Expired", none: "Nothing reached its time to live."},
    {id: "dead", label: "Dead", none: "Nothing failed for good."},
    {id: "cancelled", label: "Cancelled", none: "Nothing was taken back by its sender."},
];

/** @param {any} row @returns {any} the Delivery in it */
const messageOf = row => row.message ?? row;

/** @param {any} row */
export function stateDetails(row) {
    const list = facts("Delivery");
    list.update([
        ["State", row.state ?? ""], ["Consumer", row.consumer ?? ""], ["Attempts", row.attempts ? count(row.attempts) : ""],
        ["Next attempt", row.due_ms ? timeAgo(row.due_ms) : ""], ["Since", row.at_ms ? timeAgo(row.at_ms) : ""],
        ["Reason", row.reason ? `${row.reason} ${row.text ?? ""}` : ""],
    ]);
    return list.el;
}

/** @param {string} state */
export function messageTable(state) {
    const isRetry = state === "retry" || state === "scheduled" || state === "dead";
    return dataTable({
        caption: `Messages: ${state}`, id: row => `${messageOf(row).seq}:${row.consumer ?? ""}`,
        columns: [
            {label: "Message", head: true, cell: row => [messageOf(row).message_id, () => h("button", {type: "button", class: "plain mono", title: messageOf(row).message_id,
                on: {click: () => showMessage(messageOf(row), stateDetails(row))}}, shortId(messageOf(row).message_id))]},
            {label: "From", className: "name-cell", cell: row => [messageOf(row).sender, () => h("span", null,
                h("a", {href: link("peers", [messageOf(row).sender])}, name(messageOf(row).sender)), messageOf(row).sender_unverified ? [" ", unverified()] : null)]},
            {label: "Body", className: "body-cell", cell: row => [messageOf(row).message_id, () => h("span", {dir: "auto"}, excerpt(bodyText(messageOf(row))))]},
            {label: "Stored", rank: 2, cell: row => [String(messageOf(row).stored_ms), () => timeAgo(messageOf(row).stored_ms)]},
            ...(isRetry ? [{label: "Attempts", align: /** @type {"end"} */ ("end"), rank: /** @type {2} */ (2), cell: (/** @type {any} */ row) => count(row.attempts ?? messageOf(row).attempt)},
                {label: state === "dead" ? "Why" : "Due", cell: (/** @type {any} */ row) => state === "dead" ? row.text || String(row.reason ?? "")
                    : [String(row.due_ms), () => timeAgo(row.due_ms)]}] : []),
            {label: "Expires", rank: 3, cell: row => [String(messageOf(row).expires_ms), () => timeAgo(messageOf(row).expires_ms)]},
        ],
    });
}

/**
 * @param {any} ctx @param {string} scope @param {string} page @param {string[]} parts where its tabs lead
 */
export function mailbox(ctx, scope, page, parts) {
    const state = STATES.find(one => one.id === ctx.route.query.state) ?? STATES[0];
    const consumer = ctx.route.query.consumer ?? "";
    const list = pagedList({
        signal: ctx.signal, what: "message", table: messageTable(state.id),
        fetch: query => get(path`/scopes/${scope}/messages`, {...query, state: state.id, consumer}, ctx.signal),
        empty: () => empty(state.none),
    });
    const consumers = h("div", {class: "chooser"});
    const strip = h("div");
    const tools = state.id === "dead" ? deadActions({scope: () => scope, consumer: () => consumer || "main", done: () => void list.refresh(), count: () => deadCount}) : null;
    let deadCount = 0;

    /** @param {any[]} rows consumers of the scope */
    function showCounts(rows) {
        const shown = consumer ? rows.filter(row => row.consumer === consumer) : rows;
        const sum = (/** @type {string} */ key) => shown.reduce((total, row) => total + (row[key] ?? 0), 0);
        deadCount = sum("dead");
        /** @type {Record<string, number>} */
        const counts = {pending: sum("waiting") - sum("leased") - sum("retry") - sum("scheduled"), leased: sum("leased"), retry: sum("retry"), scheduled: sum("scheduled"), dead: deadCount};
        const current = parseRoute(location.hash).query.state ?? "pending";
        const items = STATES.map(one => ({id: one.id, label: one.label, count: counts[one.id] ?? null, href: link(page, parts, {state: one.id, consumer})}));
        const next = tabs("Messages by state", items, current);
        if (!strip.firstChild?.isEqualNode(next)) {
            const at = [...strip.querySelectorAll("a")].indexOf(/** @type {any} */ (document.activeElement));
            strip.replaceChildren(next);
            /** @type {HTMLElement|undefined} */ (at >= 0 ? strip.querySelectorAll("a")[at] : undefined)?.focus();
        }
        const text = rows.map(row => `${row.consumer}: ${count(row.waiting)} waiting${row.attached_peer ? `, attached by ${row.attached_peer}` : ""}${row.next_due_ms ? `, next due ${span(Math.max(0, row.next_due_ms - Date.now()))}` : ""}`).join("; ");
        consumers.textContent = rows.length ? text : "No consumer yet: messages wait until somebody attaches.";
    }
    showCounts([]);
    ctx.poll(async () => {
        const answer = await get(path`/scopes/${scope}`, {}, ctx.signal).catch(error => {
            if (error.status === 404)
                return {items: []};
            throw error;
        });
        showCounts(answer.items ?? answer.consumers ?? [answer]);
    }, 3000);
    ctx.poll(list.refresh, 3000);
    return {el: card(scope.startsWith("peer:") ? "Mailbox" : "Messages", [strip, list.el], {className: "is-flush", note: consumers, tools: tools?.el}), list};
}
