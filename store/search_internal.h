/* SPDX-License-Identifier: MPL-2.0
 *
 * What search.c and search_index.c share.
 *
 * Internal to store/.
 */
#ifndef STORE_SEARCH_INTERNAL_H
#define STORE_SEARCH_INTERNAL_H

#include <stdbool.h>

#include "rt/err.h"
#include "store/messages.h"

struct store;

/* Kinds of proto/wire/broker.proto, which the store does not see. */
enum search_kind {
    SEARCH_KIND_TEXT = 0,
    SEARCH_KIND_ACTION = 3,
    SEARCH_KIND_EDIT = 7,
    SEARCH_KIND_DELETE = 8,
};

/* A message whose words are searched. */
bool search_is_text(const struct message_row *row);

/* When a connection is opened, before its statements: the function search_score(). */
MUST_USE enum err search_install(struct store *store);

#endif
