/* SPDX-License-Identifier: MPL-2.0
 *
 * What the commands about rooms, invitations and accounts share: words for numbers, calls that say
 * what they did, pages that are shown row by row.
 */
#ifndef CLI_PEOPLE_H
#define CLI_PEOPLE_H

#include "clients/cli/command.h"
#include "clients/cli/json.h"
#include "clients/cli/table.h"

struct word {
    const char *text;
    int number;
};

extern const struct word room_role_words[]; /* all end with a word without text */
extern const struct word role_words[];
extern const struct word privacy_words[];
extern const struct word invitation_words[];

/* "?" for a number that this version does not know. */
const char *word_of(const struct word *words, int number);

/* Says what is allowed and answers false when it is none of the words. */
bool word_parse(const struct cli *cli, const struct word *words, const char *what, const char *text,
                int *ret);

/* "room:NAME" for a bare name. */
const char *room_of(const char *text, char ret[300]);

/* Calls, and says "DONE WHOM" or {"done": ..., "to": ...}. */
enum exit_code call_and_say(struct cli *cli, const struct roost_call *call, const char *done,
                            const char *whom);

/* How the rows of one kind of page are shown. */
struct row_view {
    const char *what;  /* for complaints */
    const char *empty; /* what is said to a person when there is no row */
    const struct table_column *columns;
    size_t (*count)(const struct roost_page *page);
    void (*json)(struct json *json, const struct roost_page *page, size_t index);
    void (*row)(struct table *table, const struct roost_page *page, size_t index);
    bool is_by_seq; /* pages go on with next_seq, otherwise with next_name */
};

/* All pages from the first on, until `limit` rows (0: all) are shown. */
enum exit_code show_rows(struct cli *cli, struct roost_query *query, const struct row_view *view,
                         uint64_t limit);

#endif
