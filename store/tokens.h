/* SPDX-License-Identifier: MPL-2.0
 *
 * Tokens: what a peer holds instead of its password. Only the hash of one is ever stored.
 *
 * An account has at most TOKENS_PER_ACCOUNT of them: a new one beyond that ends the oldest.
 * Leaves to others: making and hashing them (the accounts actor).
 */
#ifndef STORE_TOKENS_H
#define STORE_TOKENS_H

#include <stdint.h>

#include "rt/err.h"

struct store;

#define TOKEN_HASH_BYTES   32u
#define TOKENS_PER_ACCOUNT 100
#define TOKEN_KIND_FIXED   "fixed" /* its end was chosen: using it does not move it */

struct token_new {
    int64_t peer_id;
    const uint8_t *hash;                /* TOKEN_HASH_BYTES */
    const char *kind, *label, *address; /* NULL = "" */
    int64_t now_ms, expires_ms;
};
MUST_USE enum err token_create(struct store *store, const struct token_new *token, int64_t *ret_id);

struct token_row {
    int64_t id, peer_id, created_ms, used_ms, expires_ms;
    const char *kind, *label, *address; /* views */
};
/* The views of ret_row are NULL. ERR_NO_SUCH_USER: there is no such token (any more). */
MUST_USE enum err token_find(struct store *store, const uint8_t hash[TOKEN_HASH_BYTES],
                             struct token_row *ret_row);
MUST_USE enum err token_read(struct store *store, int64_t id, struct token_row *ret_row);

typedef enum err token_visit(void *context, const struct token_row *row);
/* Of one peer with id > after_id, oldest first. */
MUST_USE enum err token_list(struct store *store, int64_t peer_id, int64_t after_id, uint32_t limit,
                             token_visit *visit, void *context);

/* It was used: its end moves to expires_ms unless it is TOKEN_KIND_FIXED or lies behind that. */
MUST_USE enum err token_use(struct store *store, int64_t id, int64_t now_ms, int64_t expires_ms);
/* Of this peer only; id 0 = all. How many there were: 0 is no error. */
MUST_USE enum err token_remove(struct store *store, int64_t peer_id, int64_t id,
                               uint64_t *ret_count);
/* At most rows_max of those that ended by now_ms. */
MUST_USE enum err token_sweep(struct store *store, int64_t now_ms, uint32_t rows_max,
                              uint64_t *ret_count);

#endif
