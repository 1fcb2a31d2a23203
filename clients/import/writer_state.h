/* SPDX-License-Identifier: MPL-2.0
 *
 * What the files of the writer share. Internal to clients/import/writer*.c.
 */
#ifndef IMPORT_WRITER_STATE_H
#define IMPORT_WRITER_STATE_H

#include "clients/import/writer.h"
#include "store/consumers.h"

/* A name in the forms the store wants. */
struct stored_name {
    char name[WIRE_NAME_BYTES_MAX + 1];
    struct name_folded folded;
};
MUST_USE enum err writer_name(struct text name, struct stored_name *ret);

/* Of a dry run: the id of what it would have made; 0: not yet. And a new one. */
int64_t writer_dry_find(struct writer *writer, enum scope_kind kind,
                        const struct stored_name *name);
MUST_USE enum err writer_dry_make(struct writer *writer, enum scope_kind kind,
                                  const struct stored_name *name, int64_t *ret_id);
bool writer_is_dry_id(int64_t id);

/* Before the commit: no consumer gets what this batch appended as delivered. */
MUST_USE enum err writer_settle_all(struct writer *writer);

#endif
