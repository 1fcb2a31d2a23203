// SPDX-License-Identifier: MPL-2.0
// Sending and consuming: what a message carries, order, leases, receipts, outages.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { hear, play, roost, say, take, withClients } from './story.mjs';

const LEASE_MS = 2000;      // far more than a busy machine keeps anybody waiting

const digest = (bytes) => createHash('sha256').update(bytes).digest('hex');
const refusedWith = (code) => (error) => error instanceof roost.RoostError && error.code === code;

/** Sends `count` numbered messages; says when the first thousand are stored. */
async function numbered(url, peer, to, count) {
    await withClients(url, [peer], async (client) => {
        const sent = [];
        for (let number = 0; number < Number(count); number++)
            sent.push(client.send(to, `m${String(number).padStart(6, '0')}`));
        await sent[Math.min(999, sent.length - 1)];
        say('under way');
        const stored = await Promise.all(sent);
        for (let at = 1; at < stored.length; at++)
            assert.ok(stored[at].seq > stored[at - 1].seq, 'in order');
        say('reconnects', client.reconnects);
    });
}

/** Takes `count` numbered messages, each once and in order. */
async function counted(url, peer, count) {
    await withClients(url, [peer], async (client) => {
        const inbox = await client.attach();
        let number = 0;
        for await (const received of inbox) {
            assert.equal(received.text, `m${String(number).padStart(6, '0')}`);
            received.ack();
            number++;
            if (number === 1000)
                say('under way');
            if (number === Number(count))
                break;
        }
        await inbox.confirm();
        assert.equal(await inbox.receive({ timeoutMs: 0 }), undefined);
    });
}

/** Says what it receives as JSON, until so many came. */
async function tell(url, peer, count) {
    await withClients(url, [peer], async (client) => {
        const inbox = await client.attach();
        say('attached');
        for (const message of await take(inbox, Number(count))) {
            const { body, key, correlationId, headers, ...rest } = message;
            say(JSON.stringify({ ...rest, body: digest(body), key: key.toString(),
                correlationId: correlationId.toString(),
                headers: headers.map(([name, value]) => [name, value.toString()]) }));
        }
        await inbox.confirm();
    });
}

/** One message with everything in it, a big one, an empty one. */
async function write(url, peer, to) {
    await withClients(url, [peer], async (client) => {
        const first = await client.send(to, '你好, 李雷', {
            kind: 'action', contentType: 'text/plain', headers: { tenant: 'blue', empty: '' },
            key: 'k-1', priority: 5, replyTo: peer, correlationId: 'c-1', ttlMs: 3_600_000,
            createdMs: 1_700_000_000_000,
        });
        await client.send(to, new Uint8Array(1 << 20).fill(7), { parentId: first.messageId });
        await client.send(to, '');
        const again = await client.send(to, '你好, 李雷', { messageId: first.messageId });
        assert.deepEqual([again.isDuplicate, again.seq], [true, first.seq]);
    });
}

async function settling(url) {
    await withClients(url, ['alice', 'bob'], async (alice, bob) => {
        const inbox = await alice.attach('', { leaseMs: LEASE_MS });
        const { messageId } = await bob.send('alice', 'work');
        let received = await inbox.receive({ timeoutMs: 10_000 });
        received.release();
        received = await inbox.receive({ timeoutMs: 10_000 });
        assert.deepEqual([received.attempt, received.isRedelivered], [1, true]);
        received.fail('not yet', 20);
        received = await inbox.receive({ timeoutMs: 10_000 });
        assert.equal(received.attempt, 2);
        for (let times = 0; times < 5; times++) {   // longer than the lease
            await sleep(LEASE_MS / 4);
            received.extend();
        }
        received.reject('never');
        received.ack();                             // the first decision counts
        await inbox.confirm();
        const { items: [dead] } = await alice.deadLetters('alice');
        assert.deepEqual([dead.message.messageId, dead.reason, dead.text, dead.message.scope],
            [messageId, roost.Code.REJECTED, 'never', 'peer:alice']);
        assert.ok((await bob.trace(messageId)).items.some(({ event }) => event === 'dead'));
        await alice.call('DEAD_REDRIVE', { scope: 'peer:alice', consumer: 'main', all: true });
        received = await inbox.receive({ timeoutMs: 10_000 });
        assert.equal(received.text, 'work', 'a dead letter that was redriven is shown again');
        assert.throws(() => received.release(-1), RangeError);
        received.ack();
        await inbox.confirm();

        for (let number = 0; number < 50; number++)
            await bob.send('alice', `waiting ${number}`);
        while (inbox.ready < 50)
            await sleep(10);
        await sleep(LEASE_MS * 1.25);               // leases of what waits here are kept
        assert.ok((await take(inbox, 50)).every(({ attempt }) => attempt === 1));
        await inbox.confirm();
        const asked = inbox.receive();
        inbox.close();
        await assert.rejects(asked, roost.RoostClosed);
        await assert.rejects(inbox.receive(), roost.RoostClosed);
        for await (const _ of inbox)
            assert.fail('a closed inbox gives nothing');
        await assert.rejects(inbox.confirm(), roost.RoostClosed);
    });
}

