/* SPDX-License-Identifier: MPL-2.0
 *
 * See manual.h. A page is a sequence of mdoc macros; every text of the table goes through
 * write_text (running text) or write_quoted (one argument of a macro), which escape it.
 */
#include "clients/cli/manual.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES_MAX 4096
#define WORD_BYTES_MAX 40
#define WORDS_MAX      128

struct page {
    FILE *out;
    const char *date;
};

/* --- Texts */

static void write_byte(const struct page *page, char byte)
{
    if (byte == '\\')
        (void)fputs("\\e", page->out);
    else if (byte == '"')
        (void)fputs("\\(dq", page->out);
    else
        (void)fputc(byte, page->out);
}

/* Each sentence begins a line, and no line begins like a macro. */
static void write_text(const struct page *page, const char *text)
{
    bool is_begin = true;
    for (const char *at = text; *at; at++) {
        if (is_begin && (*at == '.' || *at == '\''))
            (void)fputs("\\&", page->out);
        is_begin = *at == '\n';
        if (is_begin && at[1] == '\n') {
            (void)fputs("\n.Pp", page->out);
            continue;
        }
        write_byte(page, *at);
        if ((*at == '.' || *at == '?') && at[1] == ' ') {
            (void)fputc('\n', page->out);
            is_begin = true;
            at++;
        }
    }
    (void)fputc('\n', page->out);
}

static void write_quoted(const struct page *page, const char *text)
{
    (void)fputc('"', page->out);
    for (; *text; text++)
        write_byte(page, *text);
    (void)fputc('"', page->out);
}

/* Lines as they are, as in a terminal. */
static void write_lines(const struct page *page, const char *const *lines)
{
    (void)fputs(".Bd -literal -offset indent\n", page->out);
    for (; *lines; lines++) {
        if (**lines == '.' || **lines == '\'')
            (void)fputs("\\&", page->out);
        for (const char *at = *lines; *at; at++)
            write_byte(page, *at);
        (void)fputc('\n', page->out);
    }
    (void)fputs(".Ed\n", page->out);
}

/* --- Pieces of a page */

static void write_head(const struct page *page, const char *title, const char *name,
                       const char *summary)
{
    (void)fputs(".\\\" SPDX-License-Identifier: MPL-2.0\n"
                ".\\\" Made by `roost help --manual` from the table of commands.\n.Dd ",
                page->out);
    (void)fprintf(page->out, "%s\n.Dt ", page->date);
    for (; *title; title++)
        (void)fputc(toupper((unsigned char)*title), page->out);
    size_t size = strlen(summary);
    while (size > 0 && strchr(" .", summary[size - 1]))
        size--;
    (void)fprintf(page->out, " 1\n.Os\n.Sh NAME\n.Nm %s\n.Nd %.*s\n", name, (int)size, summary);
}

static void write_options(const struct page *page, const struct option_row *rows)
{
    (void)fputs(".Bl -tag -width Ds\n", page->out);
    for (; rows->name; rows++) {
        (void)fputs(".It ", page->out);
        if (rows->letter)
            (void)fprintf(page->out, "Fl %c , ", rows->letter);
        (void)fprintf(page->out, "Fl -%s", rows->name);
        if (rows->argument) {
            (void)fputs(" Ar ", page->out);
            write_quoted(page, rows->argument);
        }
        (void)fputc('\n', page->out);
        write_text(page, rows->summary);
    }
    (void)fputs(".El\n", page->out);
}

static void write_synopsis(const struct page *page, const struct command *command)
{
    (void)fprintf(page->out, ".Nm roost\n.Cm %s\n.Op Ar options\n", command->name);
    if (command->usage[0]) {
        (void)fputs(".Ar ", page->out);
        write_quoted(page, command->usage);
        (void)fputc('\n', page->out);
    }
}

