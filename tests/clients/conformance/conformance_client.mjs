// SPDX-License-Identifier: MPL-2.0
// A program around the JavaScript client that does what a line of standard input says and prints
// one line for what came of it: the client side of the conformance exchanges. The commands and
// results are those of conformance_client.py.
//
// usage: conformance_client.mjs URL PEER      (ROOST_JAVASCRIPT: the folder of the package)
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const entry = pathToFileURL(`${process.env.ROOST_JAVASCRIPT}/src/index.js`);
const { Client, Privacy, RoomRole, RoostError } = await import(entry);

const [url, peer] = process.argv.slice(2);
const client = new Client({ url, peer });
const WAIT = { timeoutMs: 10_000 };
let inbox, received, sent;

const events = [];
let onEvent = () => {};
client.on('presence', (event) => {
    events.push(event);
    onEvent();
});

const page = ({ items, hasMore }) =>
    `page ${items.map(({ text }) => text).join(' ')}${hasMore ? ' and more' : ''}`;

function found({ items }) {
    const words = ['found'];
    for (const message of items) {
        if (message.text)
            words.push(message.text);
        if (message.editedMs)
            words.push('edited');
        if (message.deletedMs)
            words.push('deleted');
        for (const { emoji, count, isMine } of message.reactions)
            words.push(`${emoji}:${count}:${isMine ? 'mine' : ''}`);
    }
    return words.join(' ');
}

const done = async (promise) => {
    await promise;
    return 'done';
};

async function attach(scope, options) {
    inbox = await client.attach(scope, options);
    return `attached ${inbox.waitingAtAttach}`;
}

const COMMANDS = {
    async welcome() {
        await client.waitReady();
        return `welcome ${client.peer}`;
    },
    async send(scope, body, receipts = '0') {
        const stored = await client.send(scope, body, { receipts: Number(receipts), ...WAIT });
        sent = stored.messageId;
        return stored.isDuplicate ? 'duplicate' : 'stored';
    },
    attach: (scope, consumer = 'main') => attach(scope, { consumer }),
    listen: (scope) => attach(scope, { ephemeral: true }),
    async next() {
        received = await inbox.receive(WAIT);
        const { kind, sender, contentType, text } = received;
        return `next ${kind.toUpperCase()} ${sender} ${kind === 'system' ? contentType : text}`.trim();
    },
    async receive() {
        received = await inbox.receive(WAIT);
        return `message ${received.sender} ${received.text}`;
    },
    ack: () => received.ack(),
    fail: (reason) => received.fail(reason),
    reject: (reason) => received.reject(reason),
    release: () => received.release(),
    extend: () => received.extend(),
    async confirm() {
        await inbox.confirm();
        return 'confirmed';
    },
    async receipt() {
        const [{ level, scope, messageIds }] = await inbox.receipts(WAIT);
        return `receipt ${level.toUpperCase()} ${scope} ${messageIds.length}`;
    },
    detach: () => inbox.close(),
    history: async (name) => page(await client.history({ peer: name })),
    sync: async (after) => page(await client.sync({ afterSeq: Number(after) })),
    unread: async (name) => `unread ${await client.unread({ peer: name })}`,
    async peers() {
        const { items } = await client.peers();
        return `peers ${items.map(({ name, isOnline }) => name + (isOnline ? '+' : '-')).join(' ')}`;
    },
    read: (name, seq) => done(client.markRead({ peer: name, seq: Number(seq) })),
    async watch() {
        await client.subscribePresence();
        return 'watching';
    },
    async event() {
        if (events.length === 0)
            await new Promise((resolve) => { onEvent = resolve; });
        const event = events.shift();
        return `event ${event.peer} ${event.isOnline ? 'online' : 'offline'}`;
    },

    // ------------------------------------------------------------ rooms and changes

    join: (room) => done(client.join(room)),
    leave: (room) => done(client.leave(room)),
    async invitations() {
        const { items } = await client.invitations();
        return ['invitations', ...items.map(({ scope, inviter, text }) =>
            `${scope}:${inviter}:${text}`)].join(' ');
    },
    async accept(room) {
        return ['joined', ...await client.acceptInvitation({ room })].join(' ');
    },
    async members(room) {
        const { items } = await client.members(room);
        return ['members', ...items.map(({ peer: name, role }) =>
            `${name}:${RoomRole[role]}`)].join(' ');
    },
    async rooms() {
        const { items } = await client.rooms({ mineOnly: true });
        return ['rooms', ...items.map(({ name, topic, privacy, members, myRole }) =>
            `${name}:${topic}:${Privacy[privacy]}:${members}:${RoomRole[myRole]}`)].join(' ');
    },
    edit: (text) => done(client.edit(sent, text)),
    delete: () => done(client.delete(sent)),
    react: (emoji) => done(client.react(sent, emoji)),
    unreact: (emoji) => done(client.react(sent, emoji, false)),
    edits: async () => page(await client.edits(sent)),
    search: async (text, scope) => found(await client.search(text, { scope })),
    log: async (scope) => found(await client.history({ scope })),
    async close() {
        await client.close();
        return 'closed';
    },
};

for await (const line of createInterface({ input: process.stdin })) {
    const [command, ...words] = line.split(' ');
    let result;
    try {
        result = await COMMANDS[command](...words);
    } catch (error) {
        if (!(error instanceof RoostError))
            throw error;
        result = `refused ${error.code}`;
    }
    if (result !== undefined)
        console.log(result);
}
await client.close();
