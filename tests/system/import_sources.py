# SPDX-License-Identifier: MPL-2.0
"""Databases of other programs as these make them, for the tests of the import."""
import json
import sqlite3
import uuid

# "password123", salt 000102..0f, by the Rust crate argon2 with its defaults.
HASH = ("$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw"
        "$4gD/DSmmQuih4Jbt7/xCD+kqGsJszXBjCLTga4kAC8g")
PASSWORD = b"password123"

LAIR = """
CREATE TABLE migrations (name TEXT PRIMARY KEY);
CREATE TABLE users (id TEXT PRIMARY KEY, username TEXT NOT NULL UNIQUE, email TEXT UNIQUE,
    password_hash TEXT NOT NULL, salt TEXT NOT NULL, created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL, last_seen INTEGER, is_active BOOLEAN NOT NULL DEFAULT 1,
    role TEXT NOT NULL DEFAULT 'user', profile TEXT NOT NULL DEFAULT '{}',
    settings TEXT NOT NULL DEFAULT '{}');
CREATE TABLE rooms (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, display_name TEXT NOT NULL,
    description TEXT, topic TEXT, room_type TEXT NOT NULL DEFAULT 'channel',
    privacy TEXT NOT NULL DEFAULT 'public', settings TEXT NOT NULL DEFAULT '{}',
    created_by TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    is_active BOOLEAN NOT NULL DEFAULT 1);
CREATE TABLE messages (id TEXT PRIMARY KEY, room_id TEXT NOT NULL, user_id TEXT NOT NULL,
    content TEXT NOT NULL, message_type TEXT NOT NULL DEFAULT 'text', timestamp INTEGER NOT NULL,
    edited_at INTEGER, parent_message_id TEXT, metadata TEXT NOT NULL DEFAULT '{}',
    is_deleted BOOLEAN NOT NULL DEFAULT 0, deleted_at INTEGER);
CREATE TABLE sessions (id TEXT PRIMARY KEY, user_id TEXT NOT NULL, token TEXT NOT NULL UNIQUE);
CREATE TABLE room_memberships (id TEXT PRIMARY KEY, room_id TEXT NOT NULL, user_id TEXT NOT NULL,
    role TEXT NOT NULL DEFAULT 'member', joined_at INTEGER NOT NULL, last_activity INTEGER,
    is_active BOOLEAN NOT NULL DEFAULT 1, settings TEXT NOT NULL DEFAULT '{}',
    UNIQUE(room_id, user_id));
CREATE INDEX idx_messages_room_timestamp ON messages(room_id, timestamp);
CREATE VIRTUAL TABLE messages_fts USING fts5(content, content='messages', content_rowid='rowid');
CREATE TRIGGER messages_fts_insert AFTER INSERT ON messages BEGIN
    INSERT INTO messages_fts(rowid, content) VALUES (new.rowid, new.content); END;
CREATE TABLE file_attachments (id TEXT PRIMARY KEY, message_id TEXT NOT NULL, filename TEXT);
CREATE TABLE message_reactions (id TEXT PRIMARY KEY, message_id TEXT NOT NULL,
    user_id TEXT NOT NULL, reaction TEXT NOT NULL, timestamp INTEGER NOT NULL,
    UNIQUE(message_id, user_id, reaction));
CREATE TABLE message_read_receipts (id TEXT PRIMARY KEY, message_id TEXT NOT NULL,
    user_id TEXT NOT NULL, timestamp INTEGER NOT NULL, UNIQUE(message_id, user_id));
CREATE TABLE audit_log (id TEXT PRIMARY KEY, event_type TEXT NOT NULL, user_id TEXT,
    target_type TEXT, target_id TEXT, action TEXT NOT NULL, details TEXT NOT NULL DEFAULT '{}',
    ip_address TEXT, user_agent TEXT, timestamp INTEGER NOT NULL);
CREATE TABLE login_attempts (id TEXT PRIMARY KEY, username TEXT NOT NULL);
CREATE TABLE room_invites (id TEXT PRIMARY KEY, room_id TEXT NOT NULL, invited_by TEXT NOT NULL,
    invited_user TEXT, invite_code TEXT UNIQUE, email TEXT, expires_at INTEGER,
    max_uses INTEGER DEFAULT 1, use_count INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL, is_active BOOLEAN NOT NULL DEFAULT 1);
CREATE TABLE user_moderation (id TEXT PRIMARY KEY, user_id TEXT NOT NULL, room_id TEXT,
    moderator_id TEXT NOT NULL, action TEXT NOT NULL, reason TEXT, expires_at INTEGER,
    created_at INTEGER NOT NULL, is_active BOOLEAN NOT NULL DEFAULT 1);
"""
LAIR_NEWER = """
CREATE TABLE invitations (id TEXT PRIMARY KEY, sender_user_id TEXT NOT NULL,
    recipient_user_id TEXT NOT NULL, room_id TEXT, invitation_type TEXT NOT NULL,
    status TEXT NOT NULL, message TEXT, created_at INTEGER NOT NULL, expires_at INTEGER,
    responded_at INTEGER, metadata TEXT NOT NULL DEFAULT '{}');
"""
GIGI = """
CREATE TABLE messages (id varchar NOT NULL PRIMARY KEY, msg_type varchar NOT NULL,
    direction varchar NOT NULL, content_type varchar NOT NULL, content_json varchar NOT NULL,
    sender_nickname varchar NOT NULL, recipient_nickname varchar, group_name varchar,
    peer_id varchar NOT NULL, timestamp bigint NOT NULL, created_at bigint NOT NULL,
    delivered boolean NOT NULL DEFAULT FALSE, delivered_at bigint,
    read boolean NOT NULL DEFAULT FALSE, read_at bigint,
    sync_status varchar NOT NULL DEFAULT 'Pending', sync_attempts integer NOT NULL DEFAULT 0,
    last_sync_attempt bigint, expires_at bigint NOT NULL);
CREATE TABLE offline_queue (message_id varchar NOT NULL PRIMARY KEY,
    target_nickname varchar NOT NULL, target_peer_id varchar, queued_at bigint NOT NULL,
    retry_count integer NOT NULL DEFAULT 0, max_retries integer NOT NULL DEFAULT 10,
    last_retry_at bigint, next_retry_at bigint, expires_at bigint NOT NULL,
    status varchar NOT NULL DEFAULT 'Pending');
CREATE TABLE message_acknowledgments (id integer PRIMARY KEY AUTOINCREMENT,
    message_id varchar NOT NULL, acknowledged_by_nickname varchar NOT NULL,
    acknowledged_by_peer_id varchar NOT NULL, acknowledged_at bigint NOT NULL,
    ack_type varchar NOT NULL);
CREATE TABLE contacts (peer_id varchar PRIMARY KEY, name varchar);
"""


