/* SPDX-License-Identifier: MPL-2.0
 *
 * roost: the command-line tool. Finds the command, parses, opens a session where one is needed,
 * runs it. What each command is lies in the table (command.h) and in cmd_*.c.
 */
#include <locale.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clients/cli/command.h"
#include "clients/cli/commands.h"
#include "clients/cli/manual.h"
#include "clients/cli/secret.h"

#define TIMEOUT_MS 10000
#define CLOSE_MS   2000

/* Says what was probably meant; both words count where the first is that of a group. */
static enum exit_code complain_unknown(const struct cli *cli, const char *first, const char *second)
{
    char typed[80];
    bool has_two = second && second[0] != '-' && command_is_group(first);
    (void)snprintf(typed, sizeof(typed), "%s%s%s", first, has_two ? " " : "",
                   has_two ? second : "");
    const char *near = command_suggest(typed);
    if (near)
        complain(cli, "there is no command '%s'; did you mean '%s'?", typed, near);
    else
        complain(cli, "there is no command '%s'; see 'roost help%s%s'", typed, has_two ? " " : "",
                 has_two ? first : "");
    return EXIT_USAGE;
}

static enum exit_code run_help(struct cli *cli)
{
    int words;
    char *typed[2] = {NULL, NULL};
    for (int i = 0; i < cli->positional_count && i < 2; i++)
        typed[i] = (char *)(uintptr_t)cli->positional[i]; /* only read */
    if (option_is_given(cli, "manual"))
        return manual_write(cli, option_text(cli, "manual", ""), option_text(cli, "date", ""));
    if (cli->positional_count == 0) {
        help_overview();
        return EXIT_OK;
    }
    const struct command *command = command_find(cli->positional_count, typed, &words);
    if (command) {
        help_command(command);
        return EXIT_OK;
    }
    if (cli->positional_count == 1 && help_group(cli->positional[0]))
        return EXIT_OK;
    return complain_unknown(cli, typed[0], typed[1]);
}

static const char *const help_examples[] = {"roost help", "roost help send", "roost help dead",
                                            NULL};

static const struct option_row help_options[] = {
    {"manual", 0, "DIR", "write the manual pages of all commands into the folder"},
    {"date", 0, "DATE", "the date they show"},
    {NULL, 0, NULL, NULL},
};

static const struct command help_row = {
    .name = "help",
    .summary = "about a command, or all of them",
    .usage = "[COMMAND]",
    .positional_max = 2,
    .options = help_options,
    .examples = help_examples,
    .run = run_help,
};

const struct command *const commands[] = {
    &send_command,
    &recv_command,
    &tail_command,
    &history_command,
    &unread_command,
    &read_command,
    &search_command,
    &peers_show_command,
    &peers_ip_command,
    &peers_stats_command,
    &peers_nickname_command,
    &peers_remove_command,
    &peers_command,
    &presence_command,
    &inspect_command,
    &trace_command,
    &cancel_command,
    &dead_list_command,
    &dead_peek_command,
    &dead_redrive_command,
    &dead_purge_command,
    &room_list_command,
    &room_create_command,
    &room_set_command,
    &room_join_command,
    &room_leave_command,
    &room_archive_command,
    &room_members_command,
    &room_role_command,
    &invite_list_command,
    &invite_send_command,
    &invite_accept_command,
    &invite_decline_command,
    &invite_revoke_command,
    &user_add_command,
    &user_list_command,
    &user_role_command,
    &user_ban_command,
    &user_unban_command,
    &user_unlock_command,
    &user_activate_command,
    &user_deactivate_command,
    &user_password_command,
    &user_sessions_command,
    &user_token_command,
    &audit_list_command,
    &audit_verify_command,
    &stats_command,
    &verify_command,
    &bench_command,
    &import_lair_command,
    &import_gigi_command,
    &import_feiqiu_command,
    &import_peer_cache_command,
    &export_peer_cache_command,
    &version_command,
    &help_row,
    NULL,
};

/* -------------------------------------------------------------------------------- session */

static const char *default_peer(void)
{
    const struct passwd *entry = getpwuid(getuid());
    const char *name = entry ? entry->pw_name : getenv("USER");
    return name && name[0] ? name : "nobody";
}

static const char *from_environment(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value && value[0] ? value : otherwise;
}

static bool take_common(struct cli *cli)
{
    uint64_t timeout_ms;
    if (!option_seconds(cli, "timeout", TIMEOUT_MS, &timeout_ms))
        return false;
    cli->timeout_ms = timeout_ms > INT32_MAX ? INT32_MAX : (int)timeout_ms;
    cli->url = option_text(cli, "url", from_environment("ROOST_URL", ROOST_DEFAULT_URL));
    cli->peer = option_text(cli, "as", NULL);
    if (!cli->peer)
        cli->peer = from_environment("ROOST_PEER", default_peer());
    return true;
}

