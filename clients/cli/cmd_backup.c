/* SPDX-License-Identifier: MPL-2.0
 *
 * roost backup, roost restore: a verified copy of a data file in use, and the way back. How the
 * copying is made safe: store/backup.h, store/restore.h. Here: where the data is, room on the disk,
 * progress, and what is said.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "clients/cli/command.h"
#include "clients/cli/commands.h"
#include "clients/cli/data.h"
#include "clients/cli/json.h"
#include "clients/cli/progress.h"
#include "clients/cli/text.h"
#include "clients/cli/verification.h"
#include "rt/clock.h"
#include "store/backup.h"
#include "store/restore.h"
#include "store/store.h"

#define PAGE_BYTES 4096u

/* One copying, of either direction. */
struct copying {
    struct cli *cli;
    struct progress progress;
    const char *what;
    bool has_begun, is_unsound;
    uint64_t bytes;
};

static bool on_progress(void *context, uint64_t done, uint64_t total)
{
    struct copying *copying = context;
    struct cli *cli = copying->cli;
    if (!copying->has_begun) {
        progress_begin(&copying->progress, copying->what, total * PAGE_BYTES,
                       cli->is_quiet || cli->is_json);
        copying->progress.is_bytes = copying->has_begun = true;
    }
    copying->bytes = total * PAGE_BYTES;
    progress_show(&copying->progress, done * PAGE_BYTES);
    return true;
}

/* The copy must be sound before it is believed. */
static enum err on_copied(void *context, const char *path)
{
    struct copying *copying = context;
    uint64_t findings = 0;
    struct verification_options options = {.path = path, .is_at_rest = true, .any_older = true};
    progress_end(&copying->progress);
    enum err err = verification_run(copying->cli, &options, &findings);
    copying->is_unsound = findings > 0;
    return !err && findings > 0 ? ERR_CORRUPT : err;
}

/* False, after saying so: there is less room than the copy will need. */
static bool has_room(const struct cli *cli, const char *source, const char *target)
{
    char directory[PATH_MAX], needed[TEXT_SIZE_BYTES], left[TEXT_SIZE_BYTES];
    struct stat info;
    struct statvfs room;
    const char *slash = strrchr(target, '/');
    size_t size = slash ? (size_t)(slash - target) + 1 : 0;
    (void)snprintf(directory, sizeof(directory), "%.*s.", (int)size, target);
    if (stat(source, &info) != 0 || statvfs(directory, &room) != 0)
        return true; /* opening the files says what is wrong */
    uint64_t free_bytes = (uint64_t)room.f_bavail * room.f_frsize;
    if (free_bytes > (uint64_t)info.st_size)
        return true;
    complain(cli, "%s needs %s, and there is room for %s only", target,
             text_size((uint64_t)info.st_size, needed), text_size(free_bytes, left));
    return false;
}

static enum exit_code explain(const struct cli *cli, const struct copying *copying, enum err err,
                              const char *text)
{
    if (copying->is_unsound) /* each finding was named */
        complain(cli, "the copy is not sound, and was removed");
    else if (err == ERR_LOCKED || (err == ERR_STORAGE && text[0]))
        complain(cli, "%s", text);
    else
        complain(cli, "%s%s%s", err_sentence(err), text[0] ? ": " : "", text);
    return err == ERR_LOCKED ? EXIT_REFUSED : EXIT_ERROR;
}

/* -------------------------------------------------------------------------------- backup */

static void say_backup(const struct cli *cli, const struct copying *copying,
                       const struct store_stats *stats, double seconds)
{
    char size[TEXT_SIZE_BYTES];
    if (cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_text(&json, "file", cli->positional[0]);
        json_number(&json, "bytes", copying->bytes);
        json_number(&json, "schema_version", (uint64_t)stats->schema_version);
        json_number(&json, "last_seq", stats->last_seq);
        json_real(&json, "seconds", seconds);
        json_bool(&json, "verified", true);
        json_object_end(&json);
        json_end_line(&json);
    } else if (!cli->is_quiet) {
        (void)printf("%s: %s in %.1f s, verified\n", cli->positional[0],
                     text_size(copying->bytes, size), seconds);
    }
}

static enum exit_code back_up(struct cli *cli, struct store *store)
{
    struct copying copying = {.cli = cli, .what = "copying"};
    struct backup_hooks hooks = {.progress = on_progress, .check = on_copied, .context = &copying};
    struct store_stats stats;
    int64_t start_ns = clock_mono_now().ns;
    store_stats(store, &stats);
    enum err err = backup_run(store, cli->positional[0], &hooks);
    progress_end(&copying.progress);
    if (err)
        return explain(cli, &copying, err, store_error_text(store));
    say_backup(cli, &copying, &stats, (double)(clock_mono_now().ns - start_ns) / 1e9);
    return EXIT_OK;
}

static enum exit_code run_backup(struct cli *cli)
{
    char text[256] = "";
    enum exit_code code;
    struct data_place place;
    struct store *store = NULL;
    if (!data_find_database(cli, &place, &code))
        return code;
    if (!has_room(cli, place.database, cli->positional[0]))
        return EXIT_ERROR;
    struct store_options options = {
        .path = place.database,
        .read_only = true,
        .any_older = true,
        .error_text = text,
        .error_text_size_bytes = sizeof(text),
    };
    enum err err = store_open(&options, &store);
    if (err) {
        complain(cli, "%s%s%s", err_sentence(err), text[0] ? ": " : "", text);
        return EXIT_ERROR;
    }
    code = back_up(cli, store);
    store_close(&store);
    return code;
}

