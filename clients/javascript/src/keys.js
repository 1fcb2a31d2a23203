// SPDX-License-Identifier: MPL-2.0
/**
 * CURVE keys of a client: the file that 'roost key make' writes, and what a socket is told of it.
 *
 * The key of the connection says whose session it is; the broker's public key says that it is the
 * right broker. A key file that others may read is refused.
 */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { curveKeyPair } from 'zeromq';

const KEY_CHARACTERS = 40;
const OTHERS = 0o077;

/** @returns {{publicKey: string, secretKey: string}} a new pair; its public key has to be enrolled */
export function makeKey() {
    return curveKeyPair();
}

/**
 * @param {string} path a file of 'roost key make'
 * @returns {{publicKey: string, secretKey: string}}
 */
export function readKey(path) {
    const file = openSync(path, 'r');
    try {
        const status = fstatSync(file);
        if (!status.isFile() || (status.mode & OTHERS) !== 0)
            throw new TypeError(`key: ${path}: others than its owner may use it; run 'chmod 600'`);
        const rows = new Map(readFileSync(file, 'ascii').split('\n')
            .filter((line) => line.includes('=') && !line.startsWith('#'))
            .map((line) => [line.slice(0, line.indexOf('=')).trim(),
                line.slice(line.indexOf('=') + 1).trim()]));
        const publicKey = rows.get('public') ?? '';
        const secretKey = rows.get('secret') ?? '';
        if (publicKey.length !== KEY_CHARACTERS || secretKey.length !== KEY_CHARACTERS)
            throw new TypeError(`key: ${path}: it must have the lines kind, public and secret`);
        return { publicKey, secretKey };
    } finally {
        closeSync(file);
    }
}

/**
 * What a socket needs for these options of a client: nothing, or CURVE.
 * @param {{key?: string | {publicKey: string, secretKey: string}, serverKey?: string}} options
 */
export function securityOf({ key, serverKey }) {
    if (key === undefined && serverKey === undefined)
        return {};
    if (key === undefined || serverKey === undefined)
        throw new TypeError('key and serverKey belong together: yours, and that of the broker');
    if (serverKey.length !== KEY_CHARACTERS)
        throw new TypeError("serverKey: 40 characters, as 'roost key server' prints them");
    const { publicKey, secretKey } = typeof key === 'string' ? readKey(key) : key;
    return { curveServerKey: serverKey, curvePublicKey: publicKey, curveSecretKey: secretKey };
}
