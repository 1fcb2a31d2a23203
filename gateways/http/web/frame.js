// SPDX-License-Identifier: MPL-2.0
/**
 * What surrounds every page: the list of pages, the state of the connection, pause, colours, who is
 * signed in. Built once; updated in place.
 */
import {span} from "/format.js";
import {retryNow} from "/live.js";
import {link} from "/router.js";
import {isStale, publish, setPaused, state, subscribe} from "/state.js";
import {h, setAttr, setText} from "/ui/dom.js";
import {icon} from "/ui/icons.js";
import {showShortcuts} from "/keys.js";
import {announce} from "/ui/notice.js";
import {signOut, who} from "/api.js";

/** @type {Array<{group: string, pages: Array<{id: string, label: string, key: string}>}>} */
export const PAGES = [
    {group: "Watch", pages: [
        {id: "overview", label: "Overview", key: "o"},
        {id: "peers", label: "Peers", key: "p"},
        {id: "waiting", label: "Waiting", key: "w"},
        {id: "dead", label: "Dead letters", key: "d"},
    ]},
    {group: "Follow", pages: [
        {id: "message", label: "Message timeline", key: "m"},
        {id: "rooms", label: "Rooms", key: "r"},
    ]},
    {group: "Inside", pages: [
        {id: "actors", label: "Actors", key: "a"},
        {id: "store", label: "Store", key: "s"},
        {id: "discovery", label: "Discovery", key: "n"},
    ]},
    {group: "Tools", pages: [
        {id: "tryit", label: "Try it", key: "t"},
        {id: "log", label: "Log", key: "l"},
        {id: "account", label: "Account", key: "u"},
    ]},
];

/** @type {Map<string, {a: HTMLElement, count: HTMLElement}>} */
const entries = new Map();

function buildNav() {
    const nav = /** @type {HTMLElement} */ (document.getElementById("nav"));
    for (const {group, pages} of PAGES) {
        nav.append(h("h2", {class: "side-group"}, group), h("ul", null, pages.map(page => {
            const badge = h("span", {class: "side-count"});
            const a = h("a", {href: link(page.id), title: `g ${page.key}`}, icon(page.id), h("span", null, page.label), badge);
            entries.set(page.id, {a, count: badge});
            return h("li", null, a);
        })));
    }
    const menu = /** @type {HTMLElement} */ (document.getElementById("menu"));
    menu.addEventListener("click", () => setMenu(nav.dataset.open !== "yes"));
    nav.addEventListener("click", event => {
        if (event.target instanceof Element && event.target.closest("a"))
            setMenu(false);
    });
}

/** On narrow screens the list of pages is folded away. @param {boolean} isOpen */
function setMenu(isOpen) {
    const nav = /** @type {HTMLElement} */ (document.getElementById("nav"));
    nav.dataset.open = isOpen ? "yes" : "no";
    document.getElementById("menu")?.setAttribute("aria-expanded", String(isOpen));
}

/** @param {string} page */
export function markPage(page) {
    document.body.dataset.page = page;
    for (const [id, {a}] of entries)
        setAttr(a, "aria-current", id === page ? "page" : null);
}

const pauseButton = h("button", {type: "button", class: "quiet", "aria-pressed": "false", title: "p",
    on: {click: () => togglePause()}}, icon("pause"), h("span", null, "Pause"));
const themeButton = h("button", {type: "button", class: "quiet icon-button", on: {click: () => nextTheme()}});
const whoLink = h("a", {class: "quiet button who", href: link("account")}, icon("account"), h("bdi", {dir: "auto"}));
const outButton = h("button", {type: "button", class: "quiet icon-button", "aria-label": "Sign out", title: "Sign out",
    on: {click: () => void leave()}}, icon("signout"));
const lamp = h("span", {class: "lamp", "aria-hidden": "true"});
const linkText = h("span", {class: "link-text"});
const again = h("button", {type: "button", class: "quiet small", on: {click: () => retryNow()}}, "Try now");
const health = h("a", {class: "health-mini", href: link("overview"), hidden: true});

export function togglePause() {
    setPaused(!state.paused);
}

const THEMES = ["auto", "light", "dark"];

function theme() {
    return document.documentElement.dataset.theme ?? "auto";
}

