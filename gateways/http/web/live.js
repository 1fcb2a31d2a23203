// SPDX-License-Identifier: MPL-2.0
/**
 * The one stream of events of this page: fetch() of /events, read piece by piece.
 *
 * It is closed while the page is hidden and resumed with Last-Event-ID; it comes back by itself with
 * growing pauses, and takes a silence of SILENCE_MS (the broker says something every 15 s) for a dead
 * connection. A page of the dashboard asks for its topics while it is shown; asking for another set
 * opens the stream anew.
 */
import {get, identity, isUnauthorised, API} from "/api.js";
import {sseParser} from "/sse.js";
import {publish, setLink, state, takeAlarm, takeOverview, takeSample} from "/state.js";

const ADMINISTRATOR = ["sample", "alarm", "presence"], ANYBODY = ["presence"];
const SILENCE_MS = 20_000;
const RETRY_FIRST_MS = 500, RETRY_MOST_MS = 10_000;

let base = ADMINISTRATOR;
/** @type {string[]} */
let extra = [];
let lastId = "";
let tries = 0;
let isOn = false;
/** @type {AbortController|null} */
let stream = null;
let timer = 0;
let watchdog = 0;

/** Starts, and keeps it going. */
export function start() {
    isOn = true;
    base = state.me?.is_admin === false ? ANYBODY : ADMINISTRATOR;
    lastId = "";
    tries = 0;
    void refresh();
}

/** Ends it: nobody is signed in. */
export function stop() {
    isOn = false;
    close();
    setLink({phase: "off", reason: ""});
}

/** Topics of the page that is shown, besides those every page has. @param {string[]} topics */
export function setTopics(topics) {
    const same = topics.join() === extra.join();
    extra = topics;
    if (!same && isOn && !document.hidden)
        open();
}

/** Tries again now. */
export function retryNow() {
    tries = 0;
    if (isOn)
        void refresh();
}

/** Everything anew: at the start, and when the past could not be resumed. */
async function refresh() {
    clearTimeout(timer);
    setLink({phase: "connecting", reason: ""});
    try {
        if (base === ADMINISTRATOR)
            takeOverview(await get(`${API}/overview`));
        open();
    } catch (/** @type {any} */ error) {
        if (error.status === 401)
            return;
        later(error.message);
    }
}

function close() {
    clearTimeout(timer);
    clearTimeout(watchdog);
    stream?.abort();
    stream = null;
}

/** @param {string} reason */
function later(reason) {
    close();
    if (!isOn || document.hidden)
        return;
    const pause = Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** tries) * (0.8 + 0.4 * Math.random());
    tries += 1;
    setLink({phase: "waiting", retry_at: Date.now() + pause, reason});
    timer = window.setTimeout(() => state.overview || base === ANYBODY ? open() : void refresh(), pause);
}

function open() {
    close();
    if (document.hidden)
        return;
    stream = new AbortController();
    setLink({phase: "connecting", reason: ""});
    void read(stream);
}

/** @param {AbortController} mine */
async function read(mine) {
    /** @type {Record<string, string>} */
    const headers = {Accept: "text/event-stream", ...identity()};
    if (lastId)
        headers["Last-Event-ID"] = lastId;
    const topics = encodeURIComponent([...base, ...extra].join(","));
    try {
        const response = await fetch(`/events?topics=${topics}`, {headers, signal: mine.signal, cache: "no-store"});
        if (response.status === 401) {
            isUnauthorised();
            return;
        }
        if (!response.ok || !response.body) {
            const answer = await response.json().catch(() => null);
            const text = answer?.error?.text ?? `The broker answered ${response.status}.`;
            if (response.status < 500 && extra.length > 0) {
                refused(text);
                return;
            }
            throw new Error(text);
        }
        await drain(mine, response.body);
        throw new Error("The broker closed the stream.");
    } catch (/** @type {any} */ error) {
        if (mine === stream)
            later(error instanceof TypeError ? "The broker does not answer." : error.message);
    }
}

/** What the page wants is not for us: everything else goes on without it. @param {string} text */
function refused(text) {
    extra = [];
    publish("refused", text);
    open();
}

/** @param {AbortController} mine @param {ReadableStream<Uint8Array>} body */
async function drain(mine, body) {
    const reader = body.getReader(), decoder = new TextDecoder();
    const feed = sseParser(event => take(event));
    for (;;) {
        clearTimeout(watchdog);
        watchdog = window.setTimeout(() => mine === stream && later("The broker fell silent."), SILENCE_MS);
        const {done, value} = await reader.read();
        if (mine !== stream || done)
            return;
        tries = 0;
        if (state.link.phase !== "live")
            setLink({phase: "live", reason: ""});
        feed(decoder.decode(value, {stream: true}));
    }
}

/** @param {import("/sse.js").SseEvent} event */
function take(event) {
    if (event.id)
        lastId = event.id;
    let data;
    try {
        data = JSON.parse(event.data);
    } catch {
        return;
    }
    if (event.type === "sample")
        takeSample(data);
    else if (event.type === "reset")
        void reload();
    else if (event.type === "alarm")
        takeAlarm(data);
    else if (event.type === "presence" || event.type === "log" || event.type === "message")
        publish(event.type, data);
}

/** The stream goes on, the past it cannot tell is fetched. */
async function reload() {
    try {
        if (base === ADMINISTRATOR)
            takeOverview(await get(`${API}/overview`));
    } catch {
        // The stream is alive; its samples go on from what is here.
    }
}

document.addEventListener("visibilitychange", () => {
    if (!isOn)
        return;
    if (document.hidden) {
        close();
        setLink({phase: "hidden", reason: ""});
    } else {
        tries = 0;
        if (state.overview || base === ANYBODY)
            open();
        else
            void refresh();
    }
});
window.addEventListener("online", () => isOn && state.link.phase === "waiting" && retryNow());
