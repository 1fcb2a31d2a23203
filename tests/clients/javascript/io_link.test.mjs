// SPDX-License-Identifier: MPL-2.0
// The client on real sockets, against a broker of the test's own that says what the test wants.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { load } from './load.mjs';

const { Router } = createRequire(join(process.env.ROOST_JAVASCRIPT, 'src', 'index.js'))('zeromq');
const { Client, connect, RoostClosed, RoostError, RoostTimeout } = await load('index.js');
const { pack, unpack } = await load('schema.js');

const brokers = [], clients = [];
after(async () => {     // also after a failure, or the process would not end
    await Promise.all(clients.map((client) => client.close()));
    brokers.forEach((broker) => broker.close());
});

async function open(broker, options) {
    clients.push(await connect({ url: broker.url, peer: 'alice', ...options }));
    return clients.at(-1);
}

/** Answers HELLO, PING and GOODBYE unless a test answers by itself: answers[type] = (fields) => ... */
class FakeBroker {
    router = new Router({ linger: 0 });
    heard = [];
    #news = () => {};
    answers = {
        HELLO: ({ peer }) => ['WELCOME', { version: 1, peer, bootId: Buffer.alloc(16, 'b'),
            resumeToken: Buffer.alloc(16, 't'), publishUpto: 16_384, limits: this.limits }],
        PING: ({ echo }) => ['PONG', { echo }],
        GOODBYE: () => ['GOODBYE', {}],
        SEND: ({ firstNo, entries }) => ['STORED', { uptoNo: firstNo + entries.length - 1,
            runs: [{ firstNo, count: entries.length, firstSeq: firstNo }], publishUpto: 1e6 }],
    };
    limits = { frameBytesMax: 1 << 21, bodyBytesMax: 1 << 20, entriesMax: 1000, heartbeatMs: 5000,
        leaseMs: 30_000, publishBytes: 1 << 24 };

    async start() {
        await this.router.bind('tcp://127.0.0.1:*');
        this.url = this.router.lastEndpoint;
        this.#read();
        brokers.push(this);
        return this;
    }

    async #read() {
        for await (const [id, frame] of this.router) {
            const message = unpack(frame);
            this.id = id;
            this.heard.push(message);
            const answer = this.answers[message[0]]?.(message[1]);
            if (answer)
                await this.say(...answer);
            this.#news();
        }
    }

    say(type, fields) {
        return this.router.send([this.id, pack(type, fields)]);
    }

    /** The next message of this type that was not looked at yet. */
    async hear(type) {
        for (;;) {
            const at = this.heard.findIndex(([name]) => name === type);
            if (at >= 0)
                return this.heard.splice(at, 1)[0][1];
            await new Promise((resolve) => { this.#news = resolve; });
        }
    }

    close() {
        this.router.close();
    }
}

test('hello, a ping, goodbye', async () => {
    const broker = await new FakeBroker().start();
    broker.limits.heartbeatMs = 200;
    const client = await open(broker, { peer: '李雷', credentials: 'secret', displayName: 'Lei' });
    const hello = await broker.hear('HELLO');
    assert.deepEqual([hello.peer, hello.credentials, hello.displayName].map(String),
        ['李雷', 'secret', 'Lei']);
    assert.match(hello.software, /^roost-javascript \d/);
    assert.deepEqual([client.peer, client.role, client.isConnected], ['李雷', 'none', true]);
    await broker.say('PING', { echo: Buffer.from('echo') });
    assert.equal((await broker.hear('PONG')).echo.toString(), 'echo');
    await broker.hear('PING');      // says something when it has nothing to say
    await client.close();
    await client.close();
    await broker.hear('GOODBYE');
    await assert.rejects(client.send('bob', 'x'), RoostClosed);
});

test('what is sent in one turn leaves in few frames, in order', async () => {
    const broker = await new FakeBroker().start();
    const client = await open(broker);
    const stored = await Promise.all(Array.from({ length: 1200 }, (_, n) => client.send('bob', `${n}`)));
    assert.deepEqual(stored.map(({ seq }) => seq), stored.map((_, n) => n + 1));
    const sends = broker.heard.filter(([type]) => type === 'SEND');
    assert.deepEqual(sends.map(([, { entries }]) => entries.length), [500, 500, 200]);
    assert.equal(sends[2][1].entries[199].body.toString(), '1199');
    await client.close();
});

test('garbage and frames of several parts do no harm', async () => {
    const broker = await new FakeBroker().start();
    const client = await open(broker);
    await broker.router.send([broker.id, 'garbage']);
    await broker.router.send([broker.id, '']);
    await broker.router.send([broker.id, pack('GOODBYE', {}), 'and more']);
    assert.ok((await client.send('bob', 'x')).seq);
    assert.equal(client.reconnects, 0);
    await client.close();
});

test('a silent broker is left for a new connection, with the token, and sent to again', async () => {
    const broker = await new FakeBroker().start();
    broker.limits.heartbeatMs = 200;
    const client = await open(broker);
    await broker.hear('HELLO');
    const { HELLO, SEND, PING } = broker.answers;
    broker.answers = {};
    const sent = client.send('bob', 'once');
    const { entries: [first] } = await broker.hear('SEND');
    const hello = await broker.hear('HELLO');
    assert.equal(hello.resumeToken.toString(), 't'.repeat(16));
    broker.answers = { HELLO, SEND, PING };
    await broker.say(...HELLO(hello));
    const { entries: [second] } = await broker.hear('SEND');
    assert.deepEqual(second.messageId, first.messageId);
    assert.equal((await sent).seq, 1);
    assert.ok(client.reconnects >= 1);
    await client.close();           // nobody answers GOODBYE: it waits a second and goes
});

test('a refusal for good is what waitReady rejects with', async () => {
    const broker = await new FakeBroker().start();
    broker.answers.HELLO = () => ['ERROR', { code: 1002, type: 1, text: 'too old', retryable: false }];
    await assert.rejects(connect({ url: broker.url, peer: 'alice' }),
        { code: 1002, name: 'BAD_VERSION', text: 'too old' });
    broker.answers.HELLO = () => ['ERROR', { code: 6001, type: 1, retryable: true }];
    await assert.rejects(connect({ url: broker.url, peer: 'alice', timeoutMs: 200 }), RoostError);
    broker.answers.HELLO = () => undefined;
    await assert.rejects(connect({ url: broker.url, peer: 'alice', timeoutMs: 200 }), RoostTimeout);
});

test('an ATTACH that the broker could not read, and questions that time out', async () => {
    const broker = await new FakeBroker().start();
    broker.answers.ATTACH = ({ handle }) => ['ERROR', { code: 1005, type: 24, requestId: handle,
        text: 'lease_ms' }];
    const client = await open(broker);
    await assert.rejects(client.attach('', { leaseMs: 1 }), { code: 1005, text: 'lease_ms' });
    broker.answers.ATTACH = () => undefined;
    await assert.rejects(client.attach('', { timeoutMs: 100 }), RoostTimeout);
    await broker.hear('DETACH');
    await assert.rejects(client.peers({ timeoutMs: 100 }), RoostTimeout);
    broker.answers.QUERY = ({ requestId }) => ['ERROR', { code: 1011, type: 40, requestId }];
    await assert.rejects(client.peers(), { name: 'UNKNOWN_CALL' });
    await client.close();
});
