// SPDX-License-Identifier: MPL-2.0
// The public interface of roost-client; README.md explains it. A test compiles programs against it
// and compares its names with those that src/index.js exports.

/** Text, sent as UTF-8, or bytes. */
export type Body = string | Uint8Array | ArrayBuffer;
/** The text of a UUID. Where one is given, 16 bytes will do. */
export type Id = string;
/** A word of an enumeration, or the number of one this version has no word for. */
export type WordOf<T> = keyof T | number;

export declare const VERSION: string;
export declare const DEFAULT_URL: string;

export declare const Kind: Readonly<Record<'text' | 'file_share' | 'share_group' | 'action'
    | 'receipt' | 'custom' | 'system' | 'edit' | 'delete' | 'reaction', number>>;
export declare const Role: Readonly<Record<'none' | 'guest' | 'user' | 'moderator' | 'admin',
    number>>;
export declare const Privacy: Readonly<Record<'none' | 'public' | 'private' | 'protected' | 'open',
    number>>;
export declare const RoomRole: Readonly<Record<'none' | 'owner' | 'moderator' | 'member' | 'reader'
    | 'banned', number>>;
export declare const InvitationStatus: Readonly<Record<'none' | 'pending' | 'accepted' | 'declined'
    | 'revoked' | 'expired', number>>;
export declare const Level: Readonly<Record<'none' | 'delivered' | 'read' | 'expired' | 'dead'
    | 'cancelled', number>>;
/** Bits of the option `receipts` of send(). */
export declare const AclActions: Readonly<Record<'send' | 'read' | 'create' | 'administrate', number>>;
export declare const Receipts: Readonly<Record<'delivered' | 'read' | 'fates', number>>;
/** Codes of errors by their names (docs/ERRORS.md). */
export declare const Code: Readonly<Record<string, number>>;

// ---------------------------------------------------------------- errors

/** The broker refused something. */
export declare class RoostError extends Error {
    constructor(code: number, text?: string);
    /** Stable. */
    readonly code: number;
    /** Name of the code, for example "NO_SUCH_PEER". */
    readonly name: string;
    /** For people. */
    readonly text: string;
    /** The same may succeed later. */
    readonly retryable: boolean;
}
/** No answer in time. What was asked may or may not have been done. */
export declare class RoostTimeout extends RoostError {
    constructor(text: string);
}
/** The client, or the inbox, was closed. */
export declare class RoostClosed extends RoostError {
    constructor(text?: string);
}

// ---------------------------------------------------------------- plain data

export declare class Message {
    readonly seq: number;
    readonly messageId: Id;
    readonly sender: string;
    readonly isSenderUnverified: boolean;
    readonly scope: string;
    readonly body: Uint8Array;
    /** The body as text. */
    readonly text: string;
    readonly kind: WordOf<typeof Kind>;
    readonly contentType: string;
    readonly headers: ReadonlyArray<readonly [string, Uint8Array]>;
    readonly key: Uint8Array;
    readonly priority: number;
    readonly replyTo: string;
    readonly correlationId: Uint8Array;
    /** '' when it answers none. */
    readonly parentId: Id;
    readonly createdMs: number;
    readonly storedMs: number;
    readonly expiresMs: number;
    /** 1 = first try. */
    readonly attempt: number;
    readonly isRedelivered: boolean;
    /** Of a page: body is the newest text. */
    readonly editedMs: number;
    /** A tombstone: body is empty. */
    readonly deletedMs: number;
    readonly reactions: readonly Reaction[];
}

export interface Reaction { emoji: string; count: number; isMine: boolean }
/** The message is on the broker's disk. */
export interface Stored { messageId: Id; seq: number; isDuplicate: boolean }

/**
 * One page. While hasMore, ask again with afterSeq or beforeSeq = nextSeq, or with afterName =
 * nextName.
 */
export interface Page<T> { items: T[]; hasMore: boolean; nextSeq: number; nextName: string }

