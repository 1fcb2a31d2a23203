// SPDX-License-Identifier: MPL-2.0
/**
 * Send and receive from the browser: what a program would send, as text, JSON or bytes; and whatever
 * arrives in a scope while one looks. Listening takes nothing away from anybody.
 */
import {get, post, who, API} from "/api.js";
import {excerpt, parseHex, plural, shortId, time, toBase64} from "/format.js";
import {link, setQuery} from "/router.js";
import {setTopics} from "/live.js";
import {bodyText, showMessage} from "/ui/body.js";
import {h, name, oncePerFrame, setText} from "/ui/dom.js";
import {notice} from "/ui/notice.js";
import {button, card, field, pageHead, select, unverified} from "/ui/parts.js";
import {empty} from "/ui/states.js";
import {dataTable} from "/ui/table.js";

export const title = "Try it";
/** @param {any} route */
export const topics = route => route.query.listen ? [`scope:${route.query.listen}`] : [];
const HEARD_MAX = 200, SENT_MAX = 20;

/** @param {string} text @param {string} form @returns {any} fields of the message, or a sentence what is wrong */
function bodyOf(text, form) {
    if (form === "json") {
        try {
            JSON.parse(text);
        } catch (/** @type {any} */ error) {
            return `This is no JSON: ${error.message}`;
        }
        return {body: text, content_type: "application/json"};
    }
    if (form === "hex") {
        const data = parseHex(text);
        return data ? {body_base64: toBase64(data), content_type: "application/octet-stream"} : "This is no hex: pairs of 0-9 and a-f, blanks between them as you like.";
    }
    return {body: text, content_type: "text/plain"};
}

/** "name: value" lines. @param {string} text */
function headersOf(text) {
    return text.split("\n").map(line => line.trim()).filter(Boolean).map(line => {
        const colon = line.indexOf(":");
        return {name: line.slice(0, Math.max(colon, 0)).trim(), value: line.slice(colon + 1).trim()};
    });
}

/** Scopes that exist, to choose from. @param {any} ctx */
function scopeList(ctx) {
    const list = h("datalist", {id: "known-scopes"});
    void (async () => {
        const [rooms, queues] = await Promise.all([`${API}/rooms`, `${API}/queues`].map(url => get(url, {}, ctx.signal).catch(() => ({items: []}))));
        const scopes = new Set([...rooms.items.map((/** @type {any} */ room) => room.name.startsWith("room:") ? room.name : `room:${room.name}`), ...queues.items.map((/** @type {any} */ row) => row.scope)]);
        list.replaceChildren(...[`peer:${who.name}`, ...scopes].map(scope => h("option", {value: scope})));
    })();
    return list;
}

/** @param {any} ctx */
function sendCard(ctx) {
    const to = h("input", {type: "text", list: "known-scopes", value: ctx.route.query.to ?? "", placeholder: "peer:alice, room:kitchen, queue:resize, topic:news", autocomplete: "off", spellcheck: "false", required: true});
    const body = h("textarea", {spellcheck: "false", dir: "auto", rows: "6"});
    const form = select([["text", "Text"], ["json", "JSON"], ["hex", "Hex"]], "text");
    const type = h("input", {type: "text", placeholder: "as chosen", spellcheck: "false"});
    const key = h("input", {type: "text", spellcheck: "false"});
    const priority = h("input", {type: "number", min: "0", max: "9", placeholder: "0"});
    const ttl = h("input", {type: "number", min: "1", placeholder: "as configured"});
    const delay = h("input", {type: "number", min: "0", placeholder: "at once"});
    const parent = h("input", {type: "text", placeholder: "message id", spellcheck: "false"});
    const headers = h("textarea", {rows: "3", placeholder: "name: value", spellcheck: "false"});
    const problem = h("p", {class: "hint", role: "alert"});
    /** @type {any[]} */
    const sent = [];
    const table = dataTable({caption: "Sent from here", id: row => row.message_id, columns: [
        {label: "Message", head: true, cell: row => [row.message_id, () => h("a", {class: "mono", href: link("message", [row.message_id]), title: row.message_id}, shortId(row.message_id))]},
        {label: "To", className: "name-cell", cell: row => row.scope},
        {label: "Stored as", cell: row => `seq ${row.seq}${row.duplicate ? ", a duplicate" : ""}`},
        {label: "Took", align: "end", rank: 2, cell: row => `${row.took} ms`},
    ]});
    const history = h("div");

    async function send() {
        const content = bodyOf(body.value, form.value);
        setText(problem, typeof content === "string" ? content : "");
        if (typeof content === "string" || !to.value.trim()) {
            (typeof content === "string" ? body : to).focus();
            return;
        }
        const message = {scope: to.value.trim(), kind: "text", ...content};
        Object.assign(message, type.value && {content_type: type.value}, key.value && {key: key.value}, priority.value && {priority: Number(priority.value)},
            ttl.value && {ttl_ms: Number(ttl.value) * 1000}, delay.value && {not_before_ms: Date.now() + Number(delay.value) * 1000},
            parent.value && {parent_id: parent.value.trim()}, headers.value.trim() && {headers: headersOf(headers.value)});
        const begin = performance.now();
        try {
            const stored = await post(`${API}/messages`, message);
            sent.unshift({...stored, scope: message.scope, took: Math.round(performance.now() - begin)});
            sent.length = Math.min(sent.length, SENT_MAX);
            table.update([...sent]);
            if (history.firstChild !== table.el)
                history.replaceChildren(table.el);
            notice(`On the disk of the broker: seq ${stored.seq}.`);
        } catch (/** @type {any} */ error) {
            setText(problem, error.message);
        }
    }

    const more = h("details", null, h("summary", null, "More fields"), h("div", {class: "form"},
        h("div", {class: "form-row"}, field("Content type", type), field("Key", key), field("Priority, 0 to 9", priority)),
        h("div", {class: "form-row"}, field("Time to live, seconds", ttl), field("Not before, seconds from now", delay), field("Answers message", parent)),
        field("Headers, one per line", headers)));
    return card("Send", h("form", {class: "form", on: {submit: (/** @type {Event} */ event) => { event.preventDefault(); void send(); }}},
        h("div", {class: "form-row"}, field("To", to), field("Body is", form)), field("Body", body), more, problem,
        h("div", {class: "form-buttons"}, h("button", {type: "submit", class: "primary"}, "Send"), h("span", {class: "hint"}, `as ${who.name}`)), history));
}

