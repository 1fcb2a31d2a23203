/* SPDX-License-Identifier: MPL-2.0
 *
 * roost shell: the commands of the tool without `roost` in front, over one session. On a terminal
 * with editing, history and completion (libedit); otherwise line by line from standard input.
 */
#include <editline/readline.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients/cli/command.h"
#include "clients/cli/commands.h"
#include "clients/cli/data.h"
#include "clients/cli/session.h"
#include "clients/cli/shell_complete.h"
#include "clients/cli/shell_words.h"

#define WORDS_MAX    1024
#define HISTORY_MAX  1000
#define CLOSE_MS     2000
#define PROMPT_BYTES 300

struct shell {
    struct cli *cli; /* with the session */
    bool is_over;
    enum exit_code code; /* of the last line that failed */
};

/* ------------------------------------------------------------------------------ a line */

/* Whoever says another broker or another peer gets a session of his own for this line. */
static enum exit_code lend_session(const struct shell *shell, struct cli *line)
{
    static const char *const own[] = {"url", "as", "password-file"};
    bool is_own = false;
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        is_own |= option_is_given(line, own[i]);
    if (!session_take_common(line))
        return EXIT_USAGE;
    if (!option_is_given(line, "url"))
        line->url = shell->cli->url;
    if (!option_is_given(line, "as"))
        line->peer = shell->cli->peer;
    if (is_own)
        return line->command->needs_session ? session_open(line) : EXIT_OK;
    if (!option_is_given(line, "timeout"))
        line->timeout_ms = shell->cli->timeout_ms;
    line->roost = line->command->needs_session ? shell->cli->roost : NULL;
    return EXIT_OK;
}

static enum exit_code run_command(const struct shell *shell, int count, char **words)
{
    static struct cli line; /* large; one line is done before the next */
    int used = 0, leading = command_move_leading(count, words);
    line = (struct cli){.command = command_find(count - leading, words, &used)};
    if (!line.command) {
        bool is_group = count - leading == 1 && help_group(words[0]);
        return is_group ? EXIT_OK
                        : command_complain_unknown(&line, words[0], count > 1 ? words[1] : NULL);
    }
    if (line.command == &shell_command) {
        complain(shell->cli, "this is the shell");
        return EXIT_USAGE;
    }
    enum exit_code code = command_parse(&line, count - used, words + used);
    if (code != EXIT_OK)
        return code;
    if (option_is_given(&line, "help")) {
        help_command(line.command);
        return EXIT_OK;
    }
    code = lend_session(shell, &line);
    if (code == EXIT_OK)
        code = line.command->run(&line);
    if (line.roost != shell->cli->roost)
        (void)roost_close(&line.roost, CLOSE_MS); /* the command waited for what it needs */
    (void)fflush(stdout);
    return code;
}

static void run_line(struct shell *shell, char *text)
{
    char *words[WORDS_MAX];
    size_t count = 0;
    const char *problem = NULL;
    if (!shell_words(text, words, WORDS_MAX, &count, &problem)) {
        complain(shell->cli, "%s", problem);
        shell->code = EXIT_USAGE;
        return;
    }
    if (count > 0 && strcmp(words[0], "roost") == 0) { /* out of habit */
        memmove(words, words + 1, (count - 1) * sizeof(words[0]));
        count--;
    }
    if (count == 0)
        return;
    shell->is_over = strcmp(words[0], "exit") == 0 || strcmp(words[0], "quit") == 0;
    if (shell->is_over)
        return;
    enum exit_code code = run_command(shell, (int)count, words);
    if (code != EXIT_OK)
        shell->code = code;
}

/* -------------------------------------------------------------------------- a terminal */

static struct shell *completing; /* libedit passes nothing through */

static char *next_candidate(const char *text, int state)
{
    int start = rl_point - (int)strlen(text);
    return shell_complete_next(completing->cli, rl_line_buffer, start < 0 ? 0 : start, text, state);
}

static char **complete(const char *text, int start, int end)
{
    (void)start;
    (void)end;
    rl_attempted_completion_over = 1; /* no names of files where there are none of ours */
    return rl_completion_matches(text, next_candidate);
}

/* $XDG_STATE_HOME/roost/history; false: there is no home. The directory is made. */
static bool find_history(char ret[PATH_MAX])
{
    char directory[PATH_MAX];
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (state && state[0] == '/')
        (void)snprintf(directory, sizeof(directory), "%.3500s/roost", state);
    else if (home && home[0] == '/')
        (void)snprintf(directory, sizeof(directory), "%.3500s/.local/state/roost", home);
    else
        return false;
    for (char *slash = directory + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        (void)mkdir(directory, 0700); /* mostly it is there */
        *slash = '/';
    }
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return false;
    (void)snprintf(ret, PATH_MAX, "%.4000s/history", directory);
    return true;
}

static void run_interactive(struct shell *shell)
{
    char prompt[PROMPT_BYTES], path[PATH_MAX];
    bool has_history = find_history(path);
    completing = shell;
    rl_readline_name = "roost";
    rl_attempted_completion_function = complete;
    using_history();
    stifle_history(HISTORY_MAX);
    if (has_history)
        (void)read_history(path); /* there is none the first time */
    (void)snprintf(prompt, sizeof(prompt), "%s> ", shell->cli->peer);
    if (!shell->cli->is_quiet)
        (void)printf("roost %s at %s; 'help' lists the commands, Tab completes, Ctrl-D ends\n",
                     roost_version(), shell->cli->url);
    while (!shell->is_over) {
        (void)signal(SIGINT, SIG_IGN); /* a command that can be ended sets its own */
        char *text = readline(prompt);
        if (!text)
            break;
        if (text[strspn(text, " \t")])
            (void)add_history(text);
        run_line(shell, text);
        free(text);
    }
    if (has_history && write_history(path) == 0)
        (void)chmod(path, 0600); /* names of people are in it */
    if (!shell->is_over)
        (void)putchar('\n');
    shell->code = EXIT_OK; /* whoever sat there has seen what failed */
}

/* ----------------------------------------------------------------------------- a script */

static void run_script(struct shell *shell)
{
    char *line = NULL;
    size_t size = 0;
    bool stops = option_is_given(shell->cli, "stop");
    while (!shell->is_over && getline(&line, &size, stdin) >= 0) {
        run_line(shell, line);
        if (stops && shell->code != EXIT_OK)
            break;
    }
    free(line);
}

static enum exit_code run_shell(struct cli *cli)
{
    struct shell shell = {.cli = cli};
    if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
        run_interactive(&shell);
    else
        run_script(&shell);
    return shell.code;
}

static const struct option_row options[] = {
    {"stop", 0, NULL, "a script ends with the first line that fails"},
    {NULL, 0, NULL, NULL},
};

static const char *const examples[] = {"roost shell --as alice",
                                       "printf 'room list\\npeers\\n' | roost shell --stop", NULL};

const struct command shell_command = {
    .name = "shell",
    .summary = "commands one after the other, over one session",
    .usage = "",
    .details =
        "Every command of the tool, without 'roost' in front. On a terminal with history and\n"
        "completion of commands, options, peers, rooms and queues; otherwise lines are read from\n"
        "standard input, # begins a comment, and the exit code is that of the last line that\n"
        "failed. 'exit' or the end of the input ends it.",
    .options = options,
    .examples = examples,
    .needs_session = true,
    .run = run_shell,
};
