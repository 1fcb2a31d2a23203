// SPDX-License-Identifier: MPL-2.0
/**
 * A first-in-first-out list: an array whose front is given up in pieces, because `Array.shift()`
 * moves everything that is left. Owns nothing but its items; leaves bounds to its users.
 */

const FRONT_MAX = 1024;

/** @template T */
export class Queue {
    /** @type {(T | undefined)[]} */
    #items = [];
    #front = 0;

    /** How many items are in it. */
    get length() {
        return this.#items.length - this.#front;
    }

    /** @param {T} item */
    push(item) {
        this.#items.push(item);
    }

    /**
     * The item at a place; 0 is the oldest.
     * @param {number} index
     * @returns {T | undefined}
     */
    at(index) {
        return this.#items[this.#front + index];
    }

    /**
     * Takes the oldest item out.
     * @returns {T | undefined}
     */
    shift() {
        if (this.length === 0)
            return undefined;
        const item = this.#items[this.#front];
        this.#items[this.#front++] = undefined;
        if (this.#front >= FRONT_MAX && this.#front * 2 >= this.#items.length) {
            this.#items.splice(0, this.#front);
            this.#front = 0;
        }
        return item;
    }

    /**
     * Takes out the item at a place; slow, for what is rare.
     * @param {number} index
     */
    remove(index) {
        this.#items.splice(this.#front + index, 1);
    }

    clear() {
        this.#items = [];
        this.#front = 0;
    }
}
