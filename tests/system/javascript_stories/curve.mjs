// SPDX-License-Identifier: MPL-2.0
// node curve.mjs URL SERVER_KEY KEY_FILE CODE: enrols the key with the code, uses it, is refused with another one.
import assert from 'node:assert/strict';
import { roost } from './story.mjs';

const { Code, RoostError, connect, makeKey } = roost;

const [url, serverKey, key, code] = process.argv.slice(2);
const isRefused = (wanted) => (error) => error instanceof RoostError && error.code === wanted;

const first = await connect({ url, peer: 'jay', key, serverKey, credentials: code });
await first.close();
const client = await connect({ url, peer: 'jay', key, serverKey });
await client.send('jay', 'to myself');
const inbox = await client.attach();
const received = await inbox.receive({ timeoutMs: 10_000 });
assert.equal(received.text, 'to myself');
received.ack();
const { items } = await client.keys();
assert.equal(items[0].label, 'node');
await assert.rejects(connect({ url, peer: 'other', key, serverKey }), isRefused(Code.KEY_OF_ANOTHER));
await assert.rejects(connect({ url, peer: 'jay', key: makeKey(), serverKey }),
    isRefused(Code.KEY_NOT_ENROLLED));
await assert.rejects(async () => connect({ url, peer: 'jay', key }), TypeError);
await client.revokeKey({ key: items[0].key });
await client.close();
console.log('done');
