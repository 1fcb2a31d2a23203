// SPDX-License-Identifier: MPL-2.0
/**
 * What happened to one message: paste its id, or search for its words. Each step with its time, how
 * long after the one before, and the actor whose work it was.
 */
import {get, path, API} from "/api.js";
import {absolute, excerpt, messageId, shortId, span, time} from "/format.js";
import {go, link, scopeLink} from "/router.js";
import {now} from "/state.js";
import {bodyText, bodyView, messageFacts} from "/ui/body.js";
import {h, keep, name, replace, setText} from "/ui/dom.js";
import {pagedList} from "/ui/list.js";
import {card, pageHead, timeAgo} from "/ui/parts.js";
import {empty, failure, loading} from "/ui/states.js";
import {dataTable} from "/ui/table.js";

export const title = "Message timeline";
const LOOK_MAX = 8;

/** @type {Record<string, {name: string, actor: string, tone: string, state: string, about: string}>} */
const STEPS = {
    created: {name: "Created", actor: "the sender", tone: "tone-1", state: "is-done", about: "by the sender's clock"},
    stored: {name: "Stored", actor: "persistence", tone: "tone-1", state: "is-done", about: "on the disk, synced; its sender was told STORED"},
    waiting: {name: "Waiting", actor: "sync-manager", tone: "tone-3", state: "", about: "until its recipient attaches and has credit"},
    scheduled: {name: "Scheduled", actor: "sync-manager", tone: "tone-3", state: "", about: "not before its time"},
    leased: {name: "In flight", actor: "zmq-gateway", tone: "tone-4", state: "", about: "leased to a session that has not settled it yet"},
    delivered: {name: "Delivered", actor: "zmq-gateway", tone: "tone-4", state: "is-done", about: "offered to a session"},
    retry: {name: "Waiting for another attempt", actor: "sync-manager", tone: "tone-3", state: "", about: "it failed or its lease ran out"},
    settled: {name: "Settled", actor: "sync-manager", tone: "tone-ok", state: "is-done", about: "its recipient has taken it"},
    read: {name: "Read", actor: "persistence", tone: "tone-ok", state: "is-done", about: "taken and marked read"},
    receipt: {name: "Receipt", actor: "persistence", tone: "tone-2", state: "is-done", about: "in its sender's mailbox"},
    expired: {name: "Expired", actor: "sync-manager", tone: "tone-bad", state: "is-done is-bad", about: "it reached its time to live"},
    dead: {name: "Dead", actor: "sync-manager", tone: "tone-bad", state: "is-done is-bad", about: "no further attempt"},
    cancelled: {name: "Cancelled", actor: "sync-manager", tone: "tone-bad", state: "is-done is-bad", about: "taken back by its sender"},
};

/** @param {any} step @param {number} before_ms */
function stepRow(step, before_ms) {
    const known = STEPS[step.event] ?? {name: step.event, actor: "", tone: "tone-1", state: "is-done", about: ""};
    const later = before_ms && step.time_ms ? step.time_ms - before_ms : 0;
    return h("li", {class: `step ${known.state} ${known.tone}`},
        h("div", {class: "step-time", title: absolute(step.time_ms)}, step.time_ms ? time(step.time_ms) : "",
            later !== 0 && h("span", null, `${later > 0 ? "+" : "−"}${span(Math.abs(later))}`)),
        h("div", {class: "step-mark", "aria-hidden": "true"}),
        h("div", null,
            h("p", null, h("span", {class: "step-name"}, known.name), step.consumer ? [" ", h("span", {class: "none"}, `consumer ${step.consumer}`)] : null),
            h("p", {class: "step-about", dir: "auto"}, [known.about, step.detail, step.reason ? `error ${step.reason}` : ""].filter(Boolean).join("; ")),
            h("p", {class: "step-actor"}, step.actor || known.actor, step.scope ? [", ", h("a", {href: scopeLink(step.scope), dir: "auto"}, step.scope)] : null)));
}

/** Created comes from the message itself: the trace begins at the disk. @param {any} message @param {any[]} steps */
function allSteps(message, steps) {
    const first = message?.created_ms && message.created_ms !== message.stored_ms ? [{event: "created", time_ms: message.created_ms, detail: `by ${message.sender}`}] : [];
    return [...first, ...steps];
}

/**
 * What a trace cannot tell is asked of the consumer: is it in somebody's hands, has it been read?
 * @param {any} step @param {any} message @param {AbortSignal} signal
 */
async function closerLook(step, message, signal) {
    const wanted = step.event === "waiting" ? "leased" : step.event === "settled" && step.scope.startsWith("peer:") ? "read" : "";
    if (!wanted || !message?.seq)
        return step;
    const page = await get(path`/scopes/${step.scope}/messages`, {state: wanted, consumer: step.consumer, after_seq: message.seq - 1, limit: 1}, signal).catch(() => null);
    return page?.items[0]?.message.seq === message.seq ? {...step, event: wanted} : step;
}

