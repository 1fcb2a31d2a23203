/* SPDX-License-Identifier: MPL-2.0
 *
 * roost import lair|gigi|feiqiu|peer-cache: what other programs kept becomes data of roost
 * (clients/import); roost export peer-cache. Here: the command line, where the data is, and what is
 * shown.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clients/cli/command.h"
#include "clients/cli/commands.h"
#include "clients/cli/data.h"
#include "clients/cli/json.h"
#include "clients/cli/progress.h"
#include "clients/cli/text.h"
#include "clients/import/export.h"
#include "clients/import/import.h"
#include "rt/clock.h"

#define DAY_MS        86400000
#define KEEP_DAYS     30
#define KEEP_DAYS_MAX 3650

struct run {
    struct cli *cli;
    struct progress progress;
    char table[64]; /* whose progress is shown */
    struct data_place place;
    struct import_report report;
    char problem[IMPORT_TEXT_BYTES];
};

/* ------------------------------------------------------------------------------ what is shown */

static void on_finding(void *context, const struct import_finding *finding)
{
    struct run *run = context;
    char id[256], reason[1024];
    if (run->cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_text(&json, "table", finding->table);
        json_text(&json, "id", finding->id);
        json_bool(&json, "skipped", finding->is_skipped);
        json_text(&json, "reason", finding->reason);
        json_object_end(&json);
        json_end_line(&json);
        return;
    }
    progress_end(&run->progress);
    (void)printf("%s: %s %s: %s\n", finding->is_skipped ? "skipped" : "note", finding->table,
                 text_escape(finding->id, strlen(finding->id), id, sizeof(id)),
                 text_escape(finding->reason, strlen(finding->reason), reason, sizeof(reason)));
}

static void on_progress(void *context, const char *table, uint64_t done, uint64_t total)
{
    struct run *run = context;
    if (strcmp(run->table, table) != 0) {
        progress_end(&run->progress);
        (void)snprintf(run->table, sizeof(run->table), "%s", table);
        progress_begin(&run->progress, run->table, total, run->cli->is_quiet || run->cli->is_json);
    }
    progress_show(&run->progress, done);
}

static void add_up(const struct import_report *report, struct import_count *ret)
{
    *ret = (struct import_count){.read = 0};
    for (size_t i = 0; i < report->count; i++) {
        ret->read += report->counts[i].read;
        ret->added += report->counts[i].added;
        ret->present += report->counts[i].present;
        ret->skipped += report->counts[i].skipped;
        ret->remarks += report->counts[i].remarks;
    }
}

static void put_count(struct json *json, const struct import_count *count)
{
    json_number(json, "read", count->read);
    json_number(json, "added", count->added);
    json_number(json, "present", count->present);
    json_number(json, "skipped", count->skipped);
    json_number(json, "notes", count->remarks);
}

static void show_json(const struct run *run, bool is_dry, bool is_complete)
{
    struct json json;
    struct import_count sum;
    add_up(&run->report, &sum);
    json_begin(&json, stdout);
    json_object(&json, NULL);
    json_text(&json, "file", run->cli->positional[0]);
    json_text(&json, "data", run->place.database);
    json_bool(&json, "dry_run", is_dry);
    json_bool(&json, "complete", is_complete);
    put_count(&json, &sum);
    json_array(&json, "tables");
    for (size_t i = 0; i < run->report.count; i++) {
        json_object(&json, NULL);
        json_text(&json, "table", run->report.counts[i].table);
        put_count(&json, &run->report.counts[i]);
        json_object_end(&json);
    }
    json_array_end(&json);
    json_object_end(&json);
    json_end_line(&json);
}

static void show_line(const char *name, const struct import_count *count)
{
    char cells[5][TEXT_SIZE_BYTES];
    const uint64_t numbers[] = {count->read, count->added, count->present, count->skipped,
                                count->remarks};
    for (size_t i = 0; i < 5; i++)
        (void)text_count(numbers[i], cells[i]);
    (void)printf("%-24s %12s %12s %12s %12s %8s\n", name, cells[0], cells[1], cells[2], cells[3],
                 cells[4]);
}

static void show_table(const struct run *run, bool is_dry)
{
    char name[128];
    struct import_count sum;
    if (run->cli->is_quiet)
        return;
    (void)printf("%-24s %12s %12s %12s %12s %8s\n", "table", "rows", is_dry ? "would add" : "added",
                 "were here", "skipped", "notes");
    for (size_t i = 0; i < run->report.count; i++) {
        const char *table = run->report.counts[i].table;
        show_line(text_escape(table, strlen(table), name, sizeof(name)), &run->report.counts[i]);
    }
    add_up(&run->report, &sum);
    show_line("all", &sum);
    if (is_dry)
        (void)puts("Nothing was written (--dry-run).");
}

