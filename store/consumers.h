/* SPDX-License-Identifier: MPL-2.0
 *
 * Scopes, consumers and exceptions: who has to get what, and how far they are.
 *
 * Rows in, rows out; the meaning (leases, retries, expiry) is the sync-manager's.
 */
#ifndef STORE_CONSUMERS_H
#define STORE_CONSUMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/err.h"

struct store;

enum scope_kind {
    SCOPE_PEER = 1,
    SCOPE_ROOM = 2,
    SCOPE_QUEUE = 3,
    SCOPE_TOPIC = 4,
};

struct scope_row {
    int64_t id;
    enum scope_kind kind;
    int64_t owner_id; /* mailbox: the peer */
    const char *name; /* view; NUL-terminated */
};

/* Scope by kind and case-folded name, that of a pattern of topics with a '>' in front (proto/name.h,
 * scope_fold): so they stand together in the index and are never taken for a topic.
 * ERR_NO_SUCH_SCOPE. name in ret_row is not set. */
MUST_USE enum err scope_find(struct store *store, enum scope_kind kind, const char *folded,
                             struct scope_row *ret_row);
MUST_USE enum err scope_find_by_id(struct store *store, int64_t id, char *ret_name,
                                   size_t name_size_bytes, struct scope_row *ret_row);
/* Writer. A seq below every message of the scope, as high as the deferred tables tell: it costs
 * two look-ups. 0 for a mailbox with indexed messages (they lie in one conversation per sender). */
MUST_USE enum err scope_below_first(struct store *store, enum scope_kind kind, int64_t id,
                                    uint64_t *ret_seq);
/* Writer. The scope must not exist. */
MUST_USE enum err scope_create(struct store *store, enum scope_kind kind, const char *name,
                               const char *folded, int64_t owner_id, int64_t now_ms,
                               int64_t *ret_id);

/* The newest message that was ever in it, indexed or not; 0: none was. */
MUST_USE enum err scope_last_seq(struct store *store, int64_t id, uint64_t *ret_seq);
/* Has any pattern of topics a consumer? */
MUST_USE enum err scope_has_patterns(struct store *store, bool *ret);
typedef enum err scope_consumer_visit(void *context, int64_t consumer_id);
/* The first `limit` of its consumers. */
MUST_USE enum err scope_consumers(struct store *store, int64_t id, uint32_t limit,
                                  scope_consumer_visit *visit, void *context);
/* With its consumers; messages in it stay, so it must have none. */
MUST_USE enum err scope_remove(struct store *store, int64_t id);

struct consumer_row {
    int64_t id, scope_id;
    uint64_t floor_seq;
    const char *name; /* view */
};
MUST_USE enum err consumer_find(struct store *store, int64_t scope_id, const char *name,
                                struct consumer_row *ret_row);
MUST_USE enum err consumer_create(struct store *store, int64_t scope_id, const char *name,
                                  uint64_t floor_seq, int64_t now_ms, int64_t *ret_id);
MUST_USE enum err consumer_remove(struct store *store, int64_t id);
MUST_USE enum err consumer_set_floor(struct store *store, int64_t id, uint64_t floor_seq);

/* All consumers with id > after_id in id order, joined with their scope (start of sync-manager). */
struct consumer_load_row {
    struct consumer_row consumer;
    struct scope_row scope;
};
typedef enum err consumer_visit(void *context, const struct consumer_load_row *row);
MUST_USE enum err consumer_load(struct store *store, int64_t after_id, uint32_t limit,
                                consumer_visit *visit, void *context);

/* Those of one scope, by name > after_name. What is visited must not be changed meanwhile. */
typedef enum err consumer_row_visit(void *context, const struct consumer_row *row);
MUST_USE enum err consumer_list(struct store *store, int64_t scope_id, const char *after_name,
                                uint32_t limit, consumer_row_visit *visit, void *context);

enum exception_state {
    EXCEPTION_SETTLED = 1, /* above the floor only */
    EXCEPTION_RETRY = 2,
    EXCEPTION_SCHEDULED = 3,
    EXCEPTION_DEAD = 4,
    EXCEPTION_EXPIRED = 5,
    EXCEPTION_CANCELLED = 6,
};

struct exception_row {
    int64_t consumer_id;
    uint64_t seq, last_seq;
    enum exception_state state;
    uint32_t attempts;
    int64_t due_ms;
    uint32_t reason;
    const char *text; /* view, never NULL */
    int64_t at_ms;
};
MUST_USE enum err exception_put(struct store *store, const struct exception_row *row); /* upsert */
MUST_USE enum err exception_remove(struct store *store, int64_t consumer_id, uint64_t seq);
/* After the floor moved: SETTLED rows at or below it say nothing any more. */
MUST_USE enum err exception_trim(struct store *store, int64_t consumer_id, uint64_t floor_seq);

typedef enum err exception_visit(void *context, const struct exception_row *row);
/* Rows of one consumer (0 = all) with (consumer_id, seq) > after, in key order. `live_only` leaves
 * out DEAD, EXPIRED and CANCELLED rows that lie entirely at or below the consumer's floor. */
MUST_USE enum err exception_load(struct store *store, int64_t after_consumer_id, uint64_t after_seq,
                                 bool live_only, uint32_t limit, exception_visit *visit,
                                 void *context);
/* Dead letters of a consumer, oldest first, seq > after_seq. */
MUST_USE enum err exception_list(struct store *store, int64_t consumer_id,
                                 enum exception_state state, uint64_t after_seq, uint32_t limit,
                                 exception_visit *visit, void *context);
/* Dead letters of all consumers, by consumer, oldest first. */
MUST_USE enum err exception_dead(struct store *store, uint32_t limit, uint32_t offset,
                                 exception_visit *visit, void *context);
/* What every consumer's exceptions say of one message (TRACE). */
MUST_USE enum err exception_of_message(struct store *store, int64_t scope_id, uint64_t seq,
                                       exception_visit *visit, void *context);

struct consumer_counts {
    uint64_t last_seq; /* newest message of the scope, 0 = none */
    uint64_t settled_above, retry, scheduled, dead, expired, cancelled; /* rows of exception */
};
MUST_USE enum err consumer_count(struct store *store, int64_t consumer_id,
                                 struct consumer_counts *ret_counts);

#endif
