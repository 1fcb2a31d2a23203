// SPDX-License-Identifier: MPL-2.0
/**
 * Framing of the public protocol: a 4-byte head, then protobuf, in one ZeroMQ frame.
 *
 * Owns the schema. A packed package carries a copy of broker.proto; in the repository it is read
 * where it lies. The rest of the package knows messages as [type name, plain object]: names of
 * fields in camelCase, `bytes` as Buffer, 64-bit numbers as numbers (exact up to 2^53, which a
 * broker reaches after 285 years of a million messages a second).
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';

const PLACES = ['../broker.proto', '../../../proto/wire/broker.proto'];
const HEAD = [0xb5, 0x0c, 0x01];
const HEAD_BYTES = 4;
const PLAIN = { longs: Number, defaults: true };

function load() {
    const paths = PLACES.map((place) => fileURLToPath(new URL(place, import.meta.url)));
    const path = paths.find(existsSync);
    if (path === undefined)
        throw new Error(`broker.proto is missing: neither ${paths.join(' nor ')} is there`);
    return protobuf.parse(readFileSync(path, 'utf8')).root.resolveAll();
}

const root = load();
const namespace = root.lookup('roost.v1');

function messageName(typeName) {
    return typeName.toLowerCase().replaceAll(/(?:^|_)(\w)/g, (_, letter) => letter.toUpperCase());
}

/** Number of each type of message by its name. */
export const TYPES = Object.freeze({ ...namespace.lookupEnum('Type').values });

const CODECS = new Map();   // by the name of the type
const NAMES = new Map();    // by its number
for (const [name, number] of Object.entries(TYPES)) {
    if (number !== 0) {
        CODECS.set(name, { codec: namespace.lookupType(messageName(name)), number });
        NAMES.set(number, name);
    }
}

/**
 * Number of a value of an enumeration of the schema.
 * @param {string} enumeration
 * @param {string} name
 * @returns {number}
 */
export function enumNumber(enumeration, name) {
    const { values } = namespace.lookupEnum(enumeration);
    if (!Object.hasOwn(values, name))
        throw new TypeError(`the protocol has no ${enumeration} ${JSON.stringify(name)}`);
    return values[name];
}

/** The values of an enumeration of the schema, for tests. */
export function enumValues(enumeration) {
    return { ...namespace.lookupEnum(enumeration).values };
}

/**
 * The frame of a message.
 * @param {string} typeName
 * @param {object} fields
 * @returns {Uint8Array}
 */
export function pack(typeName, fields) {
    const { codec, number } = CODECS.get(typeName);
    const payload = codec.encode(fields).finish();
    const frame = Buffer.allocUnsafe(HEAD_BYTES + payload.length);
    frame.set(HEAD);
    frame[3] = number;
    frame.set(payload, HEAD_BYTES);
    return frame;
}

/**
 * [type name, fields] of a frame, or undefined when it is not a message we understand.
 * @param {Uint8Array} frame
 * @returns {[string, any] | undefined}
 */
export function unpack(frame) {
    if (frame.length < HEAD_BYTES || HEAD.some((byte, at) => frame[at] !== byte))
        return undefined;
    const name = NAMES.get(frame[3]);
    if (name === undefined)
        return undefined;
    const { codec } = CODECS.get(name);
    try {
        return [name, codec.toObject(codec.decode(frame.subarray(HEAD_BYTES)), PLAIN)];
    } catch {
        return undefined;   // a frame cut short, or no protobuf at all
    }
}

/**
 * One message of the schema that is not a frame by itself, for example the body of an invitation.
 * @param {string} message its name in the schema
 * @param {Uint8Array} bytes
 * @returns {any} undefined when it cannot be read
 */
export function decode(message, bytes) {
    const codec = namespace.lookupType(message);
    try {
        return codec.toObject(codec.decode(bytes), PLAIN);
    } catch {
        return undefined;
    }
}
