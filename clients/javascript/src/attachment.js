// SPDX-License-Identifier: MPL-2.0
/**
 * One attached consumer: its ATTACH, credit, settlements and confirmations. No I/O.
 *
 * Owns what belongs to one handle; core.js owns the session around it and calls
 *     begin()      at each WELCOME: attach again
 *     flush()      before sending: settlements, then credit
 *     on...()      for what comes in
 * Promises: after a lost connection the consumer is attached again; a confirmation is given only
 * for what the broker has said SETTLED for.
 */
import { Code, RoostError } from './errors.js';
import { Queue } from './queue.js';

const RANGES_PER_FRAME = 500;
const LEASE_MS = 30000;

export class Attachment {
    /** @type {RoostError | undefined} why it is over */
    error = undefined;
    isAttached = false;
    wasAttached = false;
    /** @type {number | undefined} when to ask again after a refusal that may pass */
    attachAt = undefined;
    #extendAt = undefined;
    #leaseMs = LEASE_MS;
    /** @type {Queue<{deferred: any, decision: number}>} for the next SETTLE */
    #waiting = new Queue();
    /** @type {Queue<{id: number, deferred: any, decision: number}>} */
    #asked = new Queue();
    #nextConfirmId = 1;
    /** @type {Set<number>} told since the last confirmation */
    #stale = new Set();

    /**
     * @param {any} request the fields of ATTACH
     * @param {import('./book.js').Book} book
     * @param {(held: any, item: any) => void} onItem gets each new message, and at the end
     *     (undefined, error)
     * @param {{settle(result: any): void}} deferred gets the fields of ATTACHED, or why not
     */
    constructor(request, book, onItem, deferred) {
        this.handle = request.handle;
        this.request = request;
        this.book = book;
        this.onItem = onItem;
        this.deferred = deferred;
        this.scope = request.scope.toString();
    }

    // ------------------------------------------------------------ session

    /** The ATTACH to send in a new session, or again after BUSY. */
    begin() {
        this.isAttached = false;
        this.attachAt = this.#extendAt = undefined;
        const { messages, bytes } = this.book.newSession();
        this.request.creditMessages = messages;
        this.request.creditBytes = bytes;
        this.#stale.clear();
        if (this.book.isShared)     // what was not on disk may be with another worker by now
            this.#failAsked(new RoostError(Code.NO_SESSION,
                'the connection was lost before SETTLED came'));
        while (this.#asked.length)  // else it comes again, is settled again, and then confirmed
            this.#waiting.push(this.#asked.shift());
        return this.request;
    }

    onAttached(attached, now) {
        this.isAttached = this.wasAttached = true;
        this.scope = attached.scope.toString() || this.scope;
        this.book.accountedBefore(attached.waiting === 0 ? Infinity : attached.floorSeq + 1);
        this.#leaseMs = attached.leaseMs || LEASE_MS;
        this.#extendAt = now + this.#leaseMs / 3;
        this.deferred.settle(attached);
    }

    /** @param {RoostError} error why it is over */
    end(error) {
        if (this.error !== undefined)
            return;
        this.error = error;
        this.isAttached = false;
        this.deferred.settle(error);
        this.#failAsked(error);
        while (this.#waiting.length)
            this.#waiting.shift().deferred.settle(error);
        this.onItem(undefined, error);
    }

    #failAsked(error) {
        while (this.#asked.length)
            this.#asked.shift().deferred.settle(error);
    }

    // ------------------------------------------------------------ what to send

    /** When tick() has something to do for it at the latest. */
    get deadline() {
        return Math.min(this.attachAt ?? Infinity, this.#extendAt ?? Infinity);
    }

    /**
     * The promise resolves when all settlements made so far are on the broker's disk.
     * @param {{settle(result?: any): void}} deferred
     */
    confirm(deferred) {
        if (this.error !== undefined) {
            deferred.settle(this.error);
        } else if (this.book.isShared && this.book.isInDoubt) {
            this.book.forgetDoubt();
            deferred.settle(new RoostError(Code.NO_SESSION, 'the connection was lost before ' +
                'SETTLED came; what was not on disk goes to any worker'));
        } else {
            this.#waiting.push({ deferred, decision: this.book.decisions });
        }
    }

    /** Those who wait for a confirmation get that of `confirmId`, once nothing is in doubt. */
    #takeWaiting(confirmId) {
        while (this.#waiting.length && !this.book.isInDoubt)
            this.#asked.push({ ...this.#waiting.shift(), id: confirmId });
    }

    /**
     * SETTLE and CREDIT messages that may go out now.
     * @param {number} now
     * @returns {[string, any][]}
     */
    flush(now) {
        if (this.#extendAt !== undefined && now >= this.#extendAt) {
            this.book.extendWaiting();
            this.#extendAt = now + this.#leaseMs / 3;
        }
        const frames = [];
        if (this.book.hasSettles) {
            frames.push(...this.#settleFrames());
        } else if (this.#waiting.length && this.book.isEverythingConfirmed) {
            this.#takeWaiting(0);
            this.#complete(0);
        } else {
            this.#takeWaiting(this.#nextConfirmId - 1);
        }
        const credit = this.book.takeCredit();
        if (credit !== undefined)
            frames.push(['CREDIT', { handle: this.handle, messagesTotal: credit.messages,
                bytesTotal: credit.bytes }]);
        return frames;
    }

    /** Each batch asks for its confirmation, so the book knows what is settled on disk. */
    #settleFrames() {
        const ranges = this.book.takeRanges(this.#nextConfirmId);
        this.#takeWaiting(this.#nextConfirmId);
        const frames = [];
        for (let at = 0; at < ranges.length; at += RANGES_PER_FRAME)
            frames.push(['SETTLE',
                { handle: this.handle, ranges: ranges.slice(at, at + RANGES_PER_FRAME) }]);
        frames.at(-1)[1].confirmId = this.#nextConfirmId++;
        return frames;
    }

    // ------------------------------------------------------------ what comes in

    /** Gives the keys of what is settled on disk now. */
    onSettled(settled) {
        for (const { deliveryNo } of settled.exceptions)
            this.#stale.add(deliveryNo);
        if (!settled.confirmId)
            return [];
        const keys = this.book.confirmed(settled.confirmId, this.#stale);
        this.#stale.clear();
        this.#complete(settled.confirmId);
        return keys;
    }

    /** Each is told of what was settled too late before it asked, not of what came later. */
    #complete(confirmId) {
        let told = 0;
        while (this.#asked.length && this.#asked.at(0).id <= confirmId) {
            const { deferred, decision } = this.#asked.shift();
            const count = this.book.countStale(decision);
            told = Math.max(told, decision);
            deferred.settle(count === 0 ? undefined : new RoostError(Code.STALE_LEASE,
                `the leases of ${count} messages had run out before they were settled; ` +
                'they come again'));
        }
        this.book.forgetStale(told);
    }
}
