/* SPDX-License-Identifier: MPL-2.0
 *
 * roost peers, peers show, ip, stats, nickname, remove; roost presence.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/command.h"
#include "clients/cli/commands.h"
#include "clients/cli/json.h"
#include "clients/cli/table.h"
#include "clients/cli/text.h"

#define PAGE 500

/* ----------------------------------------------------------------------------- one of them */

static void text_if_any(struct json *json, const char *name, const char *text)
{
    if (text[0])
        json_text(json, name, text);
}

static void number_if_any(struct json *json, const char *name, uint64_t number)
{
    if (number)
        json_number(json, name, number);
}

static void addresses_json(struct json *json, const struct roost_peer *peer)
{
    json_array(json, "addresses");
    for (size_t i = 0; i < peer->address_count; i++) {
        json_object(json, NULL);
        json_text(json, "address", peer->addresses[i].address);
        json_text(json, "source", peer->addresses[i].source);
        json_number(json, "last_seen_ms", peer->addresses[i].last_seen_ms);
        json_object_end(json);
    }
    json_array_end(json);
}

/* What it says of itself, where it says something, and what was measured and imported. */
static void details_json(struct json *json, const struct roost_peer *peer)
{
    text_if_any(json, "host_name", peer->host_name);
    text_if_any(json, "group", peer->group);
    number_if_any(json, "port", peer->port);
    text_if_any(json, "version_token", peer->version_token);
    number_if_any(json, "capabilities", peer->capabilities);
    text_if_any(json, "charset", peer->charset);
    text_if_any(json, "fingerprint", peer->fingerprint);
    json_number(json, "transfers_ok", peer->transfers_ok);
    json_number(json, "transfers_failed", peer->transfers_failed);
    json_number(json, "transfer_bytes", peer->transfer_bytes);
    number_if_any(json, "latency_ms", peer->latency_ms);
    json_real(json, "reliability", peer->reliability_ppm / 1e6);
    json_bool(json, "relay", peer->is_relay);
    json_bool(json, "bootstrap", peer->is_bootstrap);
    text_if_any(json, "avatar", peer->avatar);
    text_if_any(json, "groups", peer->groups);
    text_if_any(json, "imported_from", peer->source);
}

static void show_peer_json(const struct roost_peer *peer)
{
    struct json json;
    json_begin(&json, stdout);
    json_object(&json, NULL);
    json_text(&json, "name", peer->name);
    json_text(&json, "label", peer->label);
    text_if_any(&json, "display_name", peer->display_name);
    text_if_any(&json, "nickname", peer->nickname);
    json_text(&json, "kind", peer->kind);
    json_bool(&json, "online", peer->is_online);
    json_bool(&json, "verified", peer->is_verified);
    json_number(&json, "first_seen_ms", peer->first_seen_ms);
    json_number(&json, "last_seen_ms", peer->last_seen_ms);
    number_if_any(&json, "left_ms", peer->left_ms);
    json_number(&json, "connections", peer->connections);
    addresses_json(&json, peer);
    details_json(&json, peer);
    json_object_end(&json);
    json_end_line(&json);
}

static void show_peer_row(struct table *table, const struct roost_peer *peer)
{
    table_row(table);
    table_text(table, peer->name);
    table_text(table, peer->label);
    table_text(table, peer->is_online ? "online" : "offline");
    table_text(table, peer->is_verified ? "verified" : "unverified");
    table_text(table, peer->kind);
    table_time(table, peer->last_seen_ms);
    table_text(table, peer->address_count ? peer->addresses[0].address : "");
}

static void show_line(const char *name, const char *text)
{
    char escaped[600];
    if (text[0])
        (void)printf("%-14s %s\n", name, text_escape(text, strlen(text), escaped, sizeof(escaped)));
}

static void show_time(const char *name, uint64_t unix_ms)
{
    char text[TEXT_TIME_BYTES];
    if (unix_ms)
        show_line(name, text_time(unix_ms, text));
}

static void show_measured(const struct roost_peer *peer)
{
    char size[TEXT_SIZE_BYTES];
    (void)printf("%-14s %.4f\n", "reliability", peer->reliability_ppm / 1e6);
    if (peer->transfers_ok || peer->transfers_failed)
        (void)printf("%-14s %" PRIu64 " done, %" PRIu64 " failed, %s, mean %" PRIu64 " ms\n",
                     "transfers", peer->transfers_ok, peer->transfers_failed,
                     text_size(peer->transfer_bytes, size), peer->latency_ms);
    if (peer->is_relay || peer->is_bootstrap)
        (void)printf("%-14s %s%s%s\n", "role", peer->is_relay ? "relay" : "",
                     peer->is_relay && peer->is_bootstrap ? ", " : "",
                     peer->is_bootstrap ? "bootstrap" : "");
}