static void write_command(const struct page *page, const struct command *command)
{
    (void)fprintf(page->out, ".Ss roost %s\n", command->name);
    char first = (char)toupper((unsigned char)command->summary[0]);
    (void)fputc(first, page->out);
    write_text(page, command->summary + 1);
    if (command->details) {
        (void)fputs(".Pp\n", page->out);
        write_text(page, command->details);
    }
    if (command->options && command->options->name)
        write_options(page, command->options);
    if (command->examples && command->examples[0]) {
        (void)fputs(".Pp\nExamples:\n", page->out);
        write_lines(page, command->examples);
    }
}

/* --- One page per first word */

static size_t word_size(const struct command *command)
{
    return strcspn(command->name, " ");
}

static bool has_word(const struct command *command, const char *word)
{
    size_t size = strlen(word);
    return word_size(command) == size && memcmp(command->name, word, size) == 0;
}

/* The first command with its first word: where the word's page is made. */
static bool is_first_of_word(size_t index)
{
    char word[WORD_BYTES_MAX];
    (void)snprintf(word, sizeof(word), "%.*s", (int)word_size(commands[index]),
                   commands[index]->name);
    for (size_t i = 0; i < index; i++)
        if (has_word(commands[i], word))
            return false;
    return true;
}

static const char *summary_of(const char *word)
{
    for (const struct command_group *group = command_groups; group->word; group++)
        if (strcmp(group->word, word) == 0 && group->summary)
            return group->summary;
    for (size_t i = 0; commands[i]; i++)
        if (strcmp(commands[i]->name, word) == 0)
            return commands[i]->summary;
    for (size_t i = 0; commands[i]; i++)
        if (has_word(commands[i], word))
            return commands[i]->summary;
    return "";
}

static void write_word(const struct page *page, const char *word)
{
    char name[WORD_BYTES_MAX + sizeof("roost-")];
    (void)snprintf(name, sizeof(name), "roost-%s", word);
    write_head(page, name, name, summary_of(word));
    (void)fputs(".Sh SYNOPSIS\n", page->out);
    for (size_t i = 0; commands[i]; i++)
        if (has_word(commands[i], word))
            write_synopsis(page, commands[i]);
    (void)fputs(".Sh DESCRIPTION\n", page->out);
    for (size_t i = 0; commands[i]; i++)
        if (has_word(commands[i], word))
            write_command(page, commands[i]);
    (void)fputs(".Pp\nThe options of every command, among them\n.Fl -json\nand\n.Fl -as ,\n"
                "the environment and the exit codes are in\n.Xr roost 1 .\n"
                ".Sh SEE ALSO\n.Xr roost 1 ,\n.Xr roostd 8\n",
                page->out);
}

/* --- The page of all */

static void write_list(const struct page *page)
{
    (void)fputs(".Ss Commands\n.Bl -tag -width Ds\n", page->out);
    for (size_t i = 0; commands[i]; i++) {
        (void)fputs(".It Cm ", page->out);
        write_quoted(page, commands[i]->name);
        (void)fputc('\n', page->out);
        write_text(page, commands[i]->summary);
    }
    (void)fputs(".El\n", page->out);
}

static const char *const first_examples[] = {
    "roost --as bob send alice \"the build is green\"",
    "roost --as alice recv",
    "roost --as alice room create kitchen --privacy private",
    "roost stats --json",
    NULL,
};

static void write_environment(const struct page *page)
{
    (void)fputs(
        ".Sh ENVIRONMENT\n.Bl -tag -width Ds\n"
        ".It Ev ROOST_URL\nThe broker, where\n.Fl -url\nis not given.\n"
        ".It Ev ROOST_PEER\nWho you are, where\n.Fl -as\nis not given.\n"
        ".It Ev ROOST_PASSWORD_FILE\nThe file with the password or token, where\n"
        ".Fl -password-file\nis not given.\n"
        ".It Ev ROOST_KEY_FILE\nThe file with your key, where\n.Fl -key-file\nis not given.\n"
        ".It Ev ROOST_SERVER_KEY\nThe key of the broker, where\n.Fl -server-key\nis not "
        "given.\n.El\n",
        page->out);
}

