// SPDX-License-Identifier: MPL-2.0
/**
 * One room: its newest messages, older ones on demand, and live what is said now, changed or deleted.
 * What is on the screen is bounded: the oldest lines go first.
 */
import {get, path, post, who} from "/api.js";
import {absolute, plural, time} from "/format.js";
import {setTopics} from "/live.js";
import {link} from "/router.js";
import {now} from "/state.js";
import {bodyText, showMessage} from "/ui/body.js";
import {h, keep, name, oncePerFrame, setText} from "/ui/dom.js";
import {attempt, notice} from "/ui/notice.js";
import {badge, button, card, facts, pageHead, presence, timeAgo, unverified} from "/ui/parts.js";
import {empty, failure, loading} from "/ui/states.js";

const LINES_MAX = 400, PAGE = 50;

/** @param {any} message */
function line(message) {
    const isDeleted = message.deleted_ms > 0;
    const when = new Date(message.stored_ms).toDateString() === new Date(now()).toDateString() ? time(message.stored_ms) : absolute(message.stored_ms).replace(/\.\d+ .*$/, "");
    return h("li", {class: `said ${isDeleted ? "is-deleted" : ""}`},
        h("div", {class: "said-head"}, h("a", {href: link("peers", [message.sender])}, name(message.sender)), message.sender_unverified ? unverified() : null,
            h("time", {datetime: new Date(message.stored_ms).toISOString(), title: absolute(message.stored_ms)}, when),
            message.edited_ms ? h("span", null, "edited") : null,
            message.kind && message.kind !== "text" ? badge(message.kind) : null,
            h("button", {type: "button", class: "quiet small", "aria-label": `Details of the message of ${message.sender}`, on: {click: () => showMessage(message)}}, "details")),
        h("div", {class: "said-body", dir: "auto"}, isDeleted ? "deleted" : bodyText(message)),
        (message.reactions ?? []).map((/** @type {any} */ one) => h("span", {class: "reaction"}, `${one.emoji} ${one.count}`)));
}

/** The messages of the screen, by seq. */
function talkOf() {
    /** @type {Map<number, any>} */
    const all = new Map();
    return {
        all,
        /** @param {any[]} messages */
        add(messages) {
            for (const message of messages) {
                if (message.kind === "edit" || message.kind === "delete" || message.kind === "reaction")
                    change(message);
                else
                    all.set(message.seq, message);
            }
            const order = [...all.keys()].sort((a, b) => a - b);
            for (const seq of order.slice(0, Math.max(0, order.length - LINES_MAX)))
                all.delete(seq);
        },
        get lines() { return [...all.values()].sort((a, b) => a.seq - b.seq); },
    };

    /** An edit, a deletion or a reaction is a message about another one. @param {any} event */
    function change(event) {
        for (const [seq, message] of all) {
            if (message.message_id !== event.parent_id)
                continue;
            if (event.kind === "edit")
                all.set(seq, {...message, body: event.body, body_base64: event.body_base64, edited_ms: event.stored_ms});
            else if (event.kind === "delete")
                all.set(seq, {...message, body: "", deleted_ms: event.stored_ms});
            else
                all.set(seq, {...message, reactions: react(message.reactions ?? [], event)});
        }
    }
}

/** @param {any[]} reactions @param {any} event */
function react(reactions, event) {
    const known = reactions.find(one => one.emoji === event.body)?.count ?? 0;
    const next = Math.max(0, known + (event.key === "-" ? -1 : 1));
    return [...reactions.filter(one => one.emoji !== event.body), ...(next ? [{emoji: event.body, count: next}] : [])];
}

/** @param {any} ctx @param {string} room */
function membersCard(ctx, room) {
    const list = h("ul", {class: "members"});
    const said = h("span");
    ctx.poll(async () => {
        const page = await get(path`/rooms/${room}/members`, {limit: 200}, ctx.signal);
        setText(said, `${plural(page.items.length, "member")}${page.next ? " and more" : ""}`);
        keep(list, page.items, (/** @type {any} */ one) => one.peer + one.role + one.is_online, (/** @type {any} */ one) => h("li", null,
            h("a", {href: link("peers", [one.peer]), class: "name", dir: "auto"}, one.peer), h("span", null, one.role === "member" ? null : [badge(one.role), " "], presence(one.is_online))));
    }, 5000);
    return card("Members", list, {note: said});
}

/** Whether one hears what is said there. @param {any} room */
const mayListen = room => room.privacy === "open" || /owner|moderator|member|reader/.test(room.my_role);

