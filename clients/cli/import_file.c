/* SPDX-License-Identifier: MPL-2.0
 *
 * See import_file.h: walking the lines, transactions, what is remembered of how far it came. What a
 * line means: import_line.c.
 */
#include "clients/cli/import_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/import_line.h"
#include "clients/import/writer.h"
#include "rt/check.h"
#include "store/transfer.h"

#define LINE_BYTES_MAX  ((size_t)64 << 20)
#define BATCH_LINES     1000u
#define BATCH_BYTES     ((size_t)16 << 20)
#define FIRST_LINE_SIZE 4096u
#define END_LINE_BYTES  64u
#define END_WORD        "\"end\""

struct reading {
    const struct import_file_options *options;
    struct import_file_report *report;
    struct writer writer;
    struct import_head head;
    char *line;
    size_t line_size, line_capacity;
    bool is_too_long;
    uint64_t done_before; /* the last line that an earlier run took over */
    uint32_t batch_lines;
    size_t batch_bytes;
    bool has_end;
};

static enum err fail(char ret_problem[IMPORT_FILE_TEXT_BYTES], enum err err, const char *text)
{
    (void)snprintf(ret_problem, IMPORT_FILE_TEXT_BYTES, "%s", text);
    return err;
}

/* --- Lines. */

static bool add_byte(struct reading *reading, int byte)
{
    if (reading->line_size + 1 >= reading->line_capacity) {
        size_t capacity = reading->line_capacity ? 2 * reading->line_capacity : FIRST_LINE_SIZE;
        char *larger = capacity <= 2 * LINE_BYTES_MAX ? realloc(reading->line, capacity) : NULL;
        if (!larger)
            return false;
        reading->line = larger;
        reading->line_capacity = capacity;
    }
    reading->line[reading->line_size++] = (char)byte;
    return true;
}

/* False: there is none any more. A line that is too long is read to its end and not kept. */
static bool next_line(struct reading *reading)
{
    int byte;
    reading->line_size = 0;
    reading->is_too_long = false;
    while ((byte = getc_unlocked(reading->options->in)) != EOF && byte != '\n') {
        reading->is_too_long |= reading->line_size >= LINE_BYTES_MAX || !add_byte(reading, byte);
    }
    return byte != EOF || reading->line_size > 0;
}

static void find(struct reading *reading, const char *record, const char *reason)
{
    reading->report->skipped++;
    if (reading->options->on_finding)
        reading->options->on_finding(reading->options->context, reading->report->lines, record,
                                     reason);
}

/* --- Transactions. */

static enum err commit(struct reading *reading)
{
    enum err err = ERR_OK;
    if (!reading->writer.is_begun)
        return ERR_OK;
    err = transfer_set_line(reading->writer.store, reading->head.export_id, reading->report->lines);
    reading->batch_lines = 0;
    reading->batch_bytes = 0;
    return err ? err : writer_commit(&reading->writer);
}

static enum err end_line(struct reading *reading)
{
    reading->batch_lines++;
    reading->batch_bytes += reading->line_size;
    bool is_full = reading->batch_lines >= BATCH_LINES || reading->batch_bytes >= BATCH_BYTES;
    if (is_full && reading->options->on_progress)
        reading->options->on_progress(reading->options->context, "lines", reading->report->lines,
                                      reading->head.size.rows + 2);
    return is_full ? commit(reading) : ERR_OK;
}

/* Why the store refused it, in words of the file. */
static const char *reason_of(struct reading *reading, enum err err)
{
    const char *text = store_error_text(reading->writer.store);
    if (err == ERR_BAD_FIELD && text[0])
        return text;
    if (strstr(text, "UNIQUE"))
        return "there is such a line before it";
    if (strstr(text, "NOT NULL") || strstr(text, "FOREIGN KEY"))
        return "it names something that no line before it has made, or lacks a value";
    return "a value is outside of what is allowed";
}

