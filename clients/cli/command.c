/* SPDX-License-Identifier: MPL-2.0
 *
 * Parsing by the table, and complaints. See command.h.
 */
#include "clients/cli/command.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/json.h"
#include "clients/cli/text.h"

const struct option_row common_options[] = {
    {"url", 'u', "URL", "the broker (ROOST_URL; " ROOST_DEFAULT_URL ")"},
    {"as", 'a', "PEER", "who you are (ROOST_PEER; your user name)"},
    {"password-file", 0, "FILE", "its password or token (ROOST_PASSWORD_FILE); - is the input"},
    {"key-file", 0, "FILE", "your key, where the broker speaks CURVE (ROOST_KEY_FILE)"},
    {"server-key", 0, "KEY", "and that of the broker, or a file with it (ROOST_SERVER_KEY)"},
    {"timeout", 't', "SECONDS", "how long to wait for the broker (10)"},
    {"json", 'j', NULL, "one JSON object per line"},
    {"quiet", 'q', NULL, "say nothing but what was asked for"},
    {"help", 'h', NULL, "this text"},
    {NULL, 0, NULL, NULL},
};

const struct command_group command_groups[] = {
    {"dead", NULL},
    {"room", "rooms: list, create, join, leave, members ..."},
    {"invite", "invitations: list, send, accept, decline ..."},
    {"user", "accounts: add, list, password, ban, sessions ..."},
    {"token", "tokens, used instead of a password: list, create, end"},
    {"key", "keys of devices: make, enrol, invite, redeem, list, revoke ..."},
    {"queue", "queues: list, create, show, purge"},
    {"acl", "who may do what: list, allow, deny, remove, test"},
    {"audit", NULL},
    {"import", NULL},
    {"export", NULL},
    {"config", "the configuration of roostd: check, show, defaults"},
    {NULL, NULL},
};

/* ----------------------------------------------------------------------------- complaints */

void complain(const struct cli *cli, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    (void)fflush(stdout); /* so that the lines come in order */
    if (cli->is_json) {
        struct json json;
        json_begin(&json, stderr);
        json_object(&json, NULL);
        json_text(&json, "error", text);
        json_object_end(&json);
        json_end_line(&json);
    } else {
        (void)fputs("roost: ", stderr);
        text_escape_to(stderr, text, strlen(text), false);
        (void)fputc('\n', stderr);
    }
}

static enum exit_code exit_code_of(enum roost_error error)
{
    switch ((int)error) {
    case ROOST_OK:
    case ROOST_DUPLICATE:
        return EXIT_OK;
    case ROOST_TIMEOUT:
    case ROOST_NO_SESSION:
    case ROOST_EMPTY:
        return EXIT_TIMEOUT;
    case ROOST_USAGE:
    case ROOST_BAD_SCOPE:
    case ROOST_BAD_NAME:
    case ROOST_BAD_URL:
    case ROOST_BAD_FIELD:
        return EXIT_USAGE;
    default:
        break;
    }
    if (error >= 3000 && error < 4000)
        return EXIT_NOT_FOUND;
    return error >= 2000 && error < 6000 ? EXIT_REFUSED : EXIT_ERROR;
}

/* What to do about it, where the sentence of the error does not say so. The first row counts whose
 * command the name of ours begins with. */