async function asking(url) {
    await withClients(url, ['alice', 'bob'], async (alice, bob) => {
        const { delivered, read } = roost.Receipts;
        const sent = [];
        for (let number = 0; number < 10; number++)
            sent.push(await bob.send('alice', `n${number}`, { receipts: delivered | read }));
        const mail = await bob.attach();
        await take(await alice.attach(), 10);
        const told = [];
        while (told.length < 10) {
            for (const { level, peer, messageIds } of await mail.receipts({ timeoutMs: 10_000 })) {
                assert.deepEqual([level, peer], ['delivered', 'alice']);
                told.push(...messageIds);
            }
        }
        assert.deepEqual(told, sent.map(({ messageId }) => messageId));
        assert.equal(await alice.unread({ peer: 'bob' }), 10);
        await alice.markRead({ peer: 'bob', seq: sent[4].seq });
        assert.equal(await alice.unread(), 5);
        const [{ level }] = await mail.receipts({ timeoutMs: 10_000 });
        assert.equal(level, 'read');
        const { items: [conversation] } = await alice.conversations();
        assert.deepEqual([conversation.peer, conversation.unread], ['bob', 5]);
        const page = await alice.history({ peer: 'bob', limit: 4 });
        assert.deepEqual([page.items.map(({ text }) => text), page.hasMore],
            [['n0', 'n1', 'n2', 'n3'], true]);
        const rest = await alice.history({ peer: 'bob', afterSeq: page.nextSeq });
        assert.deepEqual(rest.items.map(({ text }) => text), ['n4', 'n5', 'n6', 'n7', 'n8', 'n9']);
        assert.equal((await alice.sync({ afterSeq: sent[7].seq })).items.length, 2);
        assert.equal((await alice.messages([sent[0].messageId])).items[0].text, 'n0');
        const { messageId } = await bob.send('nobody there', 'x');
        assert.equal(await bob.cancel(messageId), 1);
        assert.ok((await bob.stats()).items.length > 0);
        const { items: [consumer] } = await bob.query('INSPECT', 'consumers', { scope: 'peer:alice' });
        assert.deepEqual([consumer.consumer, consumer.waiting], ['main', 0]);
        await assert.rejects(bob.query('NONSENSE', 'items'), TypeError);
        await assert.rejects(bob.history({}), TypeError);
        await assert.rejects(bob.history({ peer: 'a', scope: 'b' }), TypeError);
        await assert.rejects(bob.send('', 'x'), TypeError);
        await assert.rejects(bob.send('alice', null), TypeError);
        await assert.rejects(bob.send('alice', 'x', { messageId: 'short' }), TypeError);
        await assert.rejects(bob.send('alice', 'x', { ttlMs: -1 }), TypeError);
        await assert.rejects(bob.attach('kitchen:sink'), refusedWith(roost.Code.BAD_SCOPE));
        await assert.rejects(bob.attach('bob', { consumer: 'x', mustExist: true }),
            refusedWith(roost.Code.NO_SUCH_CONSUMER));
        await assert.rejects(bob.send('alice', Buffer.alloc((1 << 20) + 1)),
            refusedWith(roost.Code.TOO_LARGE));
        assert.equal((await bob.send('alice', 'still alive')).isDuplicate, false);
    });
}

