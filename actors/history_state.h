/* SPDX-License-Identifier: MPL-2.0
 *
 * What the files of the history actor share. Internal to actors/history*.c.
 *
 *     history.c            the class: life, names of peers, times
 *     history_load.c       LOAD_*, RESOLVE
 *     history_fetch.c      FETCH
 *     history_repeat.c     the same messages for many, in one turn
 *     history_topics.c     names of topics, for those who read them by a pattern
 *     history_delivery.c   a stored message as a public Delivery
 *     history_page.c       RESULT parts and FIN of one query
 *     history_query.c      QUERY and SYNC frames: rights, and which query it is
 *     history_messages.c   queries that answer with messages
 *     history_changes.c    edits, tombstones and reactions as part of the message they change
 *     history_search.c     SEARCH, EDITS
 *     history_trace.c      TRACE, DEAD_LETTERS
 *     history_receipts.c   what the sender was told, as part of TRACE
 *     history_peers.c      queries about peers
 *     history_known.c      LOAD_KNOWN; how the search for them goes on
 *     history_counts.c     UNREAD, STATS
 *     history_rooms.c      queries about rooms, members, invitations; who may read a room
 *     history_accounts.c   LOAD_ACCOUNT; queries about accounts, tokens, the audit log
 *     history_keys.c       LOAD_KEYS; queries about device keys
 *     history_acl.c        the access list: who may read what; QUERY ACL
 *     history_inspect.c    INSPECT_FILL
 *     history_deliveries.c DELIVERIES_FILL
 */
#ifndef ACTORS_HISTORY_STATE_H
#define ACTORS_HISTORY_STATE_H

#include "acl.h"
#include "history.h"
#include "proto/actor_ids.h"
#include "proto/messages.h"
#include "proto/name.h"
#include "rt/hash.h"
#include "store/changes.h"
#include "store/consumers.h"
#include "store/messages.h"
#include "store/recent.h"
#include "store/store.h"

#define HISTORY_NAMES_MAX      65536      /* names of peers kept */
#define HISTORY_TOPICS_MAX     65536      /* names of topics kept */
#define HISTORY_PAGE_BYTES_MAX (8u << 20) /* of all parts of one answer; then it has more */
#define HISTORY_PART_BYTES_MAX (1u << 20)

/* See history_repeat.c. */
struct history_repeat {
    int64_t scope_id;
    size_t count;   /* of seqs; 0: nothing is kept */
    uint64_t *seqs; /* those of the question, all delivered in one frame */
    uint8_t *entries;
    size_t size;
    uint64_t body_bytes;
};

struct history {
    struct actor *actor;
    struct history_options options; /* defaults filled in */
    struct store *store;
    struct recent recent; /* of the store */
    struct mono_time mono_start;
    int64_t wall_start_ms;

    struct arena arena;       /* of the question in hand */
    struct arena frame_arena; /* its frame */
    struct wire_reader reader;

    struct acl acl;
    int64_t acl_version; /* of what is in it; -1: nothing good */

    struct u64map names;  /* peer id -> char *, the name */
    struct u64map topics; /* scope id -> struct history_topic */

    uint8_t
        *frame; /* a DELIVER in the making: WIRE_FRAME_BYTES_CAP, touched as far as it is used */
    struct history_repeat repeat;
};

/* --- history.c */

/* Wall clock at the start, and what passed since: it does not jump. */
int64_t history_now_ms(const struct history *h);
/* Name of a peer, from the cache or the store; "" when there is none. Valid until the next call. */
ProtobufCBinaryData history_peer_name(struct history *h, int64_t peer_id);
/* Zeroed memory of the question in hand; NULL when it takes too much. */
void *history_alloc(struct history *h, size_t size);
/* A copy there. False: no memory. */
bool history_copy(struct history *h, const void *data, size_t size, ProtobufCBinaryData *ret);
/* Logs what the store says. */
void history_log_failure(const struct history *h, const char *what, enum err err);

/* --- history_topics.c */

