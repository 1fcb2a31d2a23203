/* SPDX-License-Identifier: MPL-2.0
 *
 * See audit.h.
 */
#include "store/audit.h"

#include <sodium.h>
#include <string.h>

#include "rt/check.h"
#include "store/store_internal.h"

_Static_assert(AUDIT_HASH_BYTES == crypto_hash_sha256_BYTES, "SHA-256");

#define VERIFY_ROWS 1024

/* --- The chain. */

static void add_number(crypto_hash_sha256_state *state, uint64_t value)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    (void)crypto_hash_sha256_update(state, bytes, sizeof bytes);
}

static void add_text(crypto_hash_sha256_state *state, const char *text)
{
    size_t size = text ? strlen(text) : 0;
    add_number(state, size);
    if (size > 0)
        (void)crypto_hash_sha256_update(state, (const uint8_t *)text, size);
}

static void chain(const struct audit_row *row, const uint8_t before[AUDIT_HASH_BYTES],
                  uint8_t ret_hash[AUDIT_HASH_BYTES])
{
    crypto_hash_sha256_state state;
    (void)crypto_hash_sha256_init(&state);
    (void)crypto_hash_sha256_update(&state, before, AUDIT_HASH_BYTES);
    add_number(&state, (uint64_t)row->id);
    add_number(&state, (uint64_t)row->at_ms);
    add_text(&state, row->actor);
    add_text(&state, row->action);
    add_text(&state, row->target);
    add_text(&state, row->detail);
    (void)crypto_hash_sha256_final(&state, ret_hash);
}

static const uint8_t *column_hash(sqlite3_stmt *stmt, int column)
{
    const uint8_t *hash = sqlite3_column_blob(stmt, column);
    return sqlite3_column_bytes(stmt, column) == (int)AUDIT_HASH_BYTES ? hash : NULL;
}

/* --- Writing. */

static enum err find_last(struct store *store, int64_t *ret_id, uint8_t ret_hash[AUDIT_HASH_BYTES])
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_audit_last, &stmt);
    if (err != ERR_OK)
        return err;
    bool has_row = false;
    err = statement_step(store, stmt, &has_row);
    *ret_id = 0;
    memset(ret_hash, 0, AUDIT_HASH_BYTES);
    if (err == ERR_OK && has_row) {
        const uint8_t *hash = column_hash(stmt, 1);
        *ret_id = sqlite3_column_int64(stmt, 0);
        if (hash)
            memcpy(ret_hash, hash, AUDIT_HASH_BYTES);
    }
    return statement_close(stmt, err);
}

enum err audit_append(struct store *store, const struct audit_row *row)
{
    CHECK(store->is_in_transaction);
    uint8_t before[AUDIT_HASH_BYTES], hash[AUDIT_HASH_BYTES];
    struct audit_row next = *row;
    enum err err = find_last(store, &next.id, before);
    if (err != ERR_OK)
        return err;
    next.id++;
    chain(&next, before, hash);
    sqlite3_stmt *stmt;
    err = statement_open(store, STATEMENT_audit_append, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(next.id, next.at_ms));
    statement_bind_text(stmt, 3, next.actor);
    statement_bind_text(stmt, 4, next.action);
    statement_bind_text(stmt, 5, next.target);
    statement_bind_text(stmt, 6, next.detail);
    (void)sqlite3_bind_blob(stmt, 7, hash, sizeof hash, SQLITE_STATIC);
    return statement_run(store, stmt);
}

/* --- Reading. */

enum err audit_list(struct store *store, int64_t after_id, uint32_t limit, audit_visit *visit,
                    void *context)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_audit_list, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(after_id, limit));
    bool has_row = false;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        struct audit_row row = {
            .id = sqlite3_column_int64(stmt, 0),
            .at_ms = sqlite3_column_int64(stmt, 1),
            .actor = statement_column_text(stmt, 2),
            .action = statement_column_text(stmt, 3),
            .target = statement_column_text(stmt, 4),
            .detail = statement_column_text(stmt, 5),
            .hash = column_hash(stmt, 6),
        };
        err = visit(context, &row);
        if (err != ERR_OK)
            break;
    }
    return statement_close(stmt, err);
}

/* --- Verifying. */

struct verify_walk {
    audit_finding *on_finding;
    void *context;
    struct audit_verdict verdict;
    int64_t after_id;
    uint32_t seen; /* of this slice */
};

static void find(struct verify_walk *walk, int64_t id, const char *text)
{
    walk->verdict.findings++;
    if (walk->on_finding)
        walk->on_finding(walk->context, id, text);
}

static enum err verify_row(void *context, const struct audit_row *row)
{
    struct verify_walk *walk = context;
    struct audit_verdict *verdict = &walk->verdict;
    uint8_t hash[AUDIT_HASH_BYTES];
    chain(row, verdict->last_hash, hash);
    if (row->id != verdict->last_id + 1)
        find(walk, row->id, "rows of the audit log before this one are missing");
    else if (!row->hash || sodium_memcmp(hash, row->hash, sizeof hash) != 0)
        find(walk, row->id, "this row of the audit log, or one before it, was changed");
    verdict->last_id = row->id;
    memcpy(verdict->last_hash, row->hash ? row->hash : hash, sizeof hash);
    verdict->rows++;
    walk->after_id = row->id;
    walk->seen++;
    return ERR_OK;
}

enum err audit_verify(struct store *store, audit_finding *on_finding, void *context,
                      struct audit_verdict *ret_verdict)
{
    struct verify_walk walk = {.on_finding = on_finding, .context = context, .after_id = INT64_MIN};
    enum err err;
    do {
        walk.seen = 0;
        err = audit_list(store, walk.after_id, VERIFY_ROWS, verify_row, &walk);
    } while (err == ERR_OK && walk.seen == VERIFY_ROWS);
    if (err == ERR_OK)
        *ret_verdict = walk.verdict;
    return err;
}