export interface Receipt {
    level: WordOf<typeof Level>;
    scope: string;
    peer: string;
    messageIds: Id[];
    firstSeq: number;
    lastSeq: number;
    timeMs: number;
    reason: number;
}

export interface PresenceEvent {
    peer: string;
    isOnline: boolean;
    timeMs: number;
    reason: string;
    displayName: string;
    eventId: number;
    isVerified: boolean;
}

export interface Peer {
    name: string;
    displayName: string;
    nickname: string;
    /** What to show: nickname, else display name, user, host, address. */
    label: string;
    kind: string;
    isOnline: boolean;
    isVerified: boolean;
    firstSeenMs: number;
    lastSeenMs: number;
    leftMs: number;
    connections: number;
    addresses: { address: string; source: string; lastSeenMs: number }[];
    hostName: string;
    group: string;
    port: number;
    versionToken: string;
    capabilities: number;
    charset: string;
    fingerprint: string;
    transfersOk: number;
    transfersFailed: number;
    transferBytes: number;
    latencyMs: number;
    isRelay: boolean;
    isBootstrap: boolean;
    avatar: string;
    /** A JSON array, as imported. */
    groups: string;
    source: string;
    /** 0 to 1,000,000. */
    reliabilityPpm: number;
}

/** A direct conversation (peer) or a scope, and what is unread in it. */
export interface Conversation {
    peer: string;
    scope: string;
    unread: number;
    markerSeq: number;
    lastSeq: number;
    lastMs: number;
}

export interface ConsumerInfo {
    scope: string;
    consumer: string;
    floorSeq: number;
    lastSeq: number;
    waiting: number;
    leased: number;
    retry: number;
    scheduled: number;
    dead: number;
    attachedPeer: string;
    nextDueMs: number;
}

export interface DeadLetter {
    message: Message;
    scope: string;
    consumer: string;
    reason: number;
    text: string;
    attempts: number;
    diedMs: number;
}

export interface TraceStep {
    timeMs: number;
    event: string;
    scope: string;
    consumer: string;
    detail: string;
    reason: number;
}

export interface Counter { name: string; value: number; actor: string; unit: string }

export interface Room {
    name: string;
    displayName: string;
    topic: string;
    description: string;
    privacy: WordOf<typeof Privacy>;
    members: number;
    myRole: WordOf<typeof RoomRole>;
    createdMs: number;
    creator: string;
    retentionMs: number;
    isArchived: boolean;
    lastSeq: number;
}

export interface Member {
    peer: string;
    role: WordOf<typeof RoomRole>;
    joinedMs: number;
    isOnline: boolean;
}

export interface Invitation {
    invitationId: Id;
    scope: string;
    inviter: string;
    invitee: string;
    status: WordOf<typeof InvitationStatus>;
    text: string;
    createdMs: number;
    expiresMs: number;
    respondedMs: number;
}

export interface User {
    name: string;
    role: WordOf<typeof Role>;
    isActive: boolean;
    bannedUntilMs: number;
    banReason: string;
    createdMs: number;
    loginMs: number;
    isOnline: boolean;
}

/** A token that was given out and not ended. */
export interface Session {
    id: number;
    peer: string;
    kind: string;
    label: string;
    address: string;
    createdMs: number;
    usedMs: number;
    expiresMs: number;
}

/** A public key that proves who somebody is, or did until it was revoked. */
export interface DeviceKey {
    id: number;
    peer: string;
    /** Z85 */
    key: string;
    label: string;
    createdMs: number;
    /** When a session was opened with it last; 0: never. */
    usedMs: number;
    /** 0: it is good. */
    revokedMs: number;
}

/** Z85 texts of 40 characters. */
export interface KeyPair {
    publicKey: string;
    secretKey: string;
}

export interface AuditEntry {
    id: number;
    atMs: number;
    actor: string;
    action: string;
    target: string;
    detail: string;
    hash: Uint8Array;
}