static void show_peer_fully(const struct roost_peer *peer)
{
    char number[32];
    show_line("peer", peer->name);
    show_line("shown as", peer->label);
    show_line("state", peer->is_online ? "online" : "offline");
    show_line("trust", peer->is_verified ? "verified" : "unverified: it proved nothing");
    show_line("nickname", peer->nickname);
    show_line("display name", peer->display_name);
    show_line("by", peer->kind);
    show_line("host", peer->host_name);
    show_line("group", peer->group);
    (void)snprintf(number, sizeof(number), "%" PRIu32, peer->port);
    show_line("port", peer->port ? number : "");
    show_line("program", peer->version_token);
    show_line("charset", peer->charset);
    show_line("key", peer->fingerprint);
    show_line("avatar", peer->avatar);
    show_line("groups", peer->groups);
    show_line("imported from", peer->source);
    show_time("first seen", peer->first_seen_ms);
    show_time("last seen", peer->last_seen_ms);
    show_time("left", peer->left_ms);
    show_measured(peer);
    for (size_t i = 0; i < peer->address_count; i++)
        show_line(i == 0 ? "addresses" : "", peer->addresses[i].address);
}

/* ---------------------------------------------------------------------------- peers, peers ip */

static const struct table_column columns[] = {
    {"PEER", false, true},    {"NAME", false, true}, {"STATE", false, false},
    {"TRUST", false, false},  {"BY", false, false},  {"LAST SEEN", false, false},
    {"ADDRESS", false, true}, {NULL, false, false},
};

/* One page; *query becomes the question for the next one. */
static enum roost_error list_page(struct cli *cli, struct table *table, struct roost_query *query,
                                  char after[256], bool *ret_has_more)
{
    struct roost_page *page;
    enum roost_error error = roost_query(cli->roost, query, cli->timeout_ms, &page);
    if (error)
        return error;
    for (size_t i = 0; i < page->peer_count; i++) {
        if (cli->is_json)
            show_peer_json(&page->peers[i]);
        else
            show_peer_row(table, &page->peers[i]);
    }
    *ret_has_more = page->has_more && page->peer_count > 0;
    query->offset += query->address ? (uint32_t)page->peer_count : 0;
    (void)snprintf(after, 256, "%s", page->next_name);
    roost_page_destroy(&page);
    return ROOST_OK;
}

static enum exit_code list_peers(struct cli *cli, const char *peer, const char *address)
{
    struct table table;
    char after[256] = "";
    bool has_more = true;
    struct roost_query query = {
        .kind = ROOST_QUERY_PEERS,
        .peer = peer,
        .address = address,
        .online_only = option_is_given(cli, "online"),
        .after_name = after,
        .limit = PAGE,
    };
    if (!cli->is_json && !table_begin(&table, columns))
        return fail_with(cli, "peers", ROOST_NO_MEMORY);
    enum roost_error error = ROOST_OK;
    while (has_more && !error)
        error = list_page(cli, &table, &query, after, &has_more);
    if (!cli->is_json)
        table_end(&table);
    return error ? fail_with(cli, address ? address : peer ? peer : "peers", error) : EXIT_OK;
}

static enum exit_code run_peers(struct cli *cli)
{
    return list_peers(cli, cli->positional_count ? cli->positional[0] : NULL, NULL);
}

