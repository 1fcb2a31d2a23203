/* SPDX-License-Identifier: MPL-2.0
 *
 * roost export, roost import: everything of a broker as JSON lines, and back into an empty one
 * (export_file.h, import_file.h; the format: docs/EXPORT.md). Here: the command line, the files, and
 * what is shown.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients/cli/command.h"
#include "clients/cli/commands.h"
#include "clients/cli/data.h"
#include "clients/cli/export_file.h"
#include "clients/cli/import_file.h"
#include "clients/cli/json.h"
#include "clients/cli/progress.h"
#include "clients/cli/text.h"
#include "rt/clock.h"
#include "store/store.h"

#define BUFFER_BYTES (1u << 20)

struct shown {
    struct cli *cli;
    struct progress progress;
    const char *what; /* whose progress is shown */
};

static void on_progress(void *context, const char *what, uint64_t done, uint64_t total)
{
    struct shown *shown = context;
    if (shown->what != what) {
        progress_end(&shown->progress);
        progress_begin(&shown->progress, what, total, shown->cli->is_quiet || shown->cli->is_json);
        shown->what = what;
    }
    progress_show(&shown->progress, done);
}

/* -------------------------------------------------------------------------------- export */

static void on_exported(void *context, uint64_t done, uint64_t total)
{
    if (done % 256 == 0 || done == total)
        on_progress(context, "rows", done, total);
}

static void on_damaged(void *context, uint64_t seq)
{
    struct shown *shown = context;
    progress_end(&shown->progress);
    complain(shown->cli, "message %" PRIu64 " does not match its checksum, and is left out", seq);
}

/* What stands there is an export, or nothing; anything else is somebody's. */
static bool may_replace(const struct cli *cli, const char *path)
{
    struct stat info;
    char first = '{';
    if (stat(path, &info) != 0)
        return true;
    int fd = S_ISREG(info.st_mode) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    bool is_ours = fd >= 0 && (info.st_size == 0 || (read(fd, &first, 1) == 1 && first == '{'));
    if (fd >= 0)
        (void)close(fd); /* only read */
    if (!is_ours)
        complain(cli, "%s exists and is no export; name another file", path);
    return is_ours;
}

/* The part file, private, as there are password hashes in it; NULL after a complaint. */
static FILE *open_part(const struct cli *cli, const char *path, char part[PATH_MAX])
{
    (void)snprintf(part, PATH_MAX, "%.*s.part", PATH_MAX - 16, path);
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (out)
        return out;
    complain(cli, "%s: %s", part, strerror(errno));
    if (fd >= 0)
        (void)close(fd); /* empty */
    return NULL;
}

/* Synced before it has its name. */
static bool finish_part(const struct cli *cli, FILE *out, const char *part, const char *path)
{
    bool is_good = fflush(out) == 0 && !ferror(out) && fsync(fileno(out)) == 0;
    is_good = fclose(out) == 0 && is_good && rename(part, path) == 0;
    if (!is_good) {
        complain(cli, "%s: %s", path, strerror(errno));
        (void)unlink(part); /* it is of no use */
    }
    return is_good;
}

static void say_exported(const struct cli *cli, const struct export_file_report *report)
{
    char rows[TEXT_SIZE_BYTES], messages[TEXT_SIZE_BYTES];
    if (cli->is_quiet || strcmp(cli->positional[0], "-") == 0)
        return;
    if (cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_text(&json, "file", cli->positional[0]);
        json_number(&json, "rows", report->rows);
        json_number(&json, "messages", report->messages);
        json_number(&json, "damaged", report->damaged);
        json_object_end(&json);
        json_end_line(&json);
        return;
    }
    (void)printf("%s: %s rows, %s of them messages\n", cli->positional[0],
                 text_count(report->rows, rows), text_count(report->messages, messages));
}

static bool take_scopes(const struct cli *cli, struct export_file_options *options,
                        char names[EXPORT_SCOPES_MAX][300])
{
    size_t position = 0;
    for (const char *text; (text = option_each(cli, "scope", &position)) != NULL;) {
        if (options->scope_count == EXPORT_SCOPES_MAX) {
            complain(cli, "at most %d scopes", EXPORT_SCOPES_MAX);
            return false;
        }
        options->scopes[options->scope_count] = scope_of(text, names[options->scope_count]);
        options->scope_count++;
    }
    return true;
}

