// SPDX-License-Identifier: MPL-2.0
/**
 * The publish window: what was handed over for sending and is not yet answered.
 *
 * Pure bookkeeping, no I/O. Promises: entries go out in the order they came; nothing leaves the
 * window before the broker answered its number; after a new session everything unanswered goes out
 * again in order, with the same message ids (the broker recognises what it has). Every entry is
 * answered exactly once.
 */
import { Code, RoostError } from './errors.js';
import { idText } from './ids.js';
import { Queue } from './queue.js';

const ENTRIES_PER_FRAME = 500;
const BYTES_PER_FRAME = 512 * 1024;
const RETRY_AFTER_MIN_MS = 10;
const ENTRY_OVERHEAD = 128;     // fixed fields and the heads of all fields, generously
const NOTHING = Buffer.alloc(0);

function sizeOf(entry) {
    let size = ENTRY_OVERHEAD + entry.scope.length + entry.body.length;
    for (const name of ['contentType', 'key', 'replyTo', 'correlationId'])
        size += entry[name]?.length ?? 0;
    for (const { name, value } of entry.headers ?? [])
        size += name.length + value.length + 12;
    return size;
}

export class Window {
    /** @type {Queue<{entry: any, deferred: any}>} */
    #pending = new Queue();
    #baseNo = 1;        // number of the first pending one in this session
    #sent = 0;          // how many of the pending are on their way
    #sentBytes = 0;
    #upto = 0;          // highest number that may be sent
    #bytesMax = 0;
    #entriesMax = ENTRIES_PER_FRAME;
    #frameBytesMax = BYTES_PER_FRAME;
    #bodyBytesMax = 0;

    /** When to try again what was refused for now; undefined: nothing was. */
    retryAt = undefined;

    get length() {
        return this.#pending.length;
    }

    /**
     * @param {any} entry
     * @param {{settle(result: any): void}} deferred gets {messageId, seq, isDuplicate} or an error
     */
    add(entry, deferred) {
        this.#pending.push({ entry, deferred });
    }

    /** Numbers start at 1 again; everything unanswered is to be sent again. */
    newSession(publishUpto, limits) {
        this.#baseNo = 1;
        this.#sent = this.#sentBytes = 0;
        this.#upto = publishUpto;
        this.#bytesMax = limits.publishBytes;
        this.#entriesMax = Math.min(ENTRIES_PER_FRAME, limits.entriesMax || ENTRIES_PER_FRAME);
        this.#frameBytesMax = Math.min(BYTES_PER_FRAME, (limits.frameBytesMax || 2 ** 30) / 2);
        this.#bodyBytesMax = limits.bodyBytesMax;
        this.retryAt = undefined;
    }

    /**
     * The SEND messages that may go out now. Entries too large for this broker get no number and
     * are answered here: the broker would close the connection over a frame that is too large.
     * @param {number} now
     */
    takeFrames(now) {
        if (this.retryAt !== undefined) {
            if (now < this.retryAt)
                return [];
            this.retryAt = undefined;
        }
        const frames = [];
        this.#refuseLarge();
        while (this.#maySendNext()) {
            frames.push(this.#buildFrame());
            this.#refuseLarge();
        }
        return frames;
    }

    #refuseLarge() {
        while (this.#bodyBytesMax && this.#sent < this.#pending.length) {
            const { entry, deferred } = this.#pending.at(this.#sent);
            if (entry.body.length <= this.#bodyBytesMax)
                return;
            this.#pending.remove(this.#sent);
            deferred.settle(new RoostError(Code.TOO_LARGE, `the body has ${entry.body.length} ` +
                `bytes, the broker takes ${this.#bodyBytesMax}`));
        }
    }

    #maySendNext() {
        if (this.#sent >= this.#pending.length || this.#baseNo + this.#sent > this.#upto)
            return false;
        const size = this.#pending.at(this.#sent).entry.body.length;
        if (this.#bodyBytesMax && size > this.#bodyBytesMax)
            return false;
        return !this.#bytesMax || !this.#sent || this.#sentBytes + size <= this.#bytesMax;
    }

    #buildFrame() {
        const entries = [];
        const firstNo = this.#baseNo + this.#sent;
        let frameBytes = 0;
        let scope;
        while (this.#maySendNext() && entries.length < this.#entriesMax) {
            const { entry } = this.#pending.at(this.#sent);
            const size = sizeOf(entry);
            if (frameBytes && frameBytes + size > this.#frameBytesMax)
                break;
            const isSame = scope !== undefined && entry.scope.equals(scope);
            entries.push(isSame ? { ...entry, scope: NOTHING } : entry);
            scope = entry.scope;
            frameBytes += size;
            this.#sent++;
            this.#sentBytes += entry.body.length;
        }
        return { firstNo, entries };
    }

    /**
     * Takes a STORED and answers all numbers it answers.
     * @param {any} stored
     * @param {number} now
     */
    answered(stored, now) {
        const results = this.#resultsOf(stored);
        while (this.#sent && this.#baseNo <= stored.uptoNo) {
            const { entry, deferred } = this.#pending.shift();
            const { seq, code, text } = results.get(this.#baseNo) ?? { seq: 0, code: 0, text: '' };
            this.#baseNo++;
            this.#sent--;
            this.#sentBytes -= entry.body.length;
            if (code && code !== Code.DUPLICATE)
                deferred.settle(new RoostError(code, text));
            else
                deferred.settle({ messageId: idText(entry.messageId), seq,
                    isDuplicate: code === Code.DUPLICATE });
        }
        this.#upto = Math.max(this.#upto, stored.publishUpto);
        if (stored.retryCode)
            this.#goBack(stored.retryAfterMs, now);
    }

    /** What a STORED says of the numbers that wait; a count beyond them is not believed. */
    #resultsOf(stored) {
        const results = new Map();
        const end = this.#baseNo + this.#sent;
        for (const { firstNo, count, firstSeq } of stored.runs) {
            const last = Math.min(firstNo + count, end) - 1;
            for (let no = Math.max(firstNo, this.#baseNo); no <= last; no++)
                results.set(no, { seq: firstSeq + (no - firstNo), code: 0, text: '' });
        }
        for (const { no, seq, code, text } of stored.exceptions)
            results.set(no, { seq, code, text });
        return results;
    }

    /**
     * Everything above uptoNo was refused for now: send it again, in order, a little later. Answers
     * of the broker that still refer to what was sent before come in the meantime; each moves the
     * time, none is counted twice.
     */
    #goBack(retryAfterMs, now) {
        this.#sent = this.#sentBytes = 0;
        this.retryAt = now + Math.max(retryAfterMs, RETRY_AFTER_MIN_MS);
    }

    /** @param {Error} error for everything that is left */
    failAll(error) {
        while (this.#pending.length)
            this.#pending.shift().deferred.settle(error);
        this.#sent = this.#sentBytes = 0;
    }
}
