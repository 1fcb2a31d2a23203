// SPDX-License-Identifier: MPL-2.0
/**
 * Everything that is asked of the broker over HTTP goes through here.
 *
 * Owns who is asking (a token, or the name of an unverified peer; both only in this tab's
 * sessionStorage) and turns every failure into an ApiError that says what to do. It leaves the stream
 * of events to live.js and what is shown to the pages.
 */

const TOKEN = "roost.token", USER = "roost.user", PEER = "roost.peer";
const TIMEOUT_MS = 15_000;

export class ApiError extends Error {
    /** @param {number} status @param {any} [error] the error object of the answer */
    constructor(status, error) {
        super(error?.text || (status ? `The broker answered ${status}.` : "The broker does not answer."));
        this.status = status;
        this.code = error?.code ?? 0;
        this.name = error?.name ?? (status ? `HTTP ${status}` : "NO_ANSWER");
        this.retryable = error?.retryable ?? status === 0;
        this.retry_after_ms = error?.retry_after_ms ?? 0;
    }
}

/** @param {string} key */
function stored(key) {
    try {
        return sessionStorage.getItem(key) ?? "";
    } catch {
        return memory.get(key) ?? "";
    }
}

/** @type {Map<string, string>} where the browser keeps nothing */
const memory = new Map();

/** @param {string} key @param {string} value */
function store(key, value) {
    memory.set(key, value);
    try {
        if (value)
            sessionStorage.setItem(key, value);
        else
            sessionStorage.removeItem(key);
    } catch {
        // Storage is blocked: it lasts as long as the page.
    }
}

export const who = {
    get token() { return stored(TOKEN); },
    get user() { return stored(USER); },
    get peer() { return stored(PEER) || "dashboard"; },
    get name() { return this.token ? this.user : this.peer; },
};

/** A header can carry visible ASCII only; other names are sent percent-encoded. @param {string} text */
function headerText(text) {
    return /^[\x21-\x7e]+$/.test(text) && !text.includes("%") ? text : encodeURIComponent(text);
}

/** @returns {Record<string, string>} */
export function identity() {
    return who.token ? {Authorization: `Bearer ${who.token}`} : {"Roost-Peer": headerText(who.peer)};
}

/** @type {Set<() => void>} */
const unauthorised = new Set();

/** Calls listener whenever an answer says that nobody, or nobody valid, is asking. @param {() => void} listener */
export function onUnauthorised(listener) {
    unauthorised.add(listener);
}

/** Tells everybody who wants to know. */
export function isUnauthorised() {
    for (const listener of unauthorised)
        listener();
}

/** @param {Record<string, any>} query */
function search(query) {
    const parameters = new URLSearchParams();
    for (const [key, value] of Object.entries(query)) {
        if (value !== undefined && value !== null && value !== "" && value !== false)
            parameters.set(key, String(value));
    }
    const text = parameters.toString();
    return text ? `?${text}` : "";
}

/**
 * @param {string} method @param {string} path below /api/v1, or a whole one
 * @param {{query?: Record<string, any>, body?: any, signal?: AbortSignal}} [options]
 * @returns {Promise<any>}
 */
export async function request(method, path, options = {}) {
    const url = path + search(options.query ?? {}), token = who.token;
    const signals = [AbortSignal.timeout(TIMEOUT_MS)];
    if (options.signal)
        signals.push(options.signal);
    /** @type {Record<string, string>} */
    const headers = {Accept: "application/json", ...identity()};
    const init = {method, headers, signal: AbortSignal.any(signals), cache: /** @type {any} */ ("no-store")};
    if (options.body !== undefined) {
        headers["Content-Type"] = "application/json";
        /** @type {any} */ (init).body = JSON.stringify(options.body);
    }
    let response;
    try {
        response = await fetch(url, init);
    } catch (error) {
        if (options.signal?.aborted)
            throw error;
        throw new ApiError(0);
    }
    const answer = await readAnswer(response);
    if (response.ok)
        return answer;
    if (response.status === 401 && path !== API + "/sessions" && token === who.token) {
        forget(); // what is no good any more is not kept
        isUnauthorised();
    }
    throw new ApiError(response.status, answer?.error);
}

/** @param {Response} response */
async function readAnswer(response) {
    const text = await response.text();
    if (!text)
        return null;
    try {
        return JSON.parse(text);
    } catch {
        return null;
    }
}

export const API = "/api/v1";

/** encodeURIComponent, as a short word for paths. @param {TemplateStringsArray} parts @param {...any} values */
export function path(parts, ...values) {
    return API + parts.reduce((text, part, at) => text + encodeURIComponent(values[at - 1]) + part);
}

/** @typedef {{query?: Record<string, any>, body?: any, signal?: AbortSignal}} Options */
/** @param {string} url @param {Record<string, any>} [query] @param {AbortSignal} [signal] */
export const get = (url, query, signal) => request("GET", url, {query, signal});
/** @param {string} url @param {any} [body] @param {AbortSignal} [signal] */
export const post = (url, body = {}, signal) => request("POST", url, {body, signal});
/** @param {string} url @param {any} body */
export const patch = (url, body) => request("PATCH", url, {body});
/** @param {string} url */
export const remove = url => request("DELETE", url);

// ---------------------------------------------------------------- who is asking

/** @param {string} user @param {string} password */
export async function signIn(user, password) {
    const session = await request("POST", API + "/sessions", {body: {user, password}});
    store(TOKEN, session.token);
    store(USER, session.user ?? user);
}

/** Ends the session here, and at the broker if it can be reached. */
export async function signOut() {
    const had = who.token;
    try {
        if (had)
            await remove(API + "/sessions/current");
    } finally {
        forget();
    }
}

/** Forgets who is asking. */
export function forget() {
    store(TOKEN, "");
    store(USER, "");
}

/** Without an account, as an unverified peer. @param {string} peer */
export function usePeer(peer) {
    forget();
    store(PEER, peer);
}