struct history_topic {
    size_t size;      /* of the name; 0: the scope is no topic */
    size_t text_size; /* of "topic:NAME" */
    size_t folded_size;
    char text[]; /* "topic:NAME", then the folded name */
};
void history_topics_init(struct history *h);
void history_topics_fini(struct history *h);
/* From the cache or the store; *ret is valid until the next call. */
MUST_USE enum err history_topic(struct history *h, int64_t scope_id,
                                const struct history_topic **ret);
static inline ProtobufCBinaryData history_topic_name(const struct history_topic *topic)
{
    return bytes_of(topic->text + (topic->text_size - topic->size), topic->size);
}
/* Is this message of a topic that the folded pattern matches? *ret is its topic then, else NULL. */
MUST_USE enum err history_match(struct history *h, int64_t scope_id,
                                const struct name_folded *pattern,
                                const struct history_topic **ret);

/* --- history_repeat.c */

void history_repeat_init(struct history_repeat *repeat);
void history_repeat_fini(struct history_repeat *repeat);
/* The frame that answers all of this question, without its head. */
void history_repeat_keep(struct history_repeat *repeat, const INTERNAL(Fetch) * question,
                         const uint8_t *entries, size_t size, uint64_t body_bytes);
bool history_repeat_has(const struct history_repeat *repeat, const INTERNAL(Fetch) * question);
void history_repeat_forget(struct history_repeat *repeat); /* at the end of every turn */

/* --- history_delivery.c */

/* Views into the row; headers are unpacked into h->arena, left out when they cannot be. False: no
 * memory now; there is some when the arena is empty. */
bool history_delivery(struct history *h, const struct message_row *row, Roost__V1__Delivery *ret);

/* --- history_page.c: one answer to a query. */

struct page {
    struct history *h;
    uint8_t gateway;
    uint64_t correlation, session, request_id;
    Roost__V1__Result result; /* the part in the making */
    size_t part_bytes, total_bytes;
    uint32_t rows;
    bool is_over; /* as large as an answer may get */
    Roost__V1__Fin fin;
};

enum page_list {
    PAGE_MESSAGES,
    PAGE_PEERS,
    PAGE_UNREAD,
    PAGE_CONSUMERS,
    PAGE_DEAD,
    PAGE_STEPS,
    PAGE_COUNTERS,
    PAGE_EVENTS,
    PAGE_ROOMS,
    PAGE_MEMBERS,
    PAGE_INVITATIONS,
    PAGE_USERS,
    PAGE_SESSIONS,
    PAGE_AUDIT,
    PAGE_DELIVERIES,
    PAGE_KEYS,
    PAGE_ACL,
};

void page_begin(struct page *page, struct history *h);
/* Puts a row, all of it in h->arena, into the part; sends the part before when this one does not
 * fit. ERR_BUSY: the row was not added, end the page: it is_over, or cannot be sent now. */
MUST_USE enum err page_add(struct page *page, enum page_list list, ProtobufCMessage *row);
/* Sends the last part and FIN. `err`: why the query failed; ERR_OK when it did not. What is_over
 * did not fail: it has more. */
void page_end(struct page *page, enum err err);

/* --- history_query.c: who asks what. */

struct query {
    struct page page;
    int64_t peer_id;
    ProtobufCBinaryData peer_name;
    bool is_admin, is_verified;
    const Roost__V1__Query *query;
    uint32_t limit; /* 1 ... WIRE_PAGE_MAX */
    struct change_gap gap;
};

typedef enum err query_work(struct query *query);

enum err history_on_query(struct actor *actor, void *state, const struct msg *msg);
MUST_USE enum err history_find_peer(struct history *h, ProtobufCBinaryData name, int64_t *ret_id);
/* "queue:jobs", or a pattern of topics, by its row. ERR_MISSING_FIELD, BAD_SCOPE, NO_SUCH_SCOPE. */
MUST_USE enum err history_find_scope(struct history *h, ProtobufCBinaryData text,
                                     bool *ret_is_pattern, struct scope_row *ret_scope);
