// SPDX-License-Identifier: MPL-2.0
// The parts of the state machine alone: ranges, credit, confirmations, frame limits, ids, errors.
// None of these modules needs a package of npm.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Answer, load, source } from './load.mjs';

const { Book } = await load('book.js');
const { Outcome, Kind, numberOf, wordOf } = await load('enums.js');
const { Code, RoostError, RoostTimeout } = await load('errors.js');
const { newMessageId, idBytes, idText, idTexts } = await load('ids.js');
const { Queue } = await load('queue.js');
const { VERSION } = await load('version.js');
const { Window } = await load('window.js');

const rangesOf = (book, confirmId = 1) => book.takeRanges(confirmId)
    .map(({ firstDeliveryNo, lastDeliveryNo, outcome }) => [firstDeliveryNo, lastDeliveryNo, outcome]);

function bookOf(count, { window = 10, isShared = false } = {}) {
    const book = new Book(window, 1000, isShared);
    book.newSession();
    const held = [];
    for (let no = 1; no <= count; no++)
        held.push(book.arrived(no, no, `id${no}`, 10));
    return [book, held];
}

test('neighbours leave as one range', () => {
    const [book, held] = bookOf(6);
    [0, 1, 2, 5, 4].forEach((index) => book.settle(held[index], Outcome.ack));
    book.settle(held[3], Outcome.fail);
    assert.deepEqual(rangesOf(book), [[1, 3, 1], [4, 4, 3], [5, 6, 1]]);
    assert.ok(!book.hasSettles);
});

test('only the first settlement counts', () => {
    const [book, [held]] = bookOf(1);
    [Outcome.extend, Outcome.ack, Outcome.reject, Outcome.extend].forEach((outcome) =>
        book.settle(held, outcome));
    assert.deepEqual(rangesOf(book), [[1, 1, Outcome.ack]]);
});

test('confirmed names what was settled for good and not stale', () => {
    const [book, held] = bookOf(4);
    held.slice(0, 3).forEach((each) => book.settle(each, Outcome.ack));
    book.takeRanges(1);
    book.settle(held[3], Outcome.release);
    book.takeRanges(2);
    assert.deepEqual(book.confirmed(1, new Set([2])), ['id1', 'id3']);
    assert.deepEqual([book.countStale(1), book.countStale(2)], [0, 1], 'the second decision');
    book.forgetStale(2);
    assert.equal(book.countStale(9), 0);
    assert.ok(!book.isEverythingConfirmed);
    assert.deepEqual(book.confirmed(2, new Set()), []);
    assert.ok(book.isEverythingConfirmed);
});

test('an unconfirmed settlement is in doubt after a new session, until it is settled again', () => {
    const [book, [held]] = bookOf(1);
    book.settle(held, Outcome.ack);
    book.takeRanges(1);
    book.newSession();
    assert.ok(book.isInDoubt);
    assert.equal(book.arrived(1, 1, 'id1', 10), undefined, 'not shown again');
    assert.ok(!book.isInDoubt);
    assert.deepEqual(rangesOf(book), [[1, 1, Outcome.ack]]);
});

test('doubt ends with a later delivery, but not at a queue', () => {
    for (const isShared of [false, true]) {
        const [book, [held]] = bookOf(1, { isShared });
        book.settle(held, Outcome.ack);
        book.takeRanges(1);
        book.newSession();
        book.arrived(1, 2, 'id2', 10);
        assert.equal(book.isInDoubt, isShared);
    }
});

test('what is settled without a lease is settled when it comes again, or was on disk', () => {
    const [book, [one, two]] = bookOf(2);
    book.newSession();
    book.settle(one, Outcome.ack);
    book.settle(two, Outcome.ack);
    assert.deepEqual([book.hasSettles, book.isInDoubt], [false, true]);
    assert.equal(book.arrived(1, 2, 'id2', 10), undefined);
    assert.deepEqual(rangesOf(book), [[1, 1, Outcome.ack]], 'the second came again');
    assert.ok(!book.isInDoubt, 'the first would have come before it');
});

