// SPDX-License-Identifier: MPL-2.0
// alice writes to bob, who is away; bob comes home, reads, and alice is told.
//
// usage: node hello.js      (a broker must run at tcp://127.0.0.1:7667)
import { Receipts, connect } from 'roost-client';

const alice = await connect({ url: 'tcp://127.0.0.1:7667', peer: 'alice' });
const stored = await alice.send('bob', 'Are you there?', { receipts: Receipts.delivered });
console.log(`stored as number ${stored.seq}; bob may be away, and the broker may be killed now`);

const bob = await connect({ url: 'tcp://127.0.0.1:7667', peer: 'bob' });
const inbox = await bob.attach();
const received = await inbox.receive({ timeoutMs: 10_000 });
console.log(`${received.sender}: ${received.text}`);
received.ack();
await inbox.confirm();
await bob.close();

const mail = await alice.attach();
for (const { level, peer } of await mail.receipts({ timeoutMs: 10_000 }))
    console.log(`${level} by ${peer}`);
await alice.close();
