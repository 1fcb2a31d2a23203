-- SPDX-License-Identifier: MPL-2.0
--
-- People and rooms: accounts with their tokens, rooms with their members, invitations, and what
-- happens to a message after it was stored (edits, reactions, deletion), plus the text index.
--
-- A room is a row of `scope` (kind 2) with the same id, its messages are rows of `message`, and a
-- member's position is a row of `consumer`: nothing here is written per message and member.

-- ---------------------------------------------------------------- accounts

-- A peer that can prove who it is. A peer without a row here is unverified.
CREATE TABLE account (
    peer_id       INTEGER PRIMARY KEY REFERENCES peer (id) ON DELETE CASCADE,
    password_hash TEXT    NOT NULL,                   -- PHC string; '' = cannot log in by password
    role          INTEGER NOT NULL CHECK (role BETWEEN 1 AND 4), -- 1 guest 2 user 3 moderator 4 admin
    is_active     INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    banned_until_ms INTEGER NOT NULL DEFAULT 0,       -- 0 = not banned
    ban_reason    TEXT    NOT NULL DEFAULT '',
    email         TEXT    NOT NULL DEFAULT '',
    profile       TEXT    NOT NULL DEFAULT '',        -- as imported; JSON, not looked at
    created_ms    INTEGER NOT NULL,
    login_ms      INTEGER NOT NULL DEFAULT 0          -- last successful login
) STRICT;