test('credit comes back by thirds, and bytes count', () => {
    const [book, held] = bookOf(3, { window: 9 });
    assert.equal(book.takeCredit(), undefined);
    held.slice(0, 2).forEach((each) => book.taken(each));
    assert.equal(book.takeCredit(), undefined);
    book.taken(held[2]);
    assert.deepEqual(book.takeCredit(), { messages: 12, bytes: 1030 });
    book.settle(held[0], Outcome.ack);
    assert.equal(book.takeCredit(), undefined, 'a message frees its place once');
    const big = book.arrived(4, 4, 'id4', 500);
    book.taken(big);
    assert.deepEqual(book.takeCredit(), { messages: 13, bytes: 1530 });
    assert.throws(() => new Book(0, 1), RangeError);
});

test('reasons are cut between characters', () => {
    const [book, [held]] = bookOf(1);
    book.settle(held, Outcome.fail, 5, `a\0${'é'.repeat(200)}`);
    const [{ reason, delayMs }] = book.takeRanges(1);
    assert.ok(Buffer.byteLength(reason) <= 255 && !reason.includes('\ufffd'), reason);
    assert.deepEqual([reason.slice(0, 3), delayMs], ['a é', 5]);
});

test('the queue keeps its order over pieces', () => {
    const queue = new Queue();
    let next = 0;
    for (let number = 0; number < 10_000; number++) {
        queue.push(number);
        if (number % 3)
            assert.equal(queue.shift(), next++);
    }
    assert.equal(queue.at(0), next);
    queue.remove(1);
    assert.equal(queue.shift(), next);
    assert.equal(queue.shift(), next + 2);
    queue.clear();
    assert.deepEqual([queue.length, queue.shift()], [0, undefined]);
});

// ---------------------------------------------------------------- sending

function windowOf(count, { size = 10, ...limits } = {}) {
    const window = new Window();
    const answers = [];
    for (let number = 0; number < count; number++) {
        answers.push(new Answer());
        window.add({ messageId: idBytes(newMessageId()), scope: Buffer.from('peer:b'),
            body: Buffer.alloc(size) }, answers.at(-1));
    }
    window.newSession(limits.upto ?? 1000, { publishBytes: 0, bodyBytesMax: 0, frameBytesMax: 0,
        entriesMax: 0, ...limits });
    return [window, answers];
}
const shape = (frames) => frames.map(({ firstNo, entries }) => [firstNo, entries.length]);
const stored = (fields) => ({ runs: [], exceptions: [], publishUpto: 0, retryCode: 0, ...fields });

test('frames keep to the limits of the broker', () => {
    assert.deepEqual(shape(windowOf(5, { entriesMax: 2 })[0].takeFrames(0)), [[1, 2], [3, 2], [5, 1]]);
    assert.deepEqual(shape(windowOf(5, { upto: 3 })[0].takeFrames(0)), [[1, 3]]);
    assert.deepEqual(shape(windowOf(5, { publishBytes: 25 })[0].takeFrames(0)), [[1, 2]]);
    assert.deepEqual(shape(windowOf(2, { size: 100, publishBytes: 50 })[0].takeFrames(0)), [[1, 1]],
        'one is always allowed');
    assert.deepEqual(shape(windowOf(3, { size: 300_000 })[0].takeFrames(0)), [[1, 1], [2, 1], [3, 1]]);
});

test('the scope of the entry before is not repeated', () => {
    const [window] = windowOf(3);
    const [{ entries }] = window.takeFrames(0);
    assert.deepEqual(entries.map(({ scope }) => scope.toString()), ['peer:b', '', '']);
});

