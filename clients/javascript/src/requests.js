// SPDX-License-Identifier: MPL-2.0
/**
 * Builds the messages of the protocol from what applications say. Checks what would otherwise be
 * sent as something else; leaves the limits of the broker to the broker.
 */
import { Kind, Privacy, Role, RoomRole, Start, numberOf } from './enums.js';
import { idBytes, newMessageId } from './ids.js';

/**
 * Text as UTF-8; bytes as they are.
 * @param {string | Uint8Array | ArrayBuffer} value
 * @returns {Buffer}
 */
export function bytesOf(value) {
    if (typeof value === 'string')
        return Buffer.from(value);
    if (value instanceof Uint8Array)
        return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    if (value instanceof ArrayBuffer)
        return Buffer.from(value);
    throw new TypeError(`text or bytes, not ${value === null ? 'null' : typeof value}`);
}

/**
 * 'alice' means the mailbox 'peer:alice'; 'queue:work' is taken as it is.
 * @param {string} to
 */
export function scopeName(to) {
    if (typeof to !== 'string' || to === '')
        throw new TypeError('to whom? a peer\'s name or a scope such as queue:work');
    return Buffer.from(to.includes(':') ? to : `peer:${to}`);
}

/**
 * 'kitchen' and 'room:kitchen' are the same room.
 * @param {string} room
 */
export function roomScope(room) {
    return room.startsWith('room:') ? room : `room:${room}`;
}

/** One id or many, 16 bytes each. */
export function idsOf(ids) {
    const isOne = typeof ids === 'string' || ids instanceof Uint8Array;
    return Buffer.concat((isOne ? [ids] : [...ids]).map(idBytes));
}

function headersOf(headers) {
    const pairs = Symbol.iterator in headers ? [...headers] : Object.entries(headers);
    return pairs.map(([name, value]) => ({ name: Buffer.from(name), value: bytesOf(value) }));
}

/** The entry of a SEND. */
export function entryOf(to, body, options = {}) {
    const entry = {
        messageId: idBytes(options.messageId ?? newMessageId()),
        scope: scopeName(to),
        body: bytesOf(body),
        kind: numberOf(Kind, options.kind ?? 'text'),
    };
    for (const name of ['contentType', 'key', 'correlationId']) {
        if (options[name] !== undefined)
            entry[name] = bytesOf(options[name]);
    }
    for (const name of ['priority', 'createdMs', 'notBeforeMs', 'ttlMs', 'receipts']) {
        if (options[name] !== undefined)
            entry[name] = numberIn(name, options[name]);
    }
    if (options.headers !== undefined)
        entry.headers = headersOf(options.headers);
    if (options.replyTo)
        entry.replyTo = scopeName(options.replyTo);
    if (options.parentId)
        entry.parentId = idBytes(options.parentId);
    return entry;
}

function numberIn(name, value) {
    if (!Number.isSafeInteger(value) || value < 0)
        throw new TypeError(`${name} must be a whole number of 0 or more, not ${value}`);
    return value;
}

/** The fields of ATTACH. */
export function attachOf(scope, options) {
    return {
        scope: scopeName(scope), consumer: bytesOf(options.consumer ?? 'main'),
        start: numberOf(Start, options.start ?? 'default'),
        startValue: numberIn('startValue', options.startValue ?? 0),
        leaseMs: numberIn('leaseMs', options.leaseMs ?? 0),
        mustExist: Boolean(options.mustExist), ephemeral: Boolean(options.ephemeral),
    };
}

/** The fields of a QUERY that say where: with a peer, in a scope, or anywhere. */
export function where({ peer, scope }) {
    if (peer !== undefined && scope !== undefined)
        throw new TypeError('give a peer or a scope, not both');
    if (peer !== undefined)
        return { peer };
    return scope === undefined ? {} : { scope: scopeName(scope) };
}

const WORDS = { privacy: Privacy, role: Role, roomRole: RoomRole };

/** Fields of a QUERY or CALL as the schema has them: text and ids as bytes, words as numbers. */
export function fieldsOf(fields) {
    const result = {};
    for (const [name, value] of Object.entries(fields)) {
        if (value === undefined)
            continue;
        if (name === 'messageIds')
            result[name] = idsOf(value);
        else if (name === 'invitationId')
            result[name] = value === '' ? Buffer.alloc(0) : idBytes(value);
        else if (name in WORDS)
            result[name] = numberOf(WORDS[name], value);
        else if (typeof value === 'number')
            result[name] = numberIn(name, value);
        else
            result[name] = typeof value === 'boolean' ? value : bytesOf(value);
    }
    return result;
}
