/* SPDX-License-Identifier: MPL-2.0
 *
 * See throttle.h.
 */
#include "store/throttle.h"

#include "rt/check.h"
#include "store/store_internal.h"

enum err throttle_read(struct store *store, const char *folded, struct throttle_row *ret_row)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_throttle_read, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_text(stmt, 1, folded);
    bool has_row = false;
    err = statement_step(store, stmt, &has_row);
    if (err == ERR_OK)
        *ret_row = (struct throttle_row){.failures = 0};
    if (err == ERR_OK && has_row)
        *ret_row = (struct throttle_row){
            .failures = (uint32_t)sqlite3_column_int64(stmt, 0),
            .first_ms = sqlite3_column_int64(stmt, 1),
            .locked_until_ms = sqlite3_column_int64(stmt, 2),
        };
    return statement_close(stmt, err);
}

static enum err put(struct store *store, const char *folded, const struct throttle_row *row)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_throttle_put, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(row->failures, row->first_ms, row->locked_until_ms));
    statement_bind_text(stmt, 4, folded);
    return statement_run(store, stmt);
}

enum err throttle_fail(struct store *store, const char *folded, int64_t now_ms,
                       const struct throttle_policy *policy, struct throttle_row *ret_row)
{
    CHECK(store->is_in_transaction);
    struct throttle_row row;
    enum err err = throttle_read(store, folded, &row);
    if (err == ERR_OK && row.locked_until_ms <= now_ms) {
        /* A clock that was set back begins anew as well. */
        bool is_over = row.failures == 0 || row.locked_until_ms ||
                       now_ms - row.first_ms >= policy->window_ms || now_ms < row.first_ms;
        if (is_over)
            row = (struct throttle_row){.first_ms = now_ms};
        row.failures++;
        if (row.failures >= policy->failures_max)
            row.locked_until_ms = now_ms + policy->lock_ms;
        err = put(store, folded, &row);
    }
    if (err == ERR_OK)
        *ret_row = row;
    return err;
}

static enum err counted(struct store *store, enum err err, uint64_t *ret_count)
{
    if (err == ERR_OK)
        *ret_count = (uint64_t)sqlite3_changes64(store->db);
    return err;
}

enum err throttle_clear(struct store *store, const char *folded, uint64_t *ret_count)
{
    CHECK(store->is_in_transaction);
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_throttle_clear, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_text(stmt, 1, folded);
    return counted(store, statement_run(store, stmt), ret_count);
}

enum err throttle_sweep(struct store *store, int64_t now_ms, int64_t window_ms, uint32_t rows_max,
                        uint64_t *ret_count)
{
    CHECK(store->is_in_transaction);
    enum err err = statement_run_ints(store, STATEMENT_throttle_sweep,
                                      INTS(now_ms - window_ms, now_ms, rows_max));
    return counted(store, err, ret_count);
}
