// SPDX-License-Identifier: MPL-2.0
/**
 * All attachments of a session, and what comes in for them. No I/O.
 *
 * Owns which handle is whose; leaves each consumer to attachment.js and the session to core.js.
 * What is to be said goes to the function `emit(now, type, fields)`.
 */
import { messageOf, receiptsOf } from './answers.js';
import { Attachment } from './attachment.js';
import { RoostClosed, RoostError } from './errors.js';

const ATTACH_AGAIN_MS = 1000;

export class Attachments {
    /** @type {Map<number, Attachment>} */
    #open = new Map();
    #emit;

    /** @param {(now: number, type: string, fields: any) => void} emit */
    constructor(emit) {
        this.#emit = emit;
    }

    // ------------------------------------------------------------ what core.js asks

    /** @param {Attachment} attachment */
    add(attachment) {
        this.#open.set(attachment.handle, attachment);
    }

    /** A session began: attach all again. */
    begin(now) {
        for (const attachment of this.#open.values())
            this.#emit(now, 'ATTACH', attachment.begin());
    }

    get deadline() {
        let deadline = Infinity;
        for (const attachment of this.#open.values())
            deadline = Math.min(deadline, attachment.deadline);
        return deadline;
    }

    tick(now) {
        for (const attachment of this.#open.values()) {
            if (attachment.attachAt !== undefined && now >= attachment.attachAt)
                this.#emit(now, 'ATTACH', attachment.begin());
        }
    }

    /** Says what is settled and how much may come. */
    flush(now) {
        for (const attachment of this.#open.values())
            this.#flushOne(attachment, now);
    }

    #flushOne(attachment, now) {
        if (!attachment.isAttached)
            return;
        for (const [type, fields] of attachment.flush(now))
            this.#emit(now, type, fields);
    }

    /** The application gives it back; `isReady`: there is a session to say so in. */
    detach(attachment, isReady, now) {
        if (this.#open.delete(attachment.handle) && isReady) {
            this.#flushOne(attachment, now);
            this.#emit(now, 'DETACH', { handle: attachment.handle });
        }
        attachment.end(new RoostClosed('the inbox is closed'));
    }

    failAll(error) {
        const attachments = [...this.#open.values()];
        this.#open.clear();
        for (const attachment of attachments)
            attachment.end(error);
    }

    // ------------------------------------------------------------ what comes in

    onAttached(message, now) {
        const attachment = this.#open.get(message.handle);
        if (attachment === undefined)
            return;
        if (!message.code) {
            attachment.onAttached(message, now);
            return;
        }
        const error = new RoostError(message.code, message.text);
        if (attachment.wasAttached && error.retryable) {
            attachment.attachAt = now + ATTACH_AGAIN_MS;
        } else {
            this.#open.delete(message.handle);
            attachment.end(error);
        }
    }

    onDetach({ handle, code }) {
        const attachment = this.#open.get(handle);
        this.#open.delete(handle);
        attachment?.end(new RoostError(code, "the broker ended this consumer's session"));
    }

    /** `observe` sees each delivery as it came. */
    onDeliver({ handle, firstDeliveryNo, entries }, observe) {
        const attachment = this.#open.get(handle);
        if (attachment === undefined)
            return;
        entries.forEach((entry, index) => {
            const message = messageOf(entry, attachment.scope);
            observe(message);
            const held = attachment.book.arrived(firstDeliveryNo + index, entry.seq,
                `${message.messageId} ${message.sender}`, entry.body.length);
            if (held !== undefined)
                attachment.onItem(held, message);
        });
    }

    onReceipt(message) {
        const attachment = this.#open.get(message.handle);
        const held = attachment?.book.arrived(
            message.deliveryNo, message.seq, `receipt ${message.seq}`, 0);
        if (held !== undefined)
            attachment.onItem(held, receiptsOf(message));
    }

    /** Gives [scope, keys of what is settled on disk now]. */
    onSettled(message) {
        const attachment = this.#open.get(message.handle);
        return attachment === undefined ? ['', []]
            : [attachment.scope, attachment.onSettled(message)];
    }
}
