/* SPDX-License-Identifier: MPL-2.0
 *
 * Exceptions: what a floor alone does not say. See consumers.h.
 */
#include "rt/check.h"
#include "store/consumers.h"
#include "store/store_internal.h"

enum err exception_put(struct store *store, const struct exception_row *row)
{
    CHECK(store->is_in_transaction && row->last_seq >= row->seq);
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_exception_put, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt,
                        INTS(row->consumer_id, (int64_t)row->seq, (int64_t)row->last_seq,
                             row->state, row->attempts, row->due_ms, row->reason, row->at_ms));
    statement_bind_text(stmt, 9, row->text);
    return statement_run(store, stmt);
}

enum err exception_remove(struct store *store, int64_t consumer_id, uint64_t seq)
{
    CHECK(store->is_in_transaction);
    return statement_run_ints(store, STATEMENT_exception_remove, INTS(consumer_id, (int64_t)seq));
}

enum err exception_trim(struct store *store, int64_t consumer_id, uint64_t floor_seq)
{
    CHECK(store->is_in_transaction);
    return statement_run_ints(store, STATEMENT_exception_trim,
                              INTS(consumer_id, (int64_t)floor_seq));
}

static enum err visit_all(struct store *store, sqlite3_stmt *stmt, exception_visit *visit,
                          void *context)
{
    enum err err;
    bool has_row = false;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        struct exception_row row = {
            .consumer_id = sqlite3_column_int64(stmt, 0),
            .seq = (uint64_t)sqlite3_column_int64(stmt, 1),
            .last_seq = (uint64_t)sqlite3_column_int64(stmt, 2),
            .state = (enum exception_state)sqlite3_column_int(stmt, 3),
            .attempts = (uint32_t)sqlite3_column_int64(stmt, 4),
            .due_ms = sqlite3_column_int64(stmt, 5),
            .reason = (uint32_t)sqlite3_column_int64(stmt, 6),
            .at_ms = sqlite3_column_int64(stmt, 7),
            .text = statement_column_text(stmt, 8),
        };
        err = visit(context, &row);
        if (err != ERR_OK)
            break;
    }
    return statement_close(stmt, err);
}

enum err exception_load(struct store *store, int64_t after_consumer_id, uint64_t after_seq,
                        bool live_only, uint32_t limit, exception_visit *visit, void *context)
{
    sqlite3_stmt *stmt;
    enum statement id = live_only ? STATEMENT_exception_load_live : STATEMENT_exception_load;
    enum err err = statement_open(store, id, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(after_consumer_id, (int64_t)after_seq, limit));
    return visit_all(store, stmt, visit, context);
}

enum err exception_list(struct store *store, int64_t consumer_id, enum exception_state state,
                        uint64_t after_seq, uint32_t limit, exception_visit *visit, void *context)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_exception_list, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(consumer_id, state, (int64_t)after_seq, limit));
    return visit_all(store, stmt, visit, context);
}

enum err exception_dead(struct store *store, uint32_t limit, uint32_t offset,
                        exception_visit *visit, void *context)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_exception_dead, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(limit, offset));
    return visit_all(store, stmt, visit, context);
}

enum err exception_of_message(struct store *store, int64_t scope_id, uint64_t seq,
                              exception_visit *visit, void *context)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_exception_of_message, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(scope_id, (int64_t)seq));
    return visit_all(store, stmt, visit, context);
}
