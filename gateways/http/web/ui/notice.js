// SPDX-License-Identifier: MPL-2.0
/**
 * Short notices of what was done or failed, and the one place that speaks to screen readers.
 *
 * announce() is for changes nobody asked for (health, alarms): at most once per 10 s, the newest wins.
 * notice() answers an action of the person: at once, shown for a while, closable.
 */
import {h} from "/ui/dom.js";
import {icon} from "/ui/icons.js";

const SPEAK_EVERY_MS = 10_000;
const SHOWN_MS = 7000, NOTICES_MAX = 4;
let spoken_at = -SPEAK_EVERY_MS;
let waiting = "";
let timer = 0;

/** @param {string} text */
export function announce(text) {
    waiting = text;
    const pause = spoken_at + SPEAK_EVERY_MS - performance.now();
    clearTimeout(timer);
    timer = window.setTimeout(speak, Math.max(0, pause));
}

function speak() {
    const announcer = document.getElementById("announcer");
    if (announcer && announcer.textContent !== waiting)
        announcer.textContent = waiting;
    spoken_at = performance.now();
}

/** @param {string} text @param {"ok"|"bad"|"info"} [level] */
export function notice(text, level = "ok") {
    const place = document.getElementById("notices");
    if (!place)
        return;
    while (place.childElementCount >= NOTICES_MAX)
        place.firstElementChild?.remove();
    const box = h("div", {class: `notice is-${level}`, role: level === "bad" ? "alert" : "status"},
        icon(level === "bad" ? "bad" : level === "ok" ? "ok" : "info"),
        h("p", {dir: "auto"}, text),
        h("button", {type: "button", class: "quiet icon-button", "aria-label": "Close notice",
            on: {click: () => box.remove()}}, icon("close")));
    place.append(box);
    if (level !== "bad")
        setTimeout(() => box.remove(), SHOWN_MS);
}

/**
 * Runs an action; failures become a notice.
 * @template T
 * @param {() => Promise<T>} action @param {(result: T) => string} said
 * @returns {Promise<T|undefined>}
 */
export async function attempt(action, said) {
    try {
        const result = await action();
        notice(said(result));
        return result;
    } catch (/** @type {any} */ error) {
        notice(`${error.message}${error.code ? ` (${error.name})` : ""}`, "bad");
        return undefined;
    }
}
