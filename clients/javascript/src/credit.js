// SPDX-License-Identifier: MPL-2.0
/**
 * The credit of one attachment: how much the broker may have sent since ATTACH, as absolute totals.
 * Owns the two counters of what was granted and what is free again; leaves the messages to book.js.
 */
export class Credit {
    #granted = 0;
    #grantedBytes = 0;
    #freed = 0;
    #freedBytes = 0;

    /**
     * @param {number} window
     * @param {number} windowBytes
     */
    constructor(window, windowBytes) {
        if (!(window >= 1) || !(windowBytes >= 1))
            throw new RangeError('a window must be at least 1');
        this.window = window;
        this.windowBytes = windowBytes;
    }

    /** Totals begin anew; gives those of ATTACH. */
    newSession() {
        this.#freed = this.#freedBytes = 0;
        this.#granted = this.window;
        this.#grantedBytes = this.windowBytes;
        return { messages: this.#granted, bytes: this.#grantedBytes };
    }

    /**
     * The place of one message is free again.
     * @param {number} size
     */
    free(size) {
        this.#freed++;
        this.#freedBytes += size;
    }

    /** New totals when a third of the window is free again, else undefined. */
    take() {
        const messages = this.window + this.#freed;
        const bytes = this.windowBytes + this.#freedBytes;
        if (3 * (messages - this.#granted) < this.window &&
            3 * (bytes - this.#grantedBytes) < this.windowBytes)
            return undefined;
        this.#granted = messages;
        this.#grantedBytes = bytes;
        return { messages, bytes };
    }
}
