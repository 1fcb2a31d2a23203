// SPDX-License-Identifier: MPL-2.0
// A program that uses what index.d.ts declares; it is compiled, not run.
import {
    AclActions, type AclRule, Client, Code, type Conversation, DEFAULT_URL, type Inbox, Message, type Page, type Peer,
    Privacy, type Received, Receipts, RoostClosed, RoostError, RoostTimeout, type Stored, VERSION,
    connect, invitationOf, newMessageId,
} from 'roost-client';

declare const console: { log(...words: unknown[]): void };

const client: Client = await connect({ url: DEFAULT_URL, peer: 'alice', credentials: 'x', timeoutMs: 5 });
const stored: Stored = await client.send('bob', 'text', {
    headers: { tenant: 'blue' }, kind: 'action', receipts: Receipts.delivered | Receipts.read,
    messageId: newMessageId(), ttlMs: 1000,
});
await client.send('bob', new Uint8Array(3), { headers: [['a', new Uint8Array(1)]], parentId: stored.messageId });

const inbox: Inbox = await client.attach('queue:work', { consumer: 'main', window: 10, start: 'first' });
for await (const received of inbox) {
    const one: Received = received;
    const both: Message = one;
    const body: Uint8Array = both.body;
    one.fail('later', body.length);
    received.ack();
    for (const [name, value] of received.headers)
        console.log(name.toUpperCase(), value.length, received.kind === 'text');
    const invitation = invitationOf(received);
    console.log(invitation?.status);
}
const maybe: Received | undefined = await inbox.receive({ timeoutMs: 0 });
console.log(maybe?.text.length);
await inbox.confirm();
for (const receipt of await inbox.receipts({ timeoutMs: 10 }))
    console.log(receipt.level, receipt.messageIds.join());

client.on('presence', ({ peer, isOnline }) => console.log(peer, isOnline));
client.on('state', (state) => console.log(state === 'locked out'));
const page: Page<Peer> = await client.peers({ onlineOnly: true });
const conversations: Conversation[] = (await client.conversations()).items;
console.log(page.items[0].addresses[0].address, conversations.length, VERSION);
await client.createRoom('kitchen', { privacy: 'private', topic: 'tea' });
await client.updateRoom('kitchen', { topic: null, privacy: Privacy.public });
await client.acceptInvitation({ isAll: true });
const rule: number = await client.aclAdd('@user', AclActions.send | AclActions.read, 'queue:*', { isAllow: false });
const rules: AclRule[] = (await client.acl({ after: rule - 1 })).items;
console.log(rules[0].isAllow, await client.aclTest('bob', AclActions.read, 'queue:jobs'));
await client.aclRemove(rules[0].id);
await client.markRead({ scope: 'room:kitchen', seq: stored.seq });
const found = await client.query<{ waiting: number }>('INSPECT', 'consumers', { scope: 'queue:work' });
console.log(found.items[0].waiting);
try {
    await client.call('FLUSH_INDEX', { timeoutMs: 5 });
} catch (error) {
    if (error instanceof RoostTimeout || error instanceof RoostClosed)
        console.log(error.text);
    else if (error instanceof RoostError && error.code === Code.BUSY && error.retryable)
        console.log(error.name);
}
await client.close();
