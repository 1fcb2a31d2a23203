/* SPDX-License-Identifier: MPL-2.0
 *
 * roost key make, server, show (files, without a broker); enrol, invite, redeem, list, revoke.
 *
 * A secret key is never an argument and never printed; a code comes like a password (secret.h).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clients/cli/commands.h"
#include "clients/cli/data.h"
#include "clients/cli/keys.h"
#include "clients/cli/people.h"
#include "clients/cli/secret.h"
#include "clients/cli/session.h"

#define SERVER_FILE "server.key"

/* ---------------------------------------------------------------------------------- files */

static enum exit_code show_pair(const struct cli *cli, const char *path,
                                const struct key_pair *pair)
{
    if (cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_text(&json, "public", pair->public_text);
        json_text(&json, "kind", pair->kind == KEY_OF_SERVER ? "server" : "device");
        json_text(&json, "file", path);
        json_object_end(&json);
        json_end_line(&json);
    } else {
        (void)puts(pair->public_text);
    }
    return EXIT_OK;
}

static enum exit_code read_pair(const struct cli *cli, const char *path, struct key_pair *ret)
{
    const char *problem = "";
    enum err err = key_file_read(path, ret, &problem);
    if (!err)
        return EXIT_OK;
    complain(cli, "%s: %s", path, err == ERR_STORAGE ? strerror(errno) : problem);
    return err == ERR_STORAGE && errno == ENOENT ? EXIT_NOT_FOUND : EXIT_ERROR;
}

static enum exit_code make_pair(const struct cli *cli, const char *path, enum key_kind kind)
{
    struct key_pair pair;
    if (!key_pair_make(kind, &pair)) {
        complain(cli, "this libzmq has no CURVE");
        return EXIT_ERROR;
    }
    enum err err = key_file_write(path, &pair);
    if (err)
        complain(cli, "%s: %s", path, strerror(errno));
    else
        (void)show_pair(cli, path, &pair);
    key_pair_wipe(&pair);
    return err ? EXIT_ERROR : EXIT_OK;
}

static enum exit_code run_make(struct cli *cli)
{
    return make_pair(cli, cli->positional[0], KEY_OF_DEVICE);
}

static const char *const make_examples[] = {
    "roost key make laptop.key",
    "roost key enrol alice \"$(roost key show laptop.key)\"   # an administrator", NULL};

const struct command key_make_command = {
    .name = "key make",
    .summary = "make the key of a device",
    .usage = "FILE",
    .details =
        "FILE is for you alone (mode 0600); a file that is there already is not touched. The "
        "public\n"
        "key is printed: an administrator enrols it, or gives you a code for 'roost key redeem'.",
    .positional_min = 1,
    .positional_max = 1,
    .examples = make_examples,
    .run = run_make,
};

static enum exit_code run_show(struct cli *cli)
{
    struct key_pair pair;
    enum exit_code code = read_pair(cli, cli->positional[0], &pair);
    if (code == EXIT_OK)
        (void)show_pair(cli, cli->positional[0], &pair);
    key_pair_wipe(&pair);
    return code;
}

static const char *const show_examples[] = {"roost key show laptop.key", NULL};

const struct command key_show_command = {
    .name = "key show",
    .summary = "the public key in a file",
    .usage = "FILE",
    .details = "The secret one is never shown.",
    .positional_min = 1,
    .positional_max = 1,
    .examples = show_examples,
    .run = run_show,
};

static enum exit_code run_server(struct cli *cli)
{
    char path[PATH_MAX + sizeof(SERVER_FILE)];
    struct data_place place;
    struct key_pair pair = {.kind = KEY_OF_SERVER};
    if (cli->positional_count)
        (void)snprintf(path, sizeof(path), "%s", cli->positional[0]);
    else if (data_make(cli, &place))
        (void)snprintf(path, sizeof(path), "%s/" SERVER_FILE, place.directory);
    else
        return EXIT_USAGE;
    const char *problem = "";
    enum err err = key_file_read(path, &pair, &problem);
    if (err == ERR_STORAGE && errno == ENOENT)
        return make_pair(cli, path, KEY_OF_SERVER);
    enum exit_code code = EXIT_ERROR;
    if (err)
        complain(cli, "%s: %s", path, err == ERR_STORAGE ? strerror(errno) : problem);
    else if (pair.kind != KEY_OF_SERVER)
        complain(cli, "%s: it is the key of a device", path);
    else
        code = show_pair(cli, path, &pair);
    key_pair_wipe(&pair);
    return code;
}

static const struct option_row server_options[] = {DATA_OPTION, {NULL, 0, NULL, NULL}};

static const char *const server_examples[] = {
    "roost key server                                 # of the broker on this machine",
    "roost key server /etc/roost/server.key", NULL};

