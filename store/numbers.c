/* SPDX-License-Identifier: MPL-2.0
 *
 * See numbers.h. The next number of a counter is the row `numbers:NAME` of progress.
 */
#include "store/numbers.h"

#include "rt/check.h"
#include "store/store_internal.h"

static enum err read_next(struct store *store, const char *name, int64_t *ret_next)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_numbers_next, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_text(stmt, 1, name);
    bool has_row = false;
    err = statement_step(store, stmt, &has_row);
    if (err == ERR_OK)
        *ret_next = has_row ? sqlite3_column_int64(stmt, 0) : 1;
    return statement_close(stmt, err);
}

static enum err write_next(struct store *store, const char *name, int64_t next)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_numbers_set_next, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(next));
    statement_bind_text(stmt, 2, name);
    return statement_run(store, stmt);
}

enum err numbers_reserve(struct store *store, const char *name, uint32_t count, uint64_t at_least,
                         struct numbers_block *ret)
{
    CHECK(store->is_in_transaction && count > 0 && count <= NUMBERS_BLOCK_MAX);
    const int64_t highest_first = (int64_t)NUMBERS_LAST - count + 1;
    int64_t next = 1;
    enum err err = read_next(store, name, &next);
    if (err != ERR_OK)
        return err;
    bool is_ahead = at_least <= (uint64_t)highest_first && (int64_t)at_least > next;
    int64_t first = is_ahead ? (int64_t)at_least : next;
    bool is_wrapped = first < 1 || first > highest_first; /* below 1: a damaged row */
    if (is_wrapped)
        first = 1;
    err = write_next(store, name, first + count);
    if (err == ERR_OK)
        *ret = (struct numbers_block){
            .first = (uint32_t)first, .count = count, .is_wrapped = is_wrapped};
    return err;
}