/* The reason of the last failed attempt is in the events. */
static void explain_no_broker(struct cli *cli)
{
    struct roost_event *event;
    char why[256] = "";
    while (roost_next_event(cli->roost, 0, &event) == ROOST_OK) {
        if (event->kind == ROOST_EVENT_DISCONNECTED)
            (void)snprintf(why, sizeof(why), ": %s", event->text);
        roost_event_destroy(&event);
    }
    complain(cli, "no broker at %s within %.3g s%s", cli->url, cli->timeout_ms / 1000.0, why);
}

static enum roost_error connect_as(struct cli *cli, const char *credentials)
{
    struct roost_options options = {
        .url = cli->url, .peer = cli->peer, .credentials = credentials, .software = "roost"};
    enum roost_error error = roost_open(&options, &cli->roost);
    return error ? error : roost_connect_wait(cli->roost, cli->timeout_ms);
}

static enum exit_code explain_refusal(struct cli *cli, enum roost_error error)
{
    if (error == ROOST_BAD_URL)
        return fail_with(cli, cli->url, error);
    if (error == ROOST_BAD_NAME)
        return fail_with(cli, cli->peer, error);
    if (error != ROOST_TIMEOUT)
        return fail_with(cli, "the broker refused this session", error);
    explain_no_broker(cli);
    return EXIT_TIMEOUT;
}

/* Where the name has an account and nothing else was said, whoever sits at the terminal is asked. */
static enum exit_code open_session(struct cli *cli)
{
    char secret[SECRET_BYTES_MAX + 1] = "";
    const char *path = secret_path(cli);
    if (path && !secret_from_file(cli, path, secret))
        return EXIT_USAGE;
    enum roost_error error = connect_as(cli, path ? secret : NULL);
    if (error == ROOST_NO_CREDENTIALS && !path && isatty(STDIN_FILENO)) {
        (void)roost_close(&cli->roost, 0);
        if (!secret_from_terminal(cli, "password-file", "password", false, secret))
            return EXIT_USAGE;
        error = connect_as(cli, secret);
    }
    secret_wipe(secret);
    return error ? explain_refusal(cli, error) : EXIT_OK;
}

static enum exit_code run(struct cli *cli)
{
    enum exit_code code = EXIT_OK;
    if (cli->command->needs_session)
        code = open_session(cli);
    if (code == EXIT_OK)
        code = cli->command->run(cli);
    (void)roost_close(&cli->roost, CLOSE_MS); /* each command waited for what it needs */
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == EXIT_OK) {
        complain(cli, "cannot write the output");
        code = EXIT_ERROR;
    }
    return code;
}

/* `roost room` and `roost room --help` list its commands. */
static enum exit_code unknown_command(const struct cli *cli, int count, char **words)
{
    const char *second = count > 1 ? words[1] : NULL;
    if ((second && second[0] != '-') || !help_group(words[0]))
        return complain_unknown(cli, words[0], second);
    bool is_asked_for = second && (strcmp(second, "--help") == 0 || strcmp(second, "-h") == 0);
    return is_asked_for ? EXIT_OK : EXIT_USAGE;
}

/* Options may stand before the command, too: moves them behind it. Answers how many words there are
 * before the command; they are then the last ones. */
static int move_leading_options(int count, char **words)
{
    int leading = command_leading_options(count, words);
    for (int moved = 0; moved < leading; moved++) {
        char *first = words[0];
        memmove(words, words + 1, (size_t)(count - 1) * sizeof(*words));
        words[count - 1] = first;
    }
    return leading;
}

int main(int argc, char **argv)
{
    static struct cli cli;
    int words;
    if (!setlocale(LC_CTYPE, "C.UTF-8")) /* tables ask how wide a letter is; all text is UTF-8 */
        (void)setlocale(LC_CTYPE, "");
    (void)signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of writing, not an end */
    int leading = move_leading_options(argc - 1, argv + 1);
    if (argc - 1 == leading) { /* no command at all */
        if (leading == 1 && strcmp(argv[1], "--version") == 0)
            return (int)version_command.run(&cli);
        help_overview();
        bool is_asked_for =
            leading == 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
        return is_asked_for ? EXIT_OK : EXIT_USAGE;
    }
    cli.command = command_find(argc - 1 - leading, argv + 1, &words);
    if (!cli.command)
        return (int)unknown_command(&cli, argc - 1 - leading, argv + 1);
    enum exit_code code = command_parse(&cli, argc - 1 - words, argv + 1 + words);
    if (code != EXIT_OK)
        return (int)code;
    if (option_is_given(&cli, "help")) {
        help_command(cli.command);
        return EXIT_OK;
    }
    return (int)(take_common(&cli) ? run(&cli) : EXIT_USAGE);
}
