/* SPDX-License-Identifier: MPL-2.0
 *
 * roost acl list, allow, deny, remove, test: the access list of the broker.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/commands.h"
#include "clients/cli/people.h"
#include "clients/cli/text.h"

#define ACTIONS_TEXT_BYTES 64

static const struct word action_words[] = {
    {"send", ROOST_ACL_SEND},
    {"read", ROOST_ACL_READ},
    {"create", ROOST_ACL_CREATE},
    {"administrate", ROOST_ACL_ADMINISTRATE},
    {"all", ROOST_ACL_SEND | ROOST_ACL_READ | ROOST_ACL_CREATE | ROOST_ACL_ADMINISTRATE},
    {NULL, 0},
};

/* "send,read" */
static bool parse_actions(const struct cli *cli, const char *text, uint32_t *ret)
{
    char word[32];
    *ret = 0;
    while (*text) {
        int action;
        size_t size = strcspn(text, ",");
        (void)snprintf(word, sizeof(word), "%.*s", (int)size, text);
        if (!word_parse(cli, action_words, "action", word, &action))
            return false;
        *ret |= (uint32_t)action;
        text += size;
        text += *text == ',';
    }
    if (*ret == 0)
        complain(cli, "no action is named; there are: send, read, create, administrate, all");
    return *ret != 0;
}

static const char *actions_text(uint32_t actions, char ret[ACTIONS_TEXT_BYTES])
{
    size_t used = 0;
    ret[0] = '\0';
    for (size_t i = 0; i < 4; i++) {
        if (actions & (uint32_t)action_words[i].number)
            used += (size_t)snprintf(ret + used, ACTIONS_TEXT_BYTES - used, "%s%s", used ? "," : "",
                                     action_words[i].text);
    }
    return ret;
}

/* ----------------------------------------------------------------------------------- list */

static size_t count_rules(const struct roost_page *page)
{
    return page->acl_count;
}

static void rule_json(struct json *json, const struct roost_page *page, size_t index)
{
    const struct roost_acl_rule *rule = &page->acl[index];
    char actions[ACTIONS_TEXT_BYTES];
    json_number(json, "id", rule->id);
    json_bool(json, "allow", rule->is_allow);
    json_text(json, "subject", rule->subject);
    json_text(json, "actions", actions_text(rule->actions, actions));
    json_text(json, "scope", rule->scope);
    json_number(json, "created_ms", rule->created_ms);
    json_text(json, "creator", rule->creator);
}

static void rule_row(struct table *table, const struct roost_page *page, size_t index)
{
    const struct roost_acl_rule *rule = &page->acl[index];
    char actions[ACTIONS_TEXT_BYTES];
    table_number(table, rule->id);
    table_text(table, rule->is_allow ? "allow" : "deny");
    table_text(table, rule->subject);
    table_text(table, actions_text(rule->actions, actions));
    table_text(table, rule->scope);
    table_text(table, rule->creator);
}

static enum exit_code run_list(struct cli *cli)
{
    static const struct table_column columns[] = {
        {"ID", true, false},       {"RULE", false, false}, {"WHO", false, true},
        {"ACTIONS", false, false}, {"SCOPE", false, true}, {"BY", false, true},
        {NULL, false, false},
    };
    static const struct row_view view = {.what = "acl list",
                                         .empty = "no rules",
                                         .columns = columns,
                                         .count = count_rules,
                                         .json = rule_json,
                                         .row = rule_row,
                                         .is_by_seq = true};
    struct roost_query query = {.kind = ROOST_QUERY_ACL};
    return show_rows(cli, &query, &view, 0);
}

static const char *const list_examples[] = {"roost acl list", "roost acl list -j", NULL};

const struct command acl_list_command = {
    .name = "acl list",
    .summary = "the rules of the access list (administrators)",
    .usage = "",
    .examples = list_examples,
    .needs_session = true,
    .run = run_list,
};

/* -------------------------------------------------------------------- allow, deny, remove */

static enum exit_code say_rule(const struct cli *cli, const char *done, uint64_t id, bool is_new)
{
    if (cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_text(&json, "done", done);
        json_number(&json, "id", id);
        json_bool(&json, "new", is_new);
        json_object_end(&json);
        json_end_line(&json);
    } else if (!cli->is_quiet) {
        (void)printf("%s: rule %" PRIu64 "%s\n", done, id, is_new ? "" : " (was there already)");
    }
    return EXIT_OK;
}

static enum exit_code add_rule(struct cli *cli, enum roost_method method, const char *done)
{
    struct roost_call call = {
        .method = method, .peer = cli->positional[0], .text = cli->positional[2]};
    struct roost_reply *reply;
    if (!parse_actions(cli, cli->positional[1], &call.actions))
        return EXIT_USAGE;
    enum roost_error error = roost_call_reply(cli->roost, &call, cli->timeout_ms, &reply);
    if (error)
        return fail_with(cli, call.text, error);
    enum exit_code code = say_rule(cli, done, reply->seq, reply->count > 0);
    roost_reply_destroy(&reply);
    return code;
}

static enum exit_code run_allow(struct cli *cli)
{
    return add_rule(cli, ROOST_METHOD_ACL_ALLOW, "allowed");
}

