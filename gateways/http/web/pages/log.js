// SPDX-License-Identifier: MPL-2.0
/**
 * The log as it is written: the last lines at once, then live; by level and actor; with a pause that
 * keeps what comes meanwhile.
 */
import {get, API} from "/api.js";
import {absolute, plural, time} from "/format.js";
import {setQuery} from "/router.js";
import {state} from "/state.js";
import {h, oncePerFrame, setText} from "/ui/dom.js";
import {button, card, pageHead, select} from "/ui/parts.js";
import {empty, failure, loading} from "/ui/states.js";

export const title = "Log";
export const topics = () => ["log"];
const LINES_MAX = 1000;
const LEVELS = ["debug", "info", "warn", "error"];

/** @param {any} entry */
function textOf(entry) {
    const {at_ms, time_ms, level, actor, text, message, event, fields, seq, id, ...rest} = entry;
    const more = Object.entries({...rest, ...(typeof fields === "object" ? fields : {})}).map(([key, value]) => `${key}=${typeof value === "object" ? JSON.stringify(value) : value}`);
    return [text ?? message ?? event ?? "", typeof fields === "string" ? fields : "", ...more].filter(Boolean).join(" ");
}

/** @param {any} entry */
function row(entry) {
    const at = entry.at_ms ?? entry.time_ms;
    return h("li", {class: `log-line is-${entry.level}`},
        h("span", {class: "log-time", title: absolute(at)}, time(at)), h("span", {class: "log-level"}, entry.level),
        h("span", {class: "log-actor", title: entry.actor ?? ""}, entry.actor ?? ""), h("span", {class: "log-text"}, textOf(entry)));
}

/** @param {Element} root @param {any} ctx */
export function mount(root, ctx) {
    const filter = {level: ctx.route.query.level ?? "debug", actor: ctx.route.query.actor ?? "", text: ""};
    /** @type {any[]} */
    let entries = [];
    /** @type {any[]} not yet on the screen */
    let fresh = [];
    /** @type {any[]} */
    let held = [];
    let isHeld = false;
    const actors = new Set(state.actors.map(actor => actor.name));
    const level = select(LEVELS.map(one => [one, one === "debug" ? "All levels" : one === "error" ? "Errors only" : `${one} and worse`]), filter.level, {"aria-label": "Least level"});
    const actor = h("select", {"aria-label": "Actor"});
    const find = h("input", {type: "search", placeholder: "Only lines with…", "aria-label": "Only lines with this text", autocomplete: "off"});
    const said = h("span", {role: "status"});
    const lines = h("ol");
    const place = h("div", {class: "log-lines", tabindex: "0", role: "log", "aria-live": "off", "aria-label": "Log"}, loading());
    const hold = button("Hold", () => flip());

    function fillActors() {
        const names = [...actors].sort();
        if (actor.options.length === names.length + 1)
            return;
        actor.replaceChildren(h("option", {value: ""}, "All actors"), ...names.map(one => h("option", {value: one}, one)));
        actor.value = filter.actor;
    }

    /** @param {any} entry */
    const isWanted = entry => LEVELS.indexOf(entry.level) >= LEVELS.indexOf(filter.level) && (!filter.actor || entry.actor === filter.actor) &&
        (!filter.text || `${entry.actor} ${textOf(entry)}`.toLowerCase().includes(filter.text));

    const isAtEnd = () => place.scrollHeight - place.scrollTop - place.clientHeight < 40;

    function showAll() {
        const wanted = entries.filter(isWanted);
        fresh = [];
        lines.replaceChildren(...wanted.map(row));
        if (wanted.length)
            place.replaceChildren(lines);
        else
            place.replaceChildren(empty(entries.length ? "No line of the last thousand is like that" : "Nothing was logged yet"));
        place.scrollTop = place.scrollHeight;
        say();
    }

    function say() {
        setText(said, `${plural(lines.childElementCount, "line")}${held.length ? `, ${held.length} held back` : ""}`);
    }

    /** @param {any} entry */
    function add(entry) {
        if (entry.actor && !actors.has(entry.actor)) {
            actors.add(entry.actor);
            fillActors();
        }
        if (isHeld || state.paused) {
            held.push(entry);
            held = held.slice(-LINES_MAX);
            say();
            return;
        }
        entries.push(entry);
        fresh.push(entry);
        if (entries.length > LINES_MAX)
            entries.shift();
        if (fresh.length > LINES_MAX)
            fresh.shift();
        showSoon();
    }

    const showSoon = oncePerFrame(() => {
        const rows = fresh.filter(isWanted).map(row);
        fresh = [];
        if (rows.length === 0)
            return;
        const stays = isAtEnd();
        if (!lines.isConnected)
            place.replaceChildren(lines);
        lines.append(...rows);
        while (lines.childElementCount > LINES_MAX)
            lines.firstElementChild?.remove();
        if (stays)
            place.scrollTop = place.scrollHeight;
        say();
    }, ctx.signal);

    function flip() {
        isHeld = !isHeld;
        hold.setAttribute("aria-pressed", String(isHeld));
        setText(hold, isHeld ? "Go on" : "Hold");
        if (!isHeld)
            release();
        say();
    }

    function release() {
        const waiting = held;
        held = [];
        for (const entry of waiting)
            add(entry);
    }

    async function load() {
        try {
            const page = await get(`${API}/log`, {limit: 500}, ctx.signal);
            entries = page.items.slice(-LINES_MAX);
            for (const entry of entries) {
                if (entry.actor)
                    actors.add(entry.actor);
            }
            fillActors();
            showAll();
        } catch (error) {
            if (!ctx.signal.aborted)
                place.replaceChildren(failure(error, () => void load()));
        }
    }

    function change() {
        Object.assign(filter, {level: level.value, actor: actor.value, text: find.value.trim().toLowerCase()});
        setQuery({level: filter.level === "debug" ? "" : filter.level, actor: filter.actor});
        showAll();
    }
    level.addEventListener("change", change);
    actor.addEventListener("change", change);
    find.addEventListener("input", change);
    ctx.on("log", add);
    ctx.on("link", () => !state.paused && !isHeld && held.length && release());
    fillActors();
    root.append(pageHead("Log", "What the broker writes, as it writes it. What may be seen here is what log.level lets through."),
        card("Lines", [h("div", {class: "filters"}, level, actor, find, hold), place], {className: "is-flush", note: said}));
    void load();
}
