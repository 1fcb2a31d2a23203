// SPDX-License-Identifier: MPL-2.0
// A broker in memory for the tests of the client's state machine, as python_model_broker.py.
//
// Owns one mailbox log and its consumer. Durable is what lies in `log` and `settled`; everything
// else dies with crash(). It keeps the rules of the protocol that a client may rely on: publish
// numbers, go-back-n, duplicates by message id, deliveries in order, credit. Throws when the client
// breaks a rule.
import assert from 'node:assert/strict';

const ACK = 1, REJECT = 4, EXTEND = 5;
const NOTHING = Buffer.alloc(0);

export class ModelBroker {
    log = [];               // {id, scope, body} in commit order
    ids = new Map();        // id in hex -> seq
    settled = new Map();    // seq -> how often it was settled for good
    dead = new Set();
    refused = new Set();    // ids refused for good

    constructor({ publishWindow = 50, publishBytes = 10_000 } = {}) {
        this.publishWindow = publishWindow;
        this.publishBytes = publishBytes;
        this.crash();
    }

    /** Everything volatile is gone; so is every connection. */
    crash() {
        this.hasSession = this.isRewound = false;
        this.nextNo = this.nextDeliveryNo = 1;
        this.handle = this.credit = this.delivered = 0;
        this.leases = new Map();    // delivery number -> seq
    }

    /** The answers to one message; `retryFrom`: refuse entries of a SEND from this index on. */
    receive([type, fields], retryFrom) {
        if (type === 'HELLO') {
            this.crash();
            this.hasSession = true;
            const limits = { frameBytesMax: 1 << 20, bodyBytesMax: 1000, entriesMax: 7,
                heartbeatMs: 5000, leaseMs: 30_000, publishBytes: this.publishBytes };
            return [['WELCOME', { peer: NOTHING, bootId: NOTHING, resumeToken: Buffer.alloc(16, 't'),
                limits, publishUpto: this.publishWindow }]];
        }
        if (!this.hasSession)
            return [['NO_SESSION', {}]];
        const handlers = {
            SEND: () => this.#send(fields, retryFrom), ATTACH: () => this.#attach(fields),
            CREDIT: () => this.#credit(fields), SETTLE: () => this.#settle(fields),
            PING: () => [['PONG', { echo: fields.echo ?? NOTHING }]], DETACH: () => [],
        };
        return handlers[type]();
    }

    #send({ firstNo, entries }, retryFrom = Infinity) {
        assert.ok(entries.length >= 1 && entries.length <= 7);
        if (firstNo !== this.nextNo) {
            assert.ok(this.isRewound, `gap: ${firstNo} instead of ${this.nextNo}`);
            return [];
        }
        this.isRewound = false;
        const stored = { runs: [], exceptions: [], retryCode: 0, retryAfterMs: 0 };
        let scope = NOTHING;
        for (const [index, entry] of entries.entries()) {
            scope = entry.scope.length ? entry.scope : scope;
            if (index >= retryFrom) {
                this.isRewound = true;
                Object.assign(stored, { retryCode: 6001, retryAfterMs: 20 });
                break;
            }
            this.#store(entry, scope, stored);
            this.nextNo++;
        }
        return [['STORED', { ...stored, uptoNo: this.nextNo - 1,
            publishUpto: this.nextNo - 1 + this.publishWindow }]];
    }

    #store({ messageId, body }, scope, stored) {
        assert.ok(scope.length && body.length <= 1000);
        const id = messageId.toString('hex');
        const seq = this.ids.get(id);
        if (this.refused.has(id)) {
            stored.exceptions.push({ no: this.nextNo, code: 3001, seq: 0, text: 'no such peer' });
        } else if (seq !== undefined) {
            stored.exceptions.push({ no: this.nextNo, code: 5002, seq, text: '' });
        } else {
            this.log.push({ id: messageId, scope, body });
            this.ids.set(id, this.log.length);
            stored.runs.push({ firstNo: this.nextNo, count: 1, firstSeq: this.log.length });
        }
    }

    #attach({ handle, scope, creditMessages }) {
        Object.assign(this, { handle, credit: creditMessages, delivered: 0 });
        const waiting = this.log.filter((_, index) => !this.settled.get(index + 1)).length;
        return [['ATTACHED', { handle, scope, waiting, code: 0, text: '', floorSeq: 0,
            leaseMs: 30_000 }]];
    }

    #credit({ handle, messagesTotal }) {
        assert.ok(handle === this.handle && messagesTotal >= this.credit);
        this.credit = messagesTotal;
        return [];
    }

    #settle({ handle, ranges, confirmId = 0 }) {
        assert.ok(ranges.length > 0, 'a SETTLE must name something');
        const exceptions = [];
        for (const { firstDeliveryNo, lastDeliveryNo, outcome } of ranges) {
            for (let no = firstDeliveryNo; no <= (lastDeliveryNo || firstDeliveryNo); no++) {
                assert.ok(no > 0 && no < this.nextDeliveryNo, `settles ${no}, not delivered`);
                if (outcome !== EXTEND)
                    this.#end(no, outcome, exceptions);
            }
        }
        return confirmId ? [['SETTLED', { handle, confirmId, exceptions }]] : [];
    }

    #end(no, outcome, exceptions) {
        const seq = this.leases.get(no);
        this.leases.delete(no);
        if (seq === undefined) {
            exceptions.push({ deliveryNo: no, code: 5001 });
        } else if (outcome === ACK || outcome === REJECT) {
            this.settled.set(seq, (this.settled.get(seq) ?? 0) + 1);
            if (outcome === REJECT)
                this.dead.add(seq);
        }
    }

    // ------------------------------------------------------------ what the broker does by itself

    /** DELIVER messages for up to so many, in order. */
    deliver(countMax) {
        const frames = [];
        const leased = new Set(this.leases.values());
        for (const [index, { id, body }] of this.log.entries()) {
            const seq = index + 1;
            if (frames.length >= countMax || !this.handle || this.delivered >= this.credit)
                break;
            if (this.settled.get(seq) || leased.has(seq))
                continue;
            const entry = { seq, messageId: id, sender: Buffer.from('model'), body, kind: 0,
                scope: NOTHING, headers: [], reactions: [], attempt: 1 };
            frames.push(['DELIVER',
                { handle: this.handle, firstDeliveryNo: this.nextDeliveryNo, entries: [entry] }]);
            this.leases.set(this.nextDeliveryNo++, seq);
            this.delivered++;
        }
        return frames;
    }

    expireLeases() {
        this.leases.clear();
    }

    redrive() {
        this.dead.forEach((seq) => this.settled.set(seq, 0));
        this.dead.clear();
    }
}
