/* SPDX-License-Identifier: MPL-2.0
 *
 * How much of what there is: numbers that are shown all the time and are counted only when they may
 * have changed (actors/persistence_figures.c decides when). Each is the length of an index or of a
 * short table; nothing here walks messages.
 */
#ifndef STORE_FIGURES_H
#define STORE_FIGURES_H

#include <stdint.h>

#include "rt/err.h"

struct store;

struct figures_people {
    uint64_t rooms;       /* not archived */
    uint64_t users;       /* peers with an account */
    uint64_t invitations; /* pending, their time not over */
};
MUST_USE enum err figures_people(struct store *store, int64_t now_ms, struct figures_people *ret);

MUST_USE enum err figures_peers(struct store *store, uint64_t *ret_count);

/* Deliveries that ended as DEAD and are kept. */
MUST_USE enum err figures_dead(struct store *store, uint64_t *ret_count);

struct figures_pages {
    uint64_t bytes; /* of the database, what is still in the WAL included */
    uint64_t pages, free_pages;
};
MUST_USE enum err figures_pages(struct store *store, struct figures_pages *ret);

/* The size of each table and index, the large ones last, counted page by page. After `pages_max`
 * pages it ends: the table in hand and those behind it are not told. `name` is a view. An error of
 * the visitor ends it and is returned. */
typedef enum err figures_table_visit(void *context, const char *name, uint64_t bytes);
MUST_USE enum err figures_tables(struct store *store, uint64_t pages_max,
                                 figures_table_visit *visit, void *context);

#endif
