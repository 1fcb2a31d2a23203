// SPDX-License-Identifier: MPL-2.0
/**
 * What the page knows of the broker right now, bounded, and who wants to hear of it.
 *
 * One instance: ten minutes of samples (SAMPLES_MAX points of each series), the newest totals, actors,
 * health and alarms. Filled by GET /overview, carried on by the stream. Everybody subscribes with an
 * AbortSignal, so a page that goes leaves nothing behind.
 */

export const SAMPLES_MAX = 600;
export const STALE_MS = 3000;

/** @typedef {"overview"|"sample"|"presence"|"log"|"message"|"alarm"|"refused"|"link"|"tick"|"theme"} Topic */

/** @type {Map<Topic, Set<(data: any) => void>>} */
const listeners = new Map();

/** @param {Topic} topic @param {(data: any) => void} listener @param {AbortSignal} [signal] */
export function subscribe(topic, listener, signal) {
    if (signal?.aborted)
        return;
    const all = listeners.get(topic) ?? new Set();
    listeners.set(topic, all);
    all.add(listener);
    signal?.addEventListener("abort", () => all.delete(listener), {once: true});
}

/** @param {Topic} topic @param {any} [data] */
export function publish(topic, data) {
    for (const listener of listeners.get(topic) ?? [])
        listener(data);
}

/** How many listen: the test of leaks asks. */
export function subscriberCount() {
    let sum = 0;
    for (const all of listeners.values())
        sum += all.size;
    return sum;
}

export const state = {
    /** @type {any} the last GET /overview, its totals and health kept new */
    overview: null,
    /** @type {any[]} the actors of the last sample */
    actors: [],
    /** @type {{interval_ms: number, at: number[], values: Record<string, number[]>}} */
    samples: {interval_ms: 1000, at: [], values: {}},
    /** @type {{bounds_us: number[], rows: number[][]}} one row per sample */
    heat: {bounds_us: [], rows: []},
    /** @type {{phase: "connecting"|"live"|"waiting"|"hidden"|"off", retry_at: number, reason: string}} */
    link: {phase: "connecting", retry_at: 0, reason: ""},
    paused: false,
    /** this machine's clock when the last sample came */
    sampled_at: 0,
    /** broker's clock minus ours */
    skew_ms: 0,
    /** @type {any} GET /me */
    me: null,
};

/** The broker's wall clock. */
export function now() {
    return Date.now() + state.skew_ms;
}

/** Whether what is shown should be newer than it is. */
export function isStale() {
    return state.link.phase === "live" && state.sampled_at > 0 &&
        Date.now() - state.sampled_at > STALE_MS;
}

/** @param {any} overview the answer of GET /overview */
export function takeOverview(overview) {
    state.overview = overview;
    state.skew_ms = overview.now_ms - Date.now();
    const {interval_ms, at_ms, ...series} = overview.samples;
    state.samples = {interval_ms, at: at_ms.slice(-SAMPLES_MAX), values: {}};
    for (const [key, values] of Object.entries(series)) {
        if (Array.isArray(values))
            state.samples.values[key] = values.slice(-SAMPLES_MAX);
    }
    state.heat = {
        bounds_us: overview.commit_heat?.bounds_us ?? [],
        rows: (overview.commit_heat?.rows ?? []).slice(-SAMPLES_MAX),
    };
    state.sampled_at = Date.now();
    show("overview");
}

/** @param {any} sample an event of the stream: one value of each series */
export function takeSample(sample) {
    const {at, values} = state.samples;
    if (!state.overview || (at.length && sample.at_ms <= at[at.length - 1]))
        return;
    at.push(sample.at_ms);
    for (const key of Object.keys(values)) {
        values[key].push(sample[key] ?? null);
        if (values[key].length > SAMPLES_MAX)
            values[key].shift();
    }
    if (at.length > SAMPLES_MAX)
        at.shift();
    state.heat.rows.push(sample.commit_heat ?? []);
    if (state.heat.rows.length > SAMPLES_MAX)
        state.heat.rows.shift();
    Object.assign(state.overview.totals, sample.totals);
    if (sample.health)
        state.overview.health = sample.health;
    if (sample.alarms)
        state.overview.alarms = sample.alarms;
    if (sample.actors)
        state.actors = sample.actors;
    state.skew_ms = sample.at_ms - Date.now() > -STALE_MS ? sample.at_ms - Date.now() : state.skew_ms;
    state.sampled_at = Date.now();
    show("sample");
}

/** An alarm began, changed or (level "ok") ended. @param {any} alarm */
export function takeAlarm(alarm) {
    if (state.overview) {
        const others = (state.overview.alarms ?? []).filter((/** @type {any} */ one) => one.name !== alarm.name);
        state.overview.alarms = alarm.level === "ok" ? others : [...others, alarm];
    }
    publish("alarm", alarm);
}

/** While paused, what comes is kept and not shown. @param {Topic} topic */
function show(topic) {
    if (!state.paused)
        publish(topic, state);
}

/** @param {boolean} paused */
export function setPaused(paused) {
    state.paused = paused;
    publish("link");
    if (!paused)
        publish("sample", state);
}

/** @param {Partial<typeof state.link>} link */
export function setLink(link) {
    Object.assign(state.link, link);
    publish("link");
}

/** The newest value of a series. @param {string} key */
export function latest(key) {
    const values = state.samples.values[key];
    return values?.length ? values[values.length - 1] : NaN;
}
