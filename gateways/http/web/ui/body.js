// SPDX-License-Identifier: MPL-2.0
/**
 * A message as people look at it: its body as text, JSON or bytes, and everything else it carries.
 */
import {bytes, fromBase64, hexDump, span} from "/format.js";
import {link, scopeLink} from "/router.js";
import {h, name, setText} from "/ui/dom.js";
import {openDialog} from "/ui/dialog.js";
import {facts, timeAgo, unverified} from "/ui/parts.js";

const SHOWN_MAX = 64 * 1024;

/** @param {any} message a Delivery as JSON @returns {Uint8Array} */
export function bodyBytes(message) {
    if (message.body_base64 !== undefined && message.body_base64 !== null)
        return fromBase64(message.body_base64);
    return new TextEncoder().encode(message.body ?? "");
}

/** The body as one line of text, for a table. @param {any} message */
export function bodyText(message) {
    if (message.body_base64)
        return `${bytes(bodyBytes(message).length)} of bytes`;
    return message.body ?? "";
}

/** @param {string} text */
function asJson(text) {
    try {
        const value = JSON.parse(text);
        return typeof value === "object" && value !== null ? JSON.stringify(value, null, 2) : null;
    } catch {
        return null;
    }
}

/** @param {any} message */
export function bodyView(message) {
    const data = bodyBytes(message);
    const text = message.body_base64 ? null : message.body ?? "";
    const json = text === null ? null : asJson(text);
    /** @type {Array<[string, string]>} */
    const modes = [];
    if (json !== null)
        modes.push(["JSON", json]);
    if (text !== null)
        modes.push(["Text", text]);
    modes.push(["Hex", ""]);
    const view = h("pre", {class: "body-text", tabindex: "0", "aria-label": "Body"});
    const buttons = modes.map(([label], at) => h("button", {type: "button", class: "quiet small", on: {click: () => show(at)}}, label));

    /** @param {number} at */
    function show(at) {
        const [label, words] = modes[at];
        const isHex = label === "Hex";
        view.className = `body-text ${isHex ? "is-hex" : ""}`;
        const shown = isHex ? hexDump(data) : words.slice(0, SHOWN_MAX);
        setText(view, data.length === 0 ? "(empty)" : words.length > SHOWN_MAX && !isHex ? `${shown}\n… cut here` : shown);
        buttons.forEach((button, other) => button.setAttribute("aria-pressed", String(other === at)));
    }
    show(0);
    return h("div", {class: "body-view"},
        h("div", {class: "body-head", role: "group", "aria-label": "Show the body as"}, buttons,
            h("span", {class: "hint"}, bytes(data.length), message.content_type ? `, ${message.content_type}` : "")), view);
}

/** @param {any} message */
export function messageFacts(message) {
    const list = facts("Message");
    /** @type {Array<[string, any]>} */
    const headers = (message.headers ?? []).map((/** @type {any} */ header) => [`Header ${header.name}`, header.value]);
    list.update([
        ["From", h("span", null, h("a", {href: link("peers", [message.sender])}, name(message.sender)), message.sender_unverified ? [" ", unverified()] : null)],
        ["To", message.scope ? h("a", {href: scopeLink(message.scope), dir: "auto"}, message.scope) : ""],
        ["Message id", h("code", null, message.message_id)],
        ["Place in the log", message.seq ? `seq ${message.seq}` : ""],
        ["Stored", timeAgo(message.stored_ms)],
        ["Expires", message.expires_ms ? timeAgo(message.expires_ms) : ""],
        ["Kind", message.kind],
        ["Key", message.key],
        ["Priority", message.priority || ""],
        ["Answer to", message.reply_to],
        ["Correlation", message.correlation_id],
        ["Parent", message.parent_id ? h("a", {href: link("message", [message.parent_id])}, message.parent_id) : ""],
        ["Time to live", message.expires_ms && message.stored_ms ? span(message.expires_ms - message.stored_ms) : ""],
        ["Edited", message.edited_ms ? timeAgo(message.edited_ms) : ""],
        ["Deleted", message.deleted_ms ? timeAgo(message.deleted_ms) : ""],
        ...headers,
    ]);
    return list.el;
}

/** @param {any} message @param {any} [extra] what the list knows besides */
export function showMessage(message, extra = null) {
    openDialog("Message", [
        bodyView(message), messageFacts(message), extra,
        h("p", null, h("a", {class: "button", href: link("message", [message.message_id]), on: {click: (/** @type {Event} */ event) =>
            /** @type {HTMLElement} */ (event.target).closest("dialog")?.close()}}, "What happened to it")),
    ].filter(Boolean));
}
