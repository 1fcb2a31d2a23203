// SPDX-License-Identifier: MPL-2.0
/**
 * Questions and changes that a client may ask of the broker: history, peers, dead letters and what
 * else the protocol has by name. Owns no state; `ask` of the class that extends this one sends.
 * Every call that resolves has been committed by the broker.
 */
import { EventEmitter } from 'node:events';
import { invitationIn, pageOf } from './answers.js';
import { decode, enumNumber } from './schema.js';
import { fieldsOf, scopeName, where } from './requests.js';

/** The invitation that the broker put into our mailbox as this message; undefined: it is none. */
export function invitationOf(message) {
    return invitationIn(message, decode);
}

export class Asking extends EventEmitter {
    /**
     * @param {string} _type
     * @param {object} _fields
     * @param {number | undefined} _timeoutMs
     * @returns {Promise<any>}
     */
    async ask(_type, _fields, _timeoutMs) {
        throw new Error('a client asks');
    }

    /**
     * Any query by its name in the schema and the list of RESULT it fills, for example
     * query('INSPECT', 'consumers', { scope: 'peer:alice' }).
     */
    async query(kind, field, { timeoutMs, ...fields } = {}) {
        const message = { kind: enumNumber('QueryKind', kind), ...fieldsOf(fields) };
        return pageOf(await this.ask('QUERY', message, timeoutMs), field);
    }

    /** Any call by its name in the schema; gives the fields of REPLY: done and on disk. */
    async call(method, { timeoutMs, ...fields } = {}) {
        return this.ask('CALL', { method: enumNumber('Method', method), ...fieldsOf(fields) },
            timeoutMs);
    }

    /** Messages of the conversation with a peer, or of a scope, oldest first by default. */
    async history({ peer, scope, ...options }) {
        if (peer === undefined && scope === undefined)
            throw new TypeError('give a peer or a scope');
        return this.query('HISTORY', 'messages', { ...where({ peer, scope }), ...options });
    }

    /** Messages by their ids, as far as they are stored and ours to see. */
    async messages(messageIds, options = {}) {
        return this.query('BY_ID', 'messages', { messageIds, ...options });
    }

    /** Everything sent to or by us, and in our rooms, since a seq. */
    async sync({ afterSeq = 0, limit = 500, timeoutMs } = {}) {
        return pageOf(await this.ask('SYNC', fieldsOf({ afterSeq, limit }), timeoutMs), 'messages');
    }

    /** Messages above the read marker that we did not send; of all conversations by default. */
    async unread({ peer, scope, ...options } = {}) {
        const { items } = await this.query('UNREAD', 'unread',
            { ...where({ peer, scope }), ...options });
        return items.reduce((sum, { unread }) => sum + unread, 0);
    }

    /** Conversations and rooms, newest first, each with what is unread. */
    async conversations(options = {}) {
        return this.query('CONVERSATIONS', 'unread', options);
    }

    /**
     * All peers, those online, the one of that name, or those seen at an IP address. Further pages:
     * afterName = page.nextName; by address: offset.
     */
    async peers({ name, limit = 500, ...options } = {}) {
        return this.query('PEERS', 'peers', { peer: name, limit, ...options });
    }

    /** How many peers are: total, online, offline, verified, unverified, lan. */
    async peerStats(options = {}) {
        const page = await this.query('PEER_STATS', 'counters', options);
        return Object.fromEntries(page.items.map(({ name, value }) => [name, value]));
    }

    /** What you call a peer; '' forgets it. */
    async setNickname(name, nickname, options = {}) {
        await this.call('PEER_NICKNAME', { peer: name, text: nickname, ...options });
    }

    /** Forgets a peer that is offline and has no messages (administrators). */
    async removePeer(name, options = {}) {
        await this.call('PEER_REMOVE', { peer: name, ...options });
    }

    /** Who came and went, of one peer or all. */
    async presenceEvents(options = {}) {
        return this.query('PRESENCE_EVENTS', 'events', options);
    }

    /** Events called 'presence' come from now on. */
    async subscribePresence(isWanted = true, { timeoutMs } = {}) {
        await this.ask('PRESENCE', { subscribe: isWanted }, timeoutMs);
    }

    /** Of one consumer of a scope (administrators; your own mailbox). */
    async deadLetters(scope, { consumer = 'main', ...options } = {}) {
        return this.query('DEAD_LETTERS', 'dead',
            { scope: scopeName(scope), consumer, ...options });
    }

    /** Everything the broker knows of one message. */
    async trace(messageId, options = {}) {
        return this.query('TRACE', 'steps', { messageIds: messageId, ...options });
    }

    /** The counters of the broker. */
    async stats(options = {}) {
        return this.query('STATS', 'counters', options);
    }

    /** Everything of the conversation up to seq is read; senders who asked are told. */
    async markRead({ peer, scope, seq, ...options }) {
        await this.call('MARK_READ', { ...where({ peer, scope }), seq, ...options });
    }

    /** Takes back own messages that nobody has leased yet; gives how many. */
    async cancel(messageIds, options = {}) {
        return (await this.call('CANCEL', { messageIds, ...options })).count;
    }
}
