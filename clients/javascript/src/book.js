// SPDX-License-Identifier: MPL-2.0
/**
 * The delivery book of one attachment: what came in, what the application has, what to settle.
 *
 * Pure bookkeeping, no I/O. Promises: the application is shown each message once while this book
 * lives, however often the broker delivers it; a settlement the application made is repeated for a
 * redelivery it did not ask for; consecutive settlements leave as one range. What it knows to be
 * settled on the broker's disk it says by name (`confirmed`).
 *
 * A message is shown again only where that was asked for: after release, after fail, and after
 * reject once the broker has confirmed it (somebody redrove the dead letter).
 */
import { Credit } from './credit.js';
import { Outcome } from './enums.js';
import { Settlements } from './settlements.js';

export const DELAY_MS_MAX = 30 * 86400 * 1000;
const REMEMBERED = 65536;       // settled messages whose redelivery is recognised
const REASON_BYTES_MAX = 255;

/** @typedef {import('./settlements.js').Verdict} Verdict */

/** As much of a reason as the protocol takes: at most 255 bytes, no character cut, no NUL. */
function cut(reason) {
    const bytes = Buffer.from(reason.replaceAll('\0', ' '));
    if (bytes.length <= REASON_BYTES_MAX)
        return bytes.toString();
    let end = REASON_BYTES_MAX;
    while ((bytes[end] & 0xc0) === 0x80)
        end--;
    return bytes.toString('utf8', 0, end);
}

function isFinal(outcome) {
    return outcome === Outcome.ack || outcome === Outcome.reject;
}

/** A message the application has or is about to get. */
class Held {
    /** @type {Verdict | undefined} settled while no lease was known */
    verdict = undefined;
    isTaken = false;            // the application has it
    hasCredit = true;           // it uses credit of this session

    constructor(key, seq, deliveryNo, size) {
        this.key = key;
        this.seq = seq;
        this.deliveryNo = deliveryNo;
        this.size = size;
    }
}

export class Book {
    /** @type {Map<string, Held>} */
    #held = new Map();
    /** @type {Map<string, Verdict>} */
    #settled = new Map();
    #settlements = new Settlements();
    /** @type {Map<string, number>} settled in a lost session, unconfirmed: key -> seq */
    #doubtful = new Map();
    /** @type {Set<string>} settled since, waiting to be delivered again */
    #homeless = new Set();
    /** @type {Map<string, number>} settled too late; not yet come again, not told: -> decision */
    #stale = new Map();
    #credit;
    decisions = 0;              // of the application; each settlement carries its number

    /**
     * @param {number} window messages that may be here and not yet taken
     * @param {number} windowBytes
     * @param {boolean} isShared others take from the same queue; what does not come again may be
     *     with them
     */
    constructor(window, windowBytes, isShared = false) {
        this.#credit = new Credit(window, windowBytes);
        this.isShared = isShared;
    }

    // ------------------------------------------------------------ coming in

    /** Delivery numbers start again. Gives the credit totals for ATTACH. */
    newSession() {
        for (const { key, seq } of this.#settlements.newSession())
            this.#doubtful.set(key, seq);
        for (const held of this.#held.values()) {
            held.deliveryNo = 0;
            held.hasCredit = false;
        }
        return this.#credit.newSession();
    }

    /**
     * A delivery came in. Gives what to show to the application, or undefined when it knows it.
     * @param {number} deliveryNo
     * @param {number} seq
     * @param {string} key sender and message id
     * @param {number} size of the body
     * @returns {Held | undefined}
     */
    arrived(deliveryNo, seq, key, size) {
        if (this.#doubtful.size || this.#homeless.size)
            this.#resolve(key, seq);
        this.#stale.delete(key);
        const verdict = this.#settled.get(key);
        if (verdict !== undefined) {
            this.#settlements.push(deliveryNo, new Held(key, seq, deliveryNo, size), verdict);
            this.#credit.free(size);
            return undefined;
        }
        const held = this.#held.get(key);
        if (held !== undefined) {
            this.#arrivedAgain(held, deliveryNo);
            return undefined;
        }
        const fresh = new Held(key, seq, deliveryNo, size);
        this.#held.set(key, fresh);
        return fresh;
    }

    #arrivedAgain(held, deliveryNo) {
        if (held.hasCredit)     // delivered twice in one session: the first credit is free again
            this.#credit.free(held.size);
        held.deliveryNo = deliveryNo;
        held.hasCredit = true;
        if (held.isTaken)
            this.#freeHeld(held);
        if (held.verdict !== undefined) {
            this.#homeless.delete(held.key);
            this.#apply(held, held.verdict);
        }
    }

    /**
     * Deliveries come in order: what lies before this one and was in doubt is on disk, or it would
     * have come again. This one is in doubt no longer: it is about to be settled again.
     */
    #resolve(key, seq) {
        this.#doubtful.delete(key);
        if (!this.isShared)
            this.accountedBefore(seq);
    }

