// SPDX-License-Identifier: MPL-2.0
/**
 * Rooms, invitations, changes of messages, search and accounts. Owns no state: each method is one
 * query or call.
 *
 * Room names are given bare ('kitchen'); messages of a room are those of the scope 'room:kitchen':
 * send to it, attach to it, ask for its history like of any other scope.
 */
import { Asking } from './asking.js';
import { idText } from './ids.js';
import { roomScope, where } from './requests.js';

const CLEAR_BITS = { displayName: 1, topic: 2, description: 4, retentionMs: 8 };

function textOf(bytes) {
    return bytes.toString();
}

export class People extends Asking {
    // ------------------------------------------------------------ rooms

    /** A page of rooms: public, protected and open ones, and those we are a member of. */
    async rooms({ mineOnly = false, limit = 500, ...options } = {}) {
        return this.query('ROOMS', 'rooms', { onlineOnly: mineOnly, limit, ...options });
    }

    /** A page of members, by name. */
    async members(room, { limit = 500, ...options } = {}) {
        return this.query('MEMBERS', 'members', { scope: roomScope(room), limit, ...options });
    }

    /** We become its owner. Rejects with EXISTS when there is one of this name. */
    async createRoom(room, options = {}) {
        await this.call('ROOM_CREATE', { scope: roomScope(room), ...options });
    }

    /** Joining again is no error. */
    async join(room, options = {}) {
        await this.call('ROOM_JOIN', { scope: roomScope(room), ...options });
    }

    /** Our consumers of the room go with us. */
    async leave(room, options = {}) {
        await this.call('ROOM_LEAVE', { scope: roomScope(room), ...options });
    }

    /**
     * Sets displayName, topic, description, privacy, password, retentionMs; null empties one, what
     * is not named stays.
     */
    async updateRoom(room, { timeoutMs, ...fields }) {
        const given = {};
        let clear = 0;
        for (const [name, value] of Object.entries(fields)) {
            if (value !== null)
                given[name] = value;
            else if (name in CLEAR_BITS)
                clear |= CLEAR_BITS[name];
            else
                throw new TypeError(`${name} cannot be emptied`);
        }
        await this.call('ROOM_UPDATE', { scope: roomScope(room), clear, ...given, timeoutMs });
    }

    /** It can be read, not written to any more. */
    async archiveRoom(room, options = {}) {
        await this.call('ROOM_ARCHIVE', { scope: roomScope(room), ...options });
    }

    /** 'none' removes, 'banned' keeps out. */
    async setMember(room, peer, role, options = {}) {
        await this.call('MEMBER_ROLE',
            { scope: roomScope(room), peer, roomRole: role, ...options });
    }

    // ------------------------------------------------------------ invitations

    /** Pending ones to us; with our own name as sentBy those we sent. */
    async invitations({ sentBy, ...options } = {}) {
        return this.query('INVITATIONS', 'invitations', { peer: sentBy, ...options });
    }

    /** Gives the invitation's id. It comes to the peer's mailbox, too: invitationOf(message). */
    async invite(room, peer, text = '', options = {}) {
        const reply = await this.call('INVITE', { scope: roomScope(room), peer, text, ...options });
        return idText(reply.invitationId);
    }

    /** Of a room, of an id, all of them, or the newest. Gives the scopes that were joined. */
    async acceptInvitation(choice = {}) {
        return this.#answer('INVITE_ACCEPT', choice);
    }

    /** As acceptInvitation(). */
    async declineInvitation(choice = {}) {
        return this.#answer('INVITE_DECLINE', choice);
    }

