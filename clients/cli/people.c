/* SPDX-License-Identifier: MPL-2.0
 *
 * See people.h.
 */
#include "clients/cli/people.h"

#include <stdio.h>
#include <string.h>

#include "clients/cli/text.h"

#define PAGE 500

const struct word room_role_words[] = {
    {"none", ROOST_ROOM_ROLE_NONE},
    {"owner", ROOST_ROOM_ROLE_OWNER},
    {"moderator", ROOST_ROOM_ROLE_MODERATOR},
    {"member", ROOST_ROOM_ROLE_MEMBER},
    {"reader", ROOST_ROOM_ROLE_READER},
    {"banned", ROOST_ROOM_ROLE_BANNED},
    {NULL, 0},
};

const struct word role_words[] = {
    {"none", ROOST_ROLE_NONE},           {"guest", ROOST_ROLE_GUEST}, {"user", ROOST_ROLE_USER},
    {"moderator", ROOST_ROLE_MODERATOR}, {"admin", ROOST_ROLE_ADMIN}, {NULL, 0},
};

const struct word privacy_words[] = {
    {"public", ROOST_PRIVACY_PUBLIC},
    {"private", ROOST_PRIVACY_PRIVATE},
    {"protected", ROOST_PRIVACY_PROTECTED},
    {"open", ROOST_PRIVACY_OPEN},
    {NULL, 0},
};

const struct word invitation_words[] = {
    {"pending", ROOST_INVITATION_PENDING},   {"accepted", ROOST_INVITATION_ACCEPTED},
    {"declined", ROOST_INVITATION_DECLINED}, {"revoked", ROOST_INVITATION_REVOKED},
    {"expired", ROOST_INVITATION_EXPIRED},   {NULL, 0},
};

const char *word_of(const struct word *words, int number)
{
    for (; words->text; words++) {
        if (words->number == number)
            return words->text;
    }
    return "?";
}

bool word_parse(const struct cli *cli, const struct word *words, const char *what, const char *text,
                int *ret)
{
    char allowed[256] = "";
    for (const struct word *word = words; word->text; word++) {
        if (strcmp(word->text, text) == 0) {
            *ret = word->number;
            return true;
        }
        size_t size = strlen(allowed);
        (void)snprintf(allowed + size, sizeof(allowed) - size, "%s%s", size ? ", " : "",
                       word->text);
    }
    complain(cli, "'%s' is no %s; there are: %s", text, what, allowed);
    return false;
}

const char *room_of(const char *text, char ret[300])
{
    (void)snprintf(ret, 300, "%s%s", strncmp(text, "room:", 5) == 0 ? "" : "room:", text);
    return ret;
}

enum exit_code call_and_say(struct cli *cli, const struct roost_call *call, const char *done,
                            const char *whom)
{
    char escaped[600];
    enum roost_error error = roost_call(cli->roost, call, cli->timeout_ms, NULL);
    if (error)
        return fail_with(cli, whom, error);
    if (cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_text(&json, "done", done);
        json_text(&json, "to", whom);
        json_object_end(&json);
        json_end_line(&json);
    } else if (!cli->is_quiet) {
        (void)printf("%s %s\n", done, text_escape(whom, strlen(whom), escaped, sizeof(escaped)));
    }
    return EXIT_OK;
}

static void show_json(const struct row_view *view, const struct roost_page *page, size_t index)
{
    struct json json;
    json_begin(&json, stdout);
    json_object(&json, NULL);
    view->json(&json, page, index);
    json_object_end(&json);
    json_end_line(&json);
}

/* One page; answers whether there is another one, for which `query` and `after` are made ready. */
static enum roost_error show_page(struct cli *cli, struct roost_query *query,
                                  const struct row_view *view, struct table *table, uint64_t *left,
                                  char after[256], bool *ret_has_more)
{
    struct roost_page *page;
    enum roost_error error = roost_query(cli->roost, query, cli->timeout_ms, &page);
    if (error)
        return error;
    size_t count = view->count(page);
    if (count > *left)
        count = (size_t)*left;
    *left -= count;
    for (size_t i = 0; i < count; i++) {
        if (cli->is_json) {
            show_json(view, page, i);
            continue;
        }
        table_row(table);
        view->row(table, page, i);
    }
    bool moves = view->is_by_seq ? page->next_seq > query->after_seq
                                 : page->next_name[0] && strcmp(after, page->next_name) != 0;
    *ret_has_more = page->has_more && moves && *left > 0;
    if (view->is_by_seq)
        query->after_seq = page->next_seq;
    (void)snprintf(after, 256, "%s", page->next_name);
    roost_page_destroy(&page);
    return ROOST_OK;
}

enum exit_code show_rows(struct cli *cli, struct roost_query *query, const struct row_view *view,
                         uint64_t limit)
{
    struct table table;
    char after[256] = "";
    uint64_t left = limit ? limit : UINT64_MAX;
    enum roost_error error = ROOST_OK;
    if (!cli->is_json && !table_begin(&table, view->columns))
        return fail_with(cli, view->what, ROOST_NO_MEMORY);
    query->after_name = after;
    query->limit = left < PAGE ? (uint32_t)left : PAGE;
    for (bool has_more = true; has_more && !error;)
        error = show_page(cli, query, view, &table, &left, after, &has_more);
    if (!cli->is_json)
        table_end(&table);
    bool has_none = left == (limit ? limit : UINT64_MAX);
    if (!error && has_none && !cli->is_json && !cli->is_quiet)
        (void)fprintf(stderr, "(%s)\n", view->empty);
    return error ? fail_with(cli, view->what, error) : EXIT_OK;
}
