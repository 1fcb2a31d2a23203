/* SPDX-License-Identifier: MPL-2.0
 *
 * The schema's history, embedded in the binary (store/migrations/NNNN_name.sql, embed.cmake).
 *
 * Each migration runs in one transaction together with its number, PRAGMA user_version, so a file
 * is at one version or the next and never between. Before the first one of an existing file a
 * copy is made beside it: PATH-before-vN, N being the version it is upgraded to.
 *
 * Internal to store/, but for `roost migrate`, which names them.
 */
#ifndef STORE_MIGRATE_H
#define STORE_MIGRATE_H

#include <stddef.h>

#include "rt/err.h"

struct store;

struct migration {
    int version;
    const char *name;
    const char *sql; /* NUL-terminated; sets user_version at its end */
};

/* In order of version, from 1, without gaps. Generated. */
extern const struct migration migrations[];
extern const size_t migrations_count;

/* Writer, outside transactions. ERR_NEWER_SCHEMA leaves the file untouched. */
MUST_USE enum err migrate_run(struct store *store, const struct migration *list, size_t count);

#endif