    async #answer(method, { room, isAll = false, ...options }) {
        const scope = room === undefined ? '' : roomScope(room);
        const reply = await this.call(method, { scope, all: isAll, ...options });
        return reply.scopes.map(({ scope: joined }) => textOf(joined));
    }

    /** By its id, or by room and peer. */
    async revokeInvitation({ room, ...options }) {
        const scope = room === undefined ? '' : roomScope(room);
        await this.call('INVITE_REVOKE', { scope, ...options });
    }

    // ------------------------------------------------------------ messages

    /** Our own message has another text from now on; edits() has the earlier ones. */
    async edit(messageId, body, options = {}) {
        await this.call('MESSAGE_EDIT', { messageIds: messageId, body, ...options });
    }

    /** A tombstone stays in its place. */
    async delete(messageId, options = {}) {
        await this.call('MESSAGE_DELETE', { messageIds: messageId, ...options });
    }

    /** Doing it twice is doing it once. */
    async react(messageId, emoji, isOn = true, options = {}) {
        await this.call(isOn ? 'REACT' : 'UNREACT',
            { messageIds: messageId, text: emoji, ...options });
    }

    /** A page of earlier texts, oldest first. */
    async edits(messageId, options = {}) {
        return this.query('EDITS', 'messages', { messageIds: messageId, ...options });
    }

    /**
     * Messages with all words of `text`, best first. While hasMore: with nextSeq 0 raise offset by
     * the items that came, else beforeSeq = nextSeq and offset 0.
     */
    async search(text, { peer, scope, ...options } = {}) {
        return this.query('SEARCH', 'messages', { text, ...where({ peer, scope }), ...options });
    }

    // ------------------------------------------------------------ accounts

    /** Makes an account, where the broker lets us. */
    async register(name, password, options = {}) {
        await this.call('USER_REGISTER', { peer: name, password, ...options });
    }

    /** One's own (with the old one), or as an administrator that of `name`. */
    async changePassword(password, { old = '', name, ...options } = {}) {
        await this.call('USER_PASSWORD', { peer: name, password, text: old, ...options });
    }

    /** A page of accounts (administrators). */
    async users({ limit = 500, ...options } = {}) {
        return this.query('USERS', 'users', { limit, ...options });
    }

    async setRole(name, role, options = {}) {
        await this.call('USER_ROLE', { peer: name, role, ...options });
    }

    /** untilMs 0: for ever. */
    async ban(name, { reason = '', untilMs = 0, ...options } = {}) {
        await this.call('USER_BAN', { peer: name, text: reason, untilMs, ...options });
    }

    async unban(name, options = {}) {
        await this.call('USER_UNBAN', { peer: name, ...options });
    }

    async setActive(name, isActive, options = {}) {
        await this.call('USER_ACTIVE', { peer: name, all: isActive, ...options });
    }

    /** Forgets its failed logins. */
    async unlock(name, options = {}) {
        await this.call('USER_UNLOCK', { peer: name, ...options });
    }

    /** Gives a token to be used as credentials; it is shown this once. */
    async createToken(label = '', { untilMs = 0, ...options } = {}) {
        const reply = await this.call('TOKEN_CREATE', { text: label, untilMs, ...options });
        return textOf(reply.token);
    }

    /** Our tokens; an administrator: those of `name`. */
    async sessions({ name, ...options } = {}) {
        return this.query('SESSIONS', 'sessions', { peer: name, ...options });
    }

    /** The token is worth nothing any more. */
    async endSession({ id = 0, isAll = false, name, ...options }) {
        await this.call('SESSION_END', { seq: id, all: isAll, peer: name, ...options });
    }

    /** Whoever has the secret key to this public one is `name` (administrators). */
    async enrolKey(name, key, { label = '', ...options } = {}) {
        await this.call('KEY_ENROL', { peer: name, key, text: label, ...options });
    }

    /** Gives a code that enrols one key for `name`: its credentials, one time (administrators). */
    async inviteKey(name, { label = '', untilMs = 0, ...options } = {}) {
        const reply = await this.call('KEY_CODE', { peer: name, text: label, untilMs, ...options });
        return textOf(reply.token);
    }

    /** One key, or all keys and codes of `name`: sessions end, and it is never accepted again. */
    async revokeKey({ key = '', id = 0, isAll = false, name, ...options }) {
        await this.call('KEY_REVOKE', { key, seq: id, all: isAll, peer: name, ...options });
    }

    /** A page of device keys: ours; an administrator: those of `name`, or all. */
    async keys({ name, after = 0, ...options } = {}) {
        return this.query('KEYS', 'keys', { peer: name, afterSeq: after, ...options });
    }

    /** A page of the audit log (administrators). */
    async audit({ after = 0, ...options } = {}) {
        return this.query('AUDIT', 'audit', { afterSeq: after, ...options });
    }

    /** A page of the rules of who may do what (administrators). */
    async acl({ after = 0, ...options } = {}) {
        return this.query('ACL', 'acl', { afterSeq: after, ...options });
    }

    /**
     * A rule: `subject` (an account, '@group' or '*') may, or may not, do `actions` (bits of
     * AclActions) with what the pattern `scope` matches. Gives its id.
     */
    async aclAdd(subject, actions, scope, { isAllow = true, ...options } = {}) {
        const reply = await this.call(isAllow ? 'ACL_ALLOW' : 'ACL_DENY',
            { peer: subject, text: scope, actions, ...options });
        return reply.seq;
    }

    /** Forgets a rule. */
    async aclRemove(id, options = {}) {
        await this.call('ACL_REMOVE', { seq: id, ...options });
    }

    /** Whether the access list lets `name` do this one of AclActions. */
    async aclTest(name, action, scope, options = {}) {
        const reply = await this.call('ACL_TEST',
            { peer: name, text: scope, actions: action, ...options });
        return reply.count > 0;
    }
}
