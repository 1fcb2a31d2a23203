// SPDX-License-Identifier: MPL-2.0
/**
 * The enumerations of the protocol as applications see them: words for the numbers of
 * proto/wire/broker.proto (a test compares). A number that this version has no word for stays one.
 */

export const Kind = Object.freeze({
    text: 0, file_share: 1, share_group: 2, action: 3, receipt: 4, custom: 5, system: 6, edit: 7,
    delete: 8, reaction: 9,
});

export const Role = Object.freeze({ none: 0, guest: 1, user: 2, moderator: 3, admin: 4 });

/**
 * Of a room: public anybody joins, private by invitation and not listed, protected with the
 * password, open for everybody without joining.
 */
export const Privacy = Object.freeze({ none: 0, public: 1, private: 2, protected: 3, open: 4 });

export const RoomRole = Object.freeze({
    none: 0, owner: 1, moderator: 2, member: 3, reader: 4, banned: 5,
});

export const InvitationStatus = Object.freeze({
    none: 0, pending: 1, accepted: 2, declined: 3, revoked: 4, expired: 5,
});

/** What became of a message. */
export const Level = Object.freeze({
    none: 0, delivered: 1, read: 2, expired: 3, dead: 4, cancelled: 5,
});

export const Start = Object.freeze({ default: 0, new: 1, first: 2, seq: 3, time: 4 });

export const Outcome = Object.freeze({
    none: 0, ack: 1, release: 2, fail: 3, reject: 4, extend: 5,
});

/** What a sender wants to be told, as bits of `receipts`. */
export const Receipts = Object.freeze({ delivered: 1, read: 2, fates: 4 });

const WORDS = new Map();

/** What a rule of the access list is about, as bits of `actions`. */
export const AclActions = Object.freeze({ send: 1, read: 2, create: 4, administrate: 8 });

/**
 * The word of a number, or the number.
 * @param {Record<string, number>} table
 * @param {number} number
 * @returns {any}
 */
export function wordOf(table, number) {
    let words = WORDS.get(table);
    if (words === undefined) {
        words = new Map(Object.entries(table).map(([word, value]) => [value, word]));
        WORDS.set(table, words);
    }
    return words.get(number) ?? number;
}

/**
 * The number of a word; numbers stay as they are.
 * @param {Record<string, number>} table
 * @param {string | number} word
 * @returns {number}
 */
export function numberOf(table, word) {
    if (typeof word === 'number')
        return word;
    if (!Object.hasOwn(table, word))
        throw new TypeError(`${JSON.stringify(word)} is none of ${Object.keys(table).join(', ')}`);
    return table[word];
}
