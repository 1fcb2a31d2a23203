// SPDX-License-Identifier: MPL-2.0
/**
 * The first page: is it well, how much goes through, how fast is the disk, what waits. Ten minutes of
 * history are there at once; every second one value of each series is added.
 */
import {figureGrid} from "/pages/overview_charts.js";
import {get, API} from "/api.js";
import {bytes, compact, count, micros, plural, span, time} from "/format.js";
import {retryNow} from "/live.js";
import {link} from "/router.js";
import {latest, now, state} from "/state.js";
import {sparkline} from "/charts/spark.js";
import {h, keep, setAttr, setText} from "/ui/dom.js";
import {icon} from "/ui/icons.js";
import {badge, card, pageHead, timeAgo} from "/ui/parts.js";
import {failure, loading} from "/ui/states.js";

export const title = "Overview";

/**
 * One number with its shape over time.
 * @param {{label: string, unit?: string, series?: string, tone?: string, href?: string, value: () => string, note: () => string, level?: () => string}} options
 */
function tile(options) {
    const value = h("span"), note = h("div", {class: "tile-note"});
    const spark = options.series ? sparkline(options.tone ?? "tone-1") : null;
    const el = h(options.href ? "a" : "div", {class: "tile", href: options.href ?? null},
        h("div", {class: "tile-label"}, options.label),
        h("div", {class: "tile-value"}, value, options.unit && h("span", {class: "unit"}, options.unit)), note, spark?.el);
    return {
        el,
        update() {
            setText(value, options.value());
            setText(note, options.note());
            setAttr(el, "class", `tile ${options.level?.() ?? ""}`);
            if (spark)
                spark.update(state.samples.values[/** @type {string} */ (options.series)] ?? []);
        },
    };
}

/** Mean of the last minute. @param {string} key */
function minute(key) {
    const part = (state.samples.values[key] ?? []).slice(-60);
    return part.length ? part.reduce((sum, value) => sum + value, 0) / part.length : NaN;
}

function makeTiles() {
    const totals = () => state.overview.totals;
    const rate = (/** @type {string} */ key) => () => compact(latest(key));
    const mean = (/** @type {string} */ key) => () => `${compact(minute(key))} /s in a minute`;
    return [
        tile({label: "Stored", unit: "/s", series: "stored", value: rate("stored"), note: mean("stored")}),
        tile({label: "Delivered", unit: "/s", series: "delivered", tone: "tone-2", value: rate("delivered"), note: mean("delivered")}),
        tile({label: "Commit", series: "commit_p99_us", tone: "tone-4", href: link("store"),
            value: () => micros(lastKnown("commit_p50_us")), note: () => `p99 ${micros(lastKnown("commit_p99_us"))}`}),
        tile({label: "End to end", series: "end_to_end_p99_us", tone: "tone-4",
            value: () => micros(lastKnown("end_to_end_p50_us")), note: () => `p99 ${micros(lastKnown("end_to_end_p99_us"))}`}),
        tile({label: "Backlog", series: "waiting", tone: "tone-3", href: link("waiting"),
            value: () => compact(totals().waiting), note: () => `${count(totals().leased)} in flight`}),
        tile({label: "Oldest undelivered", href: link("waiting"),
            value: () => totals().oldest_undelivered_ms ? span(age(totals().oldest_undelivered_ms)) : "none",
            note: () => totals().oldest_undelivered_ms ? "has been waiting" : "nothing waits"}),
        tile({label: "Peers online", series: "peers_online", tone: "tone-2", href: link("peers"),
            value: () => count(totals().peers_online), note: () => `of ${count(totals().peers)} known`}),
        tile({label: "Data file", series: "wal_bytes", tone: "tone-4", href: link("store"),
            value: () => bytes(totals().database_bytes), note: () => `log ${bytes(totals().wal_bytes)}`}),
    ];
}

/** Seconds without a commit have no latency: the last one known. @param {string} key */
function lastKnown(key) {
    const values = state.samples.values[key] ?? [];
    for (let at = values.length - 1; at >= 0; at--) {
        if (values[at] > 0)
            return values[at];
    }
    return NaN;
}

/** An age, or a moment since when. @param {number} ms */
function age(ms) {
    return ms > 1e12 ? now() - ms : ms;
}

