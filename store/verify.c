/* SPDX-License-Identifier: MPL-2.0
 *
 * See verify.h.
 */
#include "store/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rt/check.h"
#include "store/audit.h"
#include "store/message_rows.h"
#include "store/messages.h"
#include "store/migrate.h"
#include "store/store_internal.h"

#define FINDINGS_MAX   1000
#define SLICE_ROWS     1024
#define PROGRESS_STEPS 1000000 /* of SQLite's machine, between two signs of life */

struct verification {
    struct store *store;
    struct verify_options options;
    const char *check;
    uint64_t findings;       /* of all checks */
    uint64_t check_findings; /* of this one */
    uint64_t last_seq, indexed_seq;
};

static bool has_room(const struct verification *verification)
{
    return verification->check_findings < verification->options.findings_max;
}

static void report(struct verification *verification, uint64_t seq, const char *text)
{
    struct verify_finding finding = {.check = verification->check, .seq = seq, .text = text};
    verification->findings++;
    verification->check_findings++;
    if (verification->options.on_finding)
        verification->options.on_finding(verification->options.context, &finding);
}

static enum err progress(struct verification *verification, uint64_t done, uint64_t total)
{
    const struct verify_options *options = &verification->options;
    if (!options->on_progress)
        return ERR_OK;
    bool goes_on = options->on_progress(options->context, verification->check, done, total);
    return goes_on ? ERR_OK : ERR_CANCELLED;
}

static int sign_of_life(void *context)
{
    return progress(context, 0, 0) != ERR_OK; /* not 0: SQLite interrupts the statement */
}

/* Damage met while reading is the answer, not a failure of the verification. */
static enum err end_walk(struct verification *verification, sqlite3_stmt *stmt, enum err err)
{
    err = statement_close(stmt, err);
    if (err != ERR_CORRUPT)
        return err;
    report(verification, 0, store_error_text(verification->store));
    return ERR_OK;
}

/* Every row of the statement is a finding: its first column is a text, or the number that the
 * format speaks of, with a second number if it names two. */
struct row_check {
    enum statement statement;
    bool is_seq_first;  /* the first column is the seq of a message */
    const char *format; /* with two PRId64 at most; NULL: the first column is the text */
};

static enum err report_rows(struct verification *verification, const struct row_check *check,
                            const int64_t *bound)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(verification->store, check->statement, &stmt);
    if (err != ERR_OK)
        return err;
    if (bound)
        statement_bind_ints(stmt, INTS(*bound));
    bool has_row = false;
    while ((err = statement_step(verification->store, stmt, &has_row)) == ERR_OK && has_row &&
           has_room(verification)) {
        int64_t first = sqlite3_column_int64(stmt, 0);
        char text[256];
        (void)snprintf(text, sizeof text, "%s %" PRId64 ", %" PRId64, check->format, first,
                       (int64_t)sqlite3_column_int64(stmt, 1)); /* 0: no second column */
        report(verification, check->is_seq_first ? (uint64_t)first : 0, text);
    }
    return end_walk(verification, stmt, err);
}

static enum err report_integrity(struct verification *verification)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(verification->store, STATEMENT_verify_integrity, &stmt);
    if (err != ERR_OK)
        return err;
    bool has_row = false;
    while ((err = statement_step(verification->store, stmt, &has_row)) == ERR_OK && has_row) {
        const char *text = statement_column_text(stmt, 0);
        if (strcmp(text, "ok") != 0 && has_room(verification))
            report(verification, 0, text);
    }
    return end_walk(verification, stmt, err);
}

static enum err report_foreign_keys(struct verification *verification)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(verification->store, STATEMENT_verify_foreign_keys, &stmt);
    if (err != ERR_OK)
        return err;
    bool has_row = false;
    while ((err = statement_step(verification->store, stmt, &has_row)) == ERR_OK && has_row &&
           has_room(verification)) {
        char text[256];
        (void)snprintf(text, sizeof text, "a row of table %s names a row of %s that is not there",
                       statement_column_text(stmt, 0), statement_column_text(stmt, 2));
        report(verification, 0, text);
    }
    return end_walk(verification, stmt, err);
}

static enum err check_structure(struct verification *verification)
{
    sqlite3 *db = verification->store->db;
    sqlite3_progress_handler(db, PROGRESS_STEPS, sign_of_life, verification);
    enum err err = report_integrity(verification);
    if (err == ERR_OK)
        err = report_foreign_keys(verification);
    sqlite3_progress_handler(db, 0, NULL, NULL);
    return err == ERR_TIMEOUT ? ERR_CANCELLED : err;
}

static enum err look_at(void *context, const struct message_row *message)
{
    struct verification *verification = context;
    if (message->is_damaged && has_room(verification))
        report(verification, message->seq,
               message->message_id[0] || message->checksum
                   ? "the message does not match its checksum"
                   : "the message lies on a page that cannot be read");
    return ERR_OK;
}

