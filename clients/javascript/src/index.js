// SPDX-License-Identifier: MPL-2.0
/**
 * The JavaScript client of roost, a durable message broker for ZeroMQ.
 *
 *     import { connect } from 'roost-client';
 *
 *     const client = await connect({ peer: 'alice' });
 *     await client.send('bob', 'hello');       // on the broker's disk when it resolves
 *     await client.close();
 *
 * src/core.js is the state machine without I/O, src/link.js its socket. See README.md.
 */
export { Message } from './answers.js';
export { invitationOf } from './asking.js';
export { Client, DEFAULT_URL, connect } from './client.js';
export {
    AclActions, InvitationStatus, Kind, Level, Privacy, Receipts, Role, RoomRole,
} from './enums.js';
export { Code, RoostClosed, RoostError, RoostTimeout } from './errors.js';
export { newMessageId } from './ids.js';
export { Inbox, Received } from './inbox.js';
export { makeKey, readKey } from './keys.js';
export { VERSION } from './version.js';
