-- SPDX-License-Identifier: MPL-2.0
--
-- The first schema: peers, scopes, the message log, consumers with their exceptions, markers.
--
-- The hot path writes two kinds of rows only: one append to `message` per message (rowid = seq =
-- commit order, so that it is always the right edge of one B-tree) and one update of `consumer`
-- per batch of settles. Everything that would need a second B-tree per message (look-up by id, by
-- conversation) is indexed later, in sorted slices: `progress.indexed_seq` says how far; what lies
-- above it is found by a scan of that tail.

CREATE TABLE progress (
    name  TEXT PRIMARY KEY,          -- 'indexed_seq': the deferred tables cover seq <= value
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO progress VALUES ('indexed_seq', 0);

CREATE TABLE peer (
    id            INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice: messages name it
    name          TEXT    NOT NULL UNIQUE,            -- as first written, NFC
    folded        TEXT    NOT NULL UNIQUE,            -- case-folded: what makes it unique
    display_name  TEXT    NOT NULL DEFAULT '',
    nickname      TEXT    NOT NULL DEFAULT '',        -- set by the user, never by discovery
    host_name     TEXT    NOT NULL DEFAULT '',
    kind          TEXT    NOT NULL DEFAULT 'zmq',     -- gateway it came through last
    is_verified   INTEGER NOT NULL DEFAULT 0 CHECK (is_verified IN (0, 1)),
    first_seen_ms INTEGER NOT NULL DEFAULT 0,         -- 0: never seen, only written to
    last_seen_ms  INTEGER NOT NULL DEFAULT 0,
    left_ms       INTEGER NOT NULL DEFAULT 0,
    connections   INTEGER NOT NULL DEFAULT 0,
    created_ms    INTEGER NOT NULL
) STRICT;

CREATE TABLE peer_address (
    peer_id      INTEGER NOT NULL REFERENCES peer (id) ON DELETE CASCADE,
    address      TEXT    NOT NULL,
    source       TEXT    NOT NULL,                    -- 'zmq', 'ipmsg', 'import' ...
    last_seen_ms INTEGER NOT NULL,
    PRIMARY KEY (peer_id, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE presence_event (
    id        INTEGER PRIMARY KEY,
    peer_id   INTEGER NOT NULL REFERENCES peer (id) ON DELETE CASCADE,
    is_online INTEGER NOT NULL CHECK (is_online IN (0, 1)),
    at_ms     INTEGER NOT NULL,
    reason    TEXT    NOT NULL
) STRICT;
CREATE INDEX presence_event_by_peer ON presence_event (peer_id, id);

CREATE TABLE scope (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    kind       INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 4), -- 1 peer, 2 room, 3 queue, 4 topic
    name       TEXT    NOT NULL,
    folded     TEXT    NOT NULL,
    owner_id   INTEGER NOT NULL DEFAULT 0,            -- mailbox: peer.id of its owner
    created_ms INTEGER NOT NULL,
    last_seq   INTEGER NOT NULL DEFAULT 0,            -- newest message in it, as far as indexed
    UNIQUE (kind, folded)
) STRICT;

-- seq rises in commit order over all scopes; gaps are harmless. `checksum` covers every other
-- column of the row (store/checksum.h) and is verified before each delivery.
CREATE TABLE message (
    seq            INTEGER PRIMARY KEY,
    scope_id       INTEGER NOT NULL,
    sender_id      INTEGER NOT NULL,                  -- peer.id, 0: the broker itself
    stored_ms      INTEGER NOT NULL,
    expires_ms     INTEGER NOT NULL,
    not_before_ms  INTEGER NOT NULL,                  -- 0: at once
    flags          INTEGER NOT NULL,                  -- bits 0-2 receipts wanted, 3 sender unverified
    kind           INTEGER NOT NULL,                  -- enum Kind of proto/wire/broker.proto
    conversation   INTEGER NOT NULL,                  -- store/conversation.h
    checksum       INTEGER NOT NULL,
    message_id     BLOB    NOT NULL,                  -- 16 bytes
    created_ms     INTEGER NOT NULL,
    priority       INTEGER NOT NULL,
    content_type   TEXT,
    key            BLOB,
    reply_to       TEXT,
    correlation_id BLOB,
    parent_id      BLOB,
    headers        BLOB,                              -- packed roost.v1.HeaderList
    body           BLOB    NOT NULL
) STRICT;

CREATE TABLE message_id (                             -- deferred index: id -> seq
    message_id BLOB    NOT NULL,
    seq        INTEGER NOT NULL,
    PRIMARY KEY (message_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE message_conversation (                   -- deferred index: conversation -> seq
    conversation INTEGER NOT NULL,
    seq          INTEGER NOT NULL,
    sender_id    INTEGER NOT NULL,
    kind         INTEGER NOT NULL,
    stored_ms    INTEGER NOT NULL,                    -- so that time ranges need no message row
    PRIMARY KEY (conversation, seq)
) STRICT, WITHOUT ROWID;

-- Deferred too: who takes part in which conversation, and its newest message. A direct
-- conversation has a row for both peers, a scope's conversation one for each sender.
CREATE TABLE peer_conversation (
    peer_id      INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    last_seq     INTEGER NOT NULL,
    last_ms      INTEGER NOT NULL,
    PRIMARY KEY (peer_id, conversation)
) STRICT, WITHOUT ROWID;

-- A durable position in a scope. Every message with seq <= floor_seq is accounted for: settled,
-- unless a row of `exception` says otherwise. Every message above it is still to be delivered,
-- unless a row of `exception` says otherwise.
CREATE TABLE consumer (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    scope_id   INTEGER NOT NULL REFERENCES scope (id) ON DELETE CASCADE,
    name       TEXT    NOT NULL,
    floor_seq  INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (scope_id, name)
) STRICT;

CREATE TABLE exception (
    consumer_id INTEGER NOT NULL REFERENCES consumer (id) ON DELETE CASCADE,
    seq         INTEGER NOT NULL,
    last_seq    INTEGER NOT NULL CHECK (last_seq >= seq), -- a range: SETTLED, EXPIRED
    state       INTEGER NOT NULL CHECK (state BETWEEN 1 AND 6),
                -- 1 SETTLED (above the floor), 2 RETRY, 3 SCHEDULED, 4 DEAD, 5 EXPIRED, 6 CANCELLED
    attempts    INTEGER NOT NULL,
    due_ms      INTEGER NOT NULL,                     -- RETRY, SCHEDULED
    reason      INTEGER NOT NULL,                     -- error code of the last failure
    text        TEXT    NOT NULL,
    at_ms       INTEGER NOT NULL,                     -- when it came to this state
    PRIMARY KEY (consumer_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE marker (                                 -- read up to here
    peer_id      INTEGER NOT NULL REFERENCES peer (id) ON DELETE CASCADE,
    conversation INTEGER NOT NULL,
    read_seq     INTEGER NOT NULL,
    at_ms        INTEGER NOT NULL,
    PRIMARY KEY (peer_id, conversation)
) STRICT, WITHOUT ROWID;

CREATE TABLE quarantine (                             -- damaged rows, named, never deleted silently
    seq      INTEGER PRIMARY KEY,
    found_ms INTEGER NOT NULL,
    expected INTEGER NOT NULL,
    computed INTEGER NOT NULL
) STRICT;
