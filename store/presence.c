/* SPDX-License-Identifier: MPL-2.0
 *
 * Presence events (the audit trail of who came and went) and read markers. See peers.h.
 */
#include "rt/check.h"
#include "store/peers.h"
#include "store/store_internal.h"

#define TRIM_EVERY 16 /* events of all; so a peer may have a few more for a while */

enum err presence_add(struct store *store, int64_t peer_id, bool is_online, int64_t at_ms,
                      const char *reason, int64_t *ret_event_id)
{
    CHECK(store->is_in_transaction);
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_presence_add, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(peer_id, is_online, at_ms));
    statement_bind_text(stmt, 4, reason);
    err = statement_run(store, stmt);
    int64_t event_id = sqlite3_last_insert_rowid(store->db);
    if (err == ERR_OK)
        err =
            statement_run_ints(store, is_online ? STATEMENT_presence_came : STATEMENT_presence_went,
                               INTS(peer_id, at_ms));
    if (err == ERR_OK && event_id % TRIM_EVERY == 0)
        err = statement_run_ints(store, STATEMENT_presence_trim_peer,
                                 INTS(peer_id, PRESENCE_OF_PEER_MAX));
    if (err == ERR_OK)
        *ret_event_id = event_id;
    return err;
}

enum err presence_list(struct store *store, int64_t peer_id, int64_t before_id, uint32_t limit,
                       presence_visit *visit, void *context)
{
    sqlite3_stmt *stmt;
    enum statement id = peer_id ? STATEMENT_presence_list_peer : STATEMENT_presence_list;
    enum err err = statement_open(store, id, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(before_id ? before_id : INT64_MAX, limit));
    if (peer_id)
        (void)sqlite3_bind_int64(stmt, 3, peer_id);
    bool has_row = false;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        struct presence_row row = {
            .id = sqlite3_column_int64(stmt, 0),
            .peer_id = sqlite3_column_int64(stmt, 1),
            .at_ms = sqlite3_column_int64(stmt, 2),
            .is_online = sqlite3_column_int(stmt, 3) != 0,
            .is_verified = sqlite3_column_int(stmt, 4) != 0,
            .reason = statement_column_text(stmt, 5),
            .peer_name = statement_column_text(stmt, 6),
            .display_name = statement_column_text(stmt, 7),
        };
        err = visit(context, &row);
        if (err != ERR_OK)
            break;
    }
    return statement_close(stmt, err);
}

/* Ends at the first event that is young enough, so that a call never looks at more than it may
 * remove. */
enum err presence_trim(struct store *store, int64_t before_ms, uint32_t rows_max)
{
    CHECK(store->is_in_transaction);
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_presence_oldest, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(0, rows_max));
    int64_t last_id = 0;
    bool has_row = false;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row &&
           sqlite3_column_int64(stmt, 1) < before_ms)
        last_id = sqlite3_column_int64(stmt, 0);
    err = statement_close(stmt, err);
    if (err != ERR_OK || last_id == 0)
        return err;
    return statement_run_ints(store, STATEMENT_presence_trim, INTS(last_id));
}

enum err marker_get(struct store *store, int64_t peer_id, int64_t conversation,
                    uint64_t *ret_read_seq)
{
    int64_t seq = 0;
    enum err err =
        statement_query_ints(store, STATEMENT_marker_get, INTS(peer_id, conversation), &seq, NULL);
    if (err == ERR_OK)
        *ret_read_seq = (uint64_t)seq;
    return err;
}

enum err marker_set(struct store *store, int64_t peer_id, int64_t conversation, uint64_t read_seq,
                    int64_t now_ms, uint64_t *ret_before)
{
    CHECK(store->is_in_transaction);
    uint64_t before = 0;
    enum err err = marker_get(store, peer_id, conversation, &before);
    if (err == ERR_OK && read_seq > before)
        err = statement_run_ints(store, STATEMENT_marker_set,
                                 INTS(peer_id, conversation, (int64_t)read_seq, now_ms));
    if (err == ERR_OK)
        *ret_before = before;
    return err;
}
