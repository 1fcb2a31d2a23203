/* SPDX-License-Identifier: MPL-2.0
 *
 * A complete copy of the database while it is in use.
 *
 * The copy is made under the name TARGET.part, synced, checked by whoever wants to, and only then
 * renamed, so TARGET is always a whole database. An existing TARGET is replaced only if it is a
 * roost database that no broker has, and never when it is the source itself. Of two backups to one TARGET at once the
 * second one is refused (ERR_LOCKED); what one that was killed left is used up by the next.
 *
 * A reader's handle copies one moment, whatever is committed meanwhile, and holds back checkpoints
 * for as long as the copying takes. It never checkpoints itself.
 */
#ifndef STORE_BACKUP_H
#define STORE_BACKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/err.h"

struct store;

/* Called after each slice; false ends the backup (ERR_CANCELLED, nothing is left behind). */
typedef bool backup_progress(void *context, uint64_t pages_done, uint64_t pages_total);

/* Is given the complete, synced copy, which has no name but TARGET.part yet; not ERR_OK: it gets none
 * and is removed. May open it as a reader. */
typedef enum err backup_check(void *context, const char *path);

struct backup_hooks {
    backup_progress *progress; /* may be NULL, like the next */
    backup_check *check;
    void *context; /* of both */
};

/* From any handle, outside transactions, in slices. From the writer's handle every slice sees the
 * writes between slices and goes on. `hooks` may be NULL. */
MUST_USE enum err backup_run(struct store *store, const char *target,
                             const struct backup_hooks *hooks);

/* The same in the writer's own time: begin, then step between batches until ret_is_done, then
 * finish. */
struct backup;
MUST_USE enum err backup_begin(struct store *store, const char *target, struct backup **ret_backup);
MUST_USE enum err backup_step(struct backup *backup, uint32_t pages, uint64_t *ret_done,
                              uint64_t *ret_total, bool *ret_is_done);
/* Checks (may be NULL) and gives the copy its name. */
MUST_USE enum err backup_finish(struct backup *backup, backup_check *check, void *context);
/* Also abandons an unfinished one; NULL is allowed. */
void backup_destroy(struct backup **backup);

#endif