static enum exit_code run_ip(struct cli *cli)
{
    return list_peers(cli, NULL, cli->positional[0]);
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

static const char *const ip_examples[] = {"roost peers ip 192.168.1.17", "roost peers ip ::1",
                                          NULL};

const struct command peers_ip_command = {
    .name = "peers ip",
    .summary = "who was seen at an IP address, the last one first",
    .usage = "ADDRESS",
    .positional_min = 1,
    .positional_max = 1,
    .options = peers_options,
    .examples = ip_examples,
    .needs_session = true,
    .run = run_ip,
};

/* -------------------------------------------------------------------------------- peers show */

static enum exit_code run_show(struct cli *cli)
{
    struct roost_page *page;
    struct roost_query query = {.kind = ROOST_QUERY_PEERS, .peer = cli->positional[0]};
    enum roost_error error = roost_query(cli->roost, &query, cli->timeout_ms, &page);
    if (error)
        return fail_with(cli, cli->positional[0], error);
    for (size_t i = 0; i < page->peer_count; i++) {
        if (cli->is_json)
            show_peer_json(&page->peers[i]);
        else
            show_peer_fully(&page->peers[i]);
    }
    roost_page_destroy(&page);
    return EXIT_OK;
}

static const char *const show_examples[] = {"roost peers show bob",
                                            "roost peers show lan:ana@pc-17 --json", NULL};

const struct command peers_show_command = {
    .name = "peers show",
    .summary = "everything known of one peer",
    .usage = "PEER",
    .positional_min = 1,
    .positional_max = 1,
    .examples = show_examples,
    .needs_session = true,
    .run = run_show,
};

/* ------------------------------------------------------------------------------- peers stats */

static void show_counters(const struct cli *cli, const struct roost_page *page)
{
    struct json json;
    char number[TEXT_SIZE_BYTES];
    if (cli->is_json) {
        json_begin(&json, stdout);
        json_object(&json, NULL);
    }
    for (size_t i = 0; i < page->counter_count; i++) {
        const struct roost_counter *counter = &page->counters[i];
        if (cli->is_json)
            json_number(&json, counter->name, counter->value);
        else
            (void)printf("%-12s %10s\n", counter->name, text_count(counter->value, number));
    }
    if (cli->is_json) {
        json_object_end(&json);
        json_end_line(&json);
    }
}

static enum exit_code run_stats(struct cli *cli)
{
    struct roost_page *page;
    struct roost_query query = {.kind = ROOST_QUERY_PEER_STATS};
    enum roost_error error = roost_query(cli->roost, &query, cli->timeout_ms, &page);
    if (error)
        return fail_with(cli, "peers stats", error);
    show_counters(cli, page);
    roost_page_destroy(&page);
    return EXIT_OK;
}

static const char *const stats_examples[] = {"roost peers stats", "roost peers stats --json", NULL};

const struct command peers_stats_command = {
    .name = "peers stats",
    .summary = "how many peers are known, online, verified",
    .usage = "",
    .examples = stats_examples,
    .needs_session = true,
    .run = run_stats,
};

/* ------------------------------------------------------------------- peers nickname, remove */

static enum exit_code change_peer(struct cli *cli, enum roost_method method, const char *text,
                                  const char *done)
{
    struct json json;
    char name[600];
    struct roost_call call = {.method = method, .peer = cli->positional[0], .text = text};
    enum roost_error error = roost_call(cli->roost, &call, cli->timeout_ms, NULL);
    if (error)
        return fail_with(cli, cli->positional[0], error);
    if (cli->is_json) {
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_text(&json, done, cli->positional[0]);
        json_object_end(&json);
        json_end_line(&json);
    } else if (!cli->is_quiet) {
        (void)printf("%s %s\n", done,
                     text_escape(call.peer, strlen(call.peer), name, sizeof(name)));
    }
    return EXIT_OK;
}

static enum exit_code run_nickname(struct cli *cli)
{
    return change_peer(cli, ROOST_METHOD_PEER_NICKNAME,
                       cli->positional_count > 1 ? cli->positional[1] : "", "named");
}

static enum exit_code run_remove(struct cli *cli)
{
    return change_peer(cli, ROOST_METHOD_PEER_REMOVE, NULL, "removed");
}

static const char *const nickname_examples[] = {"roost peers nickname lan:ana@pc-17 Ana",
                                                "roost peers nickname lan:ana@pc-17", NULL};

const struct command peers_nickname_command = {
    .name = "peers nickname",
    .summary = "name a peer yourself; without a name: as it calls itself",
    .usage = "PEER [NICKNAME]",
    .positional_min = 1,
    .positional_max = 2,
    .examples = nickname_examples,
    .needs_session = true,
    .run = run_nickname,
};

static const char *const remove_examples[] = {"roost peers remove lan:ana@pc-17", NULL};

const struct command peers_remove_command = {
    .name = "peers remove",
    .summary = "forget a peer that is offline and has no messages",
    .usage = "PEER",
    .positional_min = 1,
    .positional_max = 1,
    .examples = remove_examples,
    .needs_session = true,
    .run = run_remove,
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
        json_bool(&json, "verified", event->is_verified);
        json_object_end(&json);
        json_end_line(&json);
    } else {
        (void)printf("%s  %-7s  %s  (%s%s)\n", text_time(event->time_ms, time_text),
                     event->is_online ? "online" : "offline",
                     text_escape(event->peer, strlen(event->peer), peer, sizeof(peer)),
                     text_escape(event->reason, strlen(event->reason), reason, sizeof(reason)),
                     event->is_verified ? "" : ", unverified");
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