const struct command key_server_command = {
    .name = "key server",
    .summary = "the public key of the broker; made if there is none",
    .usage = "[FILE]",
    .details =
        "FILE is security.server_key_file; without it the one in the data directory. Devices need\n"
        "the public key to know that it is this broker (--server-key). roostd makes one itself at "
        "its\n"
        "first start with a curve:// listener.",
    .positional_max = 1,
    .options = server_options,
    .examples = server_examples,
    .run = run_server,
};

/* ------------------------------------------------------------------------- administrators */

static enum exit_code run_enrol(struct cli *cli)
{
    char key[KEY_TEXT_SIZE];
    if (!keys_read_public(cli, cli->positional[1], key))
        return EXIT_USAGE;
    struct roost_call call = {.method = ROOST_METHOD_KEY_ENROL,
                              .peer = cli->positional[0],
                              .key = key,
                              .text = option_text(cli, "label", NULL)};
    return call_and_say(cli, &call, "enrolled", cli->positional[0]);
}

static const struct option_row label_options[] = {
    {"label", 'l', "TEXT", "which device it is, shown by roost key list"},
    {NULL, 0, NULL, NULL},
};

static const char *const enrol_examples[] = {
    "roost key enrol alice 'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7' --label laptop",
    "roost key enrol alice laptop.key", NULL};

const struct command key_enrol_command = {
    .name = "key enrol",
    .summary = "let a device in (administrators)",
    .usage = "NAME KEY",
    .details =
        "Whoever has the secret key is NAME from then on; the account is made where there is\n"
        "none. KEY is a public key, in quotes, or a file with it.",
    .positional_min = 2,
    .positional_max = 2,
    .options = label_options,
    .examples = enrol_examples,
    .needs_session = true,
    .run = run_enrol,
};

static enum exit_code run_invite(struct cli *cli)
{
    uint64_t for_ms;
    struct roost_reply *reply;
    if (!option_seconds(cli, "for", 0, &for_ms))
        return EXIT_USAGE;
    struct roost_call call = {.method = ROOST_METHOD_KEY_CODE,
                              .peer = cli->positional[0],
                              .text = option_text(cli, "label", NULL)};
    if (for_ms)
        call.until_ms = (uint64_t)time(NULL) * 1000 + for_ms;
    enum roost_error error = roost_call_reply(cli->roost, &call, cli->timeout_ms, &reply);
    if (error)
        return fail_with(cli, cli->positional[0], error);
    if (cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_text(&json, "code", reply->token);
        json_text(&json, "to", cli->positional[0]);
        json_object_end(&json);
        json_end_line(&json);
    } else {
        (void)puts(reply->token);
    }
    roost_reply_destroy(&reply);
    return EXIT_OK;
}

static const struct option_row invite_options[] = {
    {"label", 'l', "TEXT", "which device it is for, shown by roost key list"},
    {"for", 0, "SECONDS", "not longer than this (security.key_code_s of the broker: a day)"},
    {NULL, 0, NULL, NULL},
};

static const char *const invite_examples[] = {"roost key invite alice --label phone",
                                              "roost key invite alice --for 600", NULL};

const struct command key_invite_command = {
    .name = "key invite",
    .summary = "make a code that enrols one device (administrators)",
    .usage = "NAME",
    .details =
        "It is printed this once, and good once; the broker keeps only a hash of it. NAME uses\n"
        "it with 'roost key redeem', or gives it to a program as its credentials.",
    .positional_min = 1,
    .positional_max = 1,
    .options = invite_options,
    .examples = invite_examples,
    .needs_session = true,
    .run = run_invite,
};

/* --------------------------------------------------------------------------------- redeem */

/* The key is made where there is none, so that one command does it all. */
static bool has_key(const struct cli *cli)
{
    struct key_pair pair;
    const char *problem = "", *path = keys_own_path(cli);
    if (!path) {
        complain(cli, "--key-file FILE is missing: the key to enrol; it is made if there is none");
        return false;
    }
    enum err err = key_file_read(path, &pair, &problem);
    bool is_missing = err == ERR_STORAGE && errno == ENOENT;
    if (is_missing && key_pair_make(KEY_OF_DEVICE, &pair))
        err = key_file_write(path, &pair);
    key_pair_wipe(&pair);
    if (err)
        complain(cli, "%s: %s", path, err == ERR_STORAGE ? strerror(errno) : problem);
    return !err;
}

static enum exit_code run_redeem(struct cli *cli)
{
    char code[SECRET_BYTES_MAX + 1] = "";
    const char *path = cli->positional_count ? cli->positional[0] : NULL;
    if (!has_key(cli))
        return EXIT_USAGE;
    bool is_read = path ? secret_from_file(cli, path, code)
                        : secret_from_terminal(cli, "key redeem", "code", false, code);
    enum exit_code exit_code = is_read ? session_open_with(cli, code) : EXIT_USAGE;
    secret_wipe(code);
    if (exit_code == EXIT_OK && cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_text(&json, "done", "enrolled");
        json_text(&json, "to", cli->peer);
        json_object_end(&json);
        json_end_line(&json);
    } else if (exit_code == EXIT_OK && !cli->is_quiet) {
        (void)printf("enrolled %s\n", cli->peer);
    }
    return exit_code;
}

