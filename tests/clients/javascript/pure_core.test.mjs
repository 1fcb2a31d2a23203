// SPDX-License-Identifier: MPL-2.0
// The state machine against a model broker: random sends, refusals, lost answers, lost connections
// and leases that run out never lose, reorder or answer twice, and show no message twice.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Answer, GAMES, load, randomOf } from './load.mjs';
import { ModelBroker } from './model_broker.mjs';

const { Attachment } = await load('attachment.js');
const { Book } = await load('book.js');
const { Core } = await load('core.js');
const { RoostClosed, RoostError } = await load('errors.js');
const { Outcome } = await load('enums.js');
const { newMessageId, idBytes } = await load('ids.js');

const SCOPE = Buffer.from('peer:alice');

class World {
    now = 100_000;
    core = new Core('alice', Buffer.alloc(0), '');
    sent = [];      // {id, body, answer}
    shown = [];
    kept = [];
    confirmed = new Set();
    /** Settled at each ATTACHED, of which the first counts. */
    attached = { settle(result) { this.result ??= result; } };

    constructor({ window = 4, ...options } = {}) {
        this.broker = new ModelBroker(options);
        this.core.onObserve = (what, about) => {
            if (what === 'settled')
                about[1].forEach((key) => this.confirmed.add(key.split(' ')[0]));
        };
        this.core.opened(this.now);
        this.attachment = this.core.attach({ scope: SCOPE }, new Book(window, 1 << 20),
            (held, item) => {
                if (held !== undefined) {
                    this.shown.push(item.text);
                    this.kept.push(held);
                }
            }, this.attached, this.now);
    }

    send(size = 3) {
        const id = newMessageId();
        const body = String(this.sent.length).padEnd(size, '.');
        const answer = new Answer();
        this.sent.push({ id, body, answer });
        this.core.send({ messageId: idBytes(id), scope: SCOPE, body: Buffer.from(body) }, answer);
        return id;
    }

    /** One exchange: messages to the broker, its answers (or their loss) back. */
    turn({ retryFrom, dropsAnswers = false, delivers = 0 } = {}) {
        this.now += 50;
        if (this.core.wantsReconnect && this.now >= this.core.reconnectAt)
            this.core.opened(this.now);
        this.core.tick(this.now);
        const answers = this.core.takeMessages(this.now)
            .flatMap((message) => this.broker.receive(message, retryFrom));
        answers.push(...this.broker.deliver(delivers));
        if (dropsAnswers)
            this.lose();
        else
            answers.forEach(([type, fields]) => this.core.received(type, fields, this.now));
    }

    lose() {
        this.broker.crash();
        this.core.lost(this.now);
    }

    settle(count, outcome = Outcome.ack) {
        const settled = this.kept.splice(0, count);
        for (const held of settled) {
            this.attachment.book.taken(held);
            this.attachment.book.settle(held, outcome);
        }
        return settled.map(({ key }) => key.split(' ')[0]);
    }

    quiesce() {
        for (let turns = 0; turns < 300; turns++) {
            this.now += 1000;
            this.turn({ delivers: 10 });
            this.settle(Infinity);
        }
    }

    settledOnDisk(id) {
        return this.broker.settled.get(this.broker.ids.get(id.replaceAll('-', '')));
    }
}

function step(world, random, confirms, settled) {
    const count = random(6);
    const steps = [
        () => { for (let n = 0; n <= count * 2; n++) world.send(); },
        () => world.turn({ delivers: count }),
        () => world.turn({ delivers: count }),
        () => world.turn({ retryFrom: count % 4 }),
        () => world.turn({ dropsAnswers: true, delivers: count % 4 }),
        () => world.lose(),
        () => settled.push(...world.settle(count)),
        () => world.broker.expireLeases(),
        () => {
            confirms.push({ answer: new Answer(), promised: [...settled] });
            world.attachment.confirm(confirms.at(-1).answer);
        },
    ];
    steps[random(steps.length)]();
}

function checkConfirmed(world, confirms) {
    const told = new Set(confirms.filter(({ answer }) => answer.result instanceof Error)
        .flatMap(({ promised }) => promised));
    for (const { answer, promised } of confirms) {
        if (answer.isDone && answer.result === undefined)
            promised.filter((id) => !told.has(id)).forEach((id) =>
                assert.equal(world.settledOnDisk(id), 1, `${id} was confirmed`));
    }
    world.confirmed.forEach((id) => assert.equal(world.settledOnDisk(id), 1, `${id} said settled`));
}

