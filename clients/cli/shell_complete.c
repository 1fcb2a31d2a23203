/* SPDX-License-Identifier: MPL-2.0
 *
 * See shell_complete.h.
 */
#include "clients/cli/shell_complete.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/commands.h"
#include "rt/clock.h"

#define CANDIDATES_MAX 4096
#define NAMES_MAX      1500
#define NAME_BYTES     300
#define FRESH_NS       5000000000
#define ASK_MS         1000
#define PAGE           500

static struct {
    char *items[CANDIDATES_MAX];
    size_t count, next;
} candidates;

static struct {
    char (*items)[NAME_BYTES];
    size_t count;
    int64_t asked_ns; /* 0: never */
} names;

/* --- Candidates. */

static void add(const char *prefix, const char *candidate, size_t size)
{
    char word[NAME_BYTES];
    (void)snprintf(word, sizeof(word), "%.*s", (int)size, candidate);
    if (strncmp(word, prefix, strlen(prefix)) != 0 || candidates.count == CANDIDATES_MAX)
        return;
    for (size_t i = 0; i < candidates.count; i++) {
        if (strcmp(candidates.items[i], word) == 0)
            return;
    }
    char *copy = strdup(word);
    if (copy)
        candidates.items[candidates.count++] = copy;
}

static void clear(void)
{
    for (size_t i = candidates.next; i < candidates.count; i++)
        free(candidates.items[i]);
    candidates.count = candidates.next = 0;
}

static void add_commands(const char *prefix)
{
    for (size_t i = 0; commands[i]; i++)
        add(prefix, commands[i]->name, strcspn(commands[i]->name, " "));
    add(prefix, "exit", 4);
}

static void add_second_words(const char *prefix, const char *first)
{
    size_t size = strlen(first);
    for (size_t i = 0; commands[i]; i++) {
        const char *name = commands[i]->name;
        if (strncmp(name, first, size) == 0 && name[size] == ' ')
            add(prefix, name + size + 1, strlen(name + size + 1));
    }
}

static void add_options(const char *prefix, const struct option_row *rows)
{
    for (; rows && rows->name; rows++) {
        char word[NAME_BYTES];
        (void)snprintf(word, sizeof(word), "--%s", rows->name);
        add(prefix, word, strlen(word));
    }
}

/* --- Names, from the broker. */

static void keep(const char *prefix, const char *name)
{
    if (names.count < NAMES_MAX && name[0])
        (void)snprintf(names.items[names.count++], NAME_BYTES, "%s%s", prefix, name);
}

static void keep_page(const struct roost_page *page)
{
    for (size_t i = 0; i < page->peer_count; i++)
        keep("", page->peers[i].name);
    for (size_t i = 0; i < page->room_count; i++)
        keep("room:", page->rooms[i].name);
    for (size_t i = 0; i < page->consumer_count; i++) {
        if (strncmp(page->consumers[i].scope, "queue:", 6) == 0)
            keep("", page->consumers[i].scope);
    }
}

static void ask(struct cli *cli)
{
    static const enum roost_query_kind kinds[] = {ROOST_QUERY_PEERS, ROOST_QUERY_ROOMS,
                                                  ROOST_QUERY_INSPECT};
    int64_t now_ns = clock_mono_now().ns;
    if (names.asked_ns && now_ns - names.asked_ns < FRESH_NS)
        return;
    if (!names.items)
        names.items = malloc(NAMES_MAX * sizeof(*names.items));
    names.count = 0;
    names.asked_ns = now_ns;
    for (size_t i = 0; names.items && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct roost_page *page;
        struct roost_query query = {.kind = kinds[i], .limit = PAGE};
        if (roost_query(cli->roost, &query, ASK_MS, &page) != ROOST_OK)
            continue; /* not everybody may ask everything */
        keep_page(page);
        roost_page_destroy(&page);
    }
}

/* Where a room is meant its name may stand alone. */
static void add_names(struct cli *cli, const char *prefix, const struct command *command)
{
    bool is_room = command && (strncmp(command->name, "room ", 5) == 0 ||
                               strncmp(command->name, "invite ", 7) == 0);
    bool is_queue = command && strncmp(command->name, "queue ", 6) == 0;
    ask(cli);
    for (size_t i = 0; i < names.count; i++) {
        const char *name = names.items[i];
        add(prefix, name, strlen(name));
        if (is_room && strncmp(name, "room:", 5) == 0)
            add(prefix, name + 5, strlen(name + 5));
        if (is_queue && strncmp(name, "queue:", 6) == 0)
            add(prefix, name + 6, strlen(name + 6));
    }
}

/* --- What stands before it. */

static void fill(struct cli *cli, const char *line, int start, const char *text)
{
    char before[NAME_BYTES * 4] = "", *words[3] = {NULL}, *rest = NULL;
    int count = 0, used = 0;
    (void)snprintf(before, sizeof(before), "%.*s", start, line);
    for (char *word = strtok_r(before, " \t", &rest); word && count < 2;
         word = strtok_r(NULL, " \t", &rest))
        words[count++] = word;
    const struct command *command = command_find(count, words, &used);
    if (count == 0)
        add_commands(text);
    else if (text[0] == '-') {
        add_options(text, command ? command->options : NULL);
        add_options(text, common_options);
    } else if (count == 1 && strcmp(words[0], "help") == 0)
        add_commands(text);
    else if (count == 1 && command_is_group(words[0]) && !command)
        add_second_words(text, words[0]);
    else {
        if (count == 1)
            add_second_words(text, words[0]);
        add_names(cli, text, command);
    }
}

char *shell_complete_next(struct cli *cli, const char *line, int start, const char *text, int state)
{
    if (state == 0) {
        clear();
        fill(cli, line, start, text);
    }
    return candidates.next < candidates.count ? candidates.items[candidates.next++] : NULL;
}