/* ------------------------------------------------------------------------------ the command */

static enum exit_code explain(const struct run *run, enum err err)
{
    switch ((int)err) {
    case ERR_LOCKED:
        complain(run->cli,
                 "a broker is using %s: stop it, import, and start it again"
                 " (--dry-run may be used while it runs)",
                 run->place.database);
        return EXIT_REFUSED;
    case ERR_DISK_FULL:
        complain(run->cli, "the disk is full: make room and run the same command again; what is in"
                           " is not imported twice");
        return EXIT_ERROR;
    default:
        complain(run->cli, "%s", run->problem[0] ? run->problem : err_sentence(err));
        return EXIT_ERROR;
    }
}

typedef enum err import_function(const struct import_options *options, struct import_report *ret,
                                 char ret_problem[IMPORT_TEXT_BYTES]);

static enum exit_code run_import(struct cli *cli, import_function *import, const char *owner)
{
    static struct run run;
    uint64_t keep_days;
    bool is_dry = option_is_given(cli, "dry-run");
    run = (struct run){.cli = cli}; /* a shell comes here again */
    if (!option_number(cli, "keep", 0, KEEP_DAYS_MAX, KEEP_DAYS, &keep_days))
        return EXIT_USAGE;
    if (import != import_peer_cache && access(cli->positional[0], F_OK) != 0) {
        complain(cli, "%s does not exist", cli->positional[0]);
        return EXIT_NOT_FOUND;
    }
    if (!(is_dry ? data_find(cli, &run.place) : data_make(cli, &run.place)))
        return EXIT_ERROR;
    struct import_options options = {
        .source = cli->positional[0],
        .database = is_dry && access(run.place.database, F_OK) != 0 ? NULL : run.place.database,
        .owner = owner,
        .is_dry = is_dry,
        .now_ms = clock_wall_now().ms,
        .keep_ms = (int64_t)keep_days * DAY_MS,
        .on_finding = on_finding,
        .on_progress = on_progress,
        .context = &run,
    };
    enum err err = import(&options, &run.report, run.problem);
    progress_end(&run.progress);
    if (cli->is_json)
        show_json(&run, is_dry, err == ERR_OK);
    else if (run.report.count > 0)
        show_table(&run, is_dry);
    return err ? explain(&run, err) : EXIT_OK;
}

static enum exit_code run_import_lair(struct cli *cli)
{
    return run_import(cli, import_lair, NULL);
}

static enum exit_code run_import_gigi(struct cli *cli)
{
    const char *owner = option_text(cli, "as", NULL);
    if (owner)
        return run_import(cli, import_gigi, owner);
    complain(cli, "whose file is it? Say it with --as PEER: the file does not name its owner");
    return EXIT_USAGE;
}

static enum exit_code run_import_feiqiu(struct cli *cli)
{
    return run_import(cli, import_feiqiu, NULL);
}

static enum exit_code run_import_peer_cache(struct cli *cli)
{
    return run_import(cli, import_peer_cache, NULL);
}

static const struct option_row peer_options[] = {
    DATA_OPTION,
    {"dry-run", 'n', NULL, "read and check everything, write nothing"},
    {NULL, 0, NULL, NULL},
};

static const struct option_row import_options[] = {
    DATA_OPTION,
    {"dry-run", 'n', NULL, "read and check everything, write nothing"},
    {"keep", 'k', "DAYS", "keep the imported messages at least so long from now (30)"},
    {NULL, 0, NULL, NULL},
};

#define OFFLINE                                                                                    \
    "The broker that uses the data must be stopped. The file is only read. Rows that cannot be\n"  \
    "read or do not fit are named with the reason and left out; the others are taken over. It "    \
    "may\n"                                                                                        \
    "be run again at any time, also after a crash in the middle: what is in is not added twice.\n" \
    "All of it: docs/IMPORT.md"

static const char *const lair_examples[] = {
    "roost import lair --dry-run lair_chat.db", "roost import lair lair_chat.db --data /srv/roost",
    "roost import lair --json lair_chat.db > report.json", NULL};
static const char *const gigi_examples[] = {"roost import gigi --as alice messages.db --dry-run",
                                            "roost import gigi --as alice messages.db", NULL};

