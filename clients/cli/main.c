/* SPDX-License-Identifier: MPL-2.0
 *
 * roost: the command-line tool. Finds the command, parses, opens a session where one is needed,
 * runs it. What each command is lies in the table (command.h) and in cmd_*.c.
 */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/command.h"
#include "clients/cli/commands.h"
#include "clients/cli/manual.h"
#include "clients/cli/session.h"
#include "gateways/json_memory.h"

#define CLOSE_MS 2000

/* Says what was probably meant; both words count where the first is that of a group. */
enum exit_code command_complain_unknown(const struct cli *cli, const char *first,
                                        const char *second)
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
    return command_complain_unknown(cli, typed[0], typed[1]);
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
    &peers_warm_command,
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
    &token_list_command,
    &token_create_command,
    &token_end_command,
    &key_make_command,
    &key_server_command,
    &key_show_command,
    &key_enrol_command,
    &key_invite_command,
    &key_redeem_command,
    &key_list_command,
    &key_revoke_command,
    &queue_list_command,
    &queue_create_command,
    &queue_show_command,
    &queue_purge_command,
    &acl_list_command,
    &acl_allow_command,
    &acl_deny_command,
    &acl_remove_command,
    &acl_test_command,
    &audit_list_command,
    &audit_verify_command,
    &stats_command,
    &top_command,
    &doctor_command,
    &verify_command,
    &backup_command,
    &restore_command,
    &bench_command,
    &import_lair_command,
    &import_gigi_command,
    &import_feiqiu_command,
    &import_peer_cache_command,
    &import_command,
    &export_peer_cache_command,
    &export_command,
    &migrate_command,
    &config_check_command,
    &config_show_command,
    &config_defaults_command,
    &completion_command,
    &shell_command,
    &version_command,
    &help_row,
    NULL,
};

static enum exit_code run(struct cli *cli)
{
    enum exit_code code = EXIT_OK;
    if (cli->command->needs_session)
        code = session_open(cli);
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
        return command_complain_unknown(cli, words[0], second);
    bool is_asked_for = second && (strcmp(second, "--help") == 0 || strcmp(second, "-h") == 0);
    return is_asked_for ? EXIT_OK : EXIT_USAGE;
}

int main(int argc, char **argv)
{
    static struct cli cli;
    int words;
    json_memory_init();
    if (!setlocale(LC_CTYPE, "C.UTF-8")) /* tables ask how wide a letter is; all text is UTF-8 */
        (void)setlocale(LC_CTYPE, "");
    (void)signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of writing, not an end */
    int leading = command_move_leading(argc - 1, argv + 1);
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
    return (int)(session_take_common(&cli) ? run(&cli) : EXIT_USAGE);
}