static const char *const redeem_examples[] = {
    "roost key redeem --as alice --key-file phone.key --server-key broker.pub -u tcp://broker:7667",
    "echo 7Q2KD-... | roost key redeem - --as alice --key-file phone.key --server-key broker.pub",
    NULL};

const struct command key_redeem_command = {
    .name = "key redeem",
    .summary = "enrol one's own key with a code",
    .usage = "[CODE-FILE]",
    .details =
        "The code is asked for, or is the first line of CODE-FILE (- is the input). The key of\n"
        "--key-file is made if there is none. To do it again does no harm.",
    .positional_max = 1,
    .examples = redeem_examples,
    .run = run_redeem,
};

/* ------------------------------------------------------------------------- list and revoke */

static size_t count_keys(const struct roost_page *page)
{
    return page->key_count;
}

static void key_json(struct json *json, const struct roost_page *page, size_t index)
{
    const struct roost_key *key = &page->keys[index];
    json_number(json, "id", key->id);
    json_text(json, "peer", key->peer);
    json_text(json, "key", key->key);
    json_text(json, "label", key->label);
    json_number(json, "created_ms", key->created_ms);
    json_number(json, "used_ms", key->used_ms);
    json_number(json, "revoked_ms", key->revoked_ms);
}

static void key_row(struct table *table, const struct roost_page *page, size_t index)
{
    const struct roost_key *key = &page->keys[index];
    table_number(table, key->id);
    table_text(table, key->peer);
    table_text(table, key->label);
    table_text(table, key->key);
    table_time(table, key->created_ms);
    table_time(table, key->used_ms);
    table_time(table, key->revoked_ms);
}

static enum exit_code run_list(struct cli *cli)
{
    static const struct table_column columns[] = {
        {"ID", true, false},       {"USER", false, true},  {"LABEL", false, true},
        {"KEY", false, false},     {"MADE", false, false}, {"USED", false, false},
        {"REVOKED", false, false}, {NULL, false, false},
    };
    static const struct row_view view = {.what = "key list",
                                         .empty = "no keys are enrolled",
                                         .columns = columns,
                                         .count = count_keys,
                                         .json = key_json,
                                         .row = key_row,
                                         .is_by_seq = true};
    struct roost_query query = {.kind = ROOST_QUERY_KEYS,
                                .peer = cli->positional_count ? cli->positional[0] : NULL};
    return show_rows(cli, &query, &view, 0);
}

static const char *const list_examples[] = {"roost key list", "roost key list alice --json", NULL};

const struct command key_list_command = {
    .name = "key list",
    .summary = "keys of devices, revoked ones too",
    .usage = "[NAME]",
    .details = "One's own; an administrator sees those of NAME, or all.",
    .positional_max = 1,
    .examples = list_examples,
    .needs_session = true,
    .run = run_list,
};

static enum exit_code run_revoke(struct cli *cli)
{
    char key[KEY_TEXT_SIZE], *end = NULL;
    const char *of = option_text(cli, "all-of", NULL);
    const char *what = cli->positional_count ? cli->positional[0] : NULL;
    struct roost_call call = {.method = ROOST_METHOD_KEY_REVOKE, .peer = of, .all = of != NULL};
    if ((of != NULL) == (what != NULL)) {
        complain(cli, "say which: an ID of 'roost key list', a KEY, or --all-of NAME");
        return EXIT_USAGE;
    }
    if (what)
        call.seq = strtoull(what, &end, 10);
    bool is_id = what && *end == '\0' && call.seq > 0 && call.seq <= INT64_MAX && what[0] != '-';
    if (what && !is_id) {
        call.seq = 0;
        if (!keys_read_public(cli, what, key))
            return EXIT_USAGE;
        call.key = key;
    }
    return call_and_say(cli, &call, "revoked", of ? of : what);
}

static const struct option_row revoke_options[] = {
    {"all-of", 0, "NAME", "every key and every code of this account"},
    {NULL, 0, NULL, NULL},
};

static const char *const revoke_examples[] = {"roost key revoke 17",
                                              "roost key revoke --all-of mallory", NULL};

const struct command key_revoke_command = {
    .name = "key revoke",
    .summary = "shut a device out, at once and for good",
    .usage = "[ID|KEY]",
    .details =
        "Its sessions end, and the key is never accepted again. One's own; an administrator any.",
    .positional_max = 1,
    .options = revoke_options,
    .examples = revoke_examples,
    .needs_session = true,
    .run = run_revoke,
};
