// SPDX-License-Identifier: MPL-2.0
/**
 * Drives a Core over real sockets and the clock.
 *
 * Owns the DEALER, its monitor and one timer. A lost connection gets a fresh socket, because a
 * ZeroMQ socket that reconnects by itself may send again what was on its way, behind the back of
 * the core. Promises: what the core says goes out in order; commands given in one turn of the event
 * loop leave together, in as few frames as possible.
 */
import { Dealer } from 'zeromq';
import { Deferred } from './deferred.js';
import { pack, unpack } from './schema.js';
import { Queue } from './queue.js';

const SOCKET_OPTIONS = {
    linger: 0, sendHighWaterMark: 10000, sendTimeout: 0,
    receiveHighWaterMark: 0,    // bounded by the credit we grant
    reconnectInterval: 50, reconnectMaxInterval: 1000,
};
const GOODBYE_WAIT_MS = 1000;
const GOODBYE_LINGER_MS = 500;
const TIMER_MS_MAX = 60_000;

/** One socket: frames in order out, frames in, and the news that the connection is gone. */
class Connection {
    #socket;
    #out = new Queue();
    #isPumping = false;
    #isOver = false;
    #onFrame;
    #onLost;

    constructor(url, security, { onFrame, onLost, onRefused }) {
        this.#onFrame = onFrame;
        this.#onLost = onLost;
        this.#socket = new Dealer({ ...SOCKET_OPTIONS, ...security });
        this.#socket.events.on('handshake:error:auth', () => {
            if (!this.#isOver)
                onRefused();
        });
        this.#socket.events.on('disconnect', () => this.#lose());
        try {
            this.#socket.connect(url);
        } catch (error) {
            this.close(0);
            throw new TypeError(`url: ${JSON.stringify(url)} is no address of ZeroMQ, such as ` +
                'tcp://127.0.0.1:7667', { cause: error });
        }
        this.#read();
    }

    #lose() {
        if (!this.#isOver)
            this.#onLost();
    }

    async #read() {
        try {
            for await (const frames of this.#socket) {
                if (this.#isOver)
                    return;
                if (frames.length === 1)
                    this.#onFrame(frames[0]);
            }
        } catch (error) {
            if (!this.#isOver)
                throw error;
        }
    }

    send(type, fields) {
        this.#out.push([type, fields]);
        if (!this.#isPumping)
            this.#pump();
    }

    /** ZeroMQ takes one message at a time. Refused: the broker has not read for long. */
    async #pump() {
        this.#isPumping = true;
        try {
            while (this.#out.length && !this.#isOver)
                await this.#socket.send(pack(...this.#out.shift()));
        } catch {
            this.#lose();
        } finally {
            this.#isPumping = false;
        }
    }

    /** @param {number} lingerMs how long ZeroMQ may go on sending what is not out yet */
    close(lingerMs) {
        this.#isOver = true;
        this.#socket.linger = lingerMs;
        this.#socket.close();
    }
}

export class Link {
    #url;
    #core;
    #security;
    /** @type {Connection | undefined} */
    #connection = undefined;
    #timer = undefined;
    #isAwake = false;
    #isClosed = false;
    /** @type {Deferred<void> | undefined} */
    #goodbye = undefined;

    /**
     * @param {string} url
     * @param {import('./core.js').Core} core
     * @param {object} security options of the socket, of keys.js
     */
    constructor(url, core, security = {}) {
        this.#url = url;
        this.#security = security;
        this.#core = core;
        this.#reopen(Link.now());   // throws when the address is none
        this.wake();
    }

    /** The clock of the core: milliseconds that only rise. */
    static now() {
        return performance.now();
    }

    /** What was said to the core is to go out, soon and together. */
    wake() {
        if (this.#isAwake || this.#isClosed)
            return;
        this.#isAwake = true;
        setImmediate(() => {
            this.#isAwake = false;
            if (!this.#isClosed)
                this.#turn();
        });
    }

    #turn() {
        const now = Link.now();
        if (this.#core.wantsReconnect && now >= this.#core.reconnectAt)
            this.#reopen(now);
        this.#core.tick(now);
        for (const [type, fields] of this.#core.takeMessages(now))
            this.#connection.send(type, fields);
        clearTimeout(this.#timer);
        const waitMs = this.#core.deadline - Link.now() + 1;
        if (waitMs < Infinity)
            this.#timer = setTimeout(() => this.wake(),
                Math.min(Math.max(waitMs, 0), TIMER_MS_MAX));
    }

    #reopen(now) {
        this.#connection?.close(0);
        this.#connection = new Connection(this.#url, this.#security, {
            onFrame: (frame) => this.#received(frame),
            onLost: () => this.#lost(),
            onRefused: () => this.#core.keyRefused(),
        });
        this.#core.opened(now);
    }

    #lost() {
        this.#core.lost(Link.now());
        this.#goodbye?.settle();
        this.wake();
    }

    #received(frame) {
        const message = unpack(frame);
        if (message === undefined)
            return;
        if (message[0] === 'GOODBYE')
            this.#goodbye?.settle();
        this.#core.received(...message, Link.now());
        this.wake();
    }

    /** Says goodbye and waits a moment for the broker's: then all settles were taken, too. */
    async close() {
        this.#isClosed = true;
        clearTimeout(this.#timer);
        const wasReady = this.#core.isReady;
        for (const [type, fields] of this.#core.close(Link.now()))
            this.#connection.send(type, fields);
        if (wasReady) {
            this.#goodbye = new Deferred();
            const timer = setTimeout(() => this.#goodbye.settle(), GOODBYE_WAIT_MS);
            await this.#goodbye.promise;
            clearTimeout(timer);
        }
        this.#connection.close(wasReady ? GOODBYE_LINGER_MS : 0);
    }
}
