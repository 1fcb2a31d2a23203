/* SPDX-License-Identifier: MPL-2.0
 *
 * A complete copy of the database while it is in use.
 *
 * The copy is made under the name TARGET.part, synced, and only then renamed, so TARGET is always
 * a whole database. An existing TARGET is replaced only if it is a roost database, and never when
 * it is the source itself.
 */
#ifndef STORE_BACKUP_H
#define STORE_BACKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/err.h"

struct store;

/* Called after each slice; false ends the backup (ERR_CANCELLED, nothing is left behind). */
typedef bool backup_progress(void *context, uint64_t pages_done, uint64_t pages_total);

/* From any handle, outside transactions, in slices. From the writer's handle every slice sees the
 * writes between slices and goes on; from a reader's handle a write starts the copy anew, which is
 * why it copies in one piece then. progress may be NULL. */
MUST_USE enum err backup_run(struct store *store, const char *target, backup_progress *progress,
                             void *context);

/* The same in the writer's own time: begin, then step between batches until ret_is_done. */
struct backup;
MUST_USE enum err backup_begin(struct store *store, const char *target, struct backup **ret_backup);
MUST_USE enum err backup_step(struct backup *backup, uint32_t pages, uint64_t *ret_done,
                              uint64_t *ret_total, bool *ret_is_done);
/* Also abandons an unfinished one; NULL is allowed. */
void backup_destroy(struct backup **backup);

#endif
