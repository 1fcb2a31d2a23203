/* SPDX-License-Identifier: MPL-2.0
 *
 * roost user add, list, role, ban, unban, unlock, activate, deactivate, password, sessions, token.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clients/cli/commands.h"
#include "clients/cli/people.h"
#include "clients/cli/secret.h"

/* ------------------------------------------------------------------------ add and password */

static const struct option_row new_password_options[] = {
    {"new-password-file", 0, "FILE", "whose first line is the password; - is the input"},
    {NULL, 0, NULL, NULL},
};

static enum exit_code run_add(struct cli *cli)
{
    char password[SECRET_BYTES_MAX + 1];
    struct roost_call call = {
        .method = ROOST_METHOD_USER_REGISTER, .peer = cli->positional[0], .password = password};
    if (!secret_take(cli, "new-password-file", "new password", true, password))
        return EXIT_USAGE;
    enum exit_code code = call_and_say(cli, &call, "added", cli->positional[0]);
    secret_wipe(password);
    return code;
}

static const char *const add_examples[] = {
    "roost user add alice                             # asks for the password",
    "pass show roost/alice | roost user add alice --new-password-file -", NULL};

const struct command user_add_command = {
    .name = "user add",
    .summary = "make an account",
    .usage = "NAME",
    .details = "From then on the name needs its password or a token (--password-file). A name\n"
               "without an account may be used by anybody.",
    .positional_min = 1,
    .positional_max = 1,
    .options = new_password_options,
    .examples = add_examples,
    .needs_session = true,
    .run = run_add,
};

static bool take_old(const struct cli *cli, char old[SECRET_BYTES_MAX + 1])
{
    const char *path = secret_path(cli);
    if (path && strcmp(path, "-") == 0) {
        complain(cli,
                 "the old password is needed twice; give --password-file a file, not the input");
        return false;
    }
    return path ? secret_from_file(cli, path, old)
                : secret_from_terminal(cli, "password-file", "old password", false, old);
}

/* One's own needs the old one; that of somebody else an administrator. */
static enum exit_code run_password(struct cli *cli)
{
    char password[SECRET_BYTES_MAX + 1] = "";
    char old[SECRET_BYTES_MAX + 1] = "";
    bool is_own = cli->positional_count == 0;
    struct roost_call call = {.method = ROOST_METHOD_USER_PASSWORD,
                              .peer = is_own ? NULL : cli->positional[0],
                              .password = password,
                              .text = is_own ? old : NULL};
    enum exit_code code = EXIT_USAGE;
    if ((!is_own || take_old(cli, old)) &&
        secret_take(cli, "new-password-file", "new password", true, password))
        code = call_and_say(cli, &call, "changed", is_own ? cli->peer : cli->positional[0]);
    secret_wipe(password);
    secret_wipe(old);
    return code;
}

static const char *const password_examples[] = {
    "roost user password                              # one's own; asks",
    "roost user password alice --new-password-file f  # an administrator", NULL};

const struct command user_password_command = {
    .name = "user password",
    .summary = "change a password",
    .usage = "[NAME]",
    .details =
        "Sessions that were opened with the old one end. For one's own, --password-file has the\n"
        "old password; a token does not do.",
    .positional_max = 1,
    .options = new_password_options,
    .examples = password_examples,
    .needs_session = true,
    .run = run_password,
};

/* ----------------------------------------------------------------------------------- list */

static size_t count_users(const struct roost_page *page)
{
    return page->user_count;
}

static const char *state_of(const struct roost_user *user)
{
    if (!user->is_active)
        return "inactive";
    if (user->banned_until_ms > (uint64_t)time(NULL) * 1000)
        return "banned";
    return user->is_online ? "online" : "offline";
}

static void user_json(struct json *json, const struct roost_page *page, size_t index)
{
    const struct roost_user *user = &page->users[index];
    json_text(json, "name", user->name);
    json_text(json, "role", word_of(role_words, (int)user->role));
    json_bool(json, "active", user->is_active);
    json_bool(json, "online", user->is_online);
    if (user->banned_until_ms) {
        json_number(json, "banned_until_ms", user->banned_until_ms);
        json_text(json, "ban_reason", user->ban_reason);
    }
    json_number(json, "created_ms", user->created_ms);
    if (user->login_ms)
        json_number(json, "login_ms", user->login_ms);
}

static void user_row(struct table *table, const struct roost_page *page, size_t index)
{
    const struct roost_user *user = &page->users[index];
    table_text(table, user->name);
    table_text(table, word_of(role_words, (int)user->role));
    table_text(table, state_of(user));
    table_time(table, user->created_ms);
    table_time(table, user->login_ms);
    table_text(table, user->ban_reason);
}

