// SPDX-License-Identifier: MPL-2.0
/**
 * Keyboard shortcuts, and the list of them under "?". One listener for the whole document.
 *
 * A shortcut is one key, or "g" and then a key. Nothing is caught while somebody types, or together
 * with a modifier.
 */
import {h} from "/ui/dom.js";
import {openDialog} from "/ui/dialog.js";

/** @type {Map<string, {label: string, group: string, run: () => void}>} */
const shortcuts = new Map();
let isPending = false;
let timer = 0;

/** @param {string} keys "p" or "g o" @param {string} label @param {string} group @param {() => void} run */
export function shortcut(keys, label, group, run) {
    shortcuts.set(keys, {label, group, run});
}

/** @param {EventTarget|null} target */
function isTyping(target) {
    return target instanceof HTMLElement &&
        (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** @param {KeyboardEvent} event */
function onKey(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey ||
        isTyping(event.target) || document.querySelector("dialog[open]"))
        return;
    const keys = isPending ? `g ${event.key}` : event.key;
    isPending = false;
    clearTimeout(timer);
    if (keys === "g") {
        isPending = true;
        timer = window.setTimeout(() => { isPending = false; }, 1500);
        return;
    }
    const found = shortcuts.get(keys);
    if (found) {
        event.preventDefault();
        found.run();
    }
}

export function showShortcuts() {
    /** @type {Map<string, Array<[string, string]>>} */
    const groups = new Map();
    for (const [keys, {label, group}] of shortcuts)
        groups.set(group, [...(groups.get(group) ?? []), [keys, label]]);
    const blocks = [...groups].map(([group, rows]) => h("section", {class: "keys-group"},
        h("h3", null, group),
        h("dl", {class: "keys"}, rows.map(([keys, label]) => [
            h("dt", null, keys.split(" ").map(key => h("kbd", null, key))),
            h("dd", null, label),
        ]))));
    openDialog("Keyboard shortcuts", h("div", {class: "keys-groups"}, blocks));
}

document.addEventListener("keydown", onKey);
