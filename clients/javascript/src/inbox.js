// SPDX-License-Identifier: MPL-2.0
/**
 * What a consumer sees: an Inbox gives Received messages, which are settled one by one.
 *
 * Owns what has come and was not taken yet; the window of the attachment bounds it. Leaves leases,
 * credit and confirmations to attachment.js and book.js.
 */
import { Message } from './answers.js';
import { Deferred, within } from './deferred.js';
import { RoostClosed, RoostTimeout } from './errors.js';
import { Outcome } from './enums.js';
import { Queue } from './queue.js';

const TIMEOUT_MS = 30_000;

/**
 * A message in the hand of the application. Settle it with exactly one of ack(), release(), fail()
 * and reject(); extend() asks for more time.
 */
export class Received extends Message {
    #settle;

    /**
     * @param {(outcome: number, delayMs?: number, reason?: string) => void} settle
     * @param {Message} message
     */
    constructor(settle, message) {
        super();
        Object.assign(this, message);
        this.#settle = settle;
    }

    /** Done. */
    ack() {
        this.#settle(Outcome.ack);
    }

    /** Not now: it comes again, without counting as a failed attempt. */
    release(delayMs = 0) {
        this.#settle(Outcome.release, delayMs);
    }

    /** Failed: it comes again by the broker's schedule, or after delayMs. */
    fail(reason = '', delayMs = 0) {
        this.#settle(Outcome.fail, delayMs, reason);
    }

    /** Never again: it becomes a dead letter. */
    reject(reason = '') {
        this.#settle(Outcome.reject, 0, reason);
    }

    /** Still working on it: the lease starts anew. */
    extend() {
        this.#settle(Outcome.extend);
    }
}

/** An attached consumer. Iterate over it, or call receive(). */
export class Inbox {
    #client;
    #keepsReceipts;
    #items = new Queue();
    #receipts = new Queue();
    /** @type {Deferred<void> | undefined} there is news for receive() or receipts() */
    #news = undefined;
    /** @type {Error | undefined} */
    #error = undefined;
    /** @type {import('./attachment.js').Attachment} set by Client.attach() */
    attachment;
    /** How many messages waited when it attached. */
    waitingAtAttach = 0;

    constructor(client, keepsReceipts) {
        this.#client = client;
        this.#keepsReceipts = keepsReceipts;
    }

    get scope() {
        return this.attachment.scope;
    }

    /** How many messages are here and not yet taken. */
    get ready() {
        return this.#items.length;
    }

    /** Called by the attachment. */
    onItem(held, item) {
        if (held === undefined) {
            this.#error = item;
        } else if (!Array.isArray(item)) {
            this.#items.push({ held, message: item });
        } else {
            this.attachment.book.taken(held);
            if (this.#keepsReceipts)
                this.#receipts.push({ held, receipts: item });
            else
                this.attachment.book.settle(held, Outcome.ack);
        }
        this.#news?.settle();
        this.#news = undefined;
    }

    /** Resolves when something comes; false when time ran out. */
    async #somethingNew(deadline) {
        const leftMs = deadline - performance.now();
        if (leftMs <= 0)
            return false;
        this.#news ??= new Deferred();
        try {
            await within(this.#news.promise, leftMs, 'message');
            return true;
        } catch (error) {
            if (error instanceof RoostTimeout)
                return false;
            throw error;
        }
    }

    /**
     * The next message; undefined when none came in time. Rejects when the consumer was taken over
     * or the client closed.
     * @param {{timeoutMs?: number}} [options] without a timeout it waits for ever; 0: not at all
     */
    async receive({ timeoutMs = Infinity } = {}) {
        const deadline = performance.now() + timeoutMs;
        for (;;) {
            const item = this.#items.shift();
            if (item !== undefined)
                return this.#take(item);
            if (this.#error !== undefined)
                throw this.#error;
            if (!await this.#somethingNew(deadline))
                return undefined;
        }
    }

    #take({ held, message }) {
        this.attachment.book.taken(held);
        this.#client.wake();
        return new Received((...decision) => this.#settle(held, ...decision), message);
    }

    #settle(held, outcome, delayMs, reason) {
        this.attachment.book.settle(held, outcome, delayMs, reason);
        this.#client.wake();
    }

    /**
     * Messages as they come, until the inbox or its client is closed. Leaving the loop leaves the
     * inbox open.
     */
    async *[Symbol.asyncIterator]() {
        for (;;) {
            let received;
            try {
                received = await this.receive();
            } catch (error) {
                if (error instanceof RoostClosed)
                    return;
                throw error;
            }
            yield received;
        }
    }

    /**
     * Receipts that came since the last call, settled by this call; waits for the first.
     * @param {{timeoutMs?: number}} [options]
     */
    async receipts({ timeoutMs = 0 } = {}) {
        const deadline = performance.now() + timeoutMs;
        while (this.#receipts.length === 0 && this.#error === undefined &&
            await this.#somethingNew(deadline));
        const found = [];
        while (this.#receipts.length) {
            const { held, receipts } = this.#receipts.shift();
            this.#settle(held, Outcome.ack);
            found.push(...receipts);
        }
        return found;
    }

    /**
     * Resolves when every settlement made before is on the broker's disk, also over lost
     * connections. Rejects with STALE_LEASE when a lease had run out before: the message comes
     * again (at a mailbox the library then settles it again). At a queue with NO_SESSION: the
     * connection was lost meanwhile, and what was not on disk by then goes to any worker.
     * @param {{timeoutMs?: number}} [options]
     */
    async confirm({ timeoutMs = TIMEOUT_MS } = {}) {
        const deferred = new Deferred();
        this.attachment.confirm(deferred);
        this.#client.wake();
        await within(deferred.promise, timeoutMs, 'SETTLED');
    }

    /** Gives it back; what was received and not settled is delivered again to whoever attaches. */
    close() {
        this.#client.detach(this.attachment);
    }
}

if (Symbol.asyncDispose)
    Inbox.prototype[Symbol.asyncDispose] = async function () {
        this.close();
    };