static enum err take_line(struct reading *reading)
{
    struct import_line line;
    bool is_row = false;
    if (reading->is_too_long) {
        find(reading, "", "the line is too long");
        return ERR_OK;
    }
    import_line_init(&line);
    import_line_parse(&line, reading->line, reading->line_size);
    reading->has_end |= line.is_end;
    enum err err = ERR_OK;
    if (line.problem[0])
        find(reading, line.record_name, line.problem);
    else if (!line.is_end)
        err = transfer_write(reading->writer.store, line.record, line.parameters,
                             line.parameter_count, &is_row);
    if (err && is_row)
        find(reading, line.record_name, reason_of(reading, err));
    else if (!err && !line.problem[0])
        reading->report->added += !line.is_end;
    import_line_fini(&line);
    return is_row ? ERR_OK : err;
}

static enum err take_lines(struct reading *reading)
{
    enum err err = ERR_OK;
    while (!err && next_line(reading)) {
        reading->report->lines++;
        bool is_done = reading->report->lines <= reading->done_before;
        if (is_done) {
            bool is_end = reading->line_size < END_LINE_BYTES &&
                          memmem(reading->line, reading->line_size, END_WORD, strlen(END_WORD));
            reading->has_end |= is_end;
            reading->report->present += !is_end;
            continue;
        }
        err = writer_begin_row(&reading->writer);
        if (!err)
            err = take_line(reading);
        if (!err)
            err = end_line(reading);
    }
    return err;
}

/* --- Beginning and end. */

static enum err begin(struct reading *reading, char ret_problem[IMPORT_FILE_TEXT_BYTES])
{
    bool is_empty = false;
    char text[300] = "";
    if (!next_line(reading) || reading->is_too_long || !add_byte(reading, '\0'))
        return fail(ret_problem, ERR_NOT_OUR_FILE, "it is empty, or no export of roost");
    reading->report->lines = 1;
    if (!import_head_parse(&reading->head, reading->line, reading->line_size - 1, ret_problem))
        return ERR_NOT_OUR_FILE;
    enum err err =
        writer_open(&reading->writer, reading->options->database, false, text, sizeof(text));
    if (err)
        return fail(ret_problem, err, text);
    err = transfer_line(reading->writer.store, reading->head.export_id, &reading->done_before);
    if (!err && reading->done_before == 0) {
        err = transfer_is_empty(reading->writer.store, &is_empty);
        if (!err && !is_empty)
            return fail(ret_problem, ERR_EXISTS,
                        "there is something in it; an export is imported into an empty data"
                        " directory");
    }
    return err ? fail(ret_problem, err, store_error_text(reading->writer.store)) : ERR_OK;
}

static void on_index_progress(void *context, uint64_t done, uint64_t total)
{
    struct reading *reading = context;
    if (reading->options->on_progress)
        reading->options->on_progress(reading->options->context, "text index", done, total);
}

static enum err finish(struct reading *reading)
{
    enum err err = writer_begin_row(&reading->writer);
    if (!err)
        err = transfer_finish(reading->writer.store, reading->head.size.last_peer_id);
    if (!err)
        err = commit(reading);
    return err ? err : writer_index(&reading->writer, on_index_progress, reading);
}

enum err import_file_read(const struct import_file_options *options, struct import_file_report *ret,
                          char ret_problem[IMPORT_FILE_TEXT_BYTES])
{
    struct reading *reading = calloc(1, sizeof(*reading)); /* the writer is large */
    CHECK(reading);
    reading->options = options;
    reading->report = ret;
    *ret = (struct import_file_report){.lines = 0};
    ret_problem[0] = '\0';
    enum err err = begin(reading, ret_problem);
    bool is_open = !err;
    if (!err)
        err = take_lines(reading);
    if (!err && ferror(options->in))
        err = fail(ret_problem, ERR_STORAGE, "the file cannot be read");
    if (!err)
        err = finish(reading);
    ret->is_cut_off = !reading->has_end;
    if (err && is_open && !ret_problem[0])
        (void)snprintf(ret_problem, IMPORT_FILE_TEXT_BYTES, "%s: %s", err_sentence(err),
                       store_error_text(reading->writer.store));
    if (reading->writer.store)
        writer_close(&reading->writer);
    free(reading->line);
    free(reading);
    return err;
}