/** @param {any} ctx */
function listenCard(ctx) {
    const scope = h("input", {type: "text", list: "known-scopes", value: ctx.route.query.listen ?? "", placeholder: `peer:${who.name}`, autocomplete: "off", spellcheck: "false"});
    /** @type {any[]} */
    const heard = [];
    const said = h("span", {role: "status"});
    let listening = ctx.route.query.listen ?? "";
    let total = 0;
    const table = dataTable({caption: "Received", id: row => String(row.seq), columns: [
        {label: "At", head: true, cell: row => time(row.stored_ms)},
        {label: "From", className: "name-cell", cell: row => [row.sender, () => h("span", null, name(row.sender), row.sender_unverified ? [" ", unverified()] : null)]},
        {label: "Body", className: "wide", cell: row => [String(row.seq), () => h("span", {dir: "auto"}, excerpt(bodyText(row), 200))]},
        {label: "Type", rank: 2, cell: row => row.content_type ?? ""},
        {label: "", cell: row => [String(row.seq), () => h("button", {type: "button", class: "quiet small", "aria-label": `Message ${row.seq} in full`, on: {click: () => showMessage(row)}}, "Show")]},
    ]});
    const place = h("div");
    const toggle = h("button", {type: "submit", class: "primary"}, "Listen");

    function show() {
        setText(toggle, listening ? "Stop" : "Listen");
        setText(said, listening ? `listening to ${listening}: ${plural(total, "message")}` : "");
        scope.disabled = Boolean(listening);
        if (heard.length === 0)
            place.replaceChildren(empty(listening ? "Nothing has come yet" : "Choose a scope to listen to", "What arrives is shown as it is stored. It stays for those it is for."));
        else if (place.firstChild !== table.el)
            place.replaceChildren(table.el);
        table.update(heard);
    }

    const showSoon = oncePerFrame(show, ctx.signal);

    function turn() {
        listening = listening ? "" : scope.value.trim() || `peer:${who.name}`;
        scope.value = listening || scope.value;
        if (listening) {
            heard.length = 0;
            total = 0;
        }
        setQuery({listen: listening});
        setTopics(listening ? [`scope:${listening}`] : []);
        show();
    }
    ctx.on("message", (/** @type {any} */ message) => {
        if (!listening || (message.scope && message.scope !== listening && !/[*>]/.test(listening)))
            return;
        total += 1;
        heard.unshift(message);
        heard.length = Math.min(heard.length, HEARD_MAX);
        showSoon();
    });
    ctx.on("refused", (/** @type {string} */ text) => {
        listening = "";
        setQuery({listen: ""});
        show();
        notice(text, "bad");
    });
    const clear = button("Clear", () => { heard.length = 0; total = 0; show(); });
    show();
    return card("Receive", [h("form", {class: "filters", on: {submit: (/** @type {Event} */ event) => { event.preventDefault(); turn(); }}},
        field("Scope", scope), h("div", {class: "form-buttons"}, toggle, clear)), place], {note: said});
}

/** @param {Element} root @param {any} ctx */
export function mount(root, ctx) {
    root.append(pageHead("Try it", "Send and receive from here, as a program would."), scopeList(ctx),
        h("div", {class: "grid"}, h("div", {class: "span-6"}, sendCard(ctx)), h("div", {class: "span-6"}, listenCard(ctx))));
}