static enum exit_code export_to(struct cli *cli, struct export_file_options *options)
{
    char part[PATH_MAX] = "";
    struct export_file_report report;
    struct shown shown = {.cli = cli};
    const char *path = cli->positional[0];
    bool is_output = strcmp(path, "-") == 0;
    options->out = is_output ? stdout : open_part(cli, path, part);
    if (!options->out)
        return EXIT_ERROR;
    options->context = &shown;
    enum err err = export_file_write(options, &report);
    progress_end(&shown.progress);
    if (err) {
        complain(cli, "%s: %s", path, ferror(options->out) ? strerror(errno) : err_sentence(err));
        if (!is_output) {
            (void)fclose(options->out); /* it is of no use */
            (void)unlink(part);
        }
        return EXIT_ERROR;
    }
    if (!is_output && !finish_part(cli, options->out, part, path))
        return EXIT_ERROR;
    say_exported(cli, &report);
    return report.damaged ? EXIT_ERROR : EXIT_OK;
}

static enum exit_code run_export(struct cli *cli)
{
    static char names[EXPORT_SCOPES_MAX][300];
    char text[256] = "";
    enum exit_code code;
    struct data_place place;
    struct export_file_options options = {
        .now_ms = clock_wall_now().ms, .on_progress = on_exported, .on_damaged = on_damaged};
    struct store_options store_options = {
        .path = place.database,
        .read_only = true,
        .error_text = text,
        .error_text_size_bytes = sizeof(text),
    };
    if (!take_scopes(cli, &options, names))
        return EXIT_USAGE;
    if (strcmp(cli->positional[0], "-") != 0 && !may_replace(cli, cli->positional[0]))
        return EXIT_REFUSED;
    if (!data_find_database(cli, &place, &code))
        return code;
    enum err err = store_open(&store_options, &options.store);
    if (err) {
        complain(cli, "%s%s%s", err_sentence(err), text[0] ? ": " : "", text);
        return EXIT_ERROR;
    }
    code = export_to(cli, &options);
    store_close(&options.store);
    return code;
}

static const struct option_row export_options[] = {
    {"scope", 's', "SCOPE", "only what is in it, and the names of peers (again for more)"},
    DATA_OPTION,
    {NULL, 0, NULL, NULL},
};

static const char *const export_examples[] = {"roost export all.jsonl",
                                              "roost export --scope room:general - | jq -r .body",
                                              "roost export - | zstd > all.jsonl.zst", NULL};

const struct command export_command = {
    .name = "export",
    .summary = "everything as JSON lines, one row each",
    .usage = "FILE|-",
    .details =
        "Accounts with their password hashes, peers, rooms, members, invitations, messages,\n"
        "edits, reactions, the access list, and how far everybody has read and received. The\n"
        "broker may run: it is one moment, and holds back the WAL while it is written. The\n"
        "format is in docs/EXPORT.md; 'roost import' reads it. Tokens are not exported.\n"
        "Exit code 1 also when a damaged message had to be left out.",
    .positional_min = 1,
    .positional_max = 1,
    .options = export_options,
    .examples = export_examples,
    .run = run_export,
};

/* -------------------------------------------------------------------------------- import */

static void on_finding(void *context, uint64_t line, const char *record, const char *reason)
{
    char escaped[600];
    struct shown *shown = context;
    if (shown->cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_number(&json, "line", line);
        json_text(&json, "record", record);
        json_bool(&json, "skipped", true);
        json_text(&json, "reason", reason);
        json_object_end(&json);
        json_end_line(&json);
        return;
    }
    progress_end(&shown->progress);
    (void)printf("line %" PRIu64 " skipped: ", line);
    if (record[0])
        (void)printf("%s: ", text_escape(record, strlen(record), escaped, sizeof(escaped)));
    (void)puts(text_escape(reason, strlen(reason), escaped, sizeof(escaped)));
}

static void say_imported(const struct cli *cli, const struct import_file_report *report,
                         bool is_dry)
{
    char cells[3][TEXT_SIZE_BYTES];
    if (cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_text(&json, "file", cli->positional[0]);
        json_bool(&json, "dry_run", is_dry);
        json_number(&json, "lines", report->lines);
        json_number(&json, "added", report->added);
        json_number(&json, "present", report->present);
        json_number(&json, "skipped", report->skipped);
        json_bool(&json, "cut_off", report->is_cut_off);
        json_object_end(&json);
        json_end_line(&json);
    } else if (!cli->is_quiet) {
        (void)printf("%s rows %s, %s were here, %s skipped\n", text_count(report->added, cells[0]),
                     is_dry ? "would be added" : "added", text_count(report->present, cells[1]),
                     text_count(report->skipped, cells[2]));
    }
    if (report->is_cut_off)
        complain(cli, "the file ends without its last line: it was cut off");
}