async function noSuchPeer(url) {
    await withClients(url, ['bob'], async (bob) => {
        await assert.rejects(bob.send('nobody', 'x'),
            { code: 3001, name: 'NO_SUCH_PEER', retryable: false });
        assert.ok((await bob.send('bob', 'x')).seq > 0);
    });
}

/** The test kills the broker and starts it again, when it is told so. */
async function outage(url) {
    const bob = await roost.connect({ url, peer: 'bob', unacknowledgedMax: 5 });
    const alice = await roost.connect({ url, peer: 'alice' });
    const states = [];
    bob.on('state', (state) => states.push(state));
    const inbox = await alice.attach();
    await bob.send('alice', 'before');
    const held = await inbox.receive({ timeoutMs: 10_000 });
    const bootId = bob.bootId;
    say('kill');
    await hear();                                   // it is dead
    while (bob.isConnected || alice.isConnected)
        await sleep(10);
    const sent = [1, 2, 3, 4, 5].map((number) => bob.send('alice', `during ${number}`));
    await assert.rejects(bob.send('alice', 'one too many'), { code: roost.Code.BUSY, retryable: true });
    const asked = bob.peers({ timeoutMs: 60_000 });
    await assert.rejects(bob.peers({ timeoutMs: 50 }), roost.RoostTimeout);
    held.ack();                                     // without a session: kept, and settled later
    await assert.rejects(inbox.confirm({ timeoutMs: 50 }), roost.RoostTimeout);
    say('start');
    await bob.room();
    assert.ok((await Promise.all(sent)).every(({ isDuplicate }) => !isDuplicate));
    assert.equal((await asked).items.length, 2);
    assert.notEqual(bob.bootId, bootId);
    const texts = (await take(inbox, 5)).map(({ text }) => text);
    assert.deepEqual(texts, [1, 2, 3, 4, 5].map((number) => `during ${number}`));
    await inbox.confirm();
    assert.deepEqual([states[0], states.at(-1)], ['disconnected', 'connected']);
    await bob.close();
    await alice.close();
    await assert.rejects(bob.send('alice', 'x'), roost.RoostClosed);
    await assert.rejects(bob.peers(), roost.RoostClosed);
}

/** Attaches and takes nothing; the test stops this process for a while. */
async function sleepy(url, count) {
    await withClients(url, ['sleepy'], async (client) => {
        const inbox = await client.attach('', { window: 100 });
        while (inbox.ready < 100)
            await sleep(10);
        await sleep(200);
        assert.equal(inbox.ready, 100, 'no more than the window');
        say('full');
        await hear();
        const messages = await take(inbox, Number(count), 60_000);
        messages.forEach(({ text }, number) => assert.equal(text, `m${String(number).padStart(6, '0')}`));
        await inbox.confirm();
        say('reconnects', client.reconnects);
    });
}

/** Two sessions on one mailbox: the first is told, and does not take it back. */
async function takeover(url) {
    await withClients(url, ['alice', 'alice'], async (one, two) => {
        const first = await one.attach();
        const second = await two.attach();
        await assert.rejects(first.receive({ timeoutMs: 10_000 }), refusedWith(roost.Code.TAKEN_OVER));
        await one.send('alice', 'for the second');
        assert.equal((await take(second, 1))[0].text, 'for the second');
    });
}

/** Nobody listens there. */
async function nobody() {
    const url = 'tcp://127.0.0.1:1';
    await assert.rejects(roost.connect({ url, peer: 'alice', timeoutMs: 300 }), roost.RoostTimeout);
    assert.throws(() => new roost.Client({ url: 'nowhere', peer: 'alice' }), /nowhere/);
    assert.throws(() => new roost.Client({ url }), TypeError);
    const client = new roost.Client({ url, peer: 'alice' });
    const sent = client.send('bob', 'x');
    await client.close();
    await assert.rejects(sent, roost.RoostClosed);
}

await play({ asking, counted, noSuchPeer, nobody, numbered, outage, settling, sleepy, takeover, tell,
    write });
