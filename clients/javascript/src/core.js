// SPDX-License-Identifier: MPL-2.0
/**
 * The client as a pure state machine: messages in, messages out, time passed in. No I/O, no timers,
 * no schema: a message is [type name, fields].
 *
 * Owns the session (HELLO, heartbeats, when to reconnect), the publish window, the attachments and
 * the open requests. Leaves the socket and the clock to link.js, which calls
 *     opened()             after it made a new socket
 *     received(type, m)    for each message
 *     tick()               when the time of `deadline` has come, or after any command
 *     takeMessages()       for what is to be sent
 * and makes a new socket when `wantsReconnect` is set. Results go to deferreds (settle); events to
 * the functions given as on....
 */
import { presenceOf } from './answers.js';
import { Attachment } from './attachment.js';
import { Attachments } from './attachments.js';
import { Code, RoostClosed, RoostError } from './errors.js';
import { Requests } from './pending.js';
import { VERSION } from './version.js';
import { Window } from './window.js';

const HELLO_AGAIN_MS = 5000; // a new peer is answered when it is on disk, perhaps behind another commit
const BACKOFF_FIRST_MS = 50;
const BACKOFF_MAX_MS = 5000;
const HEARTBEAT_MS = 5000;
const HEARTBEATS_LOST = 3;
const BEFORE_WELCOME = new Set(['WELCOME', 'ERROR', 'PING', 'GOODBYE']);
const TYPE_ATTACH = 24;         // Error.type names what it answers by its number

export class Core {
    window = new Window();
    limits = {};
    /** @type {any} the last WELCOME */
    welcome = undefined;
    isReady = false;
    wantsReconnect = false;
    reconnectAt = 0;
    reconnects = 0;
    /** @type {RoostError | undefined} why this client is over for good */
    error = undefined;
    /** @type {RoostError | undefined} why the last HELLO was refused, for now */
    refusal = undefined;
    onPresence = (_event) => {};
    onState = (_state) => {};
    /** Sees everything, for tests. */
    onObserve = (_what, _about) => {};
    #hello;
    #attachments = new Attachments((now, type, fields) => this.#emit(now, type, fields));
    #requests = new Requests();
    #out = [];
    #heard = 0;
    #said = 0;
    #helloSent = 0;
    #backoffMs = BACKOFF_FIRST_MS;
    #wantsPresence = false;