test('go back n: the same numbers again, a little later', () => {
    const [window, answers] = windowOf(4, { entriesMax: 2 });
    window.takeFrames(0);
    window.answered(stored({ uptoNo: 1, runs: [{ firstNo: 1, count: 1, firstSeq: 7 }],
        retryCode: 6002, retryAfterMs: 30 }), 100);
    assert.equal(answers[0].result.seq, 7);
    assert.deepEqual(window.takeFrames(120), []);
    assert.deepEqual(shape(window.takeFrames(130)), [[2, 2], [4, 1]]);
    window.answered(stored({ uptoNo: 4, runs: [{ firstNo: 2, count: 3, firstSeq: 8 }] }), 140);
    assert.deepEqual(answers.map(({ result }) => result.seq), [7, 8, 9, 10]);
    assert.equal(window.length, 0);
});

test('a broker that answers nonsense is not believed', () => {
    const [window, answers] = windowOf(2);
    window.answered(stored({ uptoNo: 2 }), 0);      // nothing was sent yet
    assert.ok(!answers[0].isDone);
    window.takeFrames(0);
    window.answered(stored({ uptoNo: 2 ** 53, runs: [{ firstNo: 0, count: 2 ** 32, firstSeq: 5 }] }), 0);
    assert.deepEqual(answers.map(({ result }) => result.seq), [6, 7]);
});

// ---------------------------------------------------------------- small things

test('ids rise, and are read as text and as bytes', () => {
    const ids = Array.from({ length: 5000 }, () => newMessageId());
    assert.deepEqual([...ids].sort(), ids);
    assert.equal(new Set(ids).size, ids.length);
    const id = newMessageId(0x0123456789ab);
    assert.match(newMessageId(0), /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(idText(idBytes(id)), id);
    assert.deepEqual(idBytes(id.replaceAll('-', '').toUpperCase()), idBytes(id));
    assert.deepEqual(idTexts(Buffer.concat([idBytes(ids[0]), idBytes(ids[1])])), ids.slice(0, 2));
    assert.equal(idText(Buffer.alloc(0)), '');
    for (const wrong of ['', 'x'.repeat(32), Buffer.alloc(15), 5, undefined])
        assert.throws(() => idBytes(wrong), TypeError);
});

test('errors have a code, a name, a text, and say whether to try again', () => {
    const error = new RoostError(5002, 'it is there');
    assert.deepEqual([error.code, error.name, error.text, error.retryable, error.message],
        [5002, 'DUPLICATE', 'it is there', false, '5002: it is there']);
    assert.ok(error instanceof Error && new RoostTimeout('late') instanceof RoostError);
    assert.deepEqual([new RoostError(6001).retryable, new RoostError(6101).retryable,
        new RoostError(7777).name], [true, false, 'E7777']);
});

test('the table of codes is that of the broker', () => {
    const rows = [...source('actors', 'rt', 'err.def').matchAll(/^ERR\((\w+), +(\d+), (\w+),/gm)];
    assert.deepEqual(Object.entries(Code), rows.map(([, name, code]) => [name, Number(code)]));
    for (const [, name, code, advice] of rows)
        assert.equal(new RoostError(Number(code)).retryable, advice === 'RETRY', name);
});

test('words and numbers of enumerations', () => {
    assert.deepEqual([wordOf(Kind, 7), wordOf(Kind, 99), numberOf(Kind, 'edit'), numberOf(Kind, 99)],
        ['edit', 99, 7, 99]);
    assert.throws(() => numberOf(Kind, 'toString'), TypeError);
});

test('one version', () => {
    const root = source('CMakeLists.txt').match(/project\(roost VERSION ([\d.]+)/)[1];
    const { version } = JSON.parse(source('clients', 'javascript', 'package.json'));
    const lock = JSON.parse(source('clients', 'javascript', 'package-lock.json'));
    assert.deepEqual([VERSION, version, lock.version, lock.packages[''].version],
        [root, root, root, root]);
});

test('the lock names no address', () => {
    assert.doesNotMatch(source('clients', 'javascript', 'package-lock.json'), /resolved|:\/\//);
});
