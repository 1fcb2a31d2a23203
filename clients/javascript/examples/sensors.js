// SPDX-License-Identifier: MPL-2.0
// A sensor feed: readings on a topic, and subscribers that miss none.
//
// usage: node sensors.js [--url URL] send TOPIC NAME           each line of input is a reading
//        node sensors.js [--url URL] watch TOPIC NAME [COUNT]  shows COUNT, or all that come
//
// A subscriber that is away gets what was measured meanwhile when it is back: the consumer "watch"
// of its name stays in the broker. Readings are forgotten after a day. For example
//
//     while sleep 1; do cut -d' ' -f1 /proc/loadavg; done | node sensors.js send machine.load probe
//     node sensors.js watch machine.load desk
//
// To do something with a reading, add it to Feed.take. A broker must run (roostd).
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { DEFAULT_URL, RoostError, connect } from 'roost-client';

const USAGE = 'usage: node sensors.js [--url URL] send|watch TOPIC NAME [COUNT]';
const DAY_MS = 86_400_000;

/** What is known of one topic. */
class Feed {
    count = 0;
    total = 0;
    low = Infinity;
    high = -Infinity;

    take(value) {
        this.count++;
        this.total += value;
        this.low = Math.min(this.low, value);
        this.high = Math.max(this.high, value);
    }

    toString() {
        const [low, high, mean] = [this.low, this.high, this.total / this.count]
            .map((value) => value.toFixed(2));
        return `${this.count} readings, ${low} to ${high}, mean ${mean}`;
    }
}

/** A reading, or undefined. */
function numberIn(text) {
    const value = Number(text);
    return text.trim() !== '' && Number.isFinite(value) ? value : undefined;
}

async function send(client, topic) {
    for await (const line of createInterface({ input: process.stdin })) {
        const value = numberIn(line);
        if (value === undefined) {
            console.log(`no reading: ${line.trim()}`);
            continue;
        }
        await client.send(`topic:${topic}`, line.trim(),
            { contentType: 'text/plain', ttlMs: DAY_MS });
        console.log(`${client.peer} sends ${value.toFixed(2)}`);
    }
}

async function watch(client, topic, count = Infinity) {
    const inbox = await client.attach(`topic:${topic}`, { consumer: 'watch' });
    console.log(`* ${inbox.waitingAtAttach} readings came meanwhile`);
    const feed = new Feed();
    for await (const received of inbox) {
        const value = numberIn(received.text);
        if (value === undefined) {
            received.reject('no reading');
            continue;
        }
        feed.take(value);
        console.log(`${received.sender}: ${value.toFixed(2)} (${feed})`);
        received.ack();
        if (feed.count >= Number(count))
            break;
    }
    await inbox.confirm();
}

const COMMANDS = { send, watch };

async function main() {
    const { values, positionals } = parseArgs({
        options: { url: { type: 'string', default: DEFAULT_URL } }, allowPositionals: true });
    const [command, topic, peer, count] = positionals;
    if (!(command in COMMANDS) || !peer)
        throw new TypeError(USAGE);
    const client = await connect({ url: values.url, peer });
    try {
        await COMMANDS[command](client, topic, count);
    } finally {
        await client.close();
    }
}

main().catch((error) => {
    console.error(error instanceof RoostError ? `sensors: ${error.message}` : error.message);
    process.exitCode = error instanceof RoostError ? 1 : 2;
});
