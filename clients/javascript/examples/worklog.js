// SPDX-License-Identifier: MPL-2.0
// A work log: jobs in a queue, workers that share them, and a log of what was done.
//
// usage: node worklog.js [--url URL] add QUEUE NAME JOB...     puts jobs into the queue
//        node worklog.js [--url URL] work QUEUE NAME [COUNT]   does COUNT jobs, or all that come
//        node worklog.js [--url URL] show QUEUE NAME           what was done, and what waits
//
// Start as many workers as you like, in Python, C or JavaScript: each job goes to one of them. Kill
// one in the middle of a job: another one does it. To do real work, write it into doJob. A broker
// must run (roostd).
import { parseArgs } from 'node:util';
import { DEFAULT_URL, RoostError, connect } from 'roost-client';

const USAGE = 'usage: node worklog.js [--url URL] add|work|show QUEUE NAME [JOB...|COUNT]';

/** The job is tried again later; after some tries it is given up (a dead letter). */
class JobFailed extends Error {}

/** The work. What it gives goes to the log. */
async function doJob(job) {
    if (job.startsWith('fail'))
        throw new JobFailed('the job says so');
    return `${Buffer.byteLength(job)} bytes`;
}

/**
 * The id of the log entry follows from that of the job: a worker that does a job again, because it
 * was killed before it could say so, does not log it twice.
 */
function logId(messageId) {
    const last = (parseInt(messageId.slice(-2), 16) ^ 1).toString(16).padStart(2, '0');
    return messageId.slice(0, -2) + last;
}

async function add(client, queue, jobs) {
    for (const job of jobs) {
        const { seq } = await client.send(`queue:${queue}`, job);
        console.log(`${client.peer} adds ${job} as number ${seq}`);
    }
}

/** One job at a time (window 1), so that the others get theirs. */
async function work(client, queue, [count = Infinity]) {
    const inbox = await client.attach(`queue:${queue}`, { window: 1 });
    for (let left = Number(count); left > 0;) {
        const received = await inbox.receive();
        const job = received.text;
        console.log(`${client.peer} does ${job}, try ${received.attempt}`);
        try {
            const result = await doJob(job);
            await client.send(`topic:${queue}.done`, `${client.peer} did ${job}: ${result}`,
                { messageId: logId(received.messageId), parentId: received.messageId });
            received.ack();     // only now: what is logged is done, what is not is done again
            await inbox.confirm();
            left--;
        } catch (error) {
            if (!(error instanceof JobFailed))
                throw error;
            received.fail(error.message);
        }
    }
}

async function show(client, queue) {
    for (let page = { nextSeq: 0, hasMore: true }; page.hasMore;) {
        page = await client.history({ scope: `topic:${queue}.done`, afterSeq: page.nextSeq });
        page.items.forEach(({ text }) => console.log(text));
    }
    const { items } = await client.query('INSPECT', 'consumers', { scope: `queue:${queue}` });
    for (const { waiting, dead } of items)
        console.log(`${waiting} jobs wait, ${dead} were given up`);
}

const COMMANDS = { add, work, show };

async function main() {
    const { values, positionals } = parseArgs({
        options: { url: { type: 'string', default: DEFAULT_URL } }, allowPositionals: true });
    const [command, queue, peer, ...rest] = positionals;
    if (!(command in COMMANDS) || !peer)
        throw new TypeError(USAGE);
    const client = await connect({ url: values.url, peer });
    try {
        await COMMANDS[command](client, queue, rest);
    } finally {
        await client.close();
    }
}

main().catch((error) => {
    console.error(error instanceof RoostError ? `worklog: ${error.message}` : error.message);
    process.exitCode = error instanceof RoostError ? 1 : 2;
});