function play(seed) {
    const random = randomOf(seed);
    const world = new World({ publishWindow: 9, publishBytes: 40 });
    const confirms = [], settled = [];
    for (let steps = random(60); steps > 0; steps--) {
        step(world, random, confirms, settled);
        checkConfirmed(world, confirms);
    }
    world.quiesce();
    const bodies = world.sent.map(({ body }) => body);
    assert.deepEqual(world.broker.log.map(({ body }) => body.toString()), bodies);
    assert.deepEqual(world.sent.map(({ answer }) => answer.result?.seq), bodies.map((_, n) => n + 1));
    assert.deepEqual(world.shown, bodies);
    assert.deepEqual(bodies.map((_, n) => world.broker.settled.get(n + 1)), bodies.map(() => 1));
    for (const { answer } of confirms)
        assert.ok(answer.isDone && (answer.result === undefined || answer.result.code === 5001));
}

test('nothing is lost, reordered, answered twice or shown twice', () => {
    const first = Number(process.env.SEED ?? 1);
    const last = process.env.SEED ? first : GAMES;
    for (let seed = first; seed <= last; seed++) {
        try {
            play(seed);
        } catch (error) {
            error.message = `SEED=${seed}: ${error.message}`;
            throw error;
        }
    }
});

test('answers of refused and duplicate entries', () => {
    const world = new World();
    world.turn();
    const [first, refused] = [world.send(), world.send()];
    world.broker.refused.add(refused.replaceAll('-', ''));
    world.turn();
    world.turn();
    assert.deepEqual(world.sent[0].answer.result, { messageId: first, seq: 1, isDuplicate: false });
    assert.equal(world.sent[1].answer.result.name, 'NO_SUCH_PEER');
    const again = new Answer();
    world.core.send({ messageId: idBytes(first), scope: SCOPE, body: Buffer.from('0') }, again);
    world.turn();
    assert.deepEqual(again.result, { messageId: first, seq: 1, isDuplicate: true });
});

test('what is too large is refused here, and the stream goes on', () => {
    const world = new World();
    world.send(), world.send(2000), world.send();
    for (let turns = 0; turns < 3; turns++)
        world.turn();
    assert.deepEqual(world.sent.map(({ answer }) => answer.result.code), [undefined, 4001, undefined]);
    assert.deepEqual(world.sent.map(({ answer }) => answer.result.seq), [1, undefined, 2]);
});

test('a dead letter that was redriven is shown again', () => {
    const world = new World();
    world.send();
    for (let turns = 0; turns < 3; turns++)
        world.turn({ delivers: 1 });
    world.settle(1, Outcome.reject);
    world.turn();
    world.turn();
    world.broker.redrive();
    world.turn({ delivers: 1 });
    assert.equal(world.shown.length, 2);
});

test('silence for three heartbeats is a lost connection, and coming back takes longer each time', () => {
    const world = new World();
    world.turn();
    assert.ok(world.core.isReady);
    const silent = world.now;
    world.core.takeMessages(silent);
    world.core.tick(silent + 5001);
    assert.deepEqual(world.core.takeMessages(silent + 5001).map(([type]) => type), ['PING']);
    world.core.tick(silent + 15_001);
    assert.ok(world.core.wantsReconnect && !world.core.isReady);
    let now = silent + 15_001, waited = 0;
    for (let times = 0; times < 12; times++) {
        waited = world.core.reconnectAt - now;
        assert.ok(waited > 0 && waited <= 5000);
        now = world.core.reconnectAt;
        world.core.opened(now);
        world.core.tick(now += 5000);       // no WELCOME
    }
    assert.ok(waited >= 2500, 'up to five seconds');
});

test('between HELLO and WELCOME nothing else is believed', () => {
    const world = new World();
    world.send();
    world.core.received('STORED', { uptoNo: 1, runs: [], exceptions: [], publishUpto: 9 }, world.now);
    world.core.received('DELIVER', { handle: 1, firstDeliveryNo: 1, entries: [] }, world.now);
    world.core.received('NOTHING_WE_KNOW', {}, world.now);
    assert.ok(!world.sent[0].answer.isDone);
    world.turn();
    world.turn();
    assert.equal(world.sent[0].answer.result.seq, 1);
});

