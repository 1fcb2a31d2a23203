/* SPDX-License-Identifier: MPL-2.0
 *
 * The rows of the access list (what they mean: actors/acl.h), and a number that changes with them, so
 * that whoever has read them knows whether they are still the same.
 */
#ifndef STORE_ACL_H
#define STORE_ACL_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/err.h"

struct store;

struct acl_row {
    int64_t id;
    const char *subject, *scope; /* as they were written */
    uint32_t actions;
    bool is_allow;
    int64_t created_ms;
    const char *creator; /* name of the peer */
};

/* In the transaction in hand; the id of `row` is not looked at. The same rule twice is one: then *ret_id is
 * the one there is, and *ret_is_new false. */
MUST_USE enum err acl_append(struct store *store, const struct acl_row *row, int64_t *ret_id,
                             bool *ret_is_new);
/* *ret_is_found: whether there was one. */
MUST_USE enum err acl_remove(struct store *store, int64_t id, bool *ret_is_found);

typedef enum err acl_visit(void *context, const struct acl_row *row);
/* id > after_id, oldest first. */
MUST_USE enum err acl_list(struct store *store, int64_t after_id, uint32_t limit, acl_visit *visit,
                           void *context);
/* One row; ERR_OK without a visit: there is none. */
MUST_USE enum err acl_read(struct store *store, int64_t id, acl_visit *visit, void *context);

MUST_USE enum err acl_count(struct store *store, uint64_t *ret_count);
/* Rises with every change. */
MUST_USE enum err acl_version(struct store *store, int64_t *ret_version);

#endif