/** A rule of who may do what. */
export interface AclRule {
    id: number;
    /** An account, "@guest", "@user", "@moderator", "@admin", "@unverified" or "*". */
    subject: string;
    /** A pattern: "*", "queue:jobs", "room:team-*", "topic:sensors.>". */
    scope: string;
    /** Bits of AclActions. */
    actions: number;
    /** false: it denies. */
    isAllow: boolean;
    createdMs: number;
    creator: string;
}

// ---------------------------------------------------------------- options

export interface Timeout {
    /** How long to wait for the answer; 30,000 by default. */
    timeoutMs?: number;
}
export interface Where {
    /** The conversation with this peer, or ... */
    peer?: string;
    /** ... this scope, for example "room:kitchen". */
    scope?: string;
}
export interface NamePaging extends Timeout { limit?: number; afterName?: string }

export interface ConnectOptions {
    /** "tcp://127.0.0.1:7667" by default. */
    url?: string;
    /** Who you are. */
    peer: string;
    /** Password or token of the account; a name without an account needs none. */
    credentials?: string | Uint8Array;
    displayName?: string;
    /** Where the broker speaks CURVE: your key, or a file of 'roost key make'. */
    key?: KeyPair | string;
    /** And the public key of the broker ('roost key server'). */
    serverKey?: string;
    /** How many sends may wait for their answers; 100,000 by default. */
    unacknowledgedMax?: number;
    /** Sees every message of the protocol; for tests. */
    observer?: (what: string, about: unknown) => void;
}

export interface SendOptions extends Timeout {
    /** Made up when it is not given; the same id again is the same message. */
    messageId?: Id | Uint8Array;
    kind?: WordOf<typeof Kind>;
    contentType?: string;
    headers?: Record<string, string | Uint8Array>
        | Iterable<readonly [string, string | Uint8Array]>;
    key?: string | Uint8Array;
    priority?: number;
    replyTo?: string;
    correlationId?: string | Uint8Array;
    parentId?: Id | Uint8Array;
    createdMs?: number;
    notBeforeMs?: number;
    ttlMs?: number;
    /** Bits of Receipts. */
    receipts?: number;
}

export interface AttachOptions extends Timeout {
    /** Name of the position that is kept; "main" by default. */
    consumer?: string;
    /** How many messages may be here and not yet taken; 1,000 by default. */
    window?: number;
    windowBytes?: number;
    leaseMs?: number;
    /** Where a new consumer begins. */
    start?: 'default' | 'new' | 'first' | 'seq' | 'time';
    startValue?: number;
    mustExist?: boolean;
    /** It lives in the broker's memory only, and begins at `start` at each connection. */
    ephemeral?: boolean;
    receipts?: 'keep' | 'ignore';
}

export interface HistoryOptions extends Where, Timeout {
    limit?: number;
    offset?: number;
    afterSeq?: number;
    beforeSeq?: number;
    fromMs?: number;
    toMs?: number;
    newestFirst?: boolean;
}

export interface RoomFields {
    privacy?: WordOf<typeof Privacy>;
    password?: string;
    displayName?: string;
    topic?: string;
    description?: string;
    retentionMs?: number;
}

export interface InvitationChoice extends Timeout {
    room?: string;
    invitationId?: Id | Uint8Array;
    isAll?: boolean;
}

// ---------------------------------------------------------------- consuming

/**
 * A message in the hand of the application. Settle it with exactly one of ack(), release(), fail()
 * and reject(); extend() asks for more time.
 */
export declare class Received extends Message {
    private constructor();
    ack(): void;
    release(delayMs?: number): void;
    fail(reason?: string, delayMs?: number): void;
    reject(reason?: string): void;
    extend(): void;
}

