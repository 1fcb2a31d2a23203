/* SPDX-License-Identifier: MPL-2.0
 *
 * See import_state.h: opening, walking tables, counting and telling.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clients/import/import_state.h"
#include "rt/check.h"

#define ID_BYTES 80

enum err import_open(struct import *import, const struct import_options *options,
                     struct import_report *report, char ret_problem[IMPORT_TEXT_BYTES])
{
    char text[IMPORT_TEXT_BYTES / 2] = "";
    const char *path = options->database;
    *report = (struct import_report){.count = 0};
    import->options = options;
    import->report = report;
    import->foreign = NULL;
    ret_problem[0] = '\0';
    enum err err = writer_open(&import->writer, path, options->is_dry, text, sizeof(text));
    import->writer.now_ms = options->now_ms;
    import->writer.expires_ms = options->now_ms + options->keep_ms;
    if (!err && !options->is_text) {
        path = options->source;
        err = foreign_open(path, text, sizeof(text), &import->foreign);
    }
    if (!err)
        return ERR_OK;
    writer_close(&import->writer);
    (void)snprintf(ret_problem, IMPORT_TEXT_BYTES, "%.*s: %s", IMPORT_TEXT_BYTES / 2 - 4, path,
                   text[0] ? text : err_sentence(err));
    return err;
}

/* ---------------------------------------------------------------- telling */

static void find(struct import *import, const char *id, const char *reason, bool is_skipped)
{
    struct import_finding finding = {
        .table = import->count->table, .id = id, .reason = reason, .is_skipped = is_skipped};
    if (import->options->on_finding)
        import->options->on_finding(import->options->context, &finding);
}

static void progress(struct import *import)
{
    if (import->options->on_progress)
        import->options->on_progress(import->options->context, import->count->table,
                                     import->count->read, import->total);
}

static void on_index_progress(void *context, uint64_t done, uint64_t total)
{
    struct import *import = context;
    if (import->options->on_progress)
        import->options->on_progress(import->options->context, "text index", done, total);
}

enum err import_close(struct import *import, enum err err, char ret_problem[IMPORT_TEXT_BYTES])
{
    if (!err)
        err = writer_commit(&import->writer);
    if (!err)
        err = writer_index(&import->writer, on_index_progress, import);
    if (err && !ret_problem[0])
        (void)snprintf(ret_problem, IMPORT_TEXT_BYTES, "%s%s%s", err_sentence(err),
                       import->writer.store ? ": " : "",
                       import->writer.store ? store_error_text(import->writer.store) : "");
    writer_close(&import->writer);
    foreign_close(&import->foreign);
    return err;
}

enum err import_fail_row(enum err err, struct verdict *verdict, const char *what)
{
    if (!err || writer_breaks(err))
        return err;
    (void)verdict_skip(verdict, "%s: %s", what, err_sentence(err));
    return ERR_OK;
}

void import_count_row(struct import *import, const char *id, const struct verdict *verdict)
{
    struct import_count *count = import->count;
    count->read++;
    count->added += verdict->outcome == ROW_ADDED;
    count->present += verdict->outcome == ROW_PRESENT;
    count->skipped += verdict->outcome == ROW_SKIPPED;
    count->remarks += verdict->outcome != ROW_SKIPPED && verdict->text[0];
    if (verdict->text[0])
        find(import, id, verdict->text, verdict->outcome == ROW_SKIPPED);
    progress(import);
}

/* ---------------------------------------------------------------- walking */

struct table_walk {
    struct import *import;
    import_row *row;
    void *state;
};

/* The first column, or where it stands. */
static const char *name_row(const struct foreign_row *row, char ret[ID_BYTES])
{
    const struct foreign_value *value = &row->values[0];
    struct text text = {.data = value->text, .size = value->size};
    if (value->type == FOREIGN_TEXT && value->size)
        text_dup(text, ret, ID_BYTES);
    else
        (void)snprintf(ret, ID_BYTES, "rowid %" PRId64, row->rowid);
    return ret;
}

