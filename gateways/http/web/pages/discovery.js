// SPDX-License-Identifier: MPL-2.0
/**
 * The local network: where the broker listens, whom it tells that it is there, who announced himself
 * when and from where.
 */
import {get, API} from "/api.js";
import {count, plural} from "/format.js";
import {link} from "/router.js";
import {h, name} from "/ui/dom.js";
import {badge, card, pageHead, presence, timeAgo} from "/ui/parts.js";
import {empty, failure, loading} from "/ui/states.js";
import {dataTable} from "/ui/table.js";

export const title = "Discovery";

/** Fields of the answer that are tables of their own, whatever the broker can tell. */
const HEADS = {interfaces: "Interfaces", seeds: "Seeds", announced: "Who announced himself", peers: "Who announced himself"};

/** @param {string} key @param {any} value */
function cellOf(key, value) {
    if (value === null || value === undefined || value === "")
        return "";
    if (/_ms$/.test(key))
        return [String(value), () => timeAgo(value)];
    if (key === "is_online")
        return [String(value), () => presence(value)];
    if (typeof value === "boolean")
        return [String(value), () => value ? badge("yes", "ok") : badge("no")];
    if (/^(peer|name|nickname|display_name|label|user_name|host_name|group)$/.test(key))
        return [String(value), () => key === "peer" || (key === "name" && String(value).startsWith("lan:")) ? h("a", {href: link("peers", [value])}, name(String(value))) : name(String(value))];
    if (Array.isArray(value))
        return value.map(one => typeof one === "object" ? Object.values(one).join(" ") : one).join(", ");
    if (/address|broadcast|listen|seed/.test(key))
        return [String(value), () => h("code", null, value)];
    return typeof value === "number" ? count(value) : String(value);
}

/** @param {string} caption @param {any[]} rows objects, or texts */
function anyTable(caption, rows) {
    const objects = rows.map(row => typeof row === "object" && row !== null ? row : {address: row});
    const keys = [...new Set(objects.flatMap(row => Object.keys(row)))].slice(0, 9);
    const table = dataTable({caption, id: row => row.id_, columns: keys.map((key, at) => ({
        label: key.replace(/_ms$/, "").replace(/^is_/, "").replaceAll("_", " ").replace(/^./, letter => letter.toUpperCase()), head: at === 0,
        align: typeof objects[0]?.[key] === "number" && !/_ms$/.test(key) ? "end" : undefined,
        rank: at > 5 ? 3 : at > 2 ? 2 : undefined, className: "name-cell", cell: row => cellOf(key, row[key])}))});
    return {table, keys: keys.join(), update: (/** @type {any[]} */ next) => table.update(next.map((row, at) => {
        const one = typeof row === "object" && row !== null ? row : {address: row};
        return {...one, id_: String(one.peer ?? one.name ?? one.address ?? at)};
    }))};
}

/** @param {Element} root @param {any} ctx */
export function mount(root, ctx) {
    const place = h("div", {class: "stack"}, loading());
    /** @type {Map<string, any>} */
    const tables = new Map();
    root.append(pageHead("Discovery", "The local network. What is heard there is a hint and proves nothing: those peers are unverified."), place);

    /** @param {any} answer */
    function show(answer) {
        const lists = Object.entries(answer).filter(([, value]) => Array.isArray(value));
        if (lists.every(([, rows]) => /** @type {any[]} */ (rows).length === 0) || answer.is_on === false) {
            tables.clear();
            place.replaceChildren(card("Local network", empty("The broker does not take part in a local network", "With ipmsg.listen = 0.0.0.0:2425 it is one of the programs of an IP Messenger, iptux or FeiQ network, and keeps messages for those who are away.")));
            return;
        }
        if (tables.size === 0)
            place.replaceChildren();
        for (const [key, value] of lists) {
            const rows = /** @type {any[]} */ (value);
            const keys = [...new Set(rows.flatMap(row => typeof row === "object" && row ? Object.keys(row) : ["address"]))].slice(0, 9).join();
            const known = tables.get(key);
            if (known && known.keys === keys) {
                known.update(rows);
                continue;
            }
            const title_ = /** @type {Record<string, string>} */ (HEADS)[key] ?? key.replaceAll("_", " ").replace(/^./, letter => letter.toUpperCase());
            const made = anyTable(title_, rows);
            made.update(rows);
            const el = card(title_, rows.length ? made.table.el : h("p", {class: "state"}, "None."), {className: "is-flush", note: plural(rows.length, "entry", "entries")});
            known?.el.replaceWith(el);
            tables.set(key, {...made, el});
            if (!known)
                place.append(el);
        }
    }

    async function load() {
        try {
            show(await get(`${API}/discovery`, {}, ctx.signal));
        } catch (error) {
            if (!ctx.signal.aborted && tables.size === 0)
                place.replaceChildren(failure(error, () => void load()));
        }
    }
    ctx.poll(load, 3000);
    ctx.on("presence", () => void load());
}