test('a refused HELLO ends the client, or is tried again', () => {
    const world = new World();
    world.send();
    world.core.received('ERROR', { code: 6001, text: '', type: 1, requestId: 0, retryable: true }, 0);
    assert.equal(world.core.refusal.name, 'BUSY');
    assert.equal(world.core.error, undefined);
    world.core.received('ERROR', { code: 2002, text: 'no', type: 1, requestId: 0, retryable: false }, 0);
    assert.equal(world.core.error.name, 'BAD_CREDENTIALS');
    assert.equal(world.sent[0].answer.result, world.core.error);
    assert.equal(world.attached.result, world.core.error);
    assert.equal(world.core.deadline, Infinity);
    const late = new Answer();
    world.core.request('QUERY', {}, late, 0);
    assert.equal(late.result, world.core.error);
});

test('taken over: it does not come back', () => {
    const world = new World();
    world.turn();
    world.core.received('GOODBYE', { reason: 5005, text: '' }, world.now);
    assert.equal(world.core.error.name, 'TAKEN_OVER');
    assert.ok(!world.core.wantsReconnect);
});

test('questions are asked again after a lost connection, and answered once', () => {
    const world = new World();
    world.turn();
    const answer = new Answer(), given_up = new Answer();
    const id = world.core.request('QUERY', { kind: 4 }, answer, world.now);
    world.core.forget(world.core.request('CALL', { method: 1 }, given_up, world.now));
    world.core.takeMessages(world.now);
    world.core.received('RESULT', { requestId: id, peers: ['half'] }, world.now);
    world.broker.crash();
    world.core.lost(world.now);
    world.core.opened(world.now);
    const [hello] = world.core.takeMessages(world.now);
    world.broker.receive(hello).forEach(([type, fields]) => world.core.received(type, fields, 0));
    const asked = world.core.takeMessages(world.now).filter(([type]) => type !== 'ATTACH');
    assert.deepEqual(asked, [['QUERY', { kind: 4, requestId: id }]]);
    world.core.received('RESULT', { requestId: id, peers: ['whole'] }, world.now);
    world.core.received('FIN', { requestId: id, code: 0 }, world.now);
    world.core.received('FIN', { requestId: id, code: 0 }, world.now);
    assert.deepEqual(answer.result.results.map(({ peers }) => peers), [['whole']]);
    assert.ok(!given_up.isDone);
});

test('presence is subscribed to again', () => {
    const world = new World();
    world.core.request('PRESENCE', { subscribe: true }, new Answer(), 0);
    world.core.received('WELCOME', { limits: {}, publishUpto: 1, resumeToken: Buffer.alloc(1) }, 0);
    const [[, { requestId }]] = world.core.takeMessages(0).filter(([type]) => type === 'PRESENCE');
    world.core.received('FIN', { requestId, code: 0 }, 0);
    world.core.lost(0);
    world.core.opened(0);
    world.core.received('WELCOME', { limits: {}, publishUpto: 1, resumeToken: Buffer.alloc(1) }, 0);
    const again = world.core.takeMessages(0).filter(([type]) => type === 'PRESENCE');
    assert.deepEqual(again.map(([, { subscribe }]) => subscribe), [true]);
});

test('close says goodbye last and fails what is open', () => {
    const world = new World();
    world.turn();
    world.send();
    const messages = world.core.close(world.now);
    assert.deepEqual(messages.map(([type]) => type).slice(-2), ['SEND', 'GOODBYE']);
    assert.ok(world.sent[0].answer.result instanceof RoostClosed);
    assert.ok(world.attachment.error instanceof RoostClosed);
    assert.ok(world.attachment instanceof Attachment);
});

test('a settlement at a queue whose session was lost is said to be in doubt', () => {
    const book = new Book(10, 1000, true);
    const attachment = new Attachment({ handle: 1, scope: Buffer.from('queue:q') }, book, () => {},
        new Answer());
    attachment.begin();
    attachment.onAttached({ scope: Buffer.alloc(0), waiting: 1, floorSeq: 0, leaseMs: 0 }, 0);
    book.settle(book.arrived(1, 1, 'a', 1), Outcome.ack);
    const asked = new Answer(), later = new Answer();
    attachment.confirm(asked);
    assert.deepEqual(attachment.flush(0).map(([type]) => type), ['SETTLE']);
    attachment.begin();
    assert.equal(asked.result.name, 'NO_SESSION');
    attachment.confirm(later);
    assert.ok(later.result instanceof RoostError && later.result.retryable);
});