/** @param {Element} place @param {any} ctx @param {string} id */
function showOne(place, ctx, id) {
    const line = h("ol", {class: "timeline"});
    const ends = h("p", {class: "card-note", role: "status"});
    const what = h("div", {class: "stack"});
    let shownFor = "";
    replace(place, loading("Asking what happened"));

    async function load() {
        try {
            const [trace, message] = await Promise.all([
                get(path`/messages/${id}/trace`, {}, ctx.signal),
                get(path`/messages/${id}`, {}, ctx.signal).catch(() => null),
            ]);
            const told = trace.items ?? [];
            const looked = await Promise.all(told.slice(0, LOOK_MAX).map((/** @type {any} */ step) => closerLook(step, message, ctx.signal)));
            const steps = allSteps(message, [...looked, ...told.slice(LOOK_MAX)]);
            if (!line.isConnected)
                replace(place, h("div", {class: "grid"}, h("div", {class: "span-7"}, card("What happened", line, {note: ends})), h("div", {class: "span-5"}, what)));
            keep(line, steps.map((step, at) => ({step, before: at ? steps[at - 1].time_ms : 0})),
                one => [one.step.event, one.step.consumer, one.step.time_ms, one.step.detail, one.step.scope].join("|"), one => stepRow(one.step, one.before));
            const last = steps.filter((/** @type {any} */ step) => step.event !== "receipt").at(-1);   // what it came to, not who was told
            setText(ends, last ? `${(STEPS[last.event]?.name ?? last.event).toLowerCase()}${last.time_ms && now() > last.time_ms ? `, ${span(now() - last.time_ms)} ago` : ""}` : "");
            const key = message ? `${message.message_id}${message.edited_ms}${message.deleted_ms}` : "";
            if (message && shownFor !== key)
                replace(what, card("Message", [bodyView(message), messageFacts(message)]));
            shownFor = key;
        } catch (error) {
            if (!ctx.signal.aborted && !line.isConnected)
                replace(place, failure(error, () => void load()));
        }
    }
    ctx.poll(load, 2000);
}

/** @param {Element} place @param {any} ctx @param {string} words */
function showFound(place, ctx, words) {
    const list = pagedList({
        signal: ctx.signal, what: "message", fetch: page => get(`${API}/search`, {...page, q: words}, ctx.signal),
        empty: () => empty("No message has all these words", "The last word is found by its beginning; Chinese and Japanese need no blanks."),
        table: dataTable({caption: `Messages with ${words}`, id: row => `${row.message_id}${row.seq}`, columns: [
            {label: "Message", head: true, cell: row => [row.message_id, () => h("a", {class: "mono", href: link("message", [row.message_id]), title: row.message_id}, shortId(row.message_id))]},
            {label: "From", className: "name-cell", cell: row => [row.sender, () => h("a", {href: link("peers", [row.sender])}, name(row.sender))]},
            {label: "To", rank: 2, className: "name-cell", cell: row => [row.scope, () => h("a", {href: scopeLink(row.scope), dir: "auto"}, row.scope)]},
            {label: "Body", className: "wide", cell: row => [row.message_id + row.edited_ms, () => h("span", {dir: "auto"}, excerpt(bodyText(row)))]},
            {label: "Stored", rank: 2, cell: row => [String(row.stored_ms), () => timeAgo(row.stored_ms)]},
        ]}),
    });
    replace(place, card("Found", list.el, {className: "is-flush"}));
    void list.refresh();
}

/** @param {Element} root @param {any} ctx */
export function mount(root, ctx) {
    const id = ctx.route.parts[0] ?? "", words = ctx.route.query.q ?? "";
    const input = h("input", {type: "search", value: id || words, "aria-label": "Message id, or words to search for", placeholder: "Message id, or words of the message", autocomplete: "off", spellcheck: "false"});
    const form = h("form", {class: "filters", role: "search", on: {submit: (/** @type {Event} */ event) => {
        event.preventDefault();
        const wanted = messageId(input.value);
        go(wanted ? link("message", [wanted]) : link("message", [], {q: input.value.trim()}));
    }}}, input, h("button", {type: "submit", class: "primary"}, "Show"));
    const place = h("div");
    root.append(pageHead("Message timeline", "What happened to one message: when, and in which actor."), form, place);
    if (id) {
        ctx.setTitle(`Message ${shortId(id)}`);
        showOne(place, ctx, id);
    } else if (words) {
        showFound(place, ctx, words);
    } else {
        replace(place, card("Which message?", empty("Paste a message id, or search for words",
            "Senders know the id of each message they sent; every list of this dashboard shows it too.")));
    }
}
