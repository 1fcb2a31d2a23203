// SPDX-License-Identifier: MPL-2.0
/**
 * The client: a session with the broker that outlives connections and broker restarts.
 *
 * Owns a Core and the Link that drives it; leaves questions and calls to asking.js and people.js.
 * Promises: what was handed over and is not acknowledged yet is sent again after a reconnect, in
 * order, with the same message ids, so that the broker stores each once; send() resolves when the
 * message is on the broker's disk.
 */
import { Book } from './book.js';
import { Core } from './core.js';
import { Deferred, within } from './deferred.js';
import { Role, wordOf } from './enums.js';
import { Code, RoostError, RoostTimeout } from './errors.js';
import { Inbox } from './inbox.js';
import { securityOf } from './keys.js';
import { Link } from './link.js';
import { People } from './people.js';
import { attachOf, bytesOf, entryOf } from './requests.js';

export const DEFAULT_URL = 'tcp://127.0.0.1:7667';

const TIMEOUT_MS = 30_000;
const READY_TIMEOUT_MS = 10_000;
const UNACKNOWLEDGED_MAX = 100_000;
const WINDOW = 1000;
const WINDOW_BYTES = 16 << 20;

export class Client extends People {
    #url;
    #core;
    #link;
    #unacknowledgedMax;
    #unacknowledged = 0;
    #isClosed = false;
    #isSettled = false;     // welcomed, or refused for now or for good
    /** @type {Set<Deferred<void>>} */
    #awaitReady = new Set();
    /** @type {Set<Deferred<void>>} */
    #awaitRoom = new Set();

    /** Events: 'state' (text) and 'presence'. `connect` makes one and waits. */
    constructor({ url = DEFAULT_URL, peer, credentials = '', displayName = '',
        key, serverKey, unacknowledgedMax = UNACKNOWLEDGED_MAX, observer } = {}) {
        super();
        if (typeof peer !== 'string' || peer === '')
            throw new TypeError('peer: who are you?');
        this.#url = url;
        this.#unacknowledgedMax = unacknowledgedMax;
        this.#core = new Core(peer, bytesOf(credentials), displayName);
        this.#core.onState = (state) => this.#changed(state);
        this.#core.onPresence = (event) => process.nextTick(() => this.emit('presence', event));
        if (observer !== undefined)
            this.#core.onObserve = observer;
        this.#link = new Link(url, this.#core, securityOf({ key, serverKey }));
    }

    /** The state machine has something to do; called by inboxes. */
    wake() {
        this.#link.wake();
    }

    /** A listener that throws must not end the session. */
    #changed(state) {
        this.#isSettled = state !== 'disconnected';
        if (this.#isSettled) {
            for (const deferred of this.#awaitReady)
                deferred.settle();
            this.#awaitReady.clear();
        }
        process.nextTick(() => this.emit('state', state));
    }

    // ------------------------------------------------------------ session

    /** Resolves when the broker has welcomed us; rejects with what it refused us with. */
    async waitReady({ timeoutMs = READY_TIMEOUT_MS } = {}) {
        if (!this.#isSettled) {
            const deferred = new Deferred();
            this.#awaitReady.add(deferred);
            try {
                await within(deferred.promise, timeoutMs, 'answer');
            } catch (error) {
                this.#awaitReady.delete(deferred);
                const why = this.#core.error ?? this.#core.refusal;
                throw why ?? new RoostTimeout(
                    `no broker answered at ${this.#url} within ${timeoutMs} ms`);
            }
        }
        const error = this.#core.error ?? this.#core.refusal;
        if (error !== undefined)
            throw error;
    }

    /** Our name as the broker spells it; empty before the first welcome. */
    get peer() {
        return this.#core.welcome?.peer.toString() ?? '';
    }

    /** Which start of the broker welcomed us last, as hexadecimal text. */
    get bootId() {
        return this.#core.welcome?.bootId.toString('hex') ?? '';
    }