static enum exit_code run_list(struct cli *cli)
{
    static const struct table_column columns[] = {
        {"USER", false, true},     {"ROLE", false, false},       {"STATE", false, false},
        {"CREATED", false, false}, {"LAST LOGIN", false, false}, {"BANNED FOR", false, true},
        {NULL, false, false},
    };
    static const struct row_view view = {.what = "user list",
                                         .empty = "no accounts",
                                         .columns = columns,
                                         .count = count_users,
                                         .json = user_json,
                                         .row = user_row};
    struct roost_query query = {.kind = ROOST_QUERY_USERS};
    return show_rows(cli, &query, &view, 0);
}

const struct command user_list_command = {
    .name = "user list",
    .summary = "all accounts (administrators)",
    .usage = "",
    .needs_session = true,
    .run = run_list,
};

/* --------------------------------------------------------------------------- administrators */

static enum exit_code run_role(struct cli *cli)
{
    int role;
    if (!word_parse(cli, role_words + 1, "role", cli->positional[1], &role))
        return EXIT_USAGE;
    struct roost_call call = {.method = ROOST_METHOD_USER_ROLE,
                              .peer = cli->positional[0],
                              .role = (enum roost_role)role};
    return call_and_say(cli, &call, cli->positional[1], cli->positional[0]);
}

static const char *const role_examples[] = {"roost user role alice admin", NULL};

const struct command user_role_command = {
    .name = "user role",
    .summary = "make somebody guest, user, moderator or admin",
    .usage = "NAME ROLE",
    .positional_min = 2,
    .positional_max = 2,
    .examples = role_examples,
    .needs_session = true,
    .run = run_role,
};

static enum exit_code run_ban(struct cli *cli)
{
    uint64_t for_ms;
    if (!option_seconds(cli, "for", 0, &for_ms))
        return EXIT_USAGE;
    struct roost_call call = {.method = ROOST_METHOD_USER_BAN,
                              .peer = cli->positional[0],
                              .text = option_text(cli, "reason", NULL)};
    if (for_ms)
        call.until_ms = (uint64_t)time(NULL) * 1000 + for_ms;
    return call_and_say(cli, &call, "banned", cli->positional[0]);
}

static const struct option_row ban_options[] = {
    {"for", 0, "SECONDS", "not for ever"},
    {"reason", 'r', "TEXT", "is shown to administrators"},
    {NULL, 0, NULL, NULL},
};

static const char *const ban_examples[] = {"roost user ban mallory --reason spam --for 86400",
                                           NULL};

const struct command user_ban_command = {
    .name = "user ban",
    .summary = "keep somebody out",
    .usage = "NAME",
    .positional_min = 1,
    .positional_max = 1,
    .options = ban_options,
    .examples = ban_examples,
    .needs_session = true,
    .run = run_ban,
};

static enum exit_code run_unban(struct cli *cli)
{
    struct roost_call call = {.method = ROOST_METHOD_USER_UNBAN, .peer = cli->positional[0]};
    return call_and_say(cli, &call, "let in", cli->positional[0]);
}

const struct command user_unban_command = {
    .name = "user unban",
    .summary = "let somebody in again",
    .usage = "NAME",
    .positional_min = 1,
    .positional_max = 1,
    .needs_session = true,
    .run = run_unban,
};

static enum exit_code run_unlock(struct cli *cli)
{
    struct roost_call call = {.method = ROOST_METHOD_USER_UNLOCK, .peer = cli->positional[0]};
    return call_and_say(cli, &call, "unlocked", cli->positional[0]);
}

const struct command user_unlock_command = {
    .name = "user unlock",
    .summary = "forget the failed logins of a name",
    .usage = "NAME",
    .positional_min = 1,
    .positional_max = 1,
    .needs_session = true,
    .run = run_unlock,
};

static enum exit_code run_activate(struct cli *cli)
{
    struct roost_call call = {
        .method = ROOST_METHOD_USER_ACTIVE, .peer = cli->positional[0], .all = true};
    return call_and_say(cli, &call, "activated", cli->positional[0]);
}

static enum exit_code run_deactivate(struct cli *cli)
{
    struct roost_call call = {.method = ROOST_METHOD_USER_ACTIVE, .peer = cli->positional[0]};
    return call_and_say(cli, &call, "deactivated", cli->positional[0]);
}

const struct command user_activate_command = {
    .name = "user activate",
    .summary = "undo deactivate",
    .usage = "NAME",
    .positional_min = 1,
    .positional_max = 1,
    .needs_session = true,
    .run = run_activate,
};

const struct command user_deactivate_command = {
    .name = "user deactivate",
    .summary = "an account that cannot be used any more",
    .usage = "NAME",
    .details = "Its name stays taken and its messages stay.",
    .positional_min = 1,
    .positional_max = 1,
    .needs_session = true,
    .run = run_deactivate,
};