static const struct option_row data_options[] = {DATA_OPTION, {NULL, 0, NULL, NULL}};

static const char *const backup_examples[] = {
    "roost backup roost-monday.db", "roost backup --data /var/lib/roost /mnt/usb/roost.db",
    "roost backup --json roost.db && rsync roost.db elsewhere:", NULL};

const struct command backup_command = {
    .name = "backup",
    .summary = "copy the data while the broker runs",
    .usage = "FILE",
    .details =
        "FILE is one moment of everything: messages, positions, accounts, rooms. The broker may\n"
        "run and be busy; it is not slowed by more than the reading of the disk. FILE has its\n"
        "name only when it is complete, on disk and verified like by 'roost verify'; until then\n"
        "it is FILE.part. An earlier backup of that name is replaced. The way back: roost "
        "restore.",
    .positional_min = 1,
    .positional_max = 1,
    .options = data_options,
    .examples = backup_examples,
    .run = run_backup,
};

/* ------------------------------------------------------------------------------- restore */

static void name_aside(const struct data_place *place, char ret[PATH_MAX])
{
    char when[32] = "";
    time_t now_s = (time_t)(clock_wall_now().ms / 1000);
    struct tm broken_down;
    if (localtime_r(&now_s, &broken_down))
        (void)strftime(when, sizeof(when), "%Y%m%d-%H%M%S", &broken_down);
    int size =
        snprintf(ret, PATH_MAX, "%.*s-before-restore-%s", PATH_MAX - 64, place->database, when);
    for (int n = 2; access(ret, F_OK) == 0 && n < 1000; n++)
        (void)snprintf(ret + size, (size_t)(PATH_MAX - size), "-%d", n);
}

static void say_restored(const struct cli *cli, const struct data_place *place,
                         const struct restore_result *result, const char *aside)
{
    if (cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_text(&json, "file", cli->positional[0]);
        json_text(&json, "data", place->database);
        if (result->has_aside)
            json_text(&json, "kept", aside);
        json_number(&json, "schema_version", (uint64_t)result->schema_version);
        json_object_end(&json);
        json_end_line(&json);
        return;
    }
    if (cli->is_quiet)
        return;
    (void)printf("%s is now what %s was\n", place->database, cli->positional[0]);
    if (result->has_aside)
        (void)printf("what was there before is %s; remove it when you do not need it any more\n",
                     aside);
}

static enum exit_code explain_restore(const struct cli *cli, const struct copying *copying,
                                      const struct data_place *place, enum err err,
                                      const char *text)
{
    char lock[PATH_MAX];
    if (err != ERR_LOCKED || copying->has_begun)
        return explain(cli, copying, err, text);
    (void)snprintf(lock, sizeof(lock), "%.*s-lock", PATH_MAX - 16, place->database);
    int pid = data_lock_holder(lock);
    char who[48] = "";
    if (pid > 0)
        (void)snprintf(who, sizeof(who), " (process %d)", pid);
    complain(cli, "a broker is using %s%s: stop it, restore, and start it again", place->database,
             who);
    return EXIT_REFUSED;
}

static enum exit_code run_restore(struct cli *cli)
{
    char aside[PATH_MAX], text[256] = "";
    struct data_place place;
    struct stat info;
    struct restore_result result;
    struct copying copying = {.cli = cli, .what = "copying"};
    if (stat(cli->positional[0], &info) != 0) {
        complain(cli, "%s: %s", cli->positional[0], strerror(errno));
        return EXIT_NOT_FOUND;
    }
    if (!data_make(cli, &place) || !has_room(cli, cli->positional[0], place.database))
        return EXIT_ERROR;
    name_aside(&place, aside);
    struct restore_options options = {
        .backup = cli->positional[0],
        .database = place.database,
        .aside = aside,
        .hooks = {.progress = on_progress, .check = on_copied, .context = &copying},
        .error_text = text,
        .error_text_size_bytes = sizeof(text),
    };
    enum err err = restore_run(&options, &result);
    progress_end(&copying.progress);
    if (err)
        return explain_restore(cli, &copying, &place, err, text);
    say_restored(cli, &place, &result, aside);
    return EXIT_OK;
}

static const char *const restore_examples[] = {
    "roost restore roost-monday.db", "roost restore --data /tmp/look roost-monday.db", NULL};

const struct command restore_command = {
    .name = "restore",
    .summary = "make a backup the data of a broker",
    .usage = "FILE",
    .details =
        "The broker that uses the data must be stopped. FILE is copied beside the data and\n"
        "verified first; only then they change places. What was there is kept under a name with\n"
        "the date. Cut short at any point, run it again. A backup of an older version is\n"
        "upgraded by the next start of roostd. Messages sent and settled after the backup are\n"
        "not in it: clients may see those of before again.",
    .positional_min = 1,
    .positional_max = 1,
    .options = data_options,
    .examples = restore_examples,
    .run = run_restore,
};