function makeHealth() {
    const sentence = h("p", {dir: "auto"});
    const since = h("p", {class: "health-since"});
    const sign = h("span");
    const el = h("section", {class: "health", "aria-label": "Health"}, sign, sentence, since);
    let shown = "";
    return {
        el,
        update() {
            const {version, started_ms} = state.overview;
            const isGone = state.link.phase === "waiting";
            const health = isGone ? {state: "bad", sentence: `The broker does not answer. What is shown is from ${time(state.sampled_at)}.`} : state.overview.health;
            if (shown !== health.state) {
                shown = health.state;
                sign.replaceChildren(icon(health.state));
                setAttr(el, "class", `health is-${health.state}`);
            }
            setText(sentence, health.sentence);
            setText(since, isGone ? "" : `roost ${version}, up ${span(now() - started_ms)}`);
        },
    };
}

/** The numbers the chat server's dashboard had. */
function makePeople() {
    const cells = ["Connected", "Authenticated", "Rooms", "Accounts", "Open invitations", "Sessions"].map(label => {
        const value = h("dd", null, "–");
        return {label, value, el: h("div", null, h("dt", null, label), value)};
    });
    const rooms = h("ul", {class: "members", "aria-label": "Largest rooms"});
    const keys = ["connected", "authenticated", "rooms", "users", "invitations_pending", "sessions"];
    return {
        el: card("People", h("div", {class: "people"}, h("dl", {class: "numbers"}, cells.map(cell => cell.el)), rooms)),
        update() {
            cells.forEach((cell, at) => setText(cell.value, count(state.overview.totals[keys[at]])));
        },
        /** @param {Array<{room: string, users: number}>} list */
        rooms(list) {
            keep(rooms, list.slice(0, 6), item => item.room,
                item => h("li", null, h("a", {class: "name", href: link("rooms", [item.room.replace(/^room:/, "")]), dir: "auto"}, item.room.replace(/^room:/, "")), h("span", {class: "none"})),
                (node, item) => setText(node.lastElementChild, plural(item.users, "member")));
        },
    };
}

/** @param {any} statistics GET /admin/statistics */
function usersPerRoom(statistics) {
    const list = statistics.users_per_room ?? [];
    const rows = Array.isArray(list) ? list : Object.entries(list).map(([room, users]) => ({room, users}));
    return rows.map((/** @type {any} */ row) => ({room: row.room ?? row.name ?? row.scope, users: row.users ?? row.count ?? row.members ?? 0}))
        .sort((/** @type {any} */ a, /** @type {any} */ b) => b.users - a.users);
}

/** @param {Element} root @param {any} ctx */
export function mount(root, ctx) {
    const head = pageHead("Overview", null, [h("span", {class: "stale-note"}, badge("stale", "warn", "Nothing new for more than three seconds."))]);
    const place = h("div", {class: "stack"}, loading("Reading the last ten minutes"));
    root.append(head, place);
    /** @type {any} */
    let parts = null;

    function build() {
        const health = makeHealth(), tiles = makeTiles(), charts = figureGrid(ctx.signal), people = makePeople();
        const alarms = h("ul", {class: "alarms", "aria-label": "Alarms"});
        place.replaceChildren(health.el, alarms, h("div", {class: "tiles"}, tiles.map(one => one.el)),
            charts.el);
        charts.el.append(h("div", {class: "span-12"}, people.el));
        ctx.poll(async () => people.rooms(usersPerRoom(await get(`${API}/admin/statistics`, {}, ctx.signal))), 5000);
        return {health, tiles, charts, people, alarms};
    }

    function update() {
        if (!state.overview)
            return;
        parts ??= build();
        parts.health.update();
        for (const one of parts.tiles)
            one.update();
        parts.charts.update();
        parts.people.update();
        const list = state.overview.alarms ?? [];
        parts.alarms.hidden = list.length === 0;
        keep(parts.alarms, list, (/** @type {any} */ alarm) => alarm.name + alarm.level,
            alarm => h("li", {class: `alarm is-${alarm.level === "bad" || alarm.level === "error" ? "bad" : "warn"}`},
                icon(alarm.level === "warn" ? "warn" : "bad"), h("span", {dir: "auto"}), timeAgo(alarm.since_ms)),
            (node, alarm) => setText(node.children[1], alarm.text));
    }

    function wait() {
        if (!parts && state.link.phase === "waiting")
            place.replaceChildren(failure({message: state.link.reason, status: 0, code: 0}, retryNow));
        parts?.health.update();
    }

    if (state.me?.is_admin === false) {
        place.replaceChildren(failure(Object.assign(new Error("The figures of the broker are for administrators."), {status: 403, code: 0})));
        return;
    }
    ctx.on("link", wait);
    ctx.on("overview", update);
    ctx.on("sample", update);
    update();
}
