/* SPDX-License-Identifier: MPL-2.0
 *
 * See migrate.h.
 */
#include "store/migrate.h"

#include <stdio.h>

#include "rt/check.h"
#include "store/backup.h"
#include "store/store_internal.h"

static enum err keep_copy(struct store *store, int version)
{
    char path[4096];
    int size = snprintf(path, sizeof path, "%s-before-v%d", store->path, version);
    if (size < 0 || (size_t)size >= sizeof path)
        return store_fail(store, ERR_CONFIG, "the path is too long");
    return backup_run(store, path, NULL);
}

static enum err apply(struct store *store, const struct migration *migration)
{
    enum err err = store_begin(store);
    if (err != ERR_OK)
        return err;
    err = store_map(store, sqlite3_exec(store->db, migration->sql, NULL, NULL, NULL));
    if (err != ERR_OK) {
        store_rollback(store);
        return err;
    }
    return store_commit(store);
}

static enum err apply_all(struct store *store, const struct migration *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CHECK(list[i].version == (int)i + 1);
        if (list[i].version <= store->schema_version)
            continue;
        enum err err = apply(store, &list[i]);
        if (err != ERR_OK)
            return err;
        store->schema_version = list[i].version;
    }
    return ERR_OK;
}

enum err migrate_run(struct store *store, const struct migration *list, size_t count)
{
    int newest = list[count - 1].version;
    if (store->schema_version > newest)
        return store_fail(store, ERR_NEWER_SCHEMA,
                          "its schema has version %d, this program knows versions up to %d",
                          store->schema_version, newest);
    if (store->schema_version == newest)
        return ERR_OK;
    enum err err = store->schema_version > 0 ? keep_copy(store, newest) : ERR_OK;
    return err == ERR_OK ? apply_all(store, list, count) : err;
}
