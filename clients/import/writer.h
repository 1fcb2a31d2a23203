/* SPDX-License-Identifier: MPL-2.0
 *
 * The writing half of an import: rows of the store, in transactions of bounded size.
 *
 * Owns the store, opened as its only writer. Whatever is written exists once however often it is
 * asked for. A dry run answers as if it were written and writes nothing: what would be made has
 * ids of its own there, and is remembered as far as later rows need it.
 *
 * Imported messages have been delivered: no consumer of their scope gets them again, unless they
 * are said to be waiting.
 *
 * Leaves to others: what the source's rows mean (lair*.c, gigi*.c).
 */
#ifndef IMPORT_WRITER_H
#define IMPORT_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/import/values.h"
#include "proto/name.h"
#include "rt/err.h"
#include "rt/hash.h"
#include "store/accounts.h"
#include "store/audit.h"
#include "store/invitations.h"
#include "store/members.h"
#include "store/messages.h"
#include "store/rooms.h"
#include "store/store.h"

struct touched_scope {
    int64_t scope_id;
    uint64_t before_seq;          /* its newest message before this batch */
    uint64_t first_seq, last_seq; /* delivered messages of this batch; 0: none */
};

#define WRITER_BATCH_ROWS 1000u

struct writer {
    struct store *store; /* NULL: a dry run without a store */
    bool is_dry, is_begun;
    int64_t now_ms, expires_ms;
    uint32_t batch_rows;
    size_t batch_bytes;
    struct hash batch_ids; /* sender and id of the messages of this batch -> seq */
    struct u64map newest;  /* scope -> newest message, as far as looked up or written */
    struct u64map touched; /* scope -> place in touched_scopes */
    struct touched_scope touched_scopes[WRITER_BATCH_ROWS * 2];
    size_t touched_count;
    struct hash dry_names;    /* kind and folded name -> id of what a dry run would make */
    struct hash dry_messages; /* id -> 1: what it would append */
    int64_t dry_id;
};

/* `ret_problem` has `size` bytes and gets a sentence on failure. */
MUST_USE enum err writer_open(struct writer *writer, const char *database, bool is_dry,
                              char *ret_problem, size_t size);
/* What was not committed is given up. */
void writer_close(struct writer *writer);

/* Around each row of the source: begins a transaction where there is none; ends it when it is large
 * enough. */
MUST_USE enum err writer_begin_row(struct writer *writer);
MUST_USE enum err writer_end_row(struct writer *writer);
MUST_USE enum err writer_commit(struct writer *writer);
/* At the end: brings the text index forward. `on_progress` may be NULL. */
MUST_USE enum err writer_index(struct writer *writer,
                               void (*on_progress)(void *context, uint64_t done, uint64_t total),
                               void *context);

/* A check of ours that a later step relies on failed for good: the import ends. Others are of the
 * one row. */
bool writer_breaks(enum err err);

/* ---------------------------------------------------------------- people: writer_people.c */

/* Found by name, else made. ERR_BAD_NAME: no name for a peer. */
MUST_USE enum err writer_peer(struct writer *writer, struct text name, int64_t created_ms,
                              int64_t *ret_id, bool *ret_is_new);

/* "" for one that only a dry run knows. */
MUST_USE enum err writer_peer_name(struct writer *writer, int64_t peer_id,
                                   char ret[WIRE_NAME_BYTES_MAX + 1]);

struct writer_account {
    int64_t peer_id;
    enum account_role role;
    bool is_active;
    int64_t created_ms, last_seen_ms;
    const char *password_hash, *email, *profile, *display_name;
};
/* ROW_PRESENT: the peer has an account, which stays as it is; *ret_differs: in password, role or
 * whether it is active. */
MUST_USE enum err writer_account(struct writer *writer, const struct writer_account *account,
                                 enum outcome *ret_outcome, bool *ret_differs);
/* Unless it is banned for longer. */
MUST_USE enum err writer_ban(struct writer *writer, int64_t peer_id, int64_t until_ms,
                             const char *reason, enum outcome *ret_outcome);
MUST_USE enum err writer_audit(struct writer *writer, const struct audit_row *row);

/* ---------------------------------------------------------------- rooms: writer_rooms.c */

struct writer_room {
    struct text name;
    const char *display_name, *topic, *description, *password_hash;
    enum room_privacy privacy;
    int64_t creator_id, created_ms;
    bool is_archived;
};
struct writer_room_found {
    int64_t scope_id;
    bool is_new;
    bool is_from_import; /* it is new, or an earlier import made it: same creator, same time */
    enum room_privacy privacy;
    bool differs;
};
/* ERR_BAD_NAME and others: no room can have this name; *ret_problem (static) says why. */
MUST_USE enum err writer_room(struct writer *writer, const struct writer_room *room,
                              struct writer_room_found *ret, const char **ret_problem);
/* Whoever has a row in the room keeps it. */
MUST_USE enum err writer_member(struct writer *writer, const struct member_row *member,
                                enum outcome *ret_outcome);
MUST_USE enum err writer_is_member(struct writer *writer, int64_t scope_id, int64_t peer_id,
                                   bool *ret);
/* MEMBER_READER or MEMBER_BANNED, unless he may do less already. */
MUST_USE enum err writer_restrict(struct writer *writer, int64_t scope_id, int64_t peer_id,
                                  enum member_role role, enum outcome *ret_outcome);
MUST_USE enum err writer_invitation(struct writer *writer, const struct invitation_row *row,
                                    enum outcome *ret_outcome);

/* ---------------------------------------------------------------- messages: writer_messages.c */

/* The mailbox of a peer, with its consumer "main"; made where there is none. */
MUST_USE enum err writer_mailbox(struct writer *writer, int64_t peer_id, struct text name,
                                 int64_t *ret_scope_id);

enum standing { STANDING_DELIVERED, STANDING_WAITING, STANDING_EXPIRED };

/* `message` without seq, checksum and conversation rights of its own: those of the row; expires_ms
 * 0: as the import keeps messages. */
MUST_USE enum err writer_message(struct writer *writer, struct message_row *message,
                                 enum standing standing, enum outcome *ret_outcome);

/* A message of an earlier batch, by id; seq 0: none. Of several with one id the newest. One that
 * only a dry run knows has no scope. */
struct message_place {
    uint64_t seq;
    int64_t sender_id, conversation, scope_id;
};
MUST_USE enum err writer_find(struct writer *writer, const uint8_t id[16],
                              struct message_place *ret);

/* An edit, or the deletion, of the message just appended or found: its seq and its fields. */
MUST_USE enum err writer_edit(struct writer *writer, const struct message_row *message,
                              int64_t edited_ms);
MUST_USE enum err writer_delete(struct writer *writer, const struct message_row *message,
                                int64_t deleted_ms);
MUST_USE enum err writer_reaction(struct writer *writer, const struct message_place *place,
                                  int64_t peer_id, struct text emoji, int64_t at_ms,
                                  enum outcome *ret_outcome);
MUST_USE enum err writer_read_marker(struct writer *writer, const struct message_place *place,
                                     int64_t peer_id, int64_t at_ms, enum outcome *ret_outcome);

/* 16 bytes that follow from a word, a message id and a time: what is made of a row has the same id
 * each time. */
void writer_derive_id(const char *word, const void *bytes, size_t size, int64_t at_ms,
                      uint8_t ret[16]);

#endif