static void write_exits(const struct page *page)
{
    (void)fputs(".Sh EXIT STATUS\n.Bl -tag -width Ds\n", page->out);
    for (size_t i = 0; exit_meanings[i]; i++) {
        (void)fprintf(page->out, ".It %zu\n", i);
        write_text(page, exit_meanings[i]);
    }
    (void)fputs(".El\n", page->out);
}

static int compare_names(const void *a, const void *b)
{
    const struct command *const *first = a, *const *second = b;
    return strcmp((*first)->name, (*second)->name);
}

/* mandoc wants them in order. */
static void write_see_also(const struct page *page)
{
    const struct command *firsts[WORDS_MAX];
    size_t count = 0;
    for (size_t i = 0; commands[i] && count < WORDS_MAX; i++)
        if (is_first_of_word(i))
            firsts[count++] = commands[i];
    qsort(firsts, count, sizeof(*firsts), compare_names);
    (void)fputs(".Sh SEE ALSO\n", page->out);
    for (size_t i = 0; i < count; i++)
        (void)fprintf(page->out, ".Xr roost-%.*s 1 ,\n", (int)word_size(firsts[i]),
                      firsts[i]->name);
    (void)fputs(".Xr roost-protocol 7 ,\n.Xr roostd 8\n", page->out);
}

static void write_overview(const struct page *page)
{
    write_head(page, "roost", "roost", "messages that wait until their recipient is home");
    (void)fputs(".Sh SYNOPSIS\n.Nm\n.Op Ar options\n.Ar command\n.Op Ar options\n"
                ".Op Ar arguments\n.Sh DESCRIPTION\n.Nm\n"
                "speaks to a broker,\n.Xr roostd 8 ,\nas one of its peers.\n"
                "A scope is written\n.Li peer:NAME , queue:NAME , topic:NAME\nor\n"
                ".Li room:NAME ;\na bare\n.Ar NAME\nmeans\n.Li peer:NAME .\n"
                "Each command has a page of its own under its first word, such as\n"
                ".Xr roost-send 1 .\n",
                page->out);
    write_list(page);
    (void)fputs(".Ss Options of every command\n", page->out);
    write_options(page, common_options);
    write_environment(page);
    write_exits(page);
    (void)fputs(".Sh EXAMPLES\n", page->out);
    write_lines(page, first_examples);
    write_see_also(page);
}

/* --- Files */

static bool write_file(const struct cli *cli, const char *folder, const char *date,
                       const char *word)
{
    char path[PATH_BYTES_MAX];
    int size =
        snprintf(path, sizeof(path), "%s/roost%s%s.1", folder, word ? "-" : "", word ? word : "");
    if (size < 0 || (size_t)size >= sizeof(path)) {
        complain(cli, "the path of the folder is too long");
        return false;
    }
    FILE *out = fopen(path, "we");
    if (!out) {
        complain(cli, "cannot write %s: %s", path, strerror(errno));
        return false;
    }
    const struct page page = {.out = out, .date = date};
    if (word)
        write_word(&page, word);
    else
        write_overview(&page);
    bool is_written = ferror(out) == 0;
    is_written = fclose(out) == 0 && is_written;
    if (!is_written)
        complain(cli, "cannot write %s", path);
    return is_written;
}

enum exit_code manual_write(const struct cli *cli, const char *folder, const char *date)
{
    if (!write_file(cli, folder, date, NULL))
        return EXIT_ERROR;
    for (size_t i = 0; commands[i]; i++) {
        char word[WORD_BYTES_MAX];
        if (!is_first_of_word(i))
            continue;
        (void)snprintf(word, sizeof(word), "%.*s", (int)word_size(commands[i]), commands[i]->name);
        if (!write_file(cli, folder, date, word))
            return EXIT_ERROR;
    }
    return EXIT_OK;
}
