// SPDX-License-Identifier: MPL-2.0
// Rooms, invitations, changes, accounts: every call of the client, with the answers it must give.
import assert from 'node:assert/strict';
import { play, roost, say, take, withClients } from './story.mjs';

const PASSWORD = 'correct horse battery';
const refusedWith = (code) => (error) => error instanceof roost.RoostError && error.code === code;

async function rooms(url) {
    await withClients(url, ['alice', 'bob'], async (alice, bob) => {
        await alice.createRoom('厨房', { privacy: 'private', topic: 'tea' });
        await assert.rejects(alice.createRoom('厨房'), refusedWith(roost.Code.EXISTS));
        await assert.rejects(bob.join('厨房'), refusedWith(roost.Code.NOT_ALLOWED));
        const invitationId = await alice.invite('厨房', 'bob', '来吃饭');
        const inbox = await bob.attach();
        const [mail] = await take(inbox, 1);
        assert.equal(roost.invitationOf(mail).invitationId, invitationId);
        assert.equal(roost.invitationOf({ kind: 'text' }), undefined);
        const { items: [pending] } = await bob.invitations();
        assert.deepEqual([pending.text, pending.status], ['来吃饭', 'pending']);
        assert.equal((await alice.invitations({ sentBy: 'alice' })).items[0].invitee, 'bob');
        assert.deepEqual(await bob.acceptInvitation({ invitationId }), ['room:厨房']);
        assert.deepEqual((await alice.members('厨房')).items.map(({ peer, role }) => [peer, role]),
            [['alice', 'owner'], ['bob', 'member']]);
        await alice.updateRoom('厨房', { topic: null, description: 'hot', privacy: 'public' });
        const { items: [room] } = await bob.rooms({ mineOnly: true });
        assert.deepEqual([room.name, room.topic, room.description, room.privacy, room.members],
            ['厨房', '', 'hot', 'public', 2]);
        await alice.setMember('厨房', 'bob', 'moderator');
        assert.equal((await bob.rooms({ mineOnly: true })).items[0].myRole, 'moderator');
        await bob.leave('厨房');
        await alice.invite('厨房', 'bob');
        await alice.revokeInvitation({ room: '厨房', peer: 'bob' });
        await assert.rejects(bob.acceptInvitation(), refusedWith(roost.Code.NO_SUCH_INVITATION));
        await alice.invite('厨房', 'bob');
        await bob.declineInvitation({ isAll: true });
        await bob.join('厨房');
        await alice.setMember('厨房', 'bob', 'banned');
        await assert.rejects(bob.send('room:厨房', 'hello?'), refusedWith(roost.Code.ROOM_BANNED));
        await alice.archiveRoom('厨房');
        await assert.rejects(alice.send('room:厨房', 'x'), refusedWith(roost.Code.ROOM_ARCHIVED));
        assert.throws(() => { throw new roost.RoostError(9999); }, { name: 'E9999' });
        await assert.rejects(alice.updateRoom('厨房', { password: null }), TypeError);
        await assert.rejects(alice.setMember('厨房', 'bob', 'king'), TypeError);
    });
}

async function changes(url) {
    await withClients(url, ['alice', 'bob'], async (alice, bob) => {
        const live = await bob.attach('room:Lobby', { ephemeral: true });
        const { messageId } = await alice.send('room:Lobby', 'spagetti');
        await alice.edit(messageId, 'spaghetti');
        await bob.react(messageId, '👍');
        const seen = await take(live, 3);
        assert.deepEqual(seen.map(({ kind, text }) => [kind, text]),
            [['text', 'spagetti'], ['edit', 'spaghetti'], ['reaction', '👍']]);
        assert.equal(seen[1].parentId, messageId);
        const { items: [found] } = await bob.search('spagh', { scope: 'room:Lobby' });
        assert.equal(found.text, 'spaghetti');
        assert.ok(found.editedMs > 0);
        assert.deepEqual(found.reactions, [{ emoji: '👍', count: 1, isMine: true }]);
        assert.equal((await bob.edits(messageId)).items[0].text, 'spagetti');
        await bob.react(messageId, '👍', false);
        await alice.delete(messageId);
        const { items: [tombstone] } = await bob.history({ scope: 'room:Lobby' });
        assert.ok(tombstone.deletedMs > 0);
        assert.equal(tombstone.text, '');
        await assert.rejects(bob.delete(messageId), refusedWith(roost.Code.NOT_ALLOWED));
    });
}

async function accounts(url) {
    await withClients(url, ['nobody'], async (nobody) => {
        assert.equal(nobody.role, 'none');
        await nobody.register('carol', PASSWORD);
        await assert.rejects(roost.connect({ url, peer: 'carol' }),
            refusedWith(roost.Code.NO_CREDENTIALS));
        await assert.rejects(roost.connect({ url, peer: 'carol', credentials: 'wrong' }),
            { code: 2002, name: 'BAD_CREDENTIALS', retryable: false });
        await nobody.setRole('carol', 'moderator');
        await nobody.ban('carol', { reason: 'noise' });
        const { items: [user] } = await nobody.users();
        assert.deepEqual([user.name, user.role, user.banReason], ['carol', 'moderator', 'noise']);
        await nobody.unban('carol');
        await nobody.setActive('carol', false);
        await nobody.setActive('carol', true);
        await nobody.unlock('carol');
        const actions = (await nobody.audit()).items.map(({ action }) => action);
        assert.ok(actions.includes('ban'), actions.join());
        let token;
        await withClients(url, [{ peer: 'carol', credentials: PASSWORD }], async (carol) => {
            assert.equal(carol.role, 'moderator');
            token = await carol.createToken('laptop');
            const { items } = await carol.sessions();
            assert.deepEqual(items.map(({ label }) => label).filter(Boolean), ['laptop']);
            await carol.changePassword(`${PASSWORD}!`, { old: PASSWORD });
        });
        await withClients(url, [{ peer: 'carol', credentials: `${PASSWORD}!` }], async (carol) => {
            token = await carol.createToken('phone');
        });
        await withClients(url, [{ peer: 'carol', credentials: token }],
            (carol) => carol.endSession({ isAll: true }));
        await assert.rejects(roost.connect({ url, peer: 'carol', credentials: token }),
            refusedWith(roost.Code.BAD_CREDENTIALS));
    });
}