static enum exit_code run_deny(struct cli *cli)
{
    return add_rule(cli, ROOST_METHOD_ACL_DENY, "denied");
}

#define RULE_DETAILS                                                                               \
    "WHO is the name of an account, @unverified, @guest, @user, @moderator or @admin (accounts "   \
    "of\n"                                                                                         \
    "that role), or * for everybody. ACTIONS are send, read (attach, history, join a room),\n"     \
    "create (a queue, topic or room), administrate (inspect, dead letters, consumers), or all, "   \
    "with\n"                                                                                       \
    "commas between. SCOPE is * for every scope; a topic, with the wildcards * for one word and "  \
    ">\n"                                                                                          \
    "for the rest; peer:, room: or queue: with a name, or with the beginning of one and a *.\n\n"  \
    "A rule that denies wins over every one that allows. Where none applies,\n"                    \
    "security.acl_default decides: beyond this machine it denies. One's own mailbox is always\n"   \
    "one's own. Rules count at once, also for who is attached."

static const char *const allow_examples[] = {
    "roost acl allow sensors send 'topic:sensors.>'", "roost acl allow @user send,read 'peer:*'",
    "roost acl allow worker read,create 'queue:jobs*'", NULL};

const struct command acl_allow_command = {
    .name = "acl allow",
    .summary = "let somebody do something (administrators)",
    .usage = "WHO ACTIONS SCOPE",
    .details = RULE_DETAILS,
    .positional_min = 3,
    .positional_max = 3,
    .examples = allow_examples,
    .needs_session = true,
    .run = run_allow,
};

static const char *const deny_examples[] = {"roost acl deny '*' read 'topic:secret.>'",
                                            "roost acl deny mallory all '*'", NULL};

const struct command acl_deny_command = {
    .name = "acl deny",
    .summary = "keep somebody from doing something (administrators)",
    .usage = "WHO ACTIONS SCOPE",
    .details = RULE_DETAILS,
    .positional_min = 3,
    .positional_max = 3,
    .examples = deny_examples,
    .needs_session = true,
    .run = run_deny,
};

static enum exit_code run_remove(struct cli *cli)
{
    struct roost_call call = {.method = ROOST_METHOD_ACL_REMOVE};
    uint64_t count = 0;
    char *end;
    call.seq = strtoull(cli->positional[0], &end, 10);
    if (*end || call.seq == 0 || call.seq > INT64_MAX) {
        complain(cli, "'%s' is no number of a rule; see 'roost acl list'", cli->positional[0]);
        return EXIT_USAGE;
    }
    enum roost_error error = roost_call(cli->roost, &call, cli->timeout_ms, &count);
    if (error)
        return fail_with(cli, cli->positional[0], error);
    if (count > 0)
        return say_rule(cli, "removed", call.seq, true);
    complain(cli, "there is no rule %s; see 'roost acl list'", cli->positional[0]);
    return EXIT_NOT_FOUND;
}

static const char *const remove_examples[] = {"roost acl remove 7", NULL};

const struct command acl_remove_command = {
    .name = "acl remove",
    .summary = "forget a rule (administrators)",
    .usage = "ID",
    .positional_min = 1,
    .positional_max = 1,
    .examples = remove_examples,
    .needs_session = true,
    .run = run_remove,
};

/* ----------------------------------------------------------------------------------- test */

static void say_test(const struct cli *cli, const struct roost_reply *reply)
{
    bool may = reply->count > 0;
    if (cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_bool(&json, "allowed", may);
        if (reply->seq)
            json_number(&json, "rule", reply->seq);
        json_text(&json, "text", reply->text);
        json_object_end(&json);
        json_end_line(&json);
    } else if (!cli->is_quiet && reply->seq) {
        (void)printf("%s: %s (rule %" PRIu64 ")\n", may ? "allowed" : "denied", reply->text,
                     reply->seq);
    } else if (!cli->is_quiet) {
        (void)printf("%s: %s\n", may ? "allowed" : "denied", reply->text);
    }
}

static enum exit_code run_test(struct cli *cli)
{
    int action;
    struct roost_reply *reply;
    if (!word_parse(cli, action_words, "action", cli->positional[1], &action))
        return EXIT_USAGE;
    struct roost_call call = {.method = ROOST_METHOD_ACL_TEST,
                              .peer = cli->positional[0],
                              .text = cli->positional[2],
                              .actions = (uint32_t)action};
    enum roost_error error = roost_call_reply(cli->roost, &call, cli->timeout_ms, &reply);
    if (error)
        return fail_with(cli, call.text, error);
    say_test(cli, reply);
    enum exit_code code = reply->count > 0 ? EXIT_OK : EXIT_ERROR;
    roost_reply_destroy(&reply);
    return code;
}

static const char *const test_examples[] = {"roost acl test alice send queue:jobs",
                                            "roost acl test alice read 'topic:a.*'", NULL};

const struct command acl_test_command = {
    .name = "acl test",
    .summary = "would it be allowed, and why (administrators)",
    .usage = "NAME ACTION SCOPE",
    .details =
        "Says what the access list decides. Whose mailbox it is, and who is a member of a room, "
        "is\n"
        "not asked here. Exit code 1: it is denied.",
    .positional_min = 3,
    .positional_max = 3,
    .examples = test_examples,
    .needs_session = true,
    .run = run_test,
};
