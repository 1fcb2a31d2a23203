// SPDX-License-Identifier: MPL-2.0
/**
 * Numbers, sizes, times and bytes as people read them. Pure: no page, no clock of its own. Every unit
 * is the same everywhere: bytes in KiB, MiB; time in µs, ms, s; rates per second.
 */

const whole = new Intl.NumberFormat("en-US", {maximumFractionDigits: 0});
const clock = new Intl.DateTimeFormat("en-GB", {hour: "2-digit", minute: "2-digit", second: "2-digit"});
const full = new Intl.DateTimeFormat("en-GB", {
    year: "numeric", month: "short", day: "2-digit", hour: "2-digit", minute: "2-digit",
    second: "2-digit", fractionalSecondDigits: 3, timeZoneName: "short",
});
const NONE = "–";

/** @param {number} value @param {number} digits significant digits */
function short(value, digits = 3) {
    const places = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(value) || 1)));
    return value.toFixed(Math.min(places, digits - 1)).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
}

/** 1,234,567 @param {number|null|undefined} value */
export function count(value) {
    return Number.isFinite(value) ? whole.format(/** @type {number} */ (value)) : NONE;
}

/** 12.3k @param {number|null|undefined} value */
export function compact(value) {
    if (!Number.isFinite(value))
        return NONE;
    const number = /** @type {number} */ (value);
    for (const [unit, size] of /** @type {[string, number][]} */ ([["G", 1e9], ["M", 1e6], ["k", 1e4]])) {
        if (Math.abs(number) >= size)
            return short(number / (unit === "k" ? 1e3 : size)) + unit;
    }
    return Number.isInteger(number) ? whole.format(number)
        : Math.abs(number) >= 100 ? whole.format(number) : short(number);
}

/** @param {number|null|undefined} value */
export function bytes(value) {
    if (!Number.isFinite(value))
        return NONE;
    let number = /** @type {number} */ (value);
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let at = 0;
    while (Math.abs(number) >= 1024 && at < units.length - 1) {
        number /= 1024;
        at += 1;
    }
    return `${short(number)} ${units[at]}`;
}

/** A short time, from microseconds. @param {number|null|undefined} us */
export function micros(us) {
    if (!Number.isFinite(us))
        return NONE;
    const value = /** @type {number} */ (us);
    if (value < 1000)
        return `${short(value)} µs`;
    return value < 1e6 ? `${short(value / 1000)} ms` : `${short(value / 1e6)} s`;
}

/** A span of time in its two largest units. @param {number|null|undefined} ms */
export function span(ms) {
    if (!Number.isFinite(ms))
        return NONE;
    const value = Math.max(0, /** @type {number} */ (ms));
    if (value < 1000)
        return `${Math.round(value)} ms`;
    if (value < 10_000)
        return `${short(Math.floor(value / 100) / 10, 2)} s`;
    const s = Math.floor(value / 1000);
    const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
    const first = parts.findIndex(([size]) => s >= Number(size));
    const [size, unit] = parts[first];
    const rest = parts[first + 1];
    const head = `${Math.floor(s / Number(size))} ${unit}`;
    const left = rest ? Math.floor(s % Number(size) / Number(rest[0])) : 0;
    return rest && left ? `${head} ${left} ${rest[1]}` : head;
}

/** "3 s ago", "in 5 min". @param {number|null|undefined} ms @param {number} now_ms */
export function relative(ms, now_ms) {
    if (!ms)
        return NONE;
    const away = now_ms - ms;
    if (Math.abs(away) < 1500)
        return "now";
    return away > 0 ? `${span(round(away))} ago` : `in ${span(round(-away))}`;
}

/** Ages above a minute need no seconds. @param {number} ms */
function round(ms) {
    if (ms < 60_000)
        return Math.floor(ms / 1000) * 1000;
    if (ms < 3_600_000)
        return Math.floor(ms / 60_000) * 60_000;
    return ms < 86_400_000 ? Math.floor(ms / 60_000) * 60_000 : Math.floor(ms / 3_600_000) * 3_600_000;
}

/** @param {number|null|undefined} ms */
export function absolute(ms) {
    return ms ? full.format(new Date(ms)) : "";
}

/** @param {number|null|undefined} ms */
export function time(ms) {
    return ms ? clock.format(new Date(ms)) : NONE;
}

/** @param {number|null|undefined} share 0 to 1 */
export function percent(share) {
    if (!Number.isFinite(share))
        return NONE;
    const value = /** @type {number} */ (share) * 100;
    return `${value > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} %`;
}

/** @param {number} number @param {string} one @param {string} [many] */
export function plural(number, one, many = `${one}s`) {
    return `${count(number)} ${number === 1 ? one : many}`;
}

/** Shortens an id for a table; its title says all of it. @param {string} id */
export function shortId(id) {
    return id.length > 13 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id;
}

/** First line of a body, for a list. @param {string} text @param {number} [length] */
export function excerpt(text, length = 120) {
    const line = text.replace(/\s+/g, " ").trim();
    const letters = [...line.slice(0, 2 * length)];
    return letters.length > length ? `${letters.slice(0, length).join("")}…` : line;
}

/** @param {string} base64 @returns {Uint8Array} */
export function fromBase64(base64) {
    return Uint8Array.from(atob(base64), letter => letter.charCodeAt(0));
}

/** @param {Uint8Array} data */
export function toBase64(data) {
    let text = "";
    for (let at = 0; at < data.length; at += 0x8000)
        text += String.fromCharCode(...data.subarray(at, at + 0x8000));
    return btoa(text);
}

/** The classic picture of bytes: offset, 16 bytes, letters. @param {Uint8Array} data @param {number} [most] */
export function hexDump(data, most = 16384) {
    const lines = [];
    for (let at = 0; at < Math.min(data.length, most); at += 16) {
        const row = [...data.subarray(at, Math.min(at + 16, most))];
        const hex = row.map(byte => byte.toString(16).padStart(2, "0"));
        const left = hex.slice(0, 8).join(" ").padEnd(23);
        const right = hex.slice(8).join(" ").padEnd(23);
        const text = row.map(byte => byte > 31 && byte < 127 ? String.fromCharCode(byte) : ".").join("");
        lines.push(`${at.toString(16).padStart(8, "0")}  ${left}  ${right}  ${text}`);
    }
    if (data.length > most)
        lines.push(`… ${count(data.length - most)} more bytes`);
    return lines.join("\n");
}

/** Bytes from "00 ff 1A" or "00ff1a"; null when it is no hex. @param {string} text @returns {Uint8Array|null} */
export function parseHex(text) {
    const digits = text.replace(/[\s:,]/g, "");
    if (digits.length % 2 || /[^0-9a-f]/i.test(digits))
        return null;
    return Uint8Array.from(digits.match(/../g) ?? [], pair => parseInt(pair, 16));
}

const UUID = /^\s*([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})\s*$/i;

/** The usual form of a message id, or null. @param {string} text */
export function messageId(text) {
    const match = UUID.exec(text);
    return match ? match.slice(1).join("-").toLowerCase() : null;
}
