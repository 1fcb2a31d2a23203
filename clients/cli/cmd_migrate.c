/* SPDX-License-Identifier: MPL-2.0
 *
 * roost migrate: upgrades a database as the next start of roostd would, or tries that on a copy. The
 * upgrading itself is store_open's (store/migrate.h), with its copy beside the database.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clients/cli/command.h"
#include "clients/cli/commands.h"
#include "clients/cli/data.h"
#include "clients/cli/json.h"
#include "clients/cli/progress.h"
#include "clients/cli/verification.h"
#include "store/backup.h"
#include "store/migrate.h"
#include "store/store.h"

struct upgrade {
    struct cli *cli;
    struct data_place place;
    int from, to;
    bool is_dry;
};

/* --------------------------------------------------------------------------- what there is */

static enum exit_code look(struct upgrade *upgrade, struct store **ret_store)
{
    char text[256] = "";
    struct store_stats stats;
    struct store_options options = {
        .path = upgrade->place.database,
        .read_only = true,
        .any_older = true,
        .error_text = text,
        .error_text_size_bytes = sizeof(text),
    };
    enum err err = store_open(&options, ret_store);
    if (err) {
        complain(upgrade->cli, "%s%s%s", err_sentence(err), text[0] ? ": " : "", text);
        return EXIT_ERROR;
    }
    store_stats(*ret_store, &stats);
    upgrade->from = stats.schema_version;
    upgrade->to = (int)migrations_count;
    return EXIT_OK;
}

static void say(const struct upgrade *upgrade, bool is_done)
{
    if (upgrade->cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_text(&json, "data", upgrade->place.database);
        json_number(&json, "from", (uint64_t)upgrade->from);
        json_number(&json, "to", (uint64_t)upgrade->to);
        json_bool(&json, "dry_run", upgrade->is_dry);
        json_array(&json, "steps");
        for (size_t i = 0; i < migrations_count; i++) {
            if (migrations[i].version > upgrade->from)
                json_text(&json, NULL, migrations[i].name);
        }
        json_array_end(&json);
        json_object_end(&json);
        json_end_line(&json);
        return;
    }
    if (upgrade->cli->is_quiet)
        return;
    if (upgrade->from == upgrade->to) {
        (void)printf("%s has version %d, the newest: nothing to do\n", upgrade->place.database,
                     upgrade->to);
        return;
    }
    for (size_t i = 0; i < migrations_count; i++) {
        if (migrations[i].version > upgrade->from)
            (void)printf("  %d %s\n", migrations[i].version, migrations[i].name);
    }
    (void)printf("%s %s from version %d to %d%s\n", upgrade->place.database,
                 is_done ? "was upgraded" : "would be upgraded", upgrade->from, upgrade->to,
                 is_done ? "" : "; tried on a copy, which is sound");
    if (is_done)
        (void)printf("as it was before: %s-before-v%d\n", upgrade->place.database, upgrade->to);
}

/* ------------------------------------------------------------------------------ doing it */

static enum exit_code upgrade_file(struct upgrade *upgrade, const char *path)
{
    char text[256] = "";
    struct store *store = NULL;
    struct store_options options = {
        .path = path,
        .error_text = text,
        .error_text_size_bytes = sizeof(text),
    };
    enum err err = store_open(&options, &store);
    if (err) {
        complain(upgrade->cli, "%s%s%s", err_sentence(err), text[0] ? ": " : "", text);
        return err == ERR_LOCKED ? EXIT_REFUSED : EXIT_ERROR;
    }
    store_close(&store);
    uint64_t findings = 0;
    struct verification_options verification = {.path = path};
    err = verification_run(upgrade->cli, &verification, &findings);
    return !err && findings == 0 ? EXIT_OK : EXIT_ERROR;
}

static bool on_copied(void *context, uint64_t done, uint64_t total)
{
    struct progress *progress = context;
    progress->total = total;
    progress_show(progress, done);
    return true;
}

static enum exit_code copy_to(struct upgrade *upgrade, struct store *store, const char *path)
{
    struct progress progress;
    struct backup_hooks hooks = {.progress = on_copied, .context = &progress};
    progress_begin(&progress, "copying", 0, upgrade->cli->is_quiet || upgrade->cli->is_json);
    enum err err = backup_run(store, path, &hooks);
    progress_end(&progress);
    if (err)
        complain(upgrade->cli, "%s", store_error_text(store));
    return err ? EXIT_ERROR : EXIT_OK;
}

/* A directory beside the data, where there is as much room as the upgrade itself will need. */
static enum exit_code try_on_copy(struct upgrade *upgrade, struct store *store)
{
    char directory[PATH_MAX], path[PATH_MAX + 64];
    (void)snprintf(directory, sizeof(directory), "%.3500s/migrate-dry-run-XXXXXX",
                   upgrade->place.directory);
    if (!mkdtemp(directory)) {
        complain(upgrade->cli, "%s: %s", directory, strerror(errno));
        return EXIT_ERROR;
    }
    (void)snprintf(path, sizeof(path), "%s/" DATA_DATABASE, directory);
    enum exit_code code = copy_to(upgrade, store, path);
    if (code == EXIT_OK)
        code = upgrade_file(upgrade, path);
    static const char *const suffixes[] = {"", "-wal", "-shm", "-lock", "-reserve", "-journal"};
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/" DATA_DATABASE "%s", directory, suffixes[i]);
        (void)unlink(path); /* what there is of them */
    }
    (void)snprintf(path, sizeof(path), "%s/" DATA_DATABASE "-before-v%d", directory, upgrade->to);
    (void)unlink(path);
    (void)rmdir(directory);
    return code;
}

static bool is_free(const struct upgrade *upgrade)
{
    char text[300];
    int lock_fd = -1;
    enum err err = store_lock(upgrade->place.database, &lock_fd, text, sizeof(text));
    if (err) {
        complain(upgrade->cli, "%s",
                 err == ERR_LOCKED ? "a broker is using the data: stop it first" : text);
        return false;
    }
    (void)close(lock_fd); /* nothing was written to it */
    return true;
}

static enum exit_code run_migrate(struct cli *cli)
{
    enum exit_code code;
    struct store *store = NULL;
    struct upgrade upgrade = {.cli = cli, .is_dry = option_is_given(cli, "dry-run")};
    if (!data_find_database(cli, &upgrade.place, &code))
        return code;
    if (!is_free(&upgrade))
        return EXIT_REFUSED;
    code = look(&upgrade, &store);
    if (code == EXIT_OK && upgrade.is_dry && upgrade.from < upgrade.to)
        code = try_on_copy(&upgrade, store);
    store_close(&store);
    if (code == EXIT_OK && !upgrade.is_dry && upgrade.from < upgrade.to)
        code = upgrade_file(&upgrade, upgrade.place.database);
    if (code == EXIT_OK)
        say(&upgrade, !upgrade.is_dry);
    return code;
}

static const struct option_row options[] = {
    {"dry-run", 'n', NULL, "say what would be done, and try it on a copy"},
    DATA_OPTION,
    {NULL, 0, NULL, NULL},
};

static const char *const examples[] = {"roost migrate --dry-run",
                                       "roost migrate --data /var/lib/roost", NULL};

const struct command migrate_command = {
    .name = "migrate",
    .summary = "upgrade the data to the version of this program",
    .usage = "",
    .details =
        "roostd does this by itself when it starts; here it can be done, and tried, before.\n"
        "The broker must be stopped. The database as it was before is kept beside it, as\n"
        "roost.db-before-vN. There is no way down but 'roost restore' of that file.",
    .options = options,
    .examples = examples,
    .run = run_migrate,
};
