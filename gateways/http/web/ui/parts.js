// SPDX-License-Identifier: MPL-2.0
/**
 * Small pieces every page is made of: heads, cards, times, badges, facts, tabs, bars.
 */
import {absolute, relative} from "/format.js";
import {now, state, subscribe} from "/state.js";
import {h, keep, setAttr, setText, uniqueId} from "/ui/dom.js";
import {icon} from "/ui/icons.js";

/**
 * The head of a page: its only h1, one line about it, and its tools.
 * @param {string} title @param {any} [about] @param {any[]} [tools]
 */
export function pageHead(title, about = null, tools = []) {
    return h("header", {class: "page-head"},
        h("div", {class: "page-title"}, h("h1", {tabindex: "-1", dir: "auto"}, title), about && h("p", {class: "about"}, about)),
        tools.length > 0 && h("div", {class: "page-tools"}, tools));
}

/** @param {string|Node} title @param {any} content @param {{className?: string, tools?: any, note?: any}} [options] */
export function card(title, content, options = {}) {
    const id = uniqueId("card");
    return h("section", {class: `card ${options.className ?? ""}`, "aria-labelledby": id},
        h("header", {class: "card-head"}, h("h2", {id}, title),
            options.note && h("p", {class: "card-note"}, options.note),
            options.tools && h("div", {class: "card-tools"}, options.tools)),
        content);
}

/** A time that says how long ago it was and keeps saying it. @param {number|null|undefined} ms */
export function timeAgo(ms) {
    if (!ms)
        return h("span", {class: "none"}, "–");
    return h("time", {datetime: new Date(ms).toISOString(), title: absolute(ms), data: {ms: String(ms)}}, relative(ms, now()));
}

subscribe("tick", () => {
    if (state.paused)
        return;
    for (const node of document.querySelectorAll("time[data-ms]"))
        setText(node, relative(Number(/** @type {HTMLElement} */ (node).dataset.ms), now()));
});

/** @param {string} text @param {"ok"|"warn"|"bad"|"info"|"none"|"quiet"} [tone] @param {string} [title] */
export function badge(text, tone = "none", title = "") {
    return h("span", {class: `badge is-${tone}`, title: title || null}, text);
}

/** Whether a peer is there: a shape, a colour and a word. @param {boolean} isOnline */
export function presence(isOnline) {
    return h("span", {class: `presence ${isOnline ? "is-online" : "is-offline"}`},
        h("span", {class: "dot", "aria-hidden": "true"}), isOnline ? "online" : "offline");
}

/** Shown wherever a peer that proved nothing is shown. */
export function unverified() {
    return badge("unverified", "quiet", "This peer has proved nothing: it has no account, or it was seen on the local network.");
}

/**
 * A list of facts; update() changes only the values.
 * @param {string} label
 */
export function facts(label) {
    const list = h("dl", {class: "facts", "aria-label": label});
    return {
        el: list,
        /** @param {Array<[string, any]>} rows label and text or node; an empty one is left out */
        update(rows) {
            const shown = rows.filter(([, value]) => value !== null && value !== undefined && value !== "");
            keep(list, shown, ([key]) => key,
                ([key]) => h("div", {class: "fact"}, h("dt", null, key), h("dd", {dir: "auto"})),
                (node, [, value]) => fill(node.lastElementChild, value));
        },
    };
}

/** Puts a text or a node where another one was. @param {Element} place @param {any} value */
export function fill(place, value) {
    if (value instanceof Node) {
        if (!(place.firstChild && place.childNodes.length === 1 && place.firstChild.isEqualNode(value)))
            place.replaceChildren(value);
    } else {
        setText(place, value);
    }
}

/**
 * Tabs as links, so that each has its address.
 * @param {string} label @param {Array<{id: string, label: string, href: string, count?: number|null}>} items @param {string} current
 */
export function tabs(label, items, current) {
    return h("nav", {class: "tabs", "aria-label": label}, h("ul", null, items.map(item => h("li", null,
        h("a", {href: item.href, "aria-current": item.id === current ? "page" : null}, item.label,
            item.count !== undefined && item.count !== null && h("span", {class: "tab-count"}, String(item.count)))))));
}

/** A share as a bar beside its number. @param {string} text */
export function bar(text) {
    const inner = h("span", {class: "bar-fill"});
    const label = h("span", {class: "bar-text"}, text);
    return {
        el: h("span", {class: "bar"}, h("span", {class: "bar-track", "aria-hidden": "true"}, inner), label),
        /** @param {number} share 0 to 1 @param {string} words @param {string} [tone] */
        update(share, words, tone = "") {
            inner.style.setProperty("inline-size", `${(Math.max(0, Math.min(1, share || 0)) * 100).toFixed(1)}%`);
            setAttr(inner, "class", `bar-fill ${tone}`);
            setText(label, words);
        },
    };
}

/** @param {string} label @param {any} control @param {string} [hint] */
export function field(label, control, hint = "") {
    const id = uniqueId("field");
    control.id = control.id || id;
    if (hint)
        control.setAttribute("aria-describedby", `${control.id}-hint`);
    return h("div", {class: "field"}, h("label", {for: control.id}, label), control,
        hint && h("p", {class: "hint", id: `${control.id}-hint`}, hint));
}

/** @param {Array<[string, string]>} options value and label @param {string} value @param {Record<string, any>} [props] */
export function select(options, value, props = {}) {
    const element = h("select", props, options.map(([id, label]) => h("option", {value: id}, label)));
    element.value = value;
    return element;
}

/** @param {string} label @param {() => void} run @param {{className?: string, icon?: string}} [options] */
export function button(label, run, options = {}) {
    return h("button", {type: "button", class: options.className ?? "", on: {click: run}},
        options.icon && icon(options.icon), label);
}