static enum exit_code explain_import(const struct cli *cli, enum err err, const char *problem)
{
    if (err == ERR_LOCKED)
        complain(cli, "a broker is using the data: stop it, import, and start it again");
    else if (err == ERR_DISK_FULL)
        complain(cli, "the disk is full: make room and run the same command again; what is in is"
                      " not imported twice");
    else
        complain(cli, "%s: %s", cli->positional[0], problem);
    return err == ERR_LOCKED || err == ERR_EXISTS ? EXIT_REFUSED : EXIT_ERROR;
}

static enum exit_code import_from(struct cli *cli, FILE *in, const char *database, bool is_dry)
{
    char problem[IMPORT_FILE_TEXT_BYTES];
    struct import_file_report report;
    struct shown shown = {.cli = cli};
    struct import_file_options options = {
        .in = in,
        .database = database,
        .now_ms = clock_wall_now().ms,
        .on_finding = on_finding,
        .on_progress = on_progress,
        .context = &shown,
    };
    enum err err = import_file_read(&options, &report, problem);
    progress_end(&shown.progress);
    if (err)
        return explain_import(cli, err, problem);
    say_imported(cli, &report, is_dry);
    return report.is_cut_off ? EXIT_ERROR : EXIT_OK;
}

/* Into a store that is thrown away: everything is checked as it would be. */
static enum exit_code import_dry(struct cli *cli, FILE *in)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-lock", "-reserve", "-journal"};
    char directory[PATH_MAX], path[PATH_MAX + 32];
    const char *temporary = getenv("TMPDIR");
    (void)snprintf(directory, sizeof(directory), "%.3000s/roost-dry-run-XXXXXX",
                   temporary && temporary[0] ? temporary : "/tmp");
    if (!mkdtemp(directory)) {
        complain(cli, "%s: %s", directory, strerror(errno));
        return EXIT_ERROR;
    }
    (void)snprintf(path, sizeof(path), "%s/%s", directory, DATA_DATABASE);
    enum exit_code code = import_from(cli, in, path, true);
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s%s", directory, DATA_DATABASE, suffixes[i]);
        (void)unlink(path); /* what there is of them */
    }
    (void)rmdir(directory);
    return code;
}

static enum exit_code run_import_export(struct cli *cli)
{
    struct data_place place;
    const char *path = cli->positional[0];
    bool is_dry = option_is_given(cli, "dry-run"), is_input = strcmp(path, "-") == 0;
    FILE *in = is_input ? stdin : fopen(path, "re");
    if (!in) {
        complain(cli, "%s: %s", path, strerror(errno));
        return EXIT_NOT_FOUND;
    }
    (void)setvbuf(in, NULL, _IOFBF, BUFFER_BYTES); /* slower without */
    enum exit_code code = EXIT_ERROR;
    if (is_dry)
        code = import_dry(cli, in);
    else if (data_make(cli, &place))
        code = import_from(cli, in, place.database, false);
    if (!is_input)
        (void)fclose(in); /* only read */
    return code;
}

static const struct option_row import_options[] = {
    {"dry-run", 'n', NULL, "read and check everything, write nothing"},
    DATA_OPTION,
    {NULL, 0, NULL, NULL},
};

static const char *const import_examples[] = {"roost import --dry-run all.jsonl",
                                              "roost import --data /srv/roost all.jsonl",
                                              "zstd -dc all.jsonl.zst | roost import -", NULL};

const struct command import_command = {
    .name = "import",
    .summary = "an export (see also import lair, gigi, feiqiu, peer-cache)",
    .usage = "FILE|-",
    .details =
        "Into an empty data directory, whose broker must be stopped: the same history, members,\n"
        "markers, access list and waiting mail as where 'roost export' was run. Lines that are\n"
        "damaged or do not fit are named by their number and left out. Run again, also after a\n"
        "crash in the middle, it goes on where it was; what is in is not added twice.\n"
        "Of other programs: roost import lair|gigi|feiqiu|peer-cache.",
    .positional_min = 1,
    .positional_max = 1,
    .options = import_options,
    .examples = import_examples,
    .run = run_import_export,
};