def ident(word):
    """The same UUID for the same word."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, word)) if word is not None else None


class Source:
    def __init__(self, path, schema):
        self.path = str(path)
        self.db = sqlite3.connect(self.path)
        self.db.executescript(schema)

    def add(self, table, **values):
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        self.db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(values.values()))

    def close(self):
        self.db.commit()
        self.db.close()
        return self.path


class Lair(Source):
    """Ids are made of words: user "ana" has ident("user ana")."""

    def __init__(self, path, is_newer=True, journal="DELETE"):
        super().__init__(path, f"PRAGMA journal_mode = {journal};" + LAIR
                         + (LAIR_NEWER if is_newer else ""))

    def user(self, name, **values):
        row = {"id": ident(f"user {name}"), "username": name, "email": f"{name}@lair",
               "password_hash": HASH, "salt": "AAECAwQFBgcICQoLDA0ODw", "created_at": 1700000000,
               "updated_at": 1700000000, "last_seen": 1710000000, **values}
        self.add("users", **row)

    def room(self, name, by="ana", members=(), **values):
        row = {"id": ident(f"room {name}"), "name": name, "display_name": name, "topic": "",
               "created_by": ident(f"user {by}"), "created_at": 1700000100,
               "updated_at": 1700000100, **values}
        self.add("rooms", **row)
        for member in members:
            who, _, role = member.partition(":")
            self.member(name, who, role or "member")

    def member(self, room, who, role="member", **values):
        row = {"id": ident(f"member {room} {who}"), "room_id": ident(f"room {room}"),
               "user_id": ident(f"user {who}"), "role": role, "joined_at": 1700000200, **values}
        self.add("room_memberships", **row)

    def message(self, word, room, who, content, **values):
        row = {"id": ident(f"message {word}"), "room_id": ident(f"room {room}"),
               "user_id": ident(f"user {who}"), "content": content, "timestamp": 1700001000,
               **values}
        self.add("messages", **row)

    def mark(self, table, word, who, **values):
        self.add(table, id=ident(f"{table} {word} {who} {values}"),
                 message_id=ident(f"message {word}"), user_id=ident(f"user {who}"),
                 timestamp=1700002000, **values)

    def invitation(self, room, who, whom, status="pending", **values):
        row = {"id": ident(f"invitation {room} {whom} {status}"),
               "sender_user_id": ident(f"user {who}"), "recipient_user_id": ident(f"user {whom}"),
               "room_id": ident(f"room {room}"), "invitation_type": "room_invitation",
               "status": status, "message": "come", "created_at": 1700000300, **values}
        self.add("invitations", **row)

    def restrict(self, who, action, room=None, **values):
        row = {"id": ident(f"{action} {who} {room} {values}"), "user_id": ident(f"user {who}"),
               "room_id": ident(f"room {room}") if room else None, "action": action,
               "moderator_id": ident("user ana"), "created_at": 1700000400, **values}
        self.add("user_moderation", **row)


class Gigi(Source):
    """`is_quoted`: words of enumerations as JSON strings, as older versions wrote them."""

    def __init__(self, path):
        super().__init__(path, GIGI)

    @staticmethod
    def word(text, is_quoted):
        return json.dumps(text) if is_quoted else text

    def message(self, word, content, is_quoted=False, group=None, **values):
        kind = content["type"]
        row = {"id": ident(f"gigi {word}"), "msg_type": "Group" if group else "Direct",
               "direction": "Sent", "content_type": kind.replace("WithThumbnail", ""),
               "content_json": json.dumps(content), "sender_nickname": "me",
               "recipient_nickname": None if group else "bob", "group_name": group,
               "peer_id": "12D3KooW", "timestamp": 1700001000000, "created_at": 1700001000000,
               "expires_at": 1700605800000, **values}
        for column in ("msg_type", "direction", "content_type"):
            row[column] = self.word(row[column], is_quoted)
        self.add("messages", **row)

    def queue(self, word, target="bob", status="Pending", is_quoted=False, **values):
        row = {"message_id": ident(f"gigi {word}"), "target_nickname": target,
               "queued_at": 1700001000000, "expires_at": 4102444800000,
               "status": self.word(status, is_quoted), **values}
        self.add("offline_queue", **row)

    def acknowledge(self, word, who="bob", kind="Delivered", is_quoted=False):
        self.add("message_acknowledgments", message_id=ident(f"gigi {word}"),
                 acknowledged_by_nickname=who, acknowledged_by_peer_id="12D3KooW",
                 acknowledged_at=1700003000000, ack_type=self.word(kind, is_quoted))
