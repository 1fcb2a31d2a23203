// SPDX-License-Identifier: MPL-2.0
/**
 * One peer: what is known of it, when it came and went, and its mailbox, message by message.
 */
import {get, patch, path, remove, API} from "/api.js";
import {bytes, count, micros, percent} from "/format.js";
import {go, link} from "/router.js";
import {ask} from "/ui/dialog.js";
import {h, keep, name, setText} from "/ui/dom.js";
import {attempt} from "/ui/notice.js";
import {button, card, facts, pageHead, presence, timeAgo, unverified} from "/ui/parts.js";
import {failure, loading} from "/ui/states.js";
import {mailbox} from "/pages/mailbox.js";

/** @param {any} peer */
function factsOf(peer) {
    const addresses = (peer.addresses ?? []).map((/** @type {any} */ one) => h("div", null, h("code", null, one.address), " ", h("span", {class: "none"}, one.source, ", ", timeAgo(one.last_seen_ms))));
    return [
        ["State", h("span", null, presence(peer.is_online), peer.is_verified ? null : [" ", unverified()])],
        ["Name", name(peer.name)],
        ["Announces itself as", peer.display_name ? name(peer.display_name) : ""],
        ["You call it", peer.nickname ? name(peer.nickname) : ""],
        ["Last seen", timeAgo(peer.last_seen_ms)],
        ["First seen", timeAgo(peer.first_seen_ms)],
        ["Left", peer.left_ms ? timeAgo(peer.left_ms) : ""],
        ["Speaks", peer.kind],
        ["Connections", count(peer.connections)],
        ["Host", peer.host_name],
        ["Group", peer.group],
        ["Charset", peer.charset],
        ["Transfers", `${count(peer.transfers_ok)} done, ${count(peer.transfers_failed)} failed, ${bytes(peer.transfer_bytes)}`],
        ["Latency", peer.latency_ms ? micros(peer.latency_ms * 1000) : ""],
        ["Reliability", percent((peer.reliability_ppm ?? 0) / 1e6)],
        ["Imported from", peer.source],
        ["Addresses", addresses.length ? h("div", null, addresses) : ""],
    ];
}

/** @param {any} event */
function eventRow(event) {
    return h("li", null, presence(event.is_online), h("span", {class: "none"}, event.reason), timeAgo(event.time_ms));
}

/** @param {Element} root @param {any} ctx @param {string} peerName */
export function mountPeer(root, ctx, peerName) {
    ctx.setTitle(peerName);
    const about = facts("What is known of this peer");
    const events = h("ul", {class: "members"});
    const place = h("div", null, loading());
    const head = pageHead(peerName, h("a", {class: "crumb", href: link("peers")}, "All peers"), [
        button("Nickname…", () => void rename()),
        button("Forget…", () => void forget(), {className: "danger"}),
    ]);
    const box = mailbox(ctx, `peer:${peerName}`, "peers", [peerName]);
    root.append(head,
        h("div", {class: "grid"},
            h("div", {class: "span-8"}, card("About", place)),
            h("div", {class: "span-4"}, card("Came and went", events, {note: "newest first"}))),
        box.el);

    async function load() {
        try {
            const peer = await get(path`/peers/${peerName}`, {}, ctx.signal);
            about.update(/** @type {any} */ (factsOf(peer)));
            if (place.firstChild !== about.el)
                place.replaceChildren(about.el);
            setText(head.querySelector("h1"), peer.label || peer.name);
        } catch (error) {
            if (!ctx.signal.aborted && place.firstChild !== about.el)
                place.replaceChildren(failure(error, () => void load()));
            return;
        }
        const history = await get(`${API}/peers/events`, {peer: peerName, limit: 12}, ctx.signal);
        const newest = [...history.items].sort((a, b) => b.time_ms - a.time_ms).slice(0, 12);
        keep(events, newest, event => String(event.event_id), eventRow);
        if (newest.length === 0)
            events.replaceChildren(h("li", {class: "none"}, "No presence events are kept of it."));
    }

    async function rename() {
        const input = h("input", {type: "text", "aria-label": "Name you give it", maxlength: "255"});
        const answer = await ask({title: `What do you call ${peerName}?`, text: [input, "Only this broker shows it. An empty name takes it away."], verb: "Save", destroys: false});
        if (answer && await attempt(() => patch(path`/peers/${peerName}`, {nickname: input.value}).then(() => true), () => "Saved."))
            void load();
    }

    async function forget() {
        const answer = await ask({title: `Forget ${peerName}?`, text: [
            "Everything known of this peer is removed: addresses, presence events, counters, its empty mailbox.",
            "The broker refuses while it is online or has messages. Sending to it again makes a new peer.",
        ], verb: "Forget this peer"});
        if (answer && await attempt(() => remove(path`/peers/${peerName}`).then(() => true), () => `${peerName} is forgotten.`))
            go(link("peers"));
    }

    ctx.poll(load, 5000);
    ctx.on("presence", (/** @type {any} */ event) => {
        if ((event.events ?? [event]).some((/** @type {any} */ one) => one.peer === peerName))
            void load();
    });
}

