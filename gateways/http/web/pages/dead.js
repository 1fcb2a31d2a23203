// SPDX-License-Identifier: MPL-2.0
/**
 * Dead letters: what failed for good, why, and what to do about it: deliver again, or destroy.
 */
import {get, path, API} from "/api.js";
import {count, excerpt, plural, shortId} from "/format.js";
import {link, scopeLink} from "/router.js";
import {bodyText, showMessage} from "/ui/body.js";
import {h, name, replace} from "/ui/dom.js";
import {pagedList} from "/ui/list.js";
import {card, pageHead, timeAgo} from "/ui/parts.js";
import {empty, failure, loading} from "/ui/states.js";
import {dataTable} from "/ui/table.js";
import {deadActions} from "/pages/dead_actions.js";

export const title = "Dead letters";
const LOOK_MAX = 2000, GROUPS_MAX = 30;

/** @param {Set<string>} chosen @param {() => void} changed */
function letterTable(chosen, changed) {
    return dataTable({
        caption: "Dead letters", id: row => row.message.message_id + row.scope + row.consumer,
        mark: row => chosen.has(row.message.message_id) ? "is-chosen" : null,
        columns: [
            {label: "Choose", cell: row => [row.message.message_id, () => h("input", {type: "checkbox", checked: chosen.has(row.message.message_id),
                "aria-label": `Choose message ${shortId(row.message.message_id)}`, on: {change: (/** @type {any} */ event) => {
                    if (event.target.checked)
                        chosen.add(row.message.message_id);
                    else
                        chosen.delete(row.message.message_id);
                    event.target.closest("tr").classList.toggle("is-chosen", event.target.checked);
                    changed();
                }}})]},
            {label: "Message", head: true, cell: row => [row.message.message_id, () => h("button", {type: "button", class: "plain mono", title: row.message.message_id,
                on: {click: () => showMessage({...row.message, scope: row.scope})}}, shortId(row.message.message_id))]},
            {label: "From", rank: 2, className: "name-cell", cell: row => [row.message.sender, () => h("a", {href: link("peers", [row.message.sender])}, name(row.message.sender))]},
            {label: "Body", rank: 2, className: "body-cell", cell: row => [row.message.message_id, () => h("span", {dir: "auto"}, excerpt(bodyText(row.message)))]},
            {label: "Why", className: "wide", cell: row => row.text || String(row.reason)},
            {label: "Attempts", align: "end", rank: 3, cell: row => count(row.attempts)},
            {label: "Died", cell: row => [String(row.died_ms), () => timeAgo(row.died_ms)]},
        ],
    });
}

/** @param {any} ctx @param {any} row a consumer with dead letters */
function scopeCard(ctx, row) {
    /** @type {Set<string>} */
    const chosen = new Set();
    const said = h("span", {class: "card-note", role: "status"});
    let dead = row.dead;
    const list = pagedList({
        signal: ctx.signal, what: "dead letter", table: letterTable(chosen, say),
        fetch: query => get(`${API}/dead`, {...query, scope: row.scope, consumer: row.consumer}, ctx.signal),
        empty: () => empty("No dead letters here any more"),
        onRows: rows => {
            const here = new Set(rows.map(one => one.message.message_id));
            for (const id of chosen) {
                if (!here.has(id))
                    chosen.delete(id);
            }
            say();
        },
    });
    const actions = deadActions({scope: () => row.scope, consumer: () => row.consumer, count: () => dead, chosen: () => [...chosen],
        done: () => { chosen.clear(); void list.refresh(); ctx.again(); }});

    function say() {
        said.textContent = `${plural(dead, "dead letter")}, consumer ${row.consumer}${chosen.size ? `, ${chosen.size} chosen` : ""}`;
    }
    say();
    void list.refresh();
    const el = card(h("a", {href: scopeLink(row.scope), class: "name", dir: "auto"}, row.scope), list.el, {className: "is-flush", note: said, tools: actions.el});
    return {el, update(/** @type {any} */ next) {
        if (next.dead === dead)
            return;
        dead = next.dead;
        say();
        void list.refresh();
    }};
}

/**
 * Whose dead letters there are: read off the first LOOK_MAX of them.
 * @param {AbortSignal} signal
 */
async function consumersWithDead(signal) {
    /** @type {Map<string, any>} */
    const groups = new Map();
    let cursor, seen = 0;
    do {
        const page = await get(`${API}/dead`, {limit: 500, cursor}, signal);
        for (const {scope, consumer} of page.items) {
            const key = `${scope}\n${consumer}`, group = groups.get(key) ?? {scope, consumer, dead: 0};
            group.dead += 1;
            groups.set(key, group);
        }
        seen += page.items.length;
        cursor = page.next;
    } while (cursor && seen < LOOK_MAX && groups.size < GROUPS_MAX);
    const all = [...groups.values()];
    if (cursor && all.length > 0)
        await Promise.all(all.map(group => countDead(group, signal)));
    return {groups: all.slice(0, GROUPS_MAX), isAll: !cursor};
}

/** Where not all of them were looked at, the broker counts. @param {any} group @param {AbortSignal} signal */
async function countDead(group, signal) {
    const page = await get(path`/scopes/${group.scope}`, {consumer: group.consumer}, signal).catch(() => null);
    group.dead = page?.items?.[0]?.dead ?? group.dead;
}

/** @param {Element} root @param {any} ctx */
export function mount(root, ctx) {
    const place = h("div", {class: "stack"}, loading());
    /** @type {Map<string, ReturnType<typeof scopeCard>>} */
    const cards = new Map();
    const more = h("p", {class: "state"}, "There are more. They are shown when these are dealt with.");
    more.hidden = true;
    root.append(pageHead("Dead letters", "What was refused, or failed too often. Redriven it is delivered again; purged it is gone."), place, more);
    const again = () => void load();

    /** @param {any[]} rows */
    function show(rows) {
        const next = new Set(rows.map(row => `${row.scope}\n${row.consumer}`));
        for (const [key, one] of cards) {
            if (!next.has(key)) {
                one.el.remove();
                cards.delete(key);
            }
        }
        if (rows.length === 0) {
            replace(place, empty("No dead letters", "Everything that was delivered was also taken."));
            return;
        }
        if (cards.size === 0)
            replace(place);
        for (const row of rows) {
            const key = `${row.scope}\n${row.consumer}`, known = cards.get(key);
            if (known) {
                known.update(row);
            } else {
                const made = scopeCard({...ctx, again}, row);
                cards.set(key, made);
                place.append(made.el);
            }
        }
    }

    async function load() {
        try {
            const {groups, isAll} = await consumersWithDead(ctx.signal);
            show(groups);
            more.hidden = isAll;
        } catch (error) {
            if (!ctx.signal.aborted && cards.size === 0)
                replace(place, failure(error, again));
        }
    }
    ctx.poll(load, 3000);
}