/* In slices by seq, so that one unreadable page does not hide what lies behind it. */
static enum err check_messages(struct verification *verification)
{
    struct message_head first = {.seq = 1};
    size_t count = 0;
    enum err err = message_read_heads(verification->store, 0, &first, 1, &count);
    if (err != ERR_OK && err != ERR_CORRUPT)
        return err;
    err = ERR_OK;
    for (uint64_t seq = first.seq; err == ERR_OK && seq <= verification->last_seq;) {
        uint64_t seqs[SLICE_ROWS];
        size_t wanted = 0;
        for (; wanted < SLICE_ROWS && seq <= verification->last_seq; seq++)
            seqs[wanted++] = seq;
        err = message_read(verification->store, 0, seqs, wanted, look_at, verification);
        if (err == ERR_OK)
            err = progress(verification, seq - 1, verification->last_seq);
    }
    return err;
}

static enum err check_rows(struct verification *verification, const struct row_check *checks,
                           size_t count, uint64_t bound)
{
    int64_t value = (int64_t)bound;
    enum err err = ERR_OK;
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        err = report_rows(verification, &checks[i], &value);
        if (err == ERR_OK)
            err = progress(verification, i + 1, count);
    }
    return err;
}

static enum err check_deferred(struct verification *verification)
{
    static const struct row_check checks[] = {
        {STATEMENT_verify_unindexed_ids, true, "message_id has no row for the message with seq"},
        {STATEMENT_verify_unindexed_conversations, true,
         "message_conversation has no row for the message with seq"},
        {STATEMENT_verify_unlisted_conversations, true,
         "peer_conversation does not list the conversation of the message with seq"},
    };
    static const struct row_check strays[] = {
        /* a slice that is not done may be ahead of progress */
        {STATEMENT_verify_stray_ids, true, "message_id names a message that is not there: seq"},
        {STATEMENT_verify_stray_conversations, true,
         "message_conversation names a message that is not there: seq"},
    };
    enum err err =
        check_rows(verification, checks, sizeof checks / sizeof *checks, verification->indexed_seq);
    return err ? err
               : check_rows(verification, strays, sizeof strays / sizeof *strays,
                            verification->last_seq);
}

static enum err check_positions(struct verification *verification)
{
    static const struct row_check checks[] = {
        {STATEMENT_verify_floors, false,
         "the floor lies beyond the newest message: consumer, floor"},
        {STATEMENT_verify_exceptions, false, "an exception lies outside of the log: consumer, seq"},
        {STATEMENT_verify_markers, false, "a marker lies outside of the log: peer, seq"},
    };
    if (verification->indexed_seq > verification->last_seq)
        report(verification, 0, "the deferred tables are ahead of the log");
    return check_rows(verification, checks, sizeof checks / sizeof *checks, verification->last_seq);
}

static enum err check_rooms(struct verification *verification)
{
    static const struct row_check checks[] = {
        {STATEMENT_verify_member_counts, false,
         "the room does not have as many members as it says: scope, count"},
    };
    return check_rows(verification, checks, sizeof checks / sizeof *checks, 0);
}

static void report_audit(void *context, int64_t id, const char *text)
{
    struct verification *verification = context;
    char line[256];
    (void)snprintf(line, sizeof line, "%s: id %" PRId64, text, id);
    if (has_room(verification))
        report(verification, 0, line);
}

static enum err check_audit(struct verification *verification)
{
    struct audit_verdict verdict;
    enum err err = audit_verify(verification->store, report_audit, verification, &verdict);
    if (err != ERR_CORRUPT)
        return err;
    report(verification, 0, store_error_text(verification->store));
    return ERR_OK;
}

static enum err run_checks(struct verification *verification)
{
    static const struct {
        const char *name;
        enum err (*run)(struct verification *verification);
    } checks[] = {
        {"structure", check_structure}, {"messages", check_messages}, {"deferred", check_deferred},
        {"positions", check_positions}, {"rooms", check_rooms},       {"audit", check_audit},
    };
    int64_t last_seq = 0;
    enum err err = statement_query_ints(verification->store, STATEMENT_store_last_seq, 0, NULL,
                                        &last_seq, NULL);
    if (err == ERR_OK)
        err = store_indexed_seq(verification->store, &verification->indexed_seq);
    verification->last_seq = (uint64_t)last_seq;
    bool is_older = verification->store->schema_version < (int)migrations_count;
    size_t count = is_older ? 1 : sizeof checks / sizeof *checks;
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        verification->check = checks[i].name;
        verification->check_findings = 0;
        err = progress(verification, 0, 0);
        if (err == ERR_OK)
            err = checks[i].run(verification);
    }
    return err;
}

enum err verify_run(struct store *store, const struct verify_options *options,
                    uint64_t *ret_findings)
{
    CHECK(!store->is_writer);
    struct verification verification = {.store = store, .options = *options, .check = "structure"};
    if (verification.options.findings_max == 0)
        verification.options.findings_max = FINDINGS_MAX;
    enum err err = store_read_begin(store);
    if (err != ERR_OK)
        return err;
    err = run_checks(&verification);
    store_read_end(store);
    if (err == ERR_CORRUPT) {
        report(&verification, 0, store_error_text(store));
        err = ERR_OK;
    }
    if (err == ERR_OK)
        *ret_findings = verification.findings;
    return err;
}