/** Rules of the access list: they count at once, and are what 'roost acl' shows. */
async function rules(url) {
    const { send, read, create } = roost.AclActions;
    await withClients(url, ['keeper'], (keeper) => keeper.register('keeper', PASSWORD));
    const people = [{ peer: 'keeper', credentials: PASSWORD }, 'guest'];
    await withClients(url, people, async (keeper, guest) => {
        await keeper.send('queue:jobs', 'one');
        const denied = await keeper.aclAdd('@unverified', send | create, 'queue:jobs', { isAllow: false });
        const allowed = await keeper.aclAdd('ana', read, 'topic:sensors.>');
        assert.equal(await keeper.aclAdd('ana', read, 'topic:sensors.>'), allowed);
        const { items, hasMore } = await keeper.acl();
        assert.deepEqual(items.map(({ createdMs, ...rule }) => [createdMs > 0, rule]), [
            [true, { id: denied, subject: '@unverified', scope: 'queue:jobs', actions: send | create,
                isAllow: false, creator: 'keeper' }],
            [true, { id: allowed, subject: 'ana', scope: 'topic:sensors.>', actions: read,
                isAllow: true, creator: 'keeper' }],
        ]);
        assert.equal(hasMore, false);
        assert.deepEqual((await keeper.acl({ after: denied })).items.map(({ id }) => id), [allowed]);
        assert.equal(await keeper.aclTest('guest', send, 'queue:jobs'), false);
        assert.equal(await keeper.aclTest('guest', read, 'queue:jobs'), true);
        await assert.rejects(guest.send('queue:jobs', 'two'), refusedWith(roost.Code.NOT_ALLOWED));
        await assert.rejects(guest.acl(), refusedWith(roost.Code.NOT_ALLOWED));
        await keeper.aclRemove(denied);
        await guest.send('queue:jobs', 'two');
        await assert.rejects(keeper.aclAdd('ana', 16, '*'), refusedWith(roost.Code.BAD_FIELD));
        await assert.rejects(keeper.aclAdd('ana', 'send', '*'));
    });
}

/** A name that is locked is told at once, and the client goes on trying. */
async function locked(url) {
    await withClients(url, ['keeper'], async (keeper) => {
        for (let failures = 0; failures < 5; failures++)
            await assert.rejects(roost.connect({ url, peer: 'dora', credentials: 'wrong' }));
        const dora = new roost.Client({ url, peer: 'dora', credentials: PASSWORD });
        const states = [];
        dora.on('state', (state) => states.push(state));
        await assert.rejects(dora.waitReady({ timeoutMs: 600_000 }),
            { code: 2006, name: 'LOCKED_OUT', retryable: true });
        await keeper.register('dora', PASSWORD);
        await keeper.unlock('dora');
        while (!dora.isConnected)
            await new Promise((resolve) => dora.once('state', resolve));
        assert.equal(dora.peer, 'dora');
        assert.ok(states.includes('locked out'));
        await dora.close();
    });
}

async function peers(url) {
    await withClients(url, ['alice'], async (alice) => {
        const events = [];
        const came = new Promise((resolve) => alice.on('presence', (event) => {
            events.push([event.peer, event.isOnline]);
            if (!event.isOnline)
                resolve();
        }));
        await alice.subscribePresence();
        await withClients(url, ['李雷'], async () => {
            const online = (await alice.peers({ onlineOnly: true })).items.map(({ name }) => name);
            assert.deepEqual(online.sort(), ['alice', '李雷']);
        });
        await came;
        assert.deepEqual(events, [['李雷', true], ['李雷', false]]);
        await alice.setNickname('李雷', 'Lei');
        const { items: [lei] } = await alice.peers({ name: '李雷' });
        assert.deepEqual([lei.label, lei.isOnline, lei.addresses[0].address],
            ['Lei', false, '127.0.0.1']);
        assert.equal((await alice.peers({ address: '127.0.0.1' })).items.length, 2);
        assert.equal((await alice.peerStats()).total, 2);
        const reasons = (await alice.presenceEvents({ peer: '李雷' })).items.map(({ reason }) => reason);
        assert.ok(reasons.includes('goodbye'), reasons.join());
        await alice.subscribePresence(false);
        await alice.call('CONSUMER_REMOVE', { scope: 'peer:李雷', consumer: 'main' }).catch(() => {});
        await alice.removePeer('李雷');
        assert.equal((await alice.peers()).items.length, 1);
    });
    say('all peers');
}

await play({ accounts, changes, locked, peers, rooms, rules });
