// SPDX-License-Identifier: MPL-2.0
/**
 * Message ids: 16 bytes on the wire, the text of a UUID for applications, so that they compare
 * with === and are keys of a Map.
 */
import { randomBytes } from 'node:crypto';

export const ID_BYTES = 16;

const PATTERN = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

let last = 0n;

/**
 * A UUID version 7 (RFC 9562), rising within this process also when the clock goes back.
 * @param {number} [nowMs]
 * @returns {string}
 */
export function newMessageId(nowMs = Date.now()) {
    const stamp = BigInt(nowMs) << 12n;
    last = last + 1n > stamp ? last + 1n : stamp;
    const bytes = randomBytes(ID_BYTES);
    bytes.writeUIntBE(Number((last >> 12n) & 0xffffffffffffn), 0, 6);
    bytes.writeUInt16BE(0x7000 | Number(last & 0xfffn), 6);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    return idText(bytes);
}

/**
 * @param {Uint8Array} bytes 16 of them, or none
 * @returns {string} '' for none
 */
export function idText(bytes) {
    const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
    if (hex.length !== 2 * ID_BYTES)
        return hex;
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-` +
        hex.slice(20);
}

/**
 * @param {string | Uint8Array} id a UUID as text, or 16 bytes
 * @returns {Buffer}
 */
export function idBytes(id) {
    if (typeof id === 'string') {
        if (!PATTERN.test(id))
            throw new TypeError(`not a message id: ${JSON.stringify(id)}`);
        return Buffer.from(id.replaceAll('-', ''), 'hex');
    }
    if (!(id instanceof Uint8Array) || id.length !== ID_BYTES)
        throw new TypeError('a message id is a UUID as text, or 16 bytes');
    return Buffer.from(id);
}

/**
 * The ids in a field that holds 16 bytes of each.
 * @param {Uint8Array} bytes
 * @returns {string[]}
 */
export function idTexts(bytes) {
    const ids = [];
    for (let at = 0; at < bytes.length; at += ID_BYTES)
        ids.push(idText(bytes.subarray(at, at + ID_BYTES)));
    return ids;
}