static const struct {
    const char *command;
    enum roost_error error;
    const char *text;
} hints[] = {
    {"", ROOST_NO_CREDENTIALS, "use --password-file FILE or set ROOST_PASSWORD_FILE"},
    {"", ROOST_NO_SUCH_PEER, "a peer is known from the first time it connects; see 'roost peers'"},
    {"room join", ROOST_NOT_ALLOWED,
     "a password is given by --ask or --room-password-file; see also 'roost invite list'"},
    {"room", ROOST_NOT_ALLOWED, "'roost room members' says who is its owner"},
    {"room", ROOST_NO_SUCH_SCOPE, "see 'roost room list'"},
    {"room", ROOST_EXISTS, "join it with 'roost room join'"},
    {"room", ROOST_ROOM_BANNED,
     "owners and moderators lift that: 'roost room role ROOM PEER none'"},
    {"invite", ROOST_NOT_ALLOWED, "'roost room members' says who is its owner"},
    {"invite", ROOST_NO_SUCH_SCOPE, "see 'roost room list'"},
    {"invite", ROOST_NO_SUCH_INVITATION, "see 'roost invite list'"},
    {"invite", ROOST_ALREADY_INVITED, "'roost invite revoke' takes it back"},
    {"token create", ROOST_NOT_ALLOWED, "a token belongs to an account; see 'roost user add'"},
    {"user token", ROOST_NOT_ALLOWED, "a token belongs to an account; see 'roost user add'"},
    {"user", ROOST_NOT_ALLOWED, "administrators may, but not to their own account"},
    {"", ROOST_KEY_NOT_ENROLLED, "with a code it is 'roost key redeem'"},
    {"key", ROOST_NO_SUCH_KEY, "see 'roost key list'"},
    {"key", ROOST_NOT_ALLOWED, "an administrator may"},
    {"acl", ROOST_NOT_ALLOWED, "an administrator may"},
    {"audit", ROOST_NOT_ALLOWED, "an administrator may"},
};

static const char *hint_for(const struct cli *cli, enum roost_error error)
{
    const char *name = cli->command ? cli->command->name : "";
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        if (hints[i].error == error &&
            strncmp(name, hints[i].command, strlen(hints[i].command)) == 0)
            return hints[i].text;
    }
    return NULL;
}

enum exit_code fail_with(const struct cli *cli, const char *what, enum roost_error error)
{
    const char *text = roost_last_text();
    bool has_more = text[0] != '\0' && strcmp(text, roost_error_text(error)) != 0;
    const char *hint = hint_for(cli, error);
    complain(cli, "%s: %s%s%s (%s, %d)%s%s", what, roost_error_text(error), has_more ? ": " : "",
             has_more ? text : "", roost_error_name(error), (int)error, hint ? "; " : "",
             hint ? hint : "");
    return exit_code_of(error);
}

const char *scope_of(const char *text, char ret[300])
{
    (void)snprintf(ret, 300, "%s%s", strchr(text, ':') ? "" : "peer:", text);
    return ret;
}

/* ---------------------------------------------------------------------------- suggestions */

#define WORD_MAX 40

