// SPDX-License-Identifier: MPL-2.0
// One client process of the kill rounds, in JavaScript: sends or receives, and writes its ledger.
//
// usage: ledger_peer.mjs send URL PEER LEDGER RATE SCOPE...
//        ledger_peer.mjs recv URL PEER LEDGER SCOPE
//
// The same rules as ledger_peer.py: may be killed at any moment and started again with the same
// arguments; a sender first sends again what its ledger says is unanswered, with the same message
// ids. SIGTERM ends it in order. What message number n of PEER is follows from PEER and n alone.
import { createHash } from 'node:crypto';
import { fstatSync, openSync, readFileSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { crc32 } from './crc32.mjs';

const { Client, RoostError } =
    await import(pathToFileURL(`${process.env.ROOST_JAVASCRIPT}/src/index.js`));

const UNANSWERED_MAX = 300;
const WINDOW = 100;
const LATE_S = 1;

let isOver = false;
process.on('SIGTERM', () => { isOver = true; });

class Ledger {
    constructor(path) {
        this.file = openSync(path, 'a');
        if (fstatSync(this.file).size > 0)
            writeSync(this.file, '\n');    // ends a line torn by a kill; empty lines are skipped
    }

    write(...words) {
        writeSync(this.file, `${words.join(' ')}\n`);
    }
}

/** [id, scope, body] of message `number`. */
function messageOf(peer, number, scopes) {
    const id = createHash('md5').update(`${peer}:${number}`).digest();
    const head = Buffer.from(`${peer}:${number}:`);
    const repeated = Buffer.alloc(id.length << (id[1] % 8), id);    // 16 bytes to 2 KiB
    return [id, scopes[id[0] % scopes.length], Buffer.concat([head, repeated])];
}

const digestOf = (body) => crc32(body).toString(16).padStart(8, '0');
const hexOf = (messageId) => messageId.replaceAll('-', '');

/** What the ledger of a life before says: numbers without an answer, and the next number. */
function unansweredOf(path, peer, scopes) {
    let text = '';
    try {
        text = readFileSync(path, 'latin1');
    } catch (error) {
        if (error.code !== 'ENOENT')
            throw error;
    }
    const sent = [];
    const answered = new Set();
    for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n')) {
        const [verb, id] = line.split(' ');
        if (verb === 'S')
            sent.push(id);
        else if (verb === 'A' || verb === 'X')
            answered.add(id);
    }
    const unanswered = [];
    sent.forEach((id, number) => {
        if (messageOf(peer, number, scopes)[0].toString('hex') !== id)
            throw new Error(`message ${number} of ${path} is another one`);
        if (!answered.has(id))
            unanswered.push(number);
    });
    return [unanswered, sent.length];
}

async function send(url, peer, path, rate, scopes) {
    const [again, nextNumber] = unansweredOf(path, peer, scopes);
    const ledger = new Ledger(path);
    const client = new Client({ url, peer, unacknowledgedMax: UNANSWERED_MAX });

    async function handOver(number) {
        const [id, scope, body] = messageOf(peer, number, scopes);
        const hex = id.toString('hex');
        await client.room();
        if (number >= nextNumber)
            ledger.write('S', hex, scope, digestOf(body));
        client.send(scope, body, { messageId: id }).then(
            () => ledger.write('A', hex),
            (error) => {
                if (error instanceof RoostError && !error.retryable)
                    ledger.write('X', hex, error.code);
            });
    }

    for (const number of again)
        await handOver(number);
    let number = nextNumber;
    let began = performance.now();
    while (!isOver) {
        const aheadS = (number - nextNumber) / rate - (performance.now() - began) / 1000;
        if (aheadS > 0)
            await sleep(Math.min(aheadS * 1000, 50));
        else if (aheadS < -LATE_S)
            began = performance.now() - (number - nextNumber) / rate * 1000;    // no catching up
        if (aheadS <= 0)
            await handOver(number++);
    }
    await client.flush({ timeoutMs: 300_000 });
    await client.close();
}

async function receive(url, peer, path, scope) {
    const ledger = new Ledger(path);
    ledger.write('B', scope);

    function observer(what, about) {
        if (what === 'delivery')
            ledger.write('D', hexOf(about.messageId), digestOf(about.body), scope);
        else if (what === 'settled')
            about[1].forEach((key) => ledger.write('K', hexOf(key.split(' ')[0]), scope));
    }

    const client = new Client({ url, peer, observer });
    const inbox = await client.attach(scope, { window: WINDOW, timeoutMs: 120_000 });
    while (!isOver) {
        const received = await inbox.receive({ timeoutMs: 50 });
        if (received !== undefined) {
            ledger.write('P', hexOf(received.messageId), scope);
            received.ack();
        }
    }
    await client.close();
}

const [mode, url, peer, path, ...rest] = process.argv.slice(2);
if (mode === 'send')
    await send(url, peer, path, Number(rest[0]), rest.slice(1));
else
    await receive(url, peer, path, rest[0]);