/* The scope of the query, when the asker may read it as a whole: ERR_NOT_ALLOWED otherwise. */
MUST_USE enum err query_scope(struct query *query, struct scope_row *ret_scope);
/* The same for a question about consumers, which a pattern of topics may have. */
MUST_USE enum err query_consumer_scope(struct query *query, struct scope_row *ret_scope,
                                       bool *ret_is_pattern);
/* May the asker read this scope as a whole? */
MUST_USE enum err query_check_scope(struct query *query, const struct scope_row *scope);
/* May the asker read this message? */
bool query_may_read(struct query *query, const struct message_row *row);
/* The conversation with query.peer, or of query.scope; 0 for a whole mailbox, which is not one. */
MUST_USE enum err query_conversation(struct query *query, int64_t *ret_conversation,
                                     struct scope_row *ret_scope);
/* "peer:ana" in h->arena; empty when the scope is gone. */
ProtobufCBinaryData history_scope_text(struct history *h, int64_t scope_id);

/* --- history_messages.c */

query_work query_history, query_by_id, query_conversations;
MUST_USE enum err query_sync(struct query *query, const Roost__V1__Sync *sync);
/* A row as a Delivery whose bytes are in h->arena, with its scope, as it was stored. NULL: no
 * memory. */
Roost__V1__Delivery *query_stored(struct history *h, const struct message_row *row);
/* The same as it is now: the text of its newest edit, reactions, nothing of what was deleted. */
MUST_USE enum err query_delivery(struct query *query, const struct message_row *row,
                                 Roost__V1__Delivery **ret);

/* --- history_changes.c */

/* What happened to the message since it was stored, put into its delivery. */
MUST_USE enum err query_fold(struct query *query, uint64_t seq, Roost__V1__Delivery *delivery);
/* Is this a message that changes another one, and is shown as part of that? */
bool history_is_change(uint32_t kind);
/* Takes the content out of it. */
void history_empty(Roost__V1__Delivery *delivery, int64_t deleted_ms);

/* --- history_trace.c */

query_work query_trace, query_dead_letters;

/* --- history_receipts.c */

/* Steps of the receipts of this message, where the asker may see them. */
MUST_USE enum err query_add_receipts(struct query *query, const struct message_row *row);

/* --- history_peers.c */

query_work query_unread, query_peers, query_peer_stats, query_stats, query_tables, query_presence;
query_work query_search;     /* history_search.c */
query_work query_edits;      /* history_search.c */
query_work query_users;      /* history_accounts.c */
query_work query_sessions;   /* history_accounts.c */
query_work query_audit;      /* history_accounts.c */
query_work query_warm_start; /* history_known.c */
query_work query_keys;       /* history_keys.c */
/* The unread count of one conversation, added to the page. *ret_is_shown (may be NULL): it is one
 * that people see. */
MUST_USE enum err query_add_counter(struct query *query, const char *name, const char *unit,
                                    const char *actor, uint64_t value);
MUST_USE enum err query_add_unread(struct query *query, const struct conversation_row *row,
                                   bool *ret_is_shown);

/* --- history_rooms.c */

query_work query_rooms, query_members, query_invitations;
/* ERR_OK, NOT_MEMBER, ROOM_BANNED. *ret_since (may be NULL): the newest message when the asker
 * joined; 0 when it is no member. */
MUST_USE enum err query_check_room(struct query *query, int64_t scope_id, uint64_t *ret_since);

/* --- history_acl.c */

query_work query_acl;
/* Within a read transaction: the rules as they stand in it. */
MUST_USE enum err history_acl_refresh(struct history *h);
/* May the asker read this scope, as far as the access list goes? */
MUST_USE enum err query_check_acl(struct query *query, const struct scope_row *scope);

/* --- The other questions. */

actor_handler history_on_fetch;
actor_handler history_on_load_consumers, history_on_load_exceptions, history_on_load_heads;
actor_handler history_on_load_peers, history_on_resolve;
actor_handler history_on_load_account;                    /* history_accounts.c */
actor_handler history_on_load_keys;                       /* history_keys.c */
actor_handler history_on_load_known, history_on_lan_find; /* history_known.c */
actor_handler history_on_inspect_fill;
actor_handler history_on_deliveries_fill; /* history_deliveries.c */

#endif