/* Changes of one letter, or swaps of two neighbours, that lead from one word to the other. */
static int distance(const char *one, const char *other)
{
    int rows[3][WORD_MAX + 1];
    size_t length = strnlen(one, WORD_MAX);
    size_t other_length = strnlen(other, WORD_MAX);
    for (size_t j = 0; j <= other_length; j++)
        rows[0][j] = (int)j;
    for (size_t i = 1; i <= length; i++) {
        int *row = rows[i % 3];
        const int *before = rows[(i + 2) % 3];
        const int *before_that = rows[(i + 1) % 3];
        row[0] = (int)i;
        for (size_t j = 1; j <= other_length; j++) {
            int best = before[j - 1] + (one[i - 1] != other[j - 1]);
            best = before[j] + 1 < best ? before[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] &&
                before_that[j - 2] + 1 < best)
                best = before_that[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[length % 3][other_length];
}

static void keep_nearer(const char *typed, const char *candidate, const char **best, int *best_is)
{
    int changes = distance(typed, candidate);
    if (strncmp(typed, candidate, strlen(typed)) == 0 && typed[0] != '\0')
        changes = 1; /* a beginning of it */
    if (changes < *best_is) {
        *best_is = changes;
        *best = candidate;
    }
}

const char *command_suggest(const char *typed)
{
    const char *best = NULL;
    int best_is = strlen(typed) < 4 ? 2 : 3;
    for (size_t i = 0; commands[i]; i++)
        keep_nearer(typed, commands[i]->name, &best, &best_is);
    for (size_t i = 0; command_groups[i].word; i++)
        keep_nearer(typed, command_groups[i].word, &best, &best_is);
    return best;
}

bool command_is_group(const char *word)
{
    size_t i = 0;
    while (command_groups[i].word && strcmp(command_groups[i].word, word) != 0)
        i++;
    return command_groups[i].word != NULL;
}

static void suggest_from(const struct option_row *rows, const char *typed, const char **best,
                         int *best_is)
{
    for (; rows && rows->name; rows++)
        keep_nearer(typed, rows->name, best, best_is);
}

const char *option_suggest(const struct command *command, const char *typed)
{
    const char *best = NULL;
    int best_is = strlen(typed) < 4 ? 2 : 3;
    suggest_from(command->options, typed, &best, &best_is);
    suggest_from(common_options, typed, &best, &best_is);
    return best;
}

/* -------------------------------------------------------------------------------- parsing */

static bool is_named(const struct command *command, int count, char **words, int *ret_words)
{
    const char *space = strchr(command->name, ' ');
    size_t first = space ? (size_t)(space - command->name) : strlen(command->name);
    if (strlen(words[0]) != first || strncmp(words[0], command->name, first) != 0)
        return false;
    if (space && (count < 2 || strcmp(words[1], space + 1) != 0))
        return false;
    *ret_words = space ? 2 : 1;
    return true;
}

const struct command *command_find(int count, char **words, int *ret_words)
{
    for (size_t i = 0; count > 0 && commands[i]; i++) {
        if (is_named(commands[i], count, words, ret_words))
            return commands[i];
    }
    return NULL;
}

static const struct option_row *find_row(const struct option_row *rows, const char *name,
                                         size_t size, char letter)
{
    for (; rows && rows->name; rows++) {
        bool is_long = name && strlen(rows->name) == size && strncmp(rows->name, name, size) == 0;
        if (is_long || (letter && rows->letter == letter))
            return rows;
    }
    return NULL;
}

static const struct option_row *find_option(const struct command *command, const char *name,
                                            size_t size, char letter)
{
    const struct option_row *row = find_row(command->options, name, size, letter);
    return row ? row : find_row(common_options, name, size, letter);
}

int command_leading_options(int count, char **words)
{
    int at = 0;
    while (at < count && words[at][0] == '-' && words[at][1] != '\0') {
        bool is_long = words[at][1] == '-';
        const char *name = words[at] + (is_long ? 2 : 1);
        const struct option_row *row =
            is_long ? find_row(common_options, name, strlen(name), 0)
                    : find_row(common_options, NULL, 0, name[strlen(name) - 1]);
        at += row && row->argument ? 2 : 1; /* "--as=bob" has no row and is one word */
    }
    return at < count ? at : count;
}

/* Options may stand before the command, too: moves them behind it. Answers how many words there are
 * before the command; they are then the last ones. */
int command_move_leading(int count, char **words)
{
    int leading = command_leading_options(count, words);
    for (int moved = 0; moved < leading; moved++) {
        char *first = words[0];
        memmove(words, words + 1, (size_t)(count - 1) * sizeof(*words));
        words[count - 1] = first;
    }
    return leading;
}

static bool add_option(struct cli *cli, const struct option_row *row, const char *value)
{
    if (cli->option_count == OPTIONS_MAX) {
        complain(cli, "too many options");
        return false;
    }
    cli->options[cli->option_count++] = (struct given){.option = row, .value = value};
    return true;
}

/* "--name", "--name=value" or "--name value". */
static bool take_long(struct cli *cli, int count, char **words, int *at)
{
    const char *name = words[*at] + 2;
    const char *equals = strchr(name, '=');
    size_t size = equals ? (size_t)(equals - name) : strlen(name);
    const struct option_row *row = find_option(cli->command, name, size, 0);
    if (!row) {
        const char *near = option_suggest(cli->command, name);
        complain(cli, "%s has no option '--%s'%s%s%s", cli->command->name, name,
                 near ? "; did you mean '--" : "", near ? near : "", near ? "'?" : "");
        return false;
    }
    if (!row->argument && equals) {
        complain(cli, "option '--%s' takes no value", row->name);
        return false;
    }
    if (row->argument && !equals && *at + 1 >= count) {
        complain(cli, "option '--%s' needs a value: %s", row->name, row->argument);
        return false;
    }
    const char *value = !row->argument ? "" : equals ? equals + 1 : words[++*at];
    return add_option(cli, row, value);
}

/* "-x", "-xvalue", "-x value", or several flags "-jq". */
static bool take_short(struct cli *cli, int count, char **words, int *at)
{
    for (const char *letter = words[*at] + 1; *letter; letter++) {
        const struct option_row *row = find_option(cli->command, NULL, 0, *letter);
        if (!row) {
            complain(cli, "%s has no option '-%c'", cli->command->name, *letter);
            return false;
        }
        if (!row->argument) {
            if (!add_option(cli, row, ""))
                return false;
            continue;
        }
        if (letter[1] == '\0' && *at + 1 >= count) {
            complain(cli, "option '-%c' needs a value: %s", *letter, row->argument);
            return false;
        }
        return add_option(cli, row, letter[1] ? letter + 1 : words[++*at]);
    }
    return true;
}

static bool take_words(struct cli *cli, int count, char **words)
{
    bool is_rest = false;
    for (int i = 0; i < count; i++) {
        const char *word = words[i];
        bool is_right = true;
        if (!is_rest && strcmp(word, "--") == 0)
            is_rest = true;
        else if (!is_rest && strncmp(word, "--", 2) == 0)
            is_right = take_long(cli, count, words, &i);
        else if (!is_rest && word[0] == '-' && word[1] != '\0')
            is_right = take_short(cli, count, words, &i);
        else if (cli->positional_count < ARGUMENTS_MAX)
            cli->positional[cli->positional_count++] = word;
        else
            is_right = false;
        if (!is_right)
            return false;
    }
    return true;
}

enum exit_code command_parse(struct cli *cli, int count, char **words)
{
    const struct command *command = cli->command;
    if (!take_words(cli, count, words))
        return EXIT_USAGE;
    cli->is_json = option_is_given(cli, "json");
    cli->is_quiet = option_is_given(cli, "quiet");
    if (option_is_given(cli, "help"))
        return EXIT_OK;
    if (cli->positional_count < command->positional_min ||
        (command->positional_max >= 0 && cli->positional_count > command->positional_max)) {
        complain(cli, "usage: roost %s [OPTIONS] %s", command->name, command->usage);
        return EXIT_USAGE;
    }
    return EXIT_OK;
}

/* -------------------------------------------------------------------------------- options */

const char *option_each(const struct cli *cli, const char *name, size_t *position)
{
    while (*position < cli->option_count) {
        const struct given *given = &cli->options[(*position)++];
        if (strcmp(given->option->name, name) == 0)
            return given->value;
    }
    return NULL;
}

const char *option_text(const struct cli *cli, const char *name, const char *otherwise)
{
    size_t position = 0;
    const char *value;
    while ((value = option_each(cli, name, &position)) != NULL)
        otherwise = value;
    return otherwise;
}

bool option_is_given(const struct cli *cli, const char *name)
{
    return option_text(cli, name, NULL) != NULL;
}

bool option_number(const struct cli *cli, const char *name, uint64_t min, uint64_t max,
                   uint64_t otherwise, uint64_t *ret)
{
    const char *text = option_text(cli, name, NULL);
    char *end;
    *ret = otherwise;
    if (!text)
        return true;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || end == text || *end != '\0' || text[0] == '-' || value < min || value > max) {
        complain(cli, "option '--%s' wants a number from %llu to %llu, not '%s'", name,
                 (unsigned long long)min, (unsigned long long)max, text);
        return false;
    }
    *ret = value;
    return true;
}

bool option_seconds(const struct cli *cli, const char *name, uint64_t otherwise_ms,
                    uint64_t *ret_ms)
{
    const char *text = option_text(cli, name, NULL);
    char *end;
    *ret_ms = otherwise_ms;
    if (!text)
        return true;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(value) || value < 0 || value > 1e9) {
        complain(cli, "option '--%s' wants seconds, not '%s'", name, text);
        return false;
    }
    *ret_ms = (uint64_t)(value * 1000 + 0.5);
    return true;
}