    /**
     * @param {string} peer
     * @param {Buffer} credentials
     * @param {string} displayName
     */
    constructor(peer, credentials, displayName) {
        this.#hello = {
            versionMin: 1, versionMax: 1, peer: Buffer.from(peer), credentials,
            software: `roost-javascript ${VERSION}`, displayName: Buffer.from(displayName),
        };
    }

    // ------------------------------------------------------------ session

    /** A fresh socket is there: say HELLO on it. */
    opened(now) {
        this.wantsReconnect = this.isReady = false;
        this.#out = [];
        this.#heard = this.#helloSent = now;
        this.#emit(now, 'HELLO', this.#hello);
    }

    /** The connection is gone: ask for a new socket, later each time. */
    lost(now) {
        if (this.wantsReconnect || this.error !== undefined)
            return;
        this.isReady = false;
        this.wantsReconnect = true;
        this.reconnects++;
        this.reconnectAt = now + this.#backoffMs * (0.5 + Math.random() / 2);
        this.#backoffMs = Math.min(this.#backoffMs * 2, BACKOFF_MAX_MS);
        this.onState('disconnected');
    }

    #emit(now, type, fields) {
        this.#said = now;
        this.#out.push([type, fields]);
    }

    get #heartbeatMs() {
        return this.limits.heartbeatMs || HEARTBEAT_MS;
    }

    /** When tick() has something to do at the latest. */
    get deadline() {
        if (this.error !== undefined)
            return Infinity;
        if (this.wantsReconnect)
            return this.reconnectAt;
        if (!this.isReady)
            return this.#helloSent + HELLO_AGAIN_MS;
        return Math.min(this.#said + this.#heartbeatMs,
            this.#heard + HEARTBEATS_LOST * this.#heartbeatMs,
            this.window.retryAt ?? Infinity, this.#attachments.deadline);
    }

    tick(now) {
        if (this.wantsReconnect || this.error !== undefined)
            return;
        if (!this.isReady) {
            if (now >= this.#helloSent + HELLO_AGAIN_MS)
                this.lost(now);
            return;
        }
        if (now >= this.#heard + HEARTBEATS_LOST * this.#heartbeatMs) {
            this.lost(now);
            return;
        }
        if (now >= this.#said + this.#heartbeatMs)
            this.#emit(now, 'PING', {});
        this.#attachments.tick(now);
    }

    /** Everything that is to be sent now, in order. */
    takeMessages(now) {
        if (this.isReady) {
            this.#attachments.flush(now);
            for (const send of this.window.takeFrames(now))
                this.#emit(now, 'SEND', send);
        }
        const messages = this.#out;
        this.#out = [];
        return messages;
    }

    /** What is left to be said, GOODBYE last; everything still open fails with RoostClosed. */
    close(now) {
        const messages = this.takeMessages(now);
        if (this.isReady)
            messages.push(['GOODBYE', {}]);
        this.#failEverything(new RoostClosed());
        return messages;
    }

    keyRefused() {      // no HELLO will ever be heard
        this.#failEverything(new RoostError(Code.KEY_NOT_ENROLLED, 'the broker refused the key'));
    }

    #failEverything(error) {
        this.error ??= error;
        this.isReady = false;
        this.window.failAll(error);
        this.#requests.failAll(error);
        this.#attachments.failAll(error);
        this.onState('failed');
    }

    // ------------------------------------------------------------ commands

    /** The deferred gets {messageId, seq, isDuplicate}. */
    send(entry, deferred) {
        if (this.error !== undefined)
            deferred.settle(this.error);
        else
            this.window.add(entry, deferred);
    }

    /**
     * `onItem(held, item)` is called for each new message and each list of receipts,
     * `onItem(undefined, error)` at the end; the deferred gets the fields of ATTACHED.
     */
    attach(request, book, onItem, deferred, now) {
        request.handle = this.#requests.newId();
        const attachment = new Attachment(request, book, onItem, deferred);
        if (this.error !== undefined) {
            attachment.end(this.error);
            return attachment;
        }
        this.#attachments.add(attachment);
        if (this.isReady)
            this.#emit(now, 'ATTACH', attachment.begin());
        return attachment;
    }

    detach(attachment, now) {
        this.#attachments.detach(attachment, this.isReady, now);
    }

    /**
     * A QUERY, SYNC, CALL or PRESENCE; repeated after a reconnect until it is answered. The
     * deferred gets {results, fin}, or the fields of REPLY. Gives the id, for forget().
     */
    request(type, fields, deferred, now) {
        if (this.error !== undefined) {
            deferred.settle(this.error);
            return 0;
        }
        if (type === 'PRESENCE')
            this.#wantsPresence = fields.subscribe;
        const request = this.#requests.add(type, fields, deferred);
        if (this.isReady)
            this.#emit(now, type, request.fields);
        return request.fields.requestId;
    }

    /** Nobody waits for the answer any more. */
    forget(requestId) {
        this.#requests.take(requestId);
    }

    // ------------------------------------------------------------ what comes in

    received(type, message, now) {
        if (this.error !== undefined)
            return;
        this.#heard = now;
        this.onObserve('frame', [type, message]);
        if (this.isReady || BEFORE_WELCOME.has(type))
            Core.#HANDLERS[type]?.(this, message, now);
    }

    static #HANDLERS = {
        WELCOME: (core, message, now) => core.#onWelcome(message, now),
        NO_SESSION: (core, _, now) => core.#onNoSession(now),
        PING: (core, { echo }, now) => core.#emit(now, 'PONG', { echo }),
        GOODBYE: (core, message, now) => core.#onGoodbye(message, now),
        ERROR: (core, message, now) => core.#onError(message, now),
        STORED: (core, message, now) => core.window.answered(message, now),
        ATTACHED: (core, message, now) => core.#attachments.onAttached(message, now),
        DETACH: (core, message) => core.#attachments.onDetach(message),
        DELIVER: (core, message) => core.#attachments.onDeliver(message,
            (delivery) => core.onObserve('delivery', delivery)),
        RECEIPT: (core, message) => core.#attachments.onReceipt(message),
        SETTLED: (core, message) => core.onObserve('settled',
            core.#attachments.onSettled(message)),
        RESULT: (core, message) => core.#requests.onResult(message),
        FIN: (core, message) => core.#requests.onFin(message),
        REPLY: (core, message) => core.#requests.onReply(message),
        PRESENCE: (core, { events }) =>
            events.forEach((event) => core.onPresence(presenceOf(event))),
    };

    #onWelcome(welcome, now) {
        if (this.isReady || this.wantsReconnect)
            return;
        this.welcome = welcome;
        this.limits = welcome.limits ?? {};
        this.#hello.resumeToken = welcome.resumeToken;
        this.#backoffMs = BACKOFF_FIRST_MS;
        this.isReady = true;
        this.refusal = undefined;
        this.window.newSession(welcome.publishUpto, this.limits);
        this.#attachments.begin(now);
        const asked = this.#requests.again();
        for (const { type, fields } of asked)
            this.#emit(now, type, fields);
        if (this.#wantsPresence && !asked.some(({ type }) => type === 'PRESENCE'))
            this.#emit(now, 'PRESENCE', { requestId: this.#requests.newId(), subscribe: true });
        this.onState('connected');
    }

    #onNoSession(now) {
        if (this.isReady) {
            this.lost(now);
            this.reconnectAt = now;
        }
    }

    #onGoodbye({ reason }, now) {
        if (reason === Code.TAKEN_OVER) // coming back would take it away from the other again
            this.#failEverything(new RoostError(reason, 'another connection resumed this session'));
        else
            this.lost(now);
    }

    #onError({ code, text, type, requestId, retryable }, now) {
        const error = new RoostError(code, text);
        const isAttach = type === TYPE_ATTACH;  // requestId is then its handle
        const request = isAttach ? undefined : this.#requests.take(requestId);
        this.onObserve('error', error);
        if (request !== undefined) {
            request.deferred.settle(error);
        } else if (!this.isReady) {
            this.refusal = error;
            if (!retryable)
                this.#failEverything(error);
            else if (code === Code.LOCKED_OUT)  // for minutes: nobody wants to wait for that
                this.onState('locked out');
        } else if (isAttach) {                  // the broker could not even read it
            this.#attachments.onAttached({ handle: requestId, code, text }, now);
        }
    }
}
