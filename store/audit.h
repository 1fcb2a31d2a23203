/* SPDX-License-Identifier: MPL-2.0
 *
 * The audit log: who did what to whom, as a chain of hashes.
 *
 *     hash(n) = SHA-256(hash(n-1) | id | at_ms | actor | action | target | detail)
 *
 * hash(0) is 32 zero bytes; numbers are 8 bytes, little-endian; before each text stands its length
 * as such a number. Ids begin with 1 and rise by one. So no row can be changed, put in, or left out
 * before the newest without every later hash being wrong. What the chain cannot show is that the
 * newest rows were cut off: whoever must know that keeps the last hash elsewhere.
 */
#ifndef STORE_AUDIT_H
#define STORE_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/err.h"

struct store;

#define AUDIT_HASH_BYTES 32u

struct audit_row {
    int64_t id, at_ms;
    const char *actor;  /* name of the peer; "" = the broker */
    const char *action; /* "login", "ban" ... */
    const char *target, *detail;
    const uint8_t *hash; /* AUDIT_HASH_BYTES; NULL: it has another size */
};

/* In the transaction in hand; id and hash of `row` are not looked at. NULL = "". */
MUST_USE enum err audit_append(struct store *store, const struct audit_row *row);

typedef enum err audit_visit(void *context, const struct audit_row *row);
/* id > after_id, oldest first. */
MUST_USE enum err audit_list(struct store *store, int64_t after_id, uint32_t limit,
                             audit_visit *visit, void *context);

/* A row that is not what it was, or does not follow the one before. */
typedef void audit_finding(void *context, int64_t id, const char *text);

struct audit_verdict {
    uint64_t rows, findings;
    int64_t last_id;
    uint8_t last_hash[AUDIT_HASH_BYTES]; /* zero: no rows */
};
/* ERR_OK: it ran to its end, whatever it found. After a bad row the chain goes on from the hash
 * that is stored in it, so that one change is one finding. `on_finding` may be NULL. */
MUST_USE enum err audit_verify(struct store *store, audit_finding *on_finding, void *context,
                               struct audit_verdict *ret_verdict);

#endif
