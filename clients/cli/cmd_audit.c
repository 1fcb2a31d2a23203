/* SPDX-License-Identifier: MPL-2.0
 *
 * roost audit list (asks the broker), roost audit verify (reads the file, without a broker).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clients/cli/commands.h"
#include "clients/cli/people.h"
#include "clients/cli/text.h"
#include "store/audit.h"
#include "store/store.h"

#define HASH_TEXT_BYTES (2 * ROOST_HASH_BYTES + 1)

static void format_hash(const uint8_t *hash, char ret[HASH_TEXT_BYTES])
{
    for (size_t i = 0; i < ROOST_HASH_BYTES; i++)
        (void)snprintf(ret + 2 * i, 3, "%02x", hash[i]);
}

/* ----------------------------------------------------------------------------------- list */

static size_t count_entries(const struct roost_page *page)
{
    return page->audit_count;
}

static void entry_json(struct json *json, const struct roost_page *page, size_t index)
{
    const struct roost_audit_entry *entry = &page->audit[index];
    char hash[HASH_TEXT_BYTES];
    format_hash(entry->hash, hash);
    json_number(json, "id", entry->id);
    json_number(json, "at_ms", entry->at_ms);
    json_text(json, "actor", entry->actor);
    json_text(json, "action", entry->action);
    json_text(json, "target", entry->target);
    json_text(json, "detail", entry->detail);
    json_text(json, "hash", hash);
}

static void entry_row(struct table *table, const struct roost_page *page, size_t index)
{
    const struct roost_audit_entry *entry = &page->audit[index];
    table_number(table, entry->id);
    table_time(table, entry->at_ms);
    table_text(table, entry->actor);
    table_text(table, entry->action);
    table_text(table, entry->target);
    table_text(table, entry->detail);
}

static enum exit_code run_list(struct cli *cli)
{
    static const struct table_column columns[] = {
        {"ID", true, false}, {"TIME", false, false},  {"WHO", false, true}, {"DID", false, false},
        {"TO", false, true}, {"DETAIL", false, true}, {NULL, false, false},
    };
    static const struct row_view view = {.what = "audit list",
                                         .empty = "no entries",
                                         .columns = columns,
                                         .count = count_entries,
                                         .json = entry_json,
                                         .row = entry_row,
                                         .is_by_seq = true};
    uint64_t limit;
    struct roost_query query = {.kind = ROOST_QUERY_AUDIT};
    if (!option_number(cli, "after", 0, INT64_MAX, 0, &query.after_seq) ||
        !option_number(cli, "limit", 1, UINT32_MAX, 0, &limit))
        return EXIT_USAGE;
    return show_rows(cli, &query, &view, limit);
}

static const struct option_row list_options[] = {
    {"after", 0, "ID", "only what was written after this one"},
    {"limit", 'n', "N", "how many (all)"},
    {NULL, 0, NULL, NULL},
};

static const char *const list_examples[] = {"roost audit list", "roost audit list --after 1234 -j",
                                            NULL};

const struct command audit_list_command = {
    .name = "audit list",
    .summary = "who did what to accounts and rooms (administrators)",
    .usage = "",
    .options = list_options,
    .examples = list_examples,
    .needs_session = true,
    .run = run_list,
};

/* --------------------------------------------------------------------------------- verify */

static void on_finding(void *context, int64_t id, const char *what)
{
    const struct cli *cli = context;
    char text[1024];
    if (cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_number(&json, "id", (uint64_t)id);
        json_text(&json, "text", what);
        json_object_end(&json);
        json_end_line(&json);
        return;
    }
    (void)printf("entry %" PRId64 ": %s\n", id,
                 text_escape(what, strlen(what), text, sizeof(text)));
}

static void conclude(const struct cli *cli, const struct audit_verdict *verdict)
{
    char hash[HASH_TEXT_BYTES];
    format_hash(verdict->last_hash, hash);
    if (cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_text(&json, "file", cli->positional[0]);
        json_number(&json, "entries", verdict->rows);
        json_number(&json, "findings", verdict->findings);
        json_number(&json, "last_id", (uint64_t)verdict->last_id);
        json_text(&json, "last_hash", hash);
        json_object_end(&json);
        json_end_line(&json);
    } else if (!cli->is_quiet) {
        (void)printf("%" PRIu64 " entries, %" PRIu64 " findings; the last one is %" PRId64 " %s\n",
                     verdict->rows, verdict->findings, verdict->last_id, hash);
    }
}

static enum exit_code run_verify(struct cli *cli)
{
    char text[256] = "";
    struct store *store;
    struct audit_verdict verdict = {0};
    struct store_options options = {
        .path = cli->positional[0],
        .read_only = true,
        .error_text = text,
        .error_text_size_bytes = sizeof(text),
    };
    if (access(cli->positional[0], F_OK) != 0) {
        complain(cli, "%s does not exist", cli->positional[0]);
        return EXIT_NOT_FOUND;
    }
    enum err err = store_open(&options, &store);
    if (err == ERR_OK) {
        err = audit_verify(store, on_finding, cli, &verdict);
        store_close(&store);
    }
    if (err != ERR_OK) {
        complain(cli, "%s: %s%s%s", cli->positional[0], err_sentence(err), text[0] ? ": " : "",
                 text);
        return EXIT_ERROR;
    }
    conclude(cli, &verdict);
    return verdict.findings ? EXIT_ERROR : EXIT_OK;
}

static const char *const verify_examples[] = {"roost audit verify ~/.local/share/roost/roost.db",
                                              NULL};

const struct command audit_verify_command = {
    .name = "audit verify",
    .summary = "check that nobody changed the audit log",
    .usage = "FILE",
    .details =
        "Each entry holds a hash of itself and the one before; an entry that was changed, removed "
        "or\n"
        "put in between is found. Keep the last hash somewhere else: with it, also entries that "
        "were\n"
        "cut off at the end are noticed. Reads only; a running broker may use the file meanwhile.\n"
        "Exit code 1: something is wrong.",
    .positional_min = 1,
    .positional_max = 1,
    .examples = verify_examples,
    .run = run_verify,
};
