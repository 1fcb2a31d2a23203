/* SPDX-License-Identifier: MPL-2.0
 *
 * What is done to the log later: retention, quarantine. (The deferred tables: indexing.c.)
 *
 * All of it in slices, each one transaction of the caller together with whatever else he writes.
 */
#include <string.h>

#include "rt/check.h"
#include "store/checksum.h"
#include "store/conversation.h"
#include "store/message_rows.h"
#include "store/messages.h"
#include "store/search.h"
#include "store/store_internal.h"

#define REMOVE_SCOPE_MAX 512

/* The newest message stays whatever its age (the next seq is above it), and so does what the
 * deferred tables have not seen. */
static enum err find_removable(struct store *store, int64_t stored_before_ms,
                               int64_t expired_before_ms, uint32_t rows_max, uint64_t *ret_upto,
                               uint64_t *ret_count)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_remove_candidates, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt,
                        INTS((int64_t)store->last_seq, (int64_t)store->indexed_seq, rows_max));
    uint64_t upto = 0, count = 0;
    bool has_row = false;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        if (sqlite3_column_int64(stmt, 1) >= stored_before_ms ||
            sqlite3_column_int64(stmt, 2) >= expired_before_ms)
            break;
        upto = (uint64_t)sqlite3_column_int64(stmt, 0);
        count++;
    }
    *ret_upto = upto;
    *ret_count = count;
    return statement_close(stmt, err);
}

enum err message_remove_slice(struct store *store, int64_t stored_before_ms,
                              int64_t expired_before_ms, uint32_t rows_max, uint64_t *ret_removed)
{
    CHECK(store->is_in_transaction);
    static const enum statement steps[] = {
        STATEMENT_remove_ids,      STATEMENT_remove_conversations, STATEMENT_remove_exceptions,
        STATEMENT_remove_edits,    STATEMENT_remove_tombstones,    STATEMENT_remove_reactions,
        STATEMENT_remove_messages,
    };
    uint64_t upto = 0, count = 0;
    enum err err =
        find_removable(store, stored_before_ms, expired_before_ms, rows_max, &upto, &count);
    if (err == ERR_OK && count > 0)
        err = search_forget(store, upto);
    for (size_t i = 0; i < sizeof steps / sizeof *steps && err == ERR_OK && count > 0; i++)
        err = statement_run_ints(store, steps[i], INTS((int64_t)upto));
    if (err == ERR_OK)
        *ret_removed = count;
    return err;
}

/* The oldest of the scope's indexed messages, but never the newest of the log. A slice of the deferred
 * tables that is not done yet must find its messages. */
static enum err find_removable_of_scope(struct store *store, int64_t scope_id,
                                        int64_t stored_before_ms, int64_t expired_before_ms,
                                        uint32_t rows_max, uint64_t *ret_seqs, uint64_t *ret_count)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_remove_scope_candidates, &stmt);
    if (err != ERR_OK)
        return err;
    uint64_t end = store->indexed_seq < store->last_seq ? store->indexed_seq + 1 : store->last_seq;
    statement_bind_ints(stmt, INTS(conversation_of_scope(scope_id), (int64_t)end, rows_max));
    uint64_t count = 0;
    bool has_row = false;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        if (sqlite3_column_int64(stmt, 1) >= stored_before_ms ||
            sqlite3_column_int64(stmt, 2) >= expired_before_ms)
            break;
        ret_seqs[count++] = (uint64_t)sqlite3_column_int64(stmt, 0);
    }
    *ret_count = count;
    return statement_close(stmt, err);
}

enum err message_remove_of_scope(struct store *store, int64_t scope_id, int64_t stored_before_ms,
                                 int64_t expired_before_ms, uint32_t rows_max,
                                 uint64_t *ret_removed)
{
    CHECK(store->is_in_transaction);
    static const enum statement steps[] = {
        STATEMENT_remove_one_id,        STATEMENT_remove_one_conversation,
        STATEMENT_remove_one_exception, STATEMENT_remove_one_edits,
        STATEMENT_remove_one_tombstone, STATEMENT_remove_one_reactions,
        STATEMENT_remove_one_message,
    };
    uint64_t seqs[REMOVE_SCOPE_MAX], count = 0;
    if (rows_max > REMOVE_SCOPE_MAX)
        rows_max = REMOVE_SCOPE_MAX;
    enum err err = find_removable_of_scope(store, scope_id, stored_before_ms, expired_before_ms,
                                           rows_max, seqs, &count);
    for (uint64_t i = 0; i < count && err == ERR_OK; i++) {
        err = search_forget_one(store, seqs[i]);
        for (size_t step = 0; step < sizeof steps / sizeof *steps && err == ERR_OK; step++)
            err = statement_run_ints(store, steps[step], INTS((int64_t)seqs[i]));
    }
    if (err == ERR_OK)
        *ret_removed = count;
    return err;
}

struct damage {
    bool is_found;
    uint64_t expected, computed;
};

static enum err note_damage(void *context, const struct message_row *message)
{
    struct damage *damage = context;
    damage->is_found = message->is_damaged;
    damage->expected = message->checksum;
    damage->computed = checksum_of_message(message);
    return ERR_OK;
}

enum err message_quarantine(struct store *store, uint64_t seq, int64_t found_ms)
{
    CHECK(store->is_in_transaction);
    struct damage damage = {.is_found = false};
    enum err err = message_read(store, 0, &seq, 1, note_damage, &damage);
    if (err != ERR_OK || !damage.is_found)
        return err;
    return statement_run_ints(
        store, STATEMENT_quarantine_put,
        INTS((int64_t)seq, found_ms, (int64_t)damage.expected, (int64_t)damage.computed));
}

enum err quarantine_list(struct store *store, uint64_t after_seq, uint32_t limit,
                         quarantine_visit *visit, void *context)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_quarantine_list, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS((int64_t)after_seq, limit));
    bool has_row = false;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        err =
            visit(context, (uint64_t)sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1));
        if (err != ERR_OK)
            break;
    }
    return statement_close(stmt, err);
}
