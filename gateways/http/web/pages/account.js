// SPDX-License-Identifier: MPL-2.0
/**
 * Who one is to the broker, and where one is signed in. A session that is ended is worth nothing any
 * more, here or elsewhere.
 */
import {forget, get, path, remove, signOut, usePeer, who, API} from "/api.js";
import {go, link} from "/router.js";
import {ask} from "/ui/dialog.js";
import {h} from "/ui/dom.js";
import {pagedList} from "/ui/list.js";
import {attempt} from "/ui/notice.js";
import {badge, button, card, facts, field, pageHead, timeAgo} from "/ui/parts.js";
import {empty, failure, loading} from "/ui/states.js";
import {dataTable} from "/ui/table.js";

export const title = "Account";

/** @param {any} session @param {() => void} done */
async function end(session, done) {
    const answer = await ask({title: "End this session?", text: [`${session.label || session.kind || "Session"} ${session.id}, last used from ${session.address || "an unknown address"}. Whoever uses its token is signed out at once.`], verb: "End session"});
    if (answer && await attempt(() => remove(path`/sessions/${session.id}`).then(() => true), () => "The session is ended."))
        done();
}

/** @param {any} ctx */
function sessionsCard(ctx) {
    const list = pagedList({
        signal: ctx.signal, what: "session", fetch: page => get(`${API}/sessions`, page, ctx.signal),
        empty: () => empty("No sessions", "A session begins with signing in, or with a token that is made for a program."),
        table: dataTable({caption: "Sessions and tokens", id: row => String(row.id), columns: [
            {label: "Session", head: true, cell: row => `${row.id}`},
            {label: "Label", className: "name-cell", cell: row => row.label || row.kind || ""},
            {label: "From", rank: 2, cell: row => row.address ?? ""},
            {label: "Begun", rank: 2, cell: row => [String(row.created_ms), () => timeAgo(row.created_ms)]},
            {label: "Last used", cell: row => [String(row.used_ms), () => timeAgo(row.used_ms)]},
            {label: "Ends", rank: 2, cell: row => [String(row.expires_ms), () => timeAgo(row.expires_ms)]},
            {label: "", cell: row => [String(row.id), () => h("button", {type: "button", class: "small danger", "aria-label": `End session ${row.id}`, on: {click: () => void end(row, () => void list.refresh())}}, "End…")]},
        ]}),
    });
    ctx.poll(list.refresh, 5000);
    return card("Sessions and tokens", list.el, {className: "is-flush"});
}

/** @param {Element} root @param {any} ctx */
export function mount(root, ctx) {
    const about = facts("You");
    const place = h("div", null, loading());
    const peer = h("input", {type: "text", value: who.peer, maxlength: "255", dir: "auto"});

    async function load() {
        try {
            const me = await get(`${API}/me`, {}, ctx.signal);
            about.update([["Name", h("bdi", {dir: "auto"}, me.name ?? who.name)], ["Role", me.role && me.role !== "role_none" && me.role !== "none" ? me.role : "without an account"],
                ["Proved", me.is_verified ? badge("verified", "ok") : badge("unverified", "warn")],
                ["Administrator", me.is_admin === undefined ? "" : me.is_admin ? "yes" : "no"]]);
            place.replaceChildren(about.el);
        } catch (error) {
            if (!ctx.signal.aborted)
                place.replaceChildren(failure(error, () => void load()));
        }
    }

    /** @param {Event} event */
    function change(event) {
        event.preventDefault();
        usePeer(peer.value.trim() || "dashboard");
        window.dispatchEvent(new CustomEvent("roost:entered", {detail: {then: link("account")}}));
    }

    async function leave() {
        await attempt(() => signOut().then(() => true), () => "You are signed out.");
        forget();
        go(link("signin"));
    }

    const other = who.token
        ? card("Sign out", h("div", {class: "form"}, h("p", {class: "hint"}, "Ends this session at the broker; the token in this tab is forgotten."), h("div", {class: "form-buttons"}, button("Sign out", () => void leave()))))
        : card("Another name", h("form", {class: "form", on: {submit: change}}, field("Name without an account", peer), h("div", {class: "form-buttons"},
            h("button", {type: "submit"}, "Use this name"), h("a", {class: "button", href: link("signin")}, "Sign in with an account"))));
    root.append(pageHead("Account"), h("div", {class: "grid"}, h("div", {class: "span-6"}, card("You are", place)), h("div", {class: "span-6"}, other)), sessionsCard(ctx));
    void load();
}