const struct command import_lair_command = {
    .name = "import lair",
    .summary = "take over the database of a Lair Chat server",
    .usage = "FILE",
    .details = "Users with their passwords, rooms, members, messages, reactions, read markers,\n"
               "invitations, bans and the audit log become roost's.\n\n" OFFLINE,
    .positional_min = 1,
    .positional_max = 1,
    .options = import_options,
    .examples = lair_examples,
    .run = run_import_lair,
};

const struct command import_gigi_command = {
    .name = "import gigi",
    .summary = "take over a peer's gigi-store database",
    .usage = "--as PEER FILE",
    .details = "PEER is whose file it is: what it had sent is from PEER, what it had received was\n"
               "for PEER, and what still waited for others waits for them here.\n\n" OFFLINE,
    .positional_min = 1,
    .positional_max = 1,
    .options = import_options,
    .examples = gigi_examples,
    .run = run_import_gigi,
};

static const char *const feiqiu_examples[] = {"roost import feiqiu neolan.db --dry-run",
                                              "roost import feiqiu neolan.db", NULL};
static const char *const peer_cache_examples[] = {"roost import peer-cache peer_cache.json", NULL};

const struct command import_feiqiu_command = {
    .name = "import feiqiu",
    .summary = "take over the peers of a feiqiu database",
    .usage = "FILE",
    .details = "Its peers become peers of the local network, with their addresses.\n\n" OFFLINE,
    .positional_min = 1,
    .positional_max = 1,
    .options = peer_options,
    .examples = feiqiu_examples,
    .run = run_import_feiqiu,
};

const struct command import_peer_cache_command = {
    .name = "import peer-cache",
    .summary = "take over a peer_cache.json",
    .usage = "FILE",
    .details =
        "Its peers with their addresses and counters. A file that is no peer cache is renamed\n"
        "to FILE.bad, and nothing is imported.\n\n" OFFLINE,
    .positional_min = 1,
    .positional_max = 1,
    .options = peer_options,
    .examples = peer_cache_examples,
    .run = run_import_peer_cache,
};

/* ------------------------------------------------------------------------------ export */

static void show_exported(const struct cli *cli, const struct peer_cache_statistics *sum)
{
    struct json json;
    char size[TEXT_SIZE_BYTES];
    if (cli->is_json) {
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_number(&json, "peers", sum->total);
        json_number(&json, "relays", sum->relays);
        json_number(&json, "bootstraps", sum->bootstraps);
        json_real(&json, "reliability", sum->reliability);
        json_number(&json, "transfers", sum->transfers);
        json_number(&json, "bytes", sum->bytes);
        json_object_end(&json);
        json_end_line(&json);
    } else if (!cli->is_quiet) {
        (void)printf("%zu peers: %zu relays, %zu bootstraps, mean reliability %.4f, %" PRIu64
                     " transfers, %s\n",
                     sum->total, sum->relays, sum->bootstraps, sum->reliability, sum->transfers,
                     text_size(sum->bytes, size));
    }
}

static enum exit_code run_export_peer_cache(struct cli *cli)
{
    static struct run run;
    struct peer_cache_statistics sum = {.total = 0};
    run = (struct run){.cli = cli}; /* a shell comes here again */
    if (!data_find(cli, &run.place))
        return EXIT_ERROR;
    struct export_options options = {
        .database = run.place.database,
        .target = cli->positional[0],
        .now_ms = clock_wall_now().ms,
    };
    if (access(run.place.database, F_OK) != 0) {
        complain(cli, "%s does not exist", run.place.database);
        return EXIT_NOT_FOUND;
    }
    enum err err = export_peer_cache(&options, &sum, run.problem);
    if (err)
        return explain(&run, err);
    if (sum.total == 0)
        complain(cli, "no peer was seen in the last 7 days: %s stays as it is", options.target);
    show_exported(cli, &sum);
    return EXIT_OK;
}

static const struct option_row export_options[] = {
    DATA_OPTION,
    {NULL, 0, NULL, NULL},
};

static const char *const export_examples[] = {"roost export peer-cache peer_cache.json", NULL};

const struct command export_peer_cache_command = {
    .name = "export peer-cache",
    .summary = "write the best peers as a peer_cache.json",
    .usage = "FILE",
    .details =
        "The best 100 of the peers seen in the last 7 days, by reliability. The broker may run.\n"
        "The file is replaced whole or not at all; with no peer to write it stays as it is.",
    .positional_min = 1,
    .positional_max = 1,
    .options = export_options,
    .examples = export_examples,
    .run = run_export_peer_cache,
};
