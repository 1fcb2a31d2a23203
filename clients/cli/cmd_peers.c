/* SPDX-License-Identifier: MPL-2.0
 *
 * roost peers, roost presence.
 */
#include <stdio.h>
#include <string.h>

#include "clients/cli/command.h"
#include "clients/cli/commands.h"
#include "clients/cli/json.h"
#include "clients/cli/table.h"
#include "clients/cli/text.h"

#define PAGE 500

/* ---------------------------------------------------------------------------------- peers */

static void show_peer_json(const struct roost_peer *peer)
{
    struct json json;
    json_begin(&json, stdout);
    json_object(&json, NULL);
    json_text(&json, "name", peer->name);
    if (peer->display_name[0])
        json_text(&json, "display_name", peer->display_name);
    if (peer->nickname[0])
        json_text(&json, "nickname", peer->nickname);
    json_text(&json, "kind", peer->kind);
    json_bool(&json, "online", peer->is_online);
    json_bool(&json, "verified", peer->is_verified);
    json_number(&json, "first_seen_ms", peer->first_seen_ms);
    json_number(&json, "last_seen_ms", peer->last_seen_ms);
    if (peer->left_ms)
        json_number(&json, "left_ms", peer->left_ms);
    json_number(&json, "connections", peer->connections);
    json_array(&json, "addresses");
    for (size_t i = 0; i < peer->address_count; i++) {
        json_object(&json, NULL);
        json_text(&json, "address", peer->addresses[i].address);
        json_text(&json, "source", peer->addresses[i].source);
        json_number(&json, "last_seen_ms", peer->addresses[i].last_seen_ms);
        json_object_end(&json);
    }
    json_array_end(&json);
    json_object_end(&json);
    json_end_line(&json);
}

static void show_peer_row(struct table *table, const struct roost_peer *peer)
{
    table_row(table);
    table_text(table, peer->name);
    table_text(table, peer->nickname[0] ? peer->nickname : peer->display_name);
    table_text(table, peer->is_online ? "online" : "offline");
    table_text(table, peer->is_verified ? "verified" : "unverified");
    table_text(table, peer->kind);
    table_time(table, peer->last_seen_ms);
    table_text(table, peer->address_count ? peer->addresses[0].address : "");
}

static enum exit_code run_peers(struct cli *cli)
{
    static const struct table_column columns[] = {
        {"PEER", false, true},    {"NAME", false, true}, {"STATE", false, false},
        {"TRUST", false, false},  {"BY", false, false},  {"LAST SEEN", false, false},
        {"ADDRESS", false, true}, {NULL, false, false},
    };
    struct table table;
    char after[256] = "";
    size_t shown = 0;
    bool has_more = true;
    if (!cli->is_json && !table_begin(&table, columns))
        return fail_with(cli, "peers", ROOST_NO_MEMORY);
    enum roost_error error = ROOST_OK;
    while (has_more && !error) {
        struct roost_query query = {
            .kind = ROOST_QUERY_PEERS,
            .peer = cli->positional_count ? cli->positional[0] : NULL,
            .online_only = option_is_given(cli, "online"),
            .after_name = after,
            .limit = PAGE,
        };
        struct roost_page *page;
        error = roost_query(cli->roost, &query, cli->timeout_ms, &page);
        if (error)
            break;
        for (size_t i = 0; i < page->peer_count; i++) {
            if (cli->is_json)
                show_peer_json(&page->peers[i]);
            else
                show_peer_row(&table, &page->peers[i]);
        }
        shown += page->peer_count;
        has_more = page->has_more && page->next_name[0] && strcmp(after, page->next_name) != 0;
        (void)snprintf(after, sizeof(after), "%s", page->next_name);
        roost_page_destroy(&page);
    }
    if (!cli->is_json)
        table_end(&table);
    if (error)
        return fail_with(cli, "peers", error);
    if (shown == 0 && cli->positional_count) {
        complain(cli, "no peer '%s' is known", cli->positional[0]);
        return EXIT_NOT_FOUND;
    }
    return EXIT_OK;
}

