// SPDX-License-Identifier: MPL-2.0
// Runs one story of a file: `node FILE STORY URL [ARGUMENT...]`. A story is an async function that
// gets the client package, the URL and the arguments; it must leave nothing open, because the
// process is to end by itself. say() tells the test a line, hear() waits for one of it.
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

export const roost = await import(pathToFileURL(`${process.env.ROOST_JAVASCRIPT}/src/index.js`));

export function say(...words) {
    console.log(words.join(' '));
}

export async function hear() {
    const lines = createInterface({ input: process.stdin });
    for await (const line of lines) {
        lines.close();
        return line;
    }
    throw new Error('the test ended');
}

/** Connects all of these, runs the function with their clients, and closes them. */
export async function withClients(url, peers, run) {
    const clients = await Promise.all(peers.map((peer) =>
        roost.connect({ url, timeoutMs: 20_000, ...(typeof peer === 'string' ? { peer } : peer) })));
    try {
        return await run(...clients);
    } finally {
        await Promise.all(clients.map((client) => client.close()));
    }
}

/** Takes and acknowledges so many messages. */
export async function take(inbox, count, timeoutMs = 20_000) {
    const messages = [];
    while (messages.length < count) {
        const received = await inbox.receive({ timeoutMs });
        if (received === undefined)
            throw new Error(`only ${messages.length} of ${count} messages came`);
        received.ack();
        messages.push(received);
    }
    return messages;
}

export async function play(stories) {
    const [name, ...words] = process.argv.slice(2);
    await stories[name](...words);
    say('done');
}
