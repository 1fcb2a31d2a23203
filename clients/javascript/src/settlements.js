// SPDX-License-Identifier: MPL-2.0
/**
 * Settlements of one attachment on their way: decided and not yet sent, sent and not yet confirmed.
 *
 * Pure bookkeeping, no I/O. Promises: of two decisions about one lease the first counts, unless it
 * was extend; neighbours with the same verdict leave as one range. Leaves it to book.js what a
 * confirmation means for a message.
 */
import { Outcome } from './enums.js';
import { Queue } from './queue.js';

/** @typedef {{outcome: number, delayMs: number, reason: string, decision: number}} Verdict */
/** @typedef {{deliveryNo: number, held: any, verdict: Verdict}} Settlement */

function isSame(one, other) {
    return one.outcome === other.outcome && one.delayMs === other.delayMs &&
        one.reason === other.reason;
}

export class Settlements {
    /** @type {Settlement[]} */
    #unsent = [];
    /** @type {Queue<Settlement>} */
    #unconfirmed = new Queue();
    #confirmedCount = 0;        // how many have left #unconfirmed
    /** @type {Queue<{id: number, count: number}>} how many an id confirms */
    #confirms = new Queue();

    get hasUnsent() {
        return this.#unsent.length > 0;
    }

    get isEverythingConfirmed() {
        return this.#unsent.length === 0 && this.#unconfirmed.length === 0;
    }

    push(deliveryNo, held, verdict) {
        this.#unsent.push({ deliveryNo, held, verdict });
    }

    /** Leases are over. Gives the messages whose fate is unknown now. */
    newSession() {
        const open = this.#unsent.filter(({ verdict }) => verdict.outcome !== Outcome.extend);
        while (this.#unconfirmed.length)
            open.push(this.#unconfirmed.shift());
        this.#unsent = [];
        this.#confirms.clear();
        this.#confirmedCount = 0;
        return open.map(({ held }) => held);
    }

    /**
     * SettleRange messages for everything settled since; `confirmId` will confirm them and all
     * taken before.
     * @param {number} confirmId
     */
    takeRanges(confirmId) {
        const counting = new Map();
        for (const settlement of this.#unsent) {
            const before = counting.get(settlement.deliveryNo);
            if (before === undefined || before.verdict.outcome === Outcome.extend)
                counting.set(settlement.deliveryNo, settlement);
        }
        this.#unsent = [];
        const inOrder = [...counting.values()].sort((a, b) => a.deliveryNo - b.deliveryNo);
        const ranges = [];
        for (const settlement of inOrder) {
            const { deliveryNo, verdict } = settlement;
            if (verdict.outcome !== Outcome.extend)
                this.#unconfirmed.push(settlement);
            const last = ranges.at(-1);
            if (last?.lastDeliveryNo + 1 === deliveryNo && isSame(last, verdict))
                last.lastDeliveryNo = deliveryNo;
            else
                ranges.push({ firstDeliveryNo: deliveryNo, lastDeliveryNo: deliveryNo,
                    outcome: verdict.outcome, delayMs: verdict.delayMs, reason: verdict.reason });
        }
        this.#confirms.push({
            id: confirmId, count: this.#confirmedCount + this.#unconfirmed.length });
        return ranges;
    }

    /**
     * What the broker has answered with this id, and all before it.
     * @param {number} confirmId
     * @returns {Settlement[]}
     */
    confirmed(confirmId) {
        const settled = [];
        while (this.#confirms.length && this.#confirms.at(0).id <= confirmId) {
            const { count } = this.#confirms.shift();
            while (this.#unconfirmed.length && this.#confirmedCount < count) {
                settled.push(this.#unconfirmed.shift());
                this.#confirmedCount++;
            }
        }
        return settled;
    }
}