static const struct option_row peers_options[] = {
    {"online", 0, NULL, "only those who are online"},
    {NULL, 0, NULL, NULL},
};

static const char *const peers_examples[] = {"roost peers", "roost peers --online --json",
                                             "roost peers bob", NULL};

const struct command peers_command = {
    .name = "peers",
    .summary = "who is known, and who is online",
    .usage = "[PEER]",
    .positional_max = 1,
    .options = peers_options,
    .examples = peers_examples,
    .needs_session = true,
    .run = run_peers,
};

/* ------------------------------------------------------------------------------- presence */

static void show_presence(struct cli *cli, const struct roost_presence_event *event)
{
    struct json json;
    char time_text[TEXT_TIME_BYTES];
    char peer[300];
    char reason[64];
    if (cli->is_json) {
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_text(&json, "peer", event->peer);
        json_bool(&json, "online", event->is_online);
        json_number(&json, "time_ms", event->time_ms);
        json_text(&json, "reason", event->reason);
        json_number(&json, "event_id", event->event_id);
        json_object_end(&json);
        json_end_line(&json);
    } else {
        (void)printf("%s  %-7s  %s  (%s)\n", text_time(event->time_ms, time_text),
                     event->is_online ? "online" : "offline",
                     text_escape(event->peer, strlen(event->peer), peer, sizeof(peer)),
                     text_escape(event->reason, strlen(event->reason), reason, sizeof(reason)));
    }
    (void)fflush(stdout); /* whoever reads the pipe sees it now */
}

static enum exit_code follow_presence(struct cli *cli)
{
    uint64_t count;
    if (!option_number(cli, "count", 1, UINT32_MAX, 0, &count))
        return EXIT_USAGE;
    enum roost_error error = roost_presence_subscribe(cli->roost, true, cli->timeout_ms);
    if (error)
        return fail_with(cli, "presence", error);
    for (uint64_t seen = 0; count == 0 || seen < count;) {
        struct roost_event *event;
        error = roost_next_event(cli->roost, ROOST_FOREVER, &event);
        if (error)
            return fail_with(cli, "presence", error);
        if (event->kind == ROOST_EVENT_PRESENCE) {
            show_presence(cli, &event->presence);
            seen++;
        }
        roost_event_destroy(&event);
    }
    return EXIT_OK;
}

static enum exit_code run_presence(struct cli *cli)
{
    uint64_t limit;
    struct roost_page *page;
    if (option_is_given(cli, "follow"))
        return follow_presence(cli);
    if (!option_number(cli, "limit", 1, PAGE, 50, &limit))
        return EXIT_USAGE;
    struct roost_query query = {
        .kind = ROOST_QUERY_PRESENCE,
        .peer = cli->positional_count ? cli->positional[0] : NULL,
        .limit = (uint32_t)limit,
        .newest_first = true,
    };
    enum roost_error error = roost_query(cli->roost, &query, cli->timeout_ms, &page);
    if (error)
        return fail_with(cli, "presence", error);
    for (size_t i = page->presence_count; i-- > 0;)
        show_presence(cli, &page->presence[i]);
    roost_page_destroy(&page);
    return EXIT_OK;
}

static const struct option_row presence_options[] = {
    {"follow", 'f', NULL, "show changes as they come, until Ctrl-C"},
    {"limit", 'n', "N", "how many past changes (50)"},
    {"count", 0, "N", "with --follow: end after so many"},
    {NULL, 0, NULL, NULL},
};

static const char *const presence_examples[] = {"roost presence", "roost presence bob",
                                                "roost presence --follow --json", NULL};

const struct command presence_command = {
    .name = "presence",
    .summary = "who came and went",
    .usage = "[PEER]",
    .positional_max = 1,
    .options = presence_options,
    .examples = presence_examples,
    .needs_session = true,
    .run = run_presence,
};
