// SPDX-License-Identifier: MPL-2.0
/**
 * The beginning: who is asking, the stream, the pages. Each page is a module of pages/ that is loaded
 * when it is first visited and gets a context whose signal ends with it:
 *
 *     export const title = "Peers";
 *     export function mount(root, ctx) { ... }        ctx: route, signal, poll(), on(), setTitle()
 */
import {ApiError, get, onUnauthorised, API} from "/api.js";
import {buildFrame, markPage, nextTheme, PAGES, showWho, titleNote, togglePause} from "/frame.js";
import {shortcut, showShortcuts} from "/keys.js";
import {setTopics, start, stop} from "/live.js";
import {go, link, parseRoute} from "/router.js";
import {setLink, state, subscribe} from "/state.js";
import {replace} from "/ui/dom.js";
import {failure, loading} from "/ui/states.js";
import {pageHead} from "/ui/parts.js";

/** @type {Record<string, () => Promise<any>>} */
const MODULES = {
    overview: () => import("/pages/overview.js"),
    peers: () => import("/pages/peers.js"),
    waiting: () => import("/pages/waiting.js"),
    dead: () => import("/pages/dead.js"),
    message: () => import("/pages/message.js"),
    rooms: () => import("/pages/rooms.js"),
    actors: () => import("/pages/actors.js"),
    store: () => import("/pages/store.js"),
    discovery: () => import("/pages/discovery.js"),
    tryit: () => import("/pages/tryit.js"),
    log: () => import("/pages/log.js"),
    account: () => import("/pages/account.js"),
    signin: () => import("/pages/signin.js"),
};

const main = /** @type {HTMLElement} */ (document.getElementById("main"));
/** @type {AbortController|null} */
let visit = null;
let isFirst = true;
let pageTitle = "roost";

function showTitle() {
    document.title = `${titleNote()}${pageTitle} · roost`;
}

/**
 * Asks at once and then again and again while the page is shown, visible and not paused.
 * What was forbidden is not asked again.
 * @param {Element} root @param {AbortSignal} signal @param {() => Promise<any>} ask @param {number} every_ms
 */
function poll(root, signal, ask, every_ms) {
    let timer = 0;
    async function turn() {
        const isAsked = !document.hidden && !state.paused && !root.querySelector(".is-forbidden");
        if (isAsked && (state.link.phase === "live" || isFirstTurn))
            await ask().catch(() => undefined);
        isFirstTurn = false;
        if (!signal.aborted)
            timer = window.setTimeout(turn, every_ms);
    }
    let isFirstTurn = true;
    void turn();
    signal.addEventListener("abort", () => clearTimeout(timer), {once: true});
}

/** A module that does not come is a broker that does not answer; another failure is ours. @param {any} error @returns {never} */
function fetchFailed(error) {
    throw /fetch/i.test(error?.message ?? "") ? new ApiError(0) : error;
}

async function showRoute() {
    const route = parseRoute(location.hash);
    visit?.abort();
    visit = new AbortController();
    const {signal} = visit;
    const load = MODULES[route.page];
    markPage(route.page);
    if (isFirst)
        main.replaceChildren(loading("Asking the broker"));
    try {
        if (!load)
            throw new ApiError(404, {text: `There is no page “${route.page}”.`});
        const page = await load().catch(fetchFailed);
        if (signal.aborted)
            return;
        const root = document.createElement("div");
        root.className = `page page-${route.page}`;
        const setTitle = (/** @type {string} */ title) => { pageTitle = title; showTitle(); };
        setTitle(page.title);
        setTopics(page.topics?.(route) ?? []);
        page.mount(root, {
            route, signal, setTitle,
            poll: (/** @type {() => Promise<any>} */ ask, /** @type {number} */ every_ms) => poll(root, signal, ask, every_ms),
            on: (/** @type {any} */ topic, /** @type {any} */ listener) => subscribe(topic, listener, signal),
        });
        main.replaceChildren(root);
    } catch (error) {
        if (signal.aborted)
            return;
        pageTitle = "Error";
        showTitle();
        const root = document.createElement("div");
        replace(root, pageHead("This page cannot be shown"), failure(error, () => void showRoute()));
        main.replaceChildren(root);
        if (!(error instanceof ApiError))
            reportError(error);
        else if (error.status === 0)
            subscribe("link", () => state.link.phase === "live" && void showRoute(), signal);
    }
    focusPage();
}

/** After a change of page the focus, and with it a screen reader, begins at its head. */
function focusPage() {
    if (!isFirst) {
        main.querySelector("h1")?.focus({preventScroll: true});
        main.scrollTop = 0;
        window.scrollTo(0, 0);
    }
    isFirst = false;
}

/** Who are we to the broker? Without a name that it takes, there is only the page to sign in. */
async function enter() {
    try {
        state.me = await get(`${API}/me`);
    } catch (/** @type {any} */ error) {
        if (error.status === 401)
            return;
    }
    showWho();
    start();
}

/** When the first page is there, the others are fetched: later they are there also without the broker. */
function fetchOthers() {
    const wanted = Object.values(MODULES);
    const next = () => wanted.shift()?.().then(() => requestIdleCallback(next), () => undefined);
    requestIdleCallback(next);
}

function toSignIn() {
    stop();
    showWho();
    const route = parseRoute(location.hash);
    if (route.page !== "signin")
        go(link("signin", [], {then: location.hash || "#/overview"}));
}

function addShortcuts() {
    for (const {pages} of PAGES) {
        for (const page of pages)
            shortcut(`g ${page.key}`, page.label, "Pages", () => go(link(page.id)));
    }
    shortcut("/", "Find on this page", "This page", () => {
        /** @type {HTMLElement|null} */ (main.querySelector("input[type=search], input:not([type=checkbox])"))?.focus();
    });
    shortcut("p", "Pause or resume updates", "This page", togglePause);
    shortcut("c", "Colours: auto, light, dark", "This page", nextTheme);
    shortcut("?", "This list", "This page", showShortcuts);
}

buildFrame();
addShortcuts();
onUnauthorised(toSignIn);
subscribe("overview", showTitle);
subscribe("sample", showTitle);
window.addEventListener("hashchange", () => void showRoute());
document.getElementById("skip")?.addEventListener("click", event => {
    event.preventDefault();
    main.focus();
});
window.addEventListener("roost:entered", async event => {
    const {then} = /** @type {CustomEvent} */ (event).detail;
    await enter();
    if (then === location.hash)
        void showRoute();
    else
        go(then);
});
window.addEventListener("load", fetchOthers, {once: true});
setLink({phase: "connecting"});
await enter();
void showRoute();
