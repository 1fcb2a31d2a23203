// SPDX-License-Identifier: MPL-2.0
/**
 * The actors of the broker: what waits in each mailbox and the most that ever did, how busy it is, how
 * fast it answers, how often it was started again.
 */
import {get, API} from "/api.js";
import {compact, count, micros, percent} from "/format.js";
import {state} from "/state.js";
import {sparkline} from "/charts/spark.js";
import {h, setText} from "/ui/dom.js";
import {badge, bar, card, pageHead} from "/ui/parts.js";
import {failure, loading} from "/ui/states.js";
import {dataTable} from "/ui/table.js";

export const title = "Actors";
const PAST_MAX = 300;

/** @type {Record<string, string>} */
const WORK = {
    "supervisor": "starts the others, and starts them again",
    "persistence": "the only writer: group commits",
    "history": "reads: deliveries, questions",
    "sync-manager": "leases, credit, retries",
    "peer-registry": "who is there",
    "auth-worker": "password hashes",
    "accounts": "who may be whom",
    "tcp-gateway": "Lair Chat",
    "discovery": "whom of the local network to answer",
    "ipmsg-gateway": "programs of the local network",
    "zmq-gateway": "ZeroMQ sessions",
    "http-gateway": "REST, live events, this page",
};

/** @param {any} actor */
function stateBadge(actor) {
    const word = String(actor.state ?? "running");
    const tone = /run|ready|ok|alive/.test(word) ? "ok" : /start|stop|slow|late/.test(word) ? "warn" : "bad";
    return badge(word, tone);
}

/** @param {Map<string, number[]>} past */
function actorTable(past) {
    return dataTable({
        caption: "Actors", id: actor => actor.name, sorted: undefined,
        columns: [
            {label: "Actor", head: true, cell: actor => [actor.name, () => h("span", null, h("span", {class: "mono"}, actor.name),
                h("span", {class: "step-actor"}, ` ${WORK[actor.name.replace(/-?\d+$/, "")] ?? ""}`))], sort: actor => actor.name},
            {label: "State", cell: actor => [actor.state, () => stateBadge(actor)]},
            {label: "Busy", live: (actor, td) => busy(actor, td), sort: actor => actor.busy_share ?? 0},
            {label: "Mailbox", align: "end", cell: actor => count(actor.mailbox), sort: actor => actor.mailbox},
            {label: "Highest", align: "end", rank: 2, cell: actor => count(actor.mailbox_max), title: actor => actor.mailbox_limit ? `Room for ${count(actor.mailbox_limit)} of each sender` : "", sort: actor => actor.mailbox_max},
            {label: "Last minutes", rank: 3, live: (actor, td) => depth(actor, td, past)},
            {label: "Messages", align: "end", cell: actor => `${compact(actor.messages_per_s)} /s`, sort: actor => actor.messages_per_s ?? 0},
            {label: "Ping", align: "end", rank: 2, cell: actor => micros(actor.last_ping_us), sort: actor => actor.last_ping_us ?? 0},
            {label: "Refused", align: "end", rank: 3, cell: actor => count(actor.refusals), sort: actor => actor.refusals ?? 0, title: () => "Sends of this actor that were refused because the link was full"},
            {label: "Restarts", align: "end", cell: actor => count(actor.restarts), sort: actor => actor.restarts ?? 0},
        ],
    });
}

/** @param {any} actor @param {any} td */
function busy(actor, td) {
    td.bar ??= bar("");
    if (!td.firstChild)
        td.append(td.bar.el);
    const share = actor.busy_share ?? 0;
    td.bar.update(share, percent(share), share > 0.9 ? "tone-bad" : share > 0.7 ? "tone-warn" : "");
}

/** @param {any} actor @param {any} td @param {Map<string, number[]>} past */
function depth(actor, td, past) {
    td.spark ??= sparkline("tone-3", 110, 20);
    if (!td.firstChild)
        td.append(td.spark.el);
    td.spark.update(past.get(actor.name) ?? [], PAST_MAX);
}

/** @param {Element} root @param {any} ctx */
export function mount(root, ctx) {
    /** @type {Map<string, number[]>} mailbox depths while this page is shown */
    const past = new Map();
    const table = actorTable(past);
    const said = h("span");
    const place = h("div", null, loading());
    root.append(pageHead("Actors", "The parts of the broker. They share nothing and send each other messages; each has one thread and one bounded mailbox."),
        card("All actors", place, {className: "is-flush", note: said}));

    /** @param {any[]} actors */
    function show(actors) {
        for (const actor of actors) {
            const depths = past.get(actor.name) ?? [];
            depths.push(actor.mailbox ?? 0);
            if (depths.length > PAST_MAX)
                depths.shift();
            past.set(actor.name, depths);
        }
        if (place.firstChild !== table.el)
            place.replaceChildren(table.el);
        table.update(actors);
        const restarts = actors.reduce((sum, actor) => sum + (actor.restarts ?? 0), 0);
        setText(said, `${count(actors.length)} actors, ${restarts ? `${count(restarts)} restarts` : "none was ever restarted"}`);
    }

    async function load() {
        try {
            show((await get(`${API}/actors`, {}, ctx.signal)).items);
        } catch (error) {
            if (!ctx.signal.aborted && !table.el.isConnected)
                place.replaceChildren(failure(error, () => void load()));
        }
    }
    ctx.on("sample", () => state.actors.length && show(state.actors));
    ctx.poll(async () => state.actors.length && table.el.isConnected ? undefined : load(), 1000);
}
