/* SPDX-License-Identifier: MPL-2.0
 *
 * Consumers: a floor per scope and name. See consumers.h; the exceptions are in exceptions.c.
 */
#include "store/consumers.h"

#include "rt/check.h"
#include "store/store_internal.h"

static void read_consumer(sqlite3_stmt *stmt, struct consumer_row *ret_row)
{
    ret_row->id = sqlite3_column_int64(stmt, 0);
    ret_row->scope_id = sqlite3_column_int64(stmt, 1);
    ret_row->floor_seq = (uint64_t)sqlite3_column_int64(stmt, 2);
    ret_row->name = statement_column_text(stmt, 3);
}

enum err consumer_find(struct store *store, int64_t scope_id, const char *name,
                       struct consumer_row *ret_row)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_consumer_find, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(scope_id));
    statement_bind_text(stmt, 2, name);
    bool has_row = false;
    err = statement_step(store, stmt, &has_row);
    if (err == ERR_OK && !has_row)
        err = ERR_NO_SUCH_CONSUMER;
    if (err == ERR_OK) {
        read_consumer(stmt, ret_row);
        ret_row->name = name; /* the same text, but it outlives the statement */
    }
    return statement_close(stmt, err);
}

enum err consumer_create(struct store *store, int64_t scope_id, const char *name,
                         uint64_t floor_seq, int64_t now_ms, int64_t *ret_id)
{
    CHECK(store->is_in_transaction);
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_consumer_create, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(scope_id, (int64_t)floor_seq, now_ms));
    statement_bind_text(stmt, 4, name);
    err = statement_run(store, stmt);
    if (err == ERR_OK)
        *ret_id = sqlite3_last_insert_rowid(store->db);
    return err;
}

static enum err found_or(struct store *store, enum err err, enum err missing)
{
    return err == ERR_OK && sqlite3_changes(store->db) == 0 ? missing : err;
}

enum err consumer_remove(struct store *store, int64_t id)
{
    CHECK(store->is_in_transaction);
    enum err err = statement_run_ints(store, STATEMENT_consumer_remove, INTS(id));
    return found_or(store, err, ERR_NO_SUCH_CONSUMER);
}

enum err consumer_set_floor(struct store *store, int64_t id, uint64_t floor_seq)
{
    CHECK(store->is_in_transaction);
    enum err err =
        statement_run_ints(store, STATEMENT_consumer_set_floor, INTS(id, (int64_t)floor_seq));
    return found_or(store, err, ERR_NO_SUCH_CONSUMER);
}

enum err consumer_load(struct store *store, int64_t after_id, uint32_t limit, consumer_visit *visit,
                       void *context)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_consumer_load, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(after_id, limit));
    bool has_row = false;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        struct consumer_load_row row = {
            .scope =
                {
                    .id = sqlite3_column_int64(stmt, 4),
                    .kind = (enum scope_kind)sqlite3_column_int(stmt, 5),
                    .owner_id = sqlite3_column_int64(stmt, 6),
                    .name = statement_column_text(stmt, 7),
                },
        };
        read_consumer(stmt, &row.consumer);
        err = visit(context, &row);
        if (err != ERR_OK)
            break;
    }
    return statement_close(stmt, err);
}

static enum err count_states(struct store *store, int64_t consumer_id,
                             struct consumer_counts *counts)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_consumer_states, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(consumer_id));
    uint64_t *const fields[] = {
        [EXCEPTION_RETRY] = &counts->retry,         [EXCEPTION_SCHEDULED] = &counts->scheduled,
        [EXCEPTION_DEAD] = &counts->dead,           [EXCEPTION_EXPIRED] = &counts->expired,
        [EXCEPTION_CANCELLED] = &counts->cancelled,
    };
    bool has_row = false;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        int64_t state = sqlite3_column_int64(stmt, 0);
        if (state >= EXCEPTION_RETRY && state <= EXCEPTION_CANCELLED)
            *fields[state] = (uint64_t)sqlite3_column_int64(stmt, 1);
    }
    return statement_close(stmt, err);
}

static enum err scope_newest(struct store *store, int64_t consumer_id, uint64_t *ret_seq)
{
    int64_t scope_id = 0;
    bool has_row = false;
    enum err err = statement_query_ints(store, STATEMENT_consumer_scope, INTS(consumer_id),
                                        &scope_id, &has_row);
    if (err == ERR_OK && !has_row)
        return ERR_NO_SUCH_CONSUMER;
    return err == ERR_OK ? scope_last_seq(store, scope_id, ret_seq) : err;
}

enum err consumer_count(struct store *store, int64_t consumer_id,
                        struct consumer_counts *ret_counts)
{
    struct consumer_counts counts = {.last_seq = 0};
    int64_t settled = 0;
    enum err err = scope_newest(store, consumer_id, &counts.last_seq);
    if (err == ERR_OK)
        err = count_states(store, consumer_id, &counts);
    if (err == ERR_OK)
        err = statement_query_ints(store, STATEMENT_consumer_settled, INTS(consumer_id), &settled,
                                   NULL);
    counts.settled_above = (uint64_t)settled;
    if (err == ERR_OK)
        *ret_counts = counts;
    return err;
}

enum err consumer_list(struct store *store, int64_t scope_id, const char *after_name,
                       uint32_t limit, consumer_row_visit *visit, void *context)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_consumer_of_scope, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(scope_id, limit));
    statement_bind_text(stmt, 3, after_name);
    bool has_row = false;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        struct consumer_row row;
        read_consumer(stmt, &row);
        err = visit(context, &row);
        if (err != ERR_OK)
            break;
    }
    return statement_close(stmt, err);
}