static enum err on_row(void *context, const struct foreign_row *row)
{
    char id[ID_BYTES];
    struct table_walk *walk = context;
    struct import *import = walk->import;
    struct verdict verdict = {.outcome = ROW_SKIPPED};
    enum err err = writer_begin_row(&import->writer);
    verdict.outcome = ROW_ADDED;
    if (!err)
        err = walk->row(walk->state, row, &verdict);
    if (!err)
        err = writer_end_row(&import->writer);
    if (err)
        return err;
    import_count_row(import, name_row(row, id), &verdict);
    return ERR_OK;
}

static enum err on_lost(void *context, const struct foreign_loss *loss)
{
    char id[ID_BYTES];
    struct table_walk *walk = context;
    struct import_count *count = walk->import->count;
    if (loss->id && loss->id_size)
        text_dup((struct text){.data = loss->id, .size = loss->id_size}, id, sizeof(id));
    else if (loss->last_rowid == INT64_MAX)
        (void)snprintf(id, sizeof(id), "rowid %" PRId64 " to the end", loss->first_rowid);
    else if (loss->first_rowid == loss->last_rowid)
        (void)snprintf(id, sizeof(id), "rowid %" PRId64, loss->first_rowid);
    else
        (void)snprintf(id, sizeof(id), "rowid %" PRId64 " to %" PRId64, loss->first_rowid,
                       loss->last_rowid);
    count->read++;
    count->skipped++;
    find(walk->import, id, "the file is damaged here: it cannot be read", true);
    return ERR_OK;
}

static struct import_count *add_count(struct import *import, const char *table)
{
    CHECK(import->report->count < IMPORT_TABLES_MAX);
    struct import_count *count = &import->report->counts[import->report->count++];
    *count = (struct import_count){.read = 0};
    (void)snprintf(count->table, sizeof(count->table), "%s", table);
    return count;
}

void import_begin_table(struct import *import, const char *table, uint64_t total)
{
    import->count = add_count(import, table);
    import->total = total;
}

enum err import_table(struct import *import, enum foreign_table table, import_row *row, void *state)
{
    struct table_walk walk = {.import = import, .row = row, .state = state};
    if (!foreign_has(import->foreign, table))
        return ERR_OK;
    import->count = add_count(import, foreign_table_name(table));
    import->total = foreign_count(import->foreign, table);
    enum err err = foreign_walk(import->foreign, table, on_row, on_lost, &walk);
    return err ? err : writer_commit(&import->writer);
}

/* ---------------------------------------------------------------- what is not taken over */

struct leaving {
    struct import *import;
    const struct import_left_out *reasons;
};

static bool is_counted(const struct import_report *report, const char *table)
{
    for (size_t i = 0; i < report->count; i++) {
        if (strcmp(report->counts[i].table, table) == 0)
            return true;
    }
    return false;
}

static enum err leave_out(void *context, const struct foreign_listing *listing)
{
    struct leaving *leaving = context;
    struct import *import = leaving->import;
    const char *reason =
        listing->is_virtual ? "an index; roost makes its own" : "roost does not know this table";
    if (is_counted(import->report, listing->name) || import->report->count == IMPORT_TABLES_MAX)
        return ERR_OK;
    for (size_t i = 0; leaving->reasons[i].table; i++) {
        if (strcmp(leaving->reasons[i].table, listing->name) == 0)
            reason = leaving->reasons[i].reason;
    }
    import->count = add_count(import, listing->name);
    import->count->read = import->count->skipped = listing->rows > 0 ? (uint64_t)listing->rows : 0;
    if (listing->rows != 0)
        find(import, "all rows", reason, true);
    return ERR_OK;
}

enum err import_leave_out(struct import *import, const struct import_left_out *reasons)
{
    struct leaving leaving = {.import = import, .reasons = reasons};
    enum err err = foreign_list(import->foreign, leave_out, &leaving);
    return err == ERR_CORRUPT ? ERR_OK : err; /* they are not needed */
}
