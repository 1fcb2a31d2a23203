/* SPDX-License-Identifier: MPL-2.0
 *
 * See statements.h. The results of binds are not looked at: the index is a constant of ours, sizes
 * are limited before (message_append), and binding by reference allocates nothing. A parameter
 * that was forgotten would be NULL, which the columns refuse.
 */
#include "store/statements.h"

#include "rt/check.h"
#include "store/append.h"
#include "store/store_internal.h"

#define READ                                                                                       \
    {                                                                                              \
        .is_write = false                                                                          \
    }
#define WRITE                                                                                      \
    {                                                                                              \
        .is_write = true                                                                           \
    }
#define CONTROL                                                                                    \
    {                                                                                              \
        .is_control = true                                                                         \
    }
#define SCAN(why)                                                                                  \
    {                                                                                              \
        .scan_reason = (why)                                                                       \
    }

static const struct statement_info infos[STATEMENT_COUNT] = {
#define STATEMENT(name, access, sql) [STATEMENT_##name] = {#name, sql, access},
#include "store/statements.def"
};

static const struct {
    enum setting_role role;
    const char *sql;
} settings[] = {
#define SETTING(role, sql) {SETTING_##role, sql},
#include "store/statements.def"
};

const struct statement_info *statement_info(enum statement id)
{
    CHECK(id < STATEMENT_COUNT);
    return &infos[id];
}

int statement_run_settings(sqlite3 *db, enum setting_role role)
{
    int rc = SQLITE_OK;
    bool is_handle = role == SETTING_WRITER || role == SETTING_READER;
    for (size_t i = 0; i < sizeof settings / sizeof *settings && rc == SQLITE_OK; i++) {
        if (settings[i].role == role || (is_handle && settings[i].role == SETTING_BOTH))
            rc = sqlite3_exec(db, settings[i].sql, NULL, NULL, NULL);
    }
    return rc;
}

static enum err prepare(struct store *store, enum statement id)
{
    const struct statement_info *info = &infos[id];
    CHECK(store->is_writer || !info->access.is_write);
    int rc = sqlite3_prepare_v3(store->db, info->sql, -1, SQLITE_PREPARE_PERSISTENT,
                                &store->statements[id], NULL);
    enum err err = store_map(store, rc);
    if (err != ERR_INTERNAL)
        return err;
    /* The text is ours and good: the file does not have what it names. */
    store->is_broken |= store->is_writer;
    return ERR_CORRUPT;
}

enum err statement_prepare_writes(struct store *store)
{
    enum err err = ERR_OK;
    for (int id = 0; id < STATEMENT_COUNT && err == ERR_OK; id++) {
        if (infos[id].access.is_write && !store->statements[id])
            err = prepare(store, (enum statement)id);
    }
    return err;
}

void statement_finalize_all(struct store *store)
{
    for (int id = 0; id < STATEMENT_COUNT; id++) {
        (void)sqlite3_finalize(store->statements[id]); /* repeats the last error of the statement */
        store->statements[id] = NULL;
    }
}

/* Nobody sees a table without the rows that were appended to it; only what ends a transaction that
 * failed does not need them. */
static enum err append_first(struct store *store, enum statement id)
{
    bool is_needed = !store->is_appending && id != STATEMENT_rollback;
    return is_needed ? message_append_rest(store) : ERR_OK;
}

enum err statement_open(struct store *store, enum statement id, sqlite3_stmt **ret_stmt)
{
    if (store->is_broken)
        return ERR_STORAGE;
    if (store->transaction_err != ERR_OK)
        return store->transaction_err;
    if (store->unwritten && store->unwritten->page.count > 0) {
        enum err err = append_first(store, id);
        if (err != ERR_OK)
            return err;
    }
    if (!store->statements[id]) {
        enum err err = prepare(store, id);
        if (err != ERR_OK)
            return err;
    }
    CHECK(!sqlite3_stmt_busy(store->statements[id]));
    *ret_stmt = store->statements[id];
    return ERR_OK;
}

enum err statement_step(struct store *store, sqlite3_stmt *stmt, bool *ret_has_row)
{
    int rc = sqlite3_step(stmt);
    if (__builtin_expect(rc != SQLITE_ROW && rc != SQLITE_DONE, 0)) {
        bool is_harmless = (rc & 0xff) == SQLITE_CORRUPT && sqlite3_stmt_readonly(stmt);
        return is_harmless ? store_note(store, rc) : store_map(store, rc);
    }
    *ret_has_row = rc == SQLITE_ROW;
    return ERR_OK;
}

enum err statement_close(sqlite3_stmt *stmt, enum err err)
{
    (void)sqlite3_reset(stmt); /* repeats the error of the step, which was mapped there */
    return err;
}

enum err statement_run(struct store *store, sqlite3_stmt *stmt)
{
    bool has_row = false;
    return statement_close(stmt, statement_step(store, stmt, &has_row));
}

void statement_bind_ints(sqlite3_stmt *stmt, int count, const int64_t *values)
{
    for (int i = 0; i < count; i++)
        (void)sqlite3_bind_int64(stmt, i + 1, values[i]);
}

void statement_bind_text(sqlite3_stmt *stmt, int index, const char *text)
{
    (void)sqlite3_bind_text(stmt, index, text ? text : "", -1, SQLITE_STATIC);
}

enum err statement_run_ints(struct store *store, enum statement id, int count,
                            const int64_t *values)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, id, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, count, values);
    return statement_run(store, stmt);
}

enum err statement_query_ints(struct store *store, enum statement id, int count,
                              const int64_t *values, int64_t *ret_value, bool *ret_has_row)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, id, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, count, values);
    bool has_row = false;
    err = statement_step(store, stmt, &has_row);
    if (err == ERR_OK && has_row)
        *ret_value = sqlite3_column_int64(stmt, 0);
    if (err == ERR_OK && ret_has_row)
        *ret_has_row = has_row;
    return statement_close(stmt, err);
}

const char *statement_column_text(sqlite3_stmt *stmt, int column)
{
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    return text ? text : "";
}