/** An attached consumer. Iterate over it, or call receive(). */
export declare class Inbox implements AsyncIterable<Received> {
    private constructor();
    readonly scope: string;
    readonly waitingAtAttach: number;
    /** How many messages are here and not yet taken. */
    readonly ready: number;
    /** The next message; undefined when none came in time. Without a timeout it waits for ever. */
    receive(options?: Timeout): Promise<Received | undefined>;
    /** Receipts that came since the last call, settled by this call. */
    receipts(options?: Timeout): Promise<Receipt[]>;
    /** Resolves when every settlement made before is on the broker's disk. */
    confirm(options?: Timeout): Promise<void>;
    /** Gives it back; what was received and not settled is delivered again to whoever attaches. */
    close(): void;
    [Symbol.asyncIterator](): AsyncGenerator<Received, void, undefined>;
}

// ---------------------------------------------------------------- client

export type State = 'connected' | 'disconnected' | 'locked out' | 'failed';

/** A session with the broker that outlives connections and broker restarts. */
export declare class Client {
    /** Does not wait for the broker; connect() does. */
    constructor(options: ConnectOptions);

    readonly peer: string;
    readonly bootId: string;
    readonly role: WordOf<typeof Role>;
    readonly isConnected: boolean;
    readonly reconnects: number;
    readonly unacknowledged: number;

    on(event: 'state', listener: (state: State) => void): this;
    on(event: 'presence', listener: (event: PresenceEvent) => void): this;
    once(event: 'state', listener: (state: State) => void): this;
    once(event: 'presence', listener: (event: PresenceEvent) => void): this;
    off(event: 'state', listener: (state: State) => void): this;
    off(event: 'presence', listener: (event: PresenceEvent) => void): this;

    waitReady(options?: Timeout): Promise<void>;
    close(): Promise<void>;

    send(to: string, body: Body, options?: SendOptions): Promise<Stored>;
    room(): Promise<void>;
    flush(options?: Timeout): Promise<void>;
    attach(scope?: string, options?: AttachOptions): Promise<Inbox>;

    query<T = unknown>(kind: string, field: string, fields?: Record<string, unknown> & Timeout):
        Promise<Page<T>>;
    call(method: string, fields?: Record<string, unknown> & Timeout):
        Promise<Record<string, unknown>>;

    history(options: HistoryOptions): Promise<Page<Message>>;
    messages(messageIds: Id | Iterable<Id | Uint8Array>, options?: Timeout): Promise<Page<Message>>;
    sync(options?: { afterSeq?: number; limit?: number } & Timeout): Promise<Page<Message>>;
    unread(options?: Where & Timeout): Promise<number>;
    conversations(options?: { limit?: number } & Timeout): Promise<Page<Conversation>>;
    markRead(options: Where & { seq: number } & Timeout): Promise<void>;
    cancel(messageIds: Id | Iterable<Id | Uint8Array>, options?: Timeout): Promise<number>;
    trace(messageId: Id | Uint8Array, options?: Timeout): Promise<Page<TraceStep>>;
    deadLetters(scope: string, options?: { consumer?: string; limit?: number } & Timeout):
        Promise<Page<DeadLetter>>;
    stats(options?: Timeout): Promise<Page<Counter>>;

    peers(options?: { name?: string; address?: string; onlineOnly?: boolean; offset?: number }
        & NamePaging): Promise<Page<Peer>>;
    peerStats(options?: Timeout): Promise<Record<string, number>>;
    setNickname(name: string, nickname: string, options?: Timeout): Promise<void>;
    removePeer(name: string, options?: Timeout): Promise<void>;
    presenceEvents(options?: { peer?: string; limit?: number; newestFirst?: boolean } & Timeout):
        Promise<Page<PresenceEvent>>;
    subscribePresence(isWanted?: boolean, options?: Timeout): Promise<void>;

    rooms(options?: { mineOnly?: boolean } & NamePaging): Promise<Page<Room>>;
    members(room: string, options?: NamePaging): Promise<Page<Member>>;
    createRoom(room: string, options?: RoomFields & Timeout): Promise<void>;
    join(room: string, options?: { password?: string } & Timeout): Promise<void>;
    leave(room: string, options?: Timeout): Promise<void>;
    updateRoom(room: string, fields: { [Field in keyof RoomFields]: RoomFields[Field] | null }
        & Timeout): Promise<void>;
    archiveRoom(room: string, options?: Timeout): Promise<void>;
    setMember(room: string, peer: string, role: WordOf<typeof RoomRole>, options?: Timeout):
        Promise<void>;

