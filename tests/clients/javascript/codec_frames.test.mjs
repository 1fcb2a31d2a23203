// SPDX-License-Identifier: MPL-2.0
// The bytes: golden frames of tests/golden/wire, broken ones, and the words of enumerations.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { load, randomOf, source } from './load.mjs';

const schema = await load('schema.js');
const enums = await load('enums.js');
const { pageOf } = await load('answers.js');

const FOLDER = ['tests', 'golden', 'wire'];
const names = readdirSync(join(process.env.ROOST_SOURCE, ...FOLDER))
    .filter((name) => name.endsWith('.hex')).map((name) => name.slice(0, -4));
const frameOf = (name) => Buffer.from(source(...FOLDER, `${name}.hex`).replaceAll(/\s/g, ''), 'hex');

/** The values in a text of protobuf, in order: numbers, words, strings as bytes in hexadecimal. */
function valuesInText(text) {
    return [...text.matchAll(/^ *\w+: (?:"(.*)"|(\S+))$/gm)].map(([, quoted, word]) => {
        if (quoted === undefined)
            return word;
        const bytes = quoted.replaceAll(/\\(?:([0-7]{3})|x([0-9a-f]{2})|(.))/g, (_, octal, hex, other) =>
            String.fromCharCode(octal ? parseInt(octal, 8) : hex ? parseInt(hex, 16)
                : { n: 10, r: 13, t: 9 }[other] ?? other.charCodeAt(0)));
        return Buffer.from(bytes, 'latin1').toString('hex');
    });
}

/** The same of a decoded message; an enumeration stays a number. */
function valuesIn(fields) {
    return Object.values(fields).flatMap((value) => {
        if (value instanceof Uint8Array)
            return value.length ? [Buffer.from(value).toString('hex')] : [];
        if (Array.isArray(value))
            return value.flatMap((each) => valuesIn(each));
        if (value !== null && typeof value === 'object')
            return valuesIn(value);
        if (typeof value === 'string')
            return value ? [Buffer.from(value).toString('hex')] : [];
        return value ? [String(value)] : [];
    });
}

test('there is a golden frame of every type', () => {
    assert.deepEqual(names.sort(), Object.keys(schema.TYPES).filter((name) => name !== 'TYPE_NONE').sort());
});

for (const name of names) {
    test(`golden ${name}`, () => {
        const frame = frameOf(name);
        const [type, fields] = schema.unpack(frame);
        assert.equal(type, name);
        assert.deepEqual(Buffer.from(schema.pack(name, fields)).toString('hex'), frameOf(name).toString('hex'),
            'what was read is written as the same bytes');
        const isNumber = (value) => /^\d+$|^true$|^[0-9a-f]*$/.test(value);
        const wanted = valuesInText(source(...FOLDER, `${name}.txt`)).filter(isNumber).sort();
        const got = valuesIn(fields).sort();
        const missing = wanted.filter((value) => !got.includes(value));
        assert.deepEqual(missing, [], 'each value of the text is there');
    });
}

test('frames that are cut, changed or foreign throw nothing', () => {
    const random = randomOf(7);
    for (const name of names) {
        const frame = frameOf(name);
        for (let length = 0; length < frame.length; length++)
            schema.unpack(frame.subarray(0, length));
        for (let times = 0; times < 200; times++) {
            const changed = Buffer.from(frame);
            changed[random(frame.length)] = random(256);
            const message = schema.unpack(changed);
            assert.ok(message === undefined || message[0] in schema.TYPES);
        }
    }
    for (const foreign of ['', 'b50c', 'b50c0204', 'b60c0104', 'b50c01ff', 'b50c0100'])
        assert.equal(schema.unpack(Buffer.from(foreign, 'hex')), undefined);
    assert.deepEqual(schema.unpack(Buffer.from('b50c0103', 'hex')), ['NO_SESSION', {}]);
});

test('unknown fields and values of a newer broker are taken', () => {
    const frame = Buffer.concat([schema.pack('FIN', { requestId: 4 }), Buffer.from('f80601', 'hex')]);
    assert.equal(schema.unpack(frame)[1].requestId, 4);
    const [, result] = schema.unpack(schema.pack('RESULT', { requestId: 1, messages: [{ kind: 77 }],
        rooms: [{ privacy: 9, myRole: 2 }] }));
    const answer = { results: [result], fin: { hasMore: false, nextSeq: 0, nextName: Buffer.alloc(0) } };
    assert.equal(pageOf(answer, 'messages').items[0].kind, 77);
    const [room] = pageOf(answer, 'rooms').items;
    assert.deepEqual([room.privacy, room.myRole], [9, 'moderator']);
    assert.throws(() => pageOf(answer, 'nonsense'), TypeError);
});

test('large numbers are exact', () => {
    const seq = Number.MAX_SAFE_INTEGER;
    assert.equal(schema.unpack(schema.pack('SYNC', { requestId: 1, afterSeq: seq }))[1].afterSeq, seq);
});

test('the words of enumerations are those of the schema', () => {
    const prefix = /^(QUERY|METHOD|ROLE|PRIVACY|ROOM_ROLE|INVITATION|RECEIPT|START|OUTCOME|ROOM)_(?=.)/;
    const spoken = { RECEIPT_KIND: 'receipt' };
    for (const name of ['Kind', 'Role', 'Privacy', 'RoomRole', 'InvitationStatus', 'Start', 'Outcome']) {
        const words = Object.entries(schema.enumValues(name)).map(([word, number]) =>
            [spoken[word] ?? word.replace(prefix, '').toLowerCase(), number]);
        assert.deepEqual(enums[name], Object.fromEntries(words), name);
    }
    const levels = Object.entries(schema.enumValues('ReceiptLevel')).map(([word, number]) =>
        [word.replace(prefix, '').toLowerCase(), number]);
    assert.deepEqual(enums.Level, Object.fromEntries(levels));
});