    /**
     * What was settled below `seq` will not come again: it is on the broker's disk, or gone.
     * @param {number} seq
     */
    accountedBefore(seq) {
        for (const [key, at] of this.#doubtful) {
            if (at < seq)
                this.#doubtful.delete(key);
        }
        for (const key of this.#homeless) {
            const held = this.#held.get(key);
            if (held.seq < seq) {
                this.#homeless.delete(key);
                this.#held.delete(key);
                this.#remember(key, held.verdict);
            }
        }
    }

    /**
     * The application took it: its place in the window is free again.
     * @param {Held} held
     */
    taken(held) {
        held.isTaken = true;
        this.#freeHeld(held);
    }

    // ------------------------------------------------------------ settling

    /**
     * The application decided. Only the first decision counts; extend is none.
     * @param {Held} held
     * @param {number} outcome
     * @param {number} [delayMs]
     * @param {string} [reason]
     */
    settle(held, outcome, delayMs = 0, reason = '') {
        if (!(delayMs >= 0 && delayMs <= DELAY_MS_MAX))
            throw new RangeError(`delayMs must be 0 to ${DELAY_MS_MAX}`);
        if (this.#held.get(held.key) !== held || held.verdict !== undefined)
            return;
        const verdict = { outcome, delayMs: Math.round(delayMs), reason: cut(String(reason)),
            decision: ++this.decisions };
        if (outcome === Outcome.extend) {
            if (held.deliveryNo)
                this.#settlements.push(held.deliveryNo, held, verdict);
        } else if (held.deliveryNo) {
            this.#apply(held, verdict);
        } else {
            held.verdict = verdict;
            this.#homeless.add(held.key);
        }
    }

    /** Keeps the leases of what the application has not taken yet. */
    extendWaiting() {
        const verdict = { outcome: Outcome.extend, delayMs: 0, reason: '', decision: 0 };
        for (const held of this.#held.values()) {
            if (!held.isTaken && held.deliveryNo)
                this.#settlements.push(held.deliveryNo, held, verdict);
        }
    }

    #apply(held, verdict) {
        this.#freeHeld(held);
        this.#settlements.push(held.deliveryNo, held, verdict);
        this.#held.delete(held.key);
        this.#remember(held.key, verdict);
    }

    #remember(key, verdict) {
        if (verdict === undefined || !isFinal(verdict.outcome))
            return;
        this.#settled.set(key, verdict);
        if (this.#settled.size > REMEMBERED)
            this.#settled.delete(this.#settled.keys().next().value);
    }

    get hasSettles() {
        return this.#settlements.hasUnsent;
    }

    get isEverythingConfirmed() {
        return this.#settlements.isEverythingConfirmed;
    }

    /**
     * A session was lost before all settlements in it were confirmed, and it is not yet known
     * whether they are on disk; or something settled since waits to be delivered again.
     */
    get isInDoubt() {
        return this.#doubtful.size > 0 || this.#homeless.size > 0;
    }

    /**
     * How many settlements up to this decision came too late and are neither repaired nor told.
     * @param {number} decision
     */
    countStale(decision) {
        return [...this.#stale.values()].filter((made) => made <= decision).length;
    }

    /** Those up to this decision were told. */
    forgetStale(decision) {
        for (const [key, made] of this.#stale) {
            if (made <= decision)
                this.#stale.delete(key);
        }
    }

    forgetDoubt() {
        this.#doubtful.clear();
    }

    /**
     * SettleRange messages for everything settled since, neighbours merged; `confirmId` will
     * confirm them and all taken before.
     * @param {number} confirmId
     */
    takeRanges(confirmId) {
        return this.#settlements.takeRanges(confirmId);
    }

    /**
     * SETTLED came: the keys of the messages that are settled on the broker's disk now. Those in
     * `stale` are not among them: their lease had gone to somebody else.
     * @param {number} confirmId
     * @param {Set<number>} stale delivery numbers
     * @returns {string[]}
     */
    confirmed(confirmId, stale) {
        const keys = [];
        for (const { deliveryNo, held, verdict } of this.#settlements.confirmed(confirmId)) {
            if (isFinal(verdict.outcome) && stale.has(deliveryNo))
                this.#stale.set(held.key, verdict.decision);
            else if (isFinal(verdict.outcome))
                keys.push(held.key);
            if (verdict.outcome === Outcome.reject)
                this.#settled.delete(held.key);
        }
        return keys;
    }

    // ------------------------------------------------------------ credit

    #freeHeld(held) {
        if (held.hasCredit) {
            held.hasCredit = false;
            this.#credit.free(held.size);
        }
    }

    /** New absolute totals when a third of the window is free again, else undefined. */
    takeCredit() {
        return this.#credit.take();
    }
}