function showTheme() {
    const next = THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length];
    themeButton.replaceChildren(icon({auto: "auto", light: "sun", dark: "moon"}[theme()] ?? "auto"));
    setAttr(themeButton, "aria-label", `Colours: ${theme()}. Switch to ${next}.`);
    setAttr(themeButton, "title", `Colours: ${theme()} (c)`);
}

export function nextTheme() {
    const next = THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length];
    if (next === "auto")
        delete document.documentElement.dataset.theme;
    else
        document.documentElement.dataset.theme = next;
    try {
        localStorage.setItem("roost.theme", next);
    } catch {
        // It lasts as long as the page.
    }
    showTheme();
    publish("theme");
}

async function leave() {
    await signOut().catch(() => undefined);
    location.hash = link("signin");
}

function linkWords() {
    const {phase, retry_at, reason} = state.link;
    if (phase === "off")
        return ["off", "signed out"];
    if (phase === "waiting")
        return ["bad", `${reason} Next try in ${span(Math.max(0, Math.ceil((retry_at - Date.now()) / 1000) * 1000))}.`];
    if (phase === "connecting")
        return ["wait", state.overview ? "reconnecting" : "connecting"];
    if (phase === "hidden")
        return ["wait", "asleep"];
    if (state.paused)
        return ["wait", "paused"];
    return isStale() ? ["warn", `no news for ${span(Math.floor((Date.now() - state.sampled_at) / 1000) * 1000)}`] : ["ok", "live"];
}

function showLink() {
    const [tone, words] = linkWords();
    setAttr(lamp, "class", `lamp is-${tone}`);
    setText(linkText, words);
    again.hidden = state.link.phase !== "waiting";
    const root = document.documentElement;
    setAttr(root, "data-stale", isStale() || state.link.phase === "waiting" ? "yes" : null);
    setAttr(pauseButton, "aria-pressed", String(state.paused));
    setText(pauseButton.lastElementChild, state.paused ? "Resume" : "Pause");
    pauseButton.firstElementChild.replaceWith(icon(state.paused ? "play" : "pause"));
}

let saidHealth = "";

function showTotals() {
    const totals = state.overview?.totals;
    if (!totals)
        return;
    setText(entries.get("waiting")?.count ?? h("i"), totals.waiting ? shortCount(totals.waiting) : "");
    const dead = entries.get("dead")?.count;
    if (dead) {
        setText(dead, totals.dead ? shortCount(totals.dead) : "");
        setAttr(dead, "class", `side-count ${totals.dead ? "is-bad" : ""}`);
    }
    setText(entries.get("peers")?.count ?? h("i"), totals.peers_online ? shortCount(totals.peers_online) : "");
    const now_health = state.overview.health;
    setAttr(health, "class", `health-mini is-${now_health.state}`);
    setText(health, now_health.sentence);
    health.hidden = now_health.state === "ok";
    if (saidHealth && saidHealth !== now_health.state)
        announce(now_health.sentence);
    saidHealth = now_health.state;
}

/** @param {number} value */
function shortCount(value) {
    return value > 9999 ? `${Math.floor(value / 1000)}k` : String(value);
}

/** Who is asking, and whether there is something to sign out of. */
export function showWho() {
    setText(whoLink.lastElementChild, who.name);
    setAttr(whoLink, "title", who.token ? `Signed in as ${who.name}` : `${who.name}, without an account`);
    outButton.hidden = !who.token;
    document.documentElement.dataset.signed = state.link.phase === "off" ? "no" : "yes";
}

export function buildFrame() {
    buildNav();
    document.getElementById("status")?.append(h("span", {class: "link"}, lamp, linkText, again), health);
    document.getElementById("tools")?.append(pauseButton, themeButton,
        h("button", {type: "button", class: "quiet icon-button", "aria-label": "Keyboard shortcuts", title: "Keyboard shortcuts (?)",
            on: {click: showShortcuts}}, icon("keys")),
        whoLink, outButton);
    showTheme();
    showLink();
    subscribe("link", () => { showLink(); showWho(); });
    subscribe("tick", showLink);
    subscribe("overview", showTotals);
    subscribe("sample", showTotals);
    subscribe("alarm", alarm => announce(`${alarm.level === "ok" ? "Alarm over" : "Alarm"}: ${alarm.text}`));
    setInterval(() => publish("tick"), 1000);
}

/** For the title of the window: what is most worth knowing. */
export function titleNote() {
    const health_state = state.overview?.health?.state;
    return health_state && health_state !== "ok" ? "(!) " : "";
}