/** @param {any} ctx @param {string} room @param {(room: any) => void} onRoom */
function aboutCard(ctx, room, onRoom) {
    const about = facts("About the room");
    about.el.classList.add("is-narrow");
    ctx.poll(async () => {
        const one = await get(path`/rooms/${room}`, {}, ctx.signal);
        onRoom(one);
        about.update([["Topic", one.topic], ["Description", one.description], ["Privacy", one.privacy], ["Created", timeAgo(one.created_ms)], ["By", one.creator],
            ["Your role", one.my_role === "none" || one.my_role === "room_role_none" ? "not a member" : one.my_role], ["Archived", one.is_archived ? "yes: it can be read, not written to" : ""]]);
    }, 5000);
    return card("About", about.el);
}

/** @param {Element} root @param {any} ctx @param {string} room */
export function mountRoom(root, ctx, room) {
    ctx.setTitle(room);
    const talk = talkOf();
    const lines = h("ol", {class: "talk-lines"});
    const place = h("div", {class: "talk", tabindex: "0", role: "log", "aria-label": `What is said in ${room}`, "aria-live": "off"}, loading());
    const older = button("Older", () => void more(), {className: "small"});
    const input = h("textarea", {"aria-label": `Say something in ${room}`, placeholder: `Say something as ${who.name}`, rows: "1", dir: "auto"});
    let oldest = "";
    older.hidden = true;

    function show(isAtEnd = place.scrollHeight - place.scrollTop - place.clientHeight < 60) {
        const all = talk.lines;
        if (all.length === 0) {
            place.replaceChildren(empty("Nothing has been said here"));
            return;
        }
        keep(lines, all, message => [message.seq, message.edited_ms, message.deleted_ms, (message.reactions ?? []).map((/** @type {any} */ one) => one.emoji + one.count).join()].join("|"), line);
        if (place.lastElementChild !== lines)
            place.replaceChildren(older, lines);
        if (isAtEnd)
            place.scrollTop = place.scrollHeight;
    }

    const showSoon = oncePerFrame(() => show(), ctx.signal);

    async function load() {
        try {
            const page = await get(path`/rooms/${room}/messages`, {limit: PAGE, newest_first: true}, ctx.signal);
            talk.add(page.items);
            oldest = page.next ?? "";
            older.hidden = !oldest;
            show(true);
        } catch (error) {
            if (!ctx.signal.aborted)
                place.replaceChildren(failure(error, () => void load()));
        }
    }

    async function more() {
        const page = await get(path`/rooms/${room}/messages`, {limit: PAGE, newest_first: true, cursor: oldest}, ctx.signal).catch(() => null);
        if (!page)
            return;
        const height = place.scrollHeight;
        talk.add(page.items);
        oldest = talk.lines.length >= LINES_MAX ? "" : page.next ?? "";
        older.hidden = !oldest;
        show(false);
        place.scrollTop += place.scrollHeight - height;
    }

    async function say() {
        const text = input.value.trim();
        if (!text)
            return;
        try {
            await post(path`/rooms/${room}/messages`, {body: text});
            input.value = "";
        } catch (/** @type {any} */ error) {
            notice(error.name === "NOT_MEMBER" ? "Only members may write here: join the room first." : error.message, "bad");
        }
    }

    input.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
        if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
            event.preventDefault();
            void say();
        }
    });
    ctx.on("message", (/** @type {any} */ message) => {
        if (message.scope !== `room:${room}`)
            return;
        talk.add([message]);
        showSoon();
    });
    const quiet = h("p", {class: "not-live", role: "status"});
    quiet.hidden = true;
    /** @type {boolean|null} */
    let isHeard = null;

    /** Members hear a room; for the others it stands still. @param {boolean} may @param {string} [text] */
    function listen(may, text = "join the room to hear what is said in it") {
        if (may === isHeard)
            return;
        isHeard = may;
        quiet.hidden = may;
        setText(quiet, `Not live: ${text}.`);
        setTopics(may ? [`scope:room:${room}`] : []);
    }
    ctx.on("refused", (/** @type {string} */ text) => listen(false, text));

    async function enter() {
        if (!await attempt(() => post(path`/rooms/${room}/join`, {}).then(() => true), () => `You are a member of ${room}.`))
            return;
        listen(true);
        void load();
    }

    async function goAway() {
        if (await attempt(() => post(path`/rooms/${room}/leave`, {}).then(() => true), () => `You have left ${room}.`))
            listen(false);
    }
    const join = button("Join", () => void enter());
    const leave = button("Leave", () => void goAway());
    root.append(pageHead(room, h("a", {class: "crumb", href: link("rooms")}, "All rooms"), [join, leave]),
        h("div", {class: "room"},
            card("Live", [quiet, place, h("form", {class: "say", on: {submit: (/** @type {Event} */ event) => { event.preventDefault(); void say(); }}}, input,
                h("button", {type: "submit", class: "primary"}, "Send"))], {className: "is-flush", note: "Enter sends, Shift and Enter begins a line"}),
            h("div", {class: "stack"}, aboutCard(ctx, room, one => listen(mayListen(one))), membersCard(ctx, room))));
    void load();
}

