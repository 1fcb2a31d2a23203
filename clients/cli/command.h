/* SPDX-License-Identifier: MPL-2.0
 *
 * The command table: what each command is called, takes and says. It drives parsing, `roost help`,
 * `roost help COMMAND`, `--help`, and the suggestions for what was mistyped.
 *
 * Leaves to others: doing it (cmd_*.c).
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/c/roost.h"

/* Documented by `roost help`; stable. */
enum exit_code {
    EXIT_OK = 0,
    EXIT_ERROR = 1,
    EXIT_USAGE = 2,
    EXIT_TIMEOUT = 3,
    EXIT_NOT_FOUND = 4,
    EXIT_REFUSED = 5,
    EXIT_WARNING = 6, /* doctor: nothing is bad, but something wants to be looked at */
};

struct option_row {
    const char *name;     /* without the dashes */
    char letter;          /* 0: none */
    const char *argument; /* NULL: a flag */
    const char *summary;
};

struct cli;

struct command {
    const char *name;    /* one word, or two ("dead list") */
    const char *summary; /* one line */
    const char *usage;   /* the positional arguments */
    const char *details; /* a paragraph, or NULL */
    int positional_min;
    int positional_max;               /* -1: any number */
    const struct option_row *options; /* ends with a row without name; NULL: none of its own */
    const char *const *examples;      /* ends with NULL */
    bool needs_session;
    enum exit_code (*run)(struct cli *cli);
};

#define ARGUMENTS_MAX 4096
#define OPTIONS_MAX   64

struct given {
    const struct option_row *option;
    const char *value; /* "" for a flag */
};

/* What was asked for, and the session to do it with. */
struct cli {
    const struct command *command;
    struct given options[OPTIONS_MAX];
    size_t option_count;
    const char *positional[ARGUMENTS_MAX];
    int positional_count;

    const char *url;
    const char *peer;
    int timeout_ms;
    bool is_json;
    bool is_quiet;
    bool shows_scope;    /* a line of a message names its scope: it may be any of several */
    struct roost *roost; /* NULL unless the command needs_session */
};

extern const struct command *const commands[]; /* ends with NULL */
extern const struct option_row common_options[];

/* The first words of commands of two. */
struct command_group {
    const char *word;
    const char *summary; /* in the overview; NULL: its commands are listed there */
};

extern const struct command_group command_groups[]; /* ends with a row without word */

/* NULL when `words` begin with no command; *ret_words is how many were used. */
const struct command *command_find(int count, char **words, int *ret_words);

/* How many of the words are options of every command that stand before the command, with their
 * values. */
int command_leading_options(int count, char **words);

/* Moves these to the end, behind the command; answers how many. */
int command_move_leading(int count, char **words);

/* Says what was probably meant by the first and (may be NULL) the second word. */
enum exit_code command_complain_unknown(const struct cli *cli, const char *first,
                                        const char *second);

bool command_is_group(const char *word);

/* The nearest of the commands and groups to what was typed; NULL when none is near. */
const char *command_suggest(const char *typed);
const char *option_suggest(const struct command *command, const char *typed);

/* EXIT_OK, or EXIT_USAGE after saying what is wrong. */
enum exit_code command_parse(struct cli *cli, int count, char **words);

/* False when it was not given. The last one counts; option_each goes through all. */
bool option_is_given(const struct cli *cli, const char *name);
const char *option_text(const struct cli *cli, const char *name, const char *otherwise);
const char *option_each(const struct cli *cli, const char *name, size_t *position);

/* Says what is wrong and answers false when the value is no number in the range. */
bool option_number(const struct cli *cli, const char *name, uint64_t min, uint64_t max,
                   uint64_t otherwise, uint64_t *ret);

/* Seconds, with a fraction, as milliseconds. */
bool option_seconds(const struct cli *cli, const char *name, uint64_t otherwise_ms,
                    uint64_t *ret_ms);

extern const char *const exit_meanings[]; /* by exit code; ends with NULL */

void help_overview(void);
void help_command(const struct command *command);
bool help_group(const char *word); /* commands of two words that begin with it */

/* One line to standard error, "roost: ...", or as JSON. */
void complain(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Says what went wrong and answers the exit code for it. */
enum exit_code fail_with(const struct cli *cli, const char *what, enum roost_error error);

/* "peer:NAME" for a bare name, else the scope as it is; in `ret`. */
const char *scope_of(const char *text, char ret[300]);

#endif