    /** Of our account; 'none' without one. */
    get role() {
        return wordOf(Role, this.#core.welcome?.role ?? 0);
    }

    /** Whether the broker welcomed us and we have not lost it since. */
    get isConnected() {
        return this.#core.isReady;
    }

    get reconnects() {
        return this.#core.reconnects;
    }

    /** Says goodbye. Unacknowledged sends fail with RoostClosed: flush() first. */
    async close() {
        if (this.#isClosed)
            return;
        this.#isClosed = true;
        await this.#link.close();
    }

    // ------------------------------------------------------------ publish

    /**
     * Hands a message over; resolves once it is on the broker's disk, however often the connection
     * is lost until then. Send many without waiting for each: they share frames and commits.
     * Rejects at once with BUSY while unacknowledgedMax messages wait for their answers: room()
     * says when to go on. timeoutMs ends the waiting, not the sending.
     */
    async send(to, body, { timeoutMs = Infinity, ...options } = {}) {
        const entry = entryOf(to, body, options);
        if (this.#unacknowledged >= this.#unacknowledgedMax)
            throw new RoostError(Code.BUSY, `${this.#unacknowledged} messages wait for their ` +
                'answers; wait for room() before sending more');
        const deferred = new Deferred();
        this.#unacknowledged++;
        deferred.promise.then(() => this.#answered(), () => this.#answered());
        this.#core.send(entry, deferred);
        this.wake();
        return within(deferred.promise, timeoutMs, 'STORED');
    }

    #answered() {
        this.#unacknowledged--;
        for (const deferred of this.#awaitRoom)
            deferred.settle();
        this.#awaitRoom.clear();
    }

    /** How many messages wait for their answers. */
    get unacknowledged() {
        return this.#unacknowledged;
    }

    /** Resolves when fewer than unacknowledgedMax messages wait for their answers. */
    async room() {
        await this.#until(() => this.#unacknowledged < this.#unacknowledgedMax);
    }

    /** Resolves when everything handed over is answered. */
    async flush({ timeoutMs = Infinity } = {}) {
        await within(this.#until(() => this.#unacknowledged === 0), timeoutMs, 'answer to all');
    }

    async #until(isSo) {
        while (!isSo()) {
            const deferred = new Deferred();
            this.#awaitRoom.add(deferred);
            await deferred.promise;
        }
    }

    // ------------------------------------------------------------ consume

    /**
     * Starts to receive from a scope (default: the own mailbox). Attached again after every
     * reconnect.
     */
    async attach(scope = '', { window = WINDOW, windowBytes = WINDOW_BYTES, receipts = 'keep',
        timeoutMs = TIMEOUT_MS, ...options } = {}) {
        if (scope === '')
            await this.waitReady({ timeoutMs });
        const where = scope || `peer:${this.peer}`;
        const inbox = new Inbox(this, receipts === 'keep');
        const book = new Book(window, windowBytes, where.startsWith('queue:'));
        const deferred = new Deferred();
        inbox.attachment = this.#core.attach(attachOf(where, options), book,
            (held, item) => inbox.onItem(held, item), deferred, Link.now());
        this.wake();
        try {
            inbox.waitingAtAttach = (await within(deferred.promise, timeoutMs, 'ATTACHED')).waiting;
        } catch (error) {
            inbox.close();
            throw error;
        }
        return inbox;
    }

    /** Called by Inbox.close(). */
    detach(attachment) {
        this.#core.detach(attachment, Link.now());
        this.wake();
    }

    // ------------------------------------------------------------ ask

    /** Sends a QUERY, SYNC, CALL or PRESENCE and gives its answer; for asking.js. */
    async ask(type, fields, timeoutMs = TIMEOUT_MS) {
        const deferred = new Deferred();
        const requestId = this.#core.request(type, fields, deferred, Link.now());
        this.wake();
        try {
            return await within(deferred.promise, timeoutMs, type === 'CALL' ? 'REPLY' : 'FIN');
        } finally {
            this.#core.forget(requestId);
        }
    }
}

if (Symbol.asyncDispose)
    Client.prototype[Symbol.asyncDispose] = function () {
        return this.close();
    };

/**
 * Connects and waits for the welcome: new Client(options) and waitReady().
 * @returns {Promise<Client>}
 */
export async function connect({ timeoutMs, ...options }) {
    const client = new Client(options);
    try {
        await client.waitReady({ timeoutMs });
    } catch (error) {
        await client.close();
        throw error;
    }
    return client;
}

