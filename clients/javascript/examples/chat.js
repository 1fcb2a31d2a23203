// SPDX-License-Identifier: MPL-2.0
// A chat in a room. What is said while you are away is shown when you come back.
//
// usage: node chat.js ROOM NAME [--url URL] [--password-file FILE]
//
// Each line you type is a message; one that begins with / is a command, /help lists them. To add a
// command, add a row to COMMANDS. To show another kind of message, add a line to SHOWN. A broker
// must run (roostd); the other examples do with less.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { Code, DEFAULT_URL, RoostClosed, RoostError, connect } from 'roost-client';

const USAGE = 'usage: node chat.js ROOM NAME [--url URL] [--password-file FILE]';

const SHOWN = {
    text: ({ sender, text }) => `${sender}: ${text}`,
    edit: ({ sender, text }) => `${sender} means: ${text}`,
    delete: ({ sender }) => `${sender} takes a message back`,
    reaction: ({ sender, text }) => `${sender} reacts: ${text}`,
};

/** What others wrote must not move the cursor about: no control characters. */
function say(line) {
    console.log(line.replaceAll(/\p{C}/gu, '?'));
}

function show(message) {
    const shown = SHOWN[message.kind] ??
        (({ sender, kind }) => `${sender} sends something of kind ${kind}`);
    say(shown(message));
}

// ---------------------------------------------------------------- commands

/** Each gets the chat and the rest of the line; false ends the chat. */
const COMMANDS = {
    help: ['this list', () => {
        for (const [name, [help]] of Object.entries(COMMANDS).sort())
            say(`* /${name.padEnd(8)} ${help}`);
    }],
    who: ['who is in the room', async ({ client, room }) => {
        for (const { peer, role, isOnline } of (await client.members(room)).items)
            say(`* ${peer}, ${role}, ${isOnline ? 'here' : 'away'}`);
    }],
    topic: ['what the room talks about; with a text: that from now on', async (chat, text) => {
        const { client, room } = chat;
        if (text)
            await client.updateRoom(room, { topic: text });
        for (const { name, topic } of (await client.rooms({ mineOnly: true })).items) {
            if (name === room)
                say(`* topic: ${topic || '(none)'}`);
        }
    }],
    invite: ['NAME TEXT: asks somebody into the room', async ({ client, room }, words) => {
        const [name, ...text] = words.split(' ');
        await client.invite(room, name, text.join(' '));
        say(`* ${name} was asked, and may accept with: roost --as ${name} invite accept`);
    }],
    last: ['COUNT: the last 10 messages, or so many', async ({ client, scope }, count) => {
        const limit = /^\d+$/.test(count) ? Number(count) : 10;
        const { items } = await client.history({ scope, newestFirst: true, limit });
        items.reverse().forEach(show);
    }],
    find: ['WORDS: messages of the room with all of them', async ({ client, scope }, words) => {
        (await client.search(words, { scope })).items.forEach(show);
    }],
    fix: ['TEXT: your last message shall say this instead', async (chat, text) => {
        if (chat.lastId === undefined)
            say('* you have not written anything yet');
        else
            await chat.client.edit(chat.lastId, text);
    }],
    leave: ['leaves the room for good: nothing waits for you any more', async (chat) => {
        await chat.client.leave(chat.room);
        return false;
    }],
    quit: ['goes; what is said meanwhile waits for you', () => false],
};

// ---------------------------------------------------------------- chat

/** Joins the room, or makes it when there is none yet. */
async function enter({ client, room, scope }) {
    try {
        await client.join(room);
    } catch (error) {
        if (error.code !== Code.NO_SUCH_SCOPE)
            throw error;
        await client.createRoom(room);
    }
    // A consumer of this name stays in the broker while we are away, and so does what it is due.
    const inbox = await client.attach(scope, { consumer: 'chat' });
    say(`* you are in ${room}; ${inbox.waitingAtAttach} messages came meanwhile`);
    return inbox;
}

async function listen(inbox, name) {
    try {
        for await (const received of inbox) {
            if (received.sender !== name)
                show(received);
            received.ack();     // shown: it does not come again
        }
    } catch (error) {
        if (error instanceof RoostError && !(error instanceof RoostClosed))
            say(`* nothing is shown any more: ${error.message}`);   // it chats somewhere else
    }
}

/** One line of the keyboard; false ends the chat. */
async function typed(chat, line) {
    if (!line.startsWith('/')) {
        chat.lastId = (await chat.client.send(chat.scope, line)).messageId;
        return true;
    }
    const [name] = line.slice(1).split(' ');
    if (!Object.hasOwn(COMMANDS, name)) {
        say(`* there is no /${name}; /help lists what there is`);
        return true;
    }
    return await COMMANDS[name][1](chat, line.slice(name.length + 1).trim()) !== false;
}

async function talk(chat) {
    const lines = createInterface({ input: process.stdin });
    for await (const line of lines) {
        try {
            if (line.trim() && !await typed(chat, line.trim()))
                break;
        } catch (error) {
            if (!(error instanceof RoostError))
                throw error;
            say(`* ${error.message}`);
        }
    }
    lines.close();
    process.stdin.destroy();    // or Node would go on waiting for the keyboard
}

async function main() {
    const { values, positionals } = parseArgs({ allowPositionals: true, options: {
        url: { type: 'string', default: DEFAULT_URL }, 'password-file': { type: 'string' } } });
    const [room, peer] = positionals;
    if (!peer)
        throw new TypeError(USAGE);
    const file = values['password-file'];
    const credentials = file ? readFileSync(file, 'utf8').split('\n')[0] : '';
    const client = await connect({ url: values.url, peer, credentials });
    const chat = { client, room, scope: `room:${room}`, lastId: undefined };
    try {
        listen(await enter(chat), client.peer);
        await talk(chat);
        await client.flush({ timeoutMs: 10_000 });
    } finally {
        await client.close();
    }
}

main().catch((error) => {
    console.error(error instanceof RoostError ? `chat: ${error.message}` : error.message);
    process.exitCode = error instanceof RoostError ? 1 : 2;
});
