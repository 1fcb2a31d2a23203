/* SPDX-License-Identifier: MPL-2.0
 *
 * roost search.
 */
#include <stdio.h>
#include <string.h>

#include "clients/cli/commands.h"
#include "clients/cli/show.h"
#include "clients/cli/text.h"

#define PAGE       500
#define TEXT_BYTES 1024

/* All arguments with blanks between them. */
static bool join_words(const struct cli *cli, char ret[TEXT_BYTES + 1])
{
    size_t size = 0;
    for (int i = 0; i < cli->positional_count; i++) {
        size_t length = strlen(cli->positional[i]);
        if (size + length + 1 > TEXT_BYTES) {
            complain(cli, "at most %d bytes can be looked for", TEXT_BYTES);
            return false;
        }
        if (size > 0)
            ret[size++] = ' ';
        memcpy(ret + size, cli->positional[i], length);
        size += length;
    }
    ret[size] = '\0';
    return true;
}

/* Ready for the next page, as ROOST_QUERY_SEARCH says. */
static bool go_on(struct roost_query *query, const struct roost_page *page)
{
    if (page->next_seq == 0) {
        query->offset += (uint32_t)page->message_count;
    } else {
        query->before_seq = page->next_seq;
        query->offset = 0;
    }
    return page->has_more && (page->message_count > 0 || page->next_seq != 0);
}

static void show_scope(const char *scope)
{
    char text[600];
    (void)printf("%s  ", text_escape(scope, strlen(scope), text, sizeof(text)));
}

static enum exit_code show_found(struct cli *cli, struct roost_query *query, uint64_t limit)
{
    uint64_t shown = 0;
    for (bool has_more = true; has_more && shown < limit;) {
        struct roost_page *page;
        query->limit = limit - shown < PAGE ? (uint32_t)(limit - shown) : PAGE;
        enum roost_error error = roost_query(cli->roost, query, cli->timeout_ms, &page);
        if (error)
            return fail_with(cli, "search", error);
        for (size_t i = 0; i < page->message_count; i++) {
            if (!cli->is_json && !query->scope && !query->peer)
                show_scope(page->messages[i]->scope);
            show_message(cli, page->messages[i]);
        }
        shown += page->message_count;
        has_more = go_on(query, page);
        roost_page_destroy(&page);
    }
    if (shown == 0 && !cli->is_json && !cli->is_quiet)
        (void)fprintf(stderr, "(nothing was found)\n");
    return shown ? EXIT_OK : EXIT_NOT_FOUND;
}

static enum exit_code run_search(struct cli *cli)
{
    char text[TEXT_BYTES + 1];
    uint64_t limit;
    struct roost_query query = {.kind = ROOST_QUERY_SEARCH,
                                .text = text,
                                .peer = option_text(cli, "with", NULL),
                                .scope = option_text(cli, "in", NULL),
                                .newest_first = option_is_given(cli, "newest")};
    if (query.peer && query.scope) {
        complain(cli, "give --in or --with, not both");
        return EXIT_USAGE;
    }
    if (!option_number(cli, "limit", 1, 100000, 20, &limit) || !join_words(cli, text))
        return EXIT_USAGE;
    return show_found(cli, &query, limit);
}

static const struct option_row search_options[] = {
    {"in", 'i', "SCOPE", "only in this scope, for example room:kitchen"},
    {"with", 'w', "PEER", "only in the conversation with this peer"},
    {"newest", 0, NULL, "the newest first; otherwise the best"},
    {"limit", 'n', "N", "how many (20)"},
    {NULL, 0, NULL, NULL},
};

static const char *const search_examples[] = {"roost search soup kitch",
                                              "roost search --in room:kitchen -n 5 soup", NULL};

const struct command search_command = {
    .name = "search",
    .summary = "messages with all of these words",
    .usage = "WORD...",
    .details =
        "Looks in everything you may read. The last word is found by its beginning; Chinese and\n"
        "Japanese need no blanks between words. Exit code 4: nothing was found.",
    .positional_min = 1,
    .positional_max = -1,
    .options = search_options,
    .examples = search_examples,
    .needs_session = true,
    .run = run_search,
};
