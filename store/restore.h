/* SPDX-License-Identifier: MPL-2.0
 *
 * A backup becomes the database.
 *
 * Promises: nothing is touched before the backup was copied beside the database, synced and
 * checked; the database that was there is kept, with its WAL, under another name; whenever this is
 * cut short, either database is whole, and a broker starts with one of them or not at all (while
 * the old one has two names, store_open refuses it). Refuses while anybody has the writer's lock.
 *
 * Leaves to others: what a check is (verify.h), where the database is.
 */
#ifndef STORE_RESTORE_H
#define STORE_RESTORE_H

#include <stddef.h>

#include "rt/err.h"
#include "store/backup.h"

struct restore_options {
    const char *backup;   /* the file that is restored; may be of an older version */
    const char *database; /* what it becomes; its directory exists */
    const char *aside;    /* what the database there is called from then on; must not exist */
    struct backup_hooks hooks;
    char *error_text; /* gets a sentence on failure */
    size_t error_text_size_bytes;
};

struct restore_result {
    bool has_aside; /* there was a database */
    int schema_version;
};

/* ERR_LOCKED: a broker runs. ERR_NOT_OUR_FILE, ERR_NEWER_SCHEMA, ERR_CORRUPT: of the backup. */
MUST_USE enum err restore_run(const struct restore_options *options, struct restore_result *ret);

#endif