-- What a peer holds instead of its password: 32 random bytes, of which only the hash is kept.
CREATE TABLE token (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    peer_id    INTEGER NOT NULL REFERENCES peer (id) ON DELETE CASCADE,
    hash       BLOB    NOT NULL UNIQUE,               -- SHA-256 of the token
    kind       TEXT    NOT NULL,                      -- gateway it was given out by
    label      TEXT    NOT NULL DEFAULT '',
    address    TEXT    NOT NULL DEFAULT '',
    created_ms INTEGER NOT NULL,
    used_ms    INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX token_by_peer ON token (peer_id, id);
CREATE INDEX token_by_expiry ON token (expires_ms);

-- Failed logins by name, also of names that have no account.
CREATE TABLE throttle (
    folded          TEXT    PRIMARY KEY,
    failures        INTEGER NOT NULL,
    first_ms        INTEGER NOT NULL,                 -- of the failures counted
    locked_until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX throttle_by_time ON throttle (first_ms);

-- Who did what to whom. `hash` is SHA-256 over the hash of the row before and every column of this
-- one (store/audit.h), so that a row cannot be changed or left out unnoticed.
CREATE TABLE audit (
    id       INTEGER PRIMARY KEY,
    at_ms    INTEGER NOT NULL,
    actor    TEXT    NOT NULL,                        -- name of the peer; '' = the broker
    action   TEXT    NOT NULL,
    target   TEXT    NOT NULL,
    detail   TEXT    NOT NULL,
    hash     BLOB    NOT NULL
) STRICT;

-- ---------------------------------------------------------------- rooms

CREATE TABLE room (
    scope_id      INTEGER PRIMARY KEY REFERENCES scope (id) ON DELETE CASCADE,
    display_name  TEXT    NOT NULL DEFAULT '',
    topic         TEXT    NOT NULL DEFAULT '',
    description   TEXT    NOT NULL DEFAULT '',
    privacy       INTEGER NOT NULL CHECK (privacy BETWEEN 1 AND 4),
                  -- 1 public, 2 private (by invitation), 3 protected (by password),
                  -- 4 open (everybody reads and writes without being a member: the Lobby)
    password_hash TEXT    NOT NULL DEFAULT '',        -- protected: PHC string
    creator_id    INTEGER NOT NULL,                   -- peer.id; 0 = the broker
    created_ms    INTEGER NOT NULL,
    retention_ms  INTEGER NOT NULL DEFAULT 0,         -- 0 = retention.history_s
    is_archived   INTEGER NOT NULL DEFAULT 0 CHECK (is_archived IN (0, 1)),
    member_count  INTEGER NOT NULL DEFAULT 0          -- roles 1 to 4
) STRICT;

CREATE INDEX room_by_retention ON room (scope_id) WHERE retention_ms > 0;

CREATE TABLE member (
    scope_id   INTEGER NOT NULL REFERENCES room (scope_id) ON DELETE CASCADE,
    peer_id    INTEGER NOT NULL REFERENCES peer (id) ON DELETE CASCADE,
    role       INTEGER NOT NULL CHECK (role BETWEEN 1 AND 5),
               -- 1 owner, 2 moderator, 3 member, 4 reader, 5 banned
    joined_ms  INTEGER NOT NULL,
    joined_seq INTEGER NOT NULL,                      -- newest message when it joined
    PRIMARY KEY (scope_id, peer_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX member_by_peer ON member (peer_id, scope_id);
CREATE INDEX member_by_role ON member (scope_id, role);

CREATE TABLE invitation (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid         BLOB    NOT NULL UNIQUE,             -- 16 bytes: what people are shown
    scope_id     INTEGER NOT NULL REFERENCES room (scope_id) ON DELETE CASCADE,
    inviter_id   INTEGER NOT NULL,
    invitee_id   INTEGER NOT NULL REFERENCES peer (id) ON DELETE CASCADE,
    status       INTEGER NOT NULL CHECK (status BETWEEN 1 AND 5),
                 -- 1 pending, 2 accepted, 3 declined, 4 revoked, 5 expired
    text         TEXT    NOT NULL DEFAULT '',
    created_ms   INTEGER NOT NULL,
    expires_ms   INTEGER NOT NULL,
    responded_ms INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX invitation_pending ON invitation (scope_id, invitee_id) WHERE status = 1;
CREATE INDEX invitation_by_invitee ON invitation (invitee_id, status, id);
CREATE INDEX invitation_by_inviter ON invitation (inviter_id, id);
CREATE INDEX invitation_by_expiry ON invitation (expires_ms) WHERE status = 1;

-- The room everybody is in. Created here, so that no code has to.
INSERT INTO scope (kind, name, folded, owner_id, created_ms) VALUES (2, 'Lobby', 'lobby', 0, 0);
INSERT INTO room (scope_id, privacy, creator_id, created_ms)
    SELECT id, 4, 0, 0 FROM scope WHERE kind = 2 AND folded = 'lobby';

-- ---------------------------------------------------------------- what happens to a message

-- An edit is a message of its own (kind 7) in the same scope, so that every reader of the log sees
-- it in order; here stands which message it changes. The text that counts is that of the newest.
CREATE TABLE edit (
    seq      INTEGER NOT NULL,                        -- the message
    edit_seq INTEGER NOT NULL UNIQUE,                 -- the edit
    PRIMARY KEY (seq, edit_seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE tombstone (
    seq        INTEGER PRIMARY KEY,                   -- the message
    delete_seq INTEGER NOT NULL UNIQUE,               -- the one (kind 8) that says so
    deleted_ms INTEGER NOT NULL,
    peer_id    INTEGER NOT NULL                       -- who deleted it
) STRICT;

CREATE TABLE reaction (
    seq     INTEGER NOT NULL,
    emoji   TEXT    NOT NULL,
    peer_id INTEGER NOT NULL,
    at_ms   INTEGER NOT NULL,
    PRIMARY KEY (seq, emoji, peer_id)
) STRICT, WITHOUT ROWID;

-- The text index: rowid = seq of the message; the texts themselves stay in the log. What is
-- written here are words as store/words.h divides them (Chinese and Japanese by overlapping pairs
-- of characters), and some that name the conversation and its peers. An edit replaces the words of
-- its message, a deletion removes them. Deferred like the others: covers seq <= progress
-- 'searched_seq'. To remove words they have to be given again: if store/words.c divides differently
-- some day, a migration has to empty this table and set the progress back.
CREATE VIRTUAL TABLE message_text USING fts5 (text, content = '', tokenize = 'unicode61');
INSERT INTO progress VALUES ('searched_seq', 0);