    invitations(options?: { sentBy?: string; newestFirst?: boolean; limit?: number } & Timeout):
        Promise<Page<Invitation>>;
    invite(room: string, peer: string, text?: string, options?: Timeout): Promise<Id>;
    acceptInvitation(choice?: InvitationChoice): Promise<string[]>;
    declineInvitation(choice?: InvitationChoice): Promise<string[]>;
    revokeInvitation(choice: { room?: string; peer?: string; invitationId?: Id | Uint8Array }
        & Timeout): Promise<void>;

    edit(messageId: Id | Uint8Array, body: Body, options?: Timeout): Promise<void>;
    delete(messageId: Id | Uint8Array, options?: Timeout): Promise<void>;
    react(messageId: Id | Uint8Array, emoji: string, isOn?: boolean, options?: Timeout):
        Promise<void>;
    edits(messageId: Id | Uint8Array, options?: Timeout): Promise<Page<Message>>;
    search(text: string, options?: Where & { limit?: number; offset?: number; beforeSeq?: number;
        newestFirst?: boolean } & Timeout): Promise<Page<Message>>;

    register(name: string, password: string, options?: Timeout): Promise<void>;
    changePassword(password: string, options?: { old?: string; name?: string } & Timeout):
        Promise<void>;
    users(options?: NamePaging): Promise<Page<User>>;
    setRole(name: string, role: WordOf<typeof Role>, options?: Timeout): Promise<void>;
    ban(name: string, options?: { reason?: string; untilMs?: number } & Timeout): Promise<void>;
    unban(name: string, options?: Timeout): Promise<void>;
    setActive(name: string, isActive: boolean, options?: Timeout): Promise<void>;
    unlock(name: string, options?: Timeout): Promise<void>;
    createToken(label?: string, options?: { untilMs?: number } & Timeout): Promise<string>;
    sessions(options?: { name?: string } & Timeout): Promise<Page<Session>>;
    endSession(choice: { id?: number; isAll?: boolean; name?: string } & Timeout): Promise<void>;
    enrolKey(name: string, key: string, options?: { label?: string } & Timeout): Promise<void>;
    inviteKey(name: string, options?: { label?: string; untilMs?: number } & Timeout):
        Promise<string>;
    revokeKey(choice: { key?: string; id?: number; isAll?: boolean; name?: string } & Timeout):
        Promise<void>;
    keys(options?: { name?: string; after?: number; limit?: number } & Timeout):
        Promise<Page<DeviceKey>>;
    audit(options?: { after?: number; limit?: number } & Timeout): Promise<Page<AuditEntry>>;
    acl(options?: { after?: number; limit?: number } & Timeout): Promise<Page<AclRule>>;
    aclAdd(subject: string, actions: number, scope: string, options?: { isAllow?: boolean } & Timeout):
        Promise<number>;
    aclRemove(id: number, options?: Timeout): Promise<void>;
    aclTest(name: string, action: number, scope: string, options?: Timeout): Promise<boolean>;
}

/** Connects and waits for the welcome (10,000 ms by default). */
export declare function connect(options: ConnectOptions & Timeout): Promise<Client>;
/** The invitation that the broker put into our mailbox as this message; undefined: it is none. */
export declare function invitationOf(message: Message): Invitation | undefined;
/** A new key; its public half has to be enrolled before it is of use. */
export declare function makeKey(): KeyPair;
/** From a file of 'roost key make'; throws when others may use it. */
export declare function readKey(path: string): KeyPair;
/** A UUID version 7, rising within this process. */
export declare function newMessageId(nowMs?: number): Id;
