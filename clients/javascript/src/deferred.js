// SPDX-License-Identifier: MPL-2.0
/** A promise that is answered from outside, once, and waiting for one with a limit. */
import { RoostTimeout } from './errors.js';

/** @template T */
export class Deferred {
    isDone = false;

    constructor() {
        /** @type {Promise<T>} */
        this.promise = new Promise((resolve, reject) => {
            this._resolve = resolve;
            this._reject = reject;
        });
    }

    /**
     * An Error rejects, anything else resolves. Only the first answer counts.
     * @param {T | Error} [result]
     */
    settle(result) {
        if (this.isDone)
            return;
        this.isDone = true;
        if (result instanceof Error)
            this._reject(result);
        else
            this._resolve(result);
    }
}

/**
 * The promise, or RoostTimeout when it takes longer.
 * @template T
 * @param {Promise<T>} promise
 * @param {number} timeoutMs Infinity: for ever
 * @param {string} what it waits for, for the text of the error
 * @returns {Promise<T>}
 */
export async function within(promise, timeoutMs, what) {
    if (timeoutMs === Infinity)
        return promise;
    const late = new Deferred();
    const timer = setTimeout(
        () => late.settle(new RoostTimeout(`no ${what} within ${timeoutMs} ms`)), timeoutMs);
    try {
        return await Promise.race([promise, late.promise]);
    } finally {
        clearTimeout(timer);
    }
}
