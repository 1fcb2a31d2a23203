/* SPDX-License-Identifier: MPL-2.0
 *
 * Peers, scopes and what waits in them, dead letters, and what administrators look at.
 */
#include <string.h>

#include "gateways/http/http_ask.h"

#define COUNTERS_MAX 64

/* --- Peers. */

void http_get_peers(struct http_request *request)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    bool is_online = false;
    query.kind = ROOST__V1__QUERY_KIND__PEERS;
    query.address = http_parameter(request, "address");
    if (!http_flag(request, "online", &is_online) || !http_page(request, &query))
        return;
    query.online_only = is_online;
    http_list(request, &query, "peers");
}

void http_get_peer(struct http_request *request)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    query.kind = ROOST__V1__QUERY_KIND__PEERS;
    query.peer = http_variable(request, 0);
    http_one(request, &query, "peers", ERR_NO_SUCH_PEER);
}

void http_patch_peer(struct http_request *request)
{
    Roost__V1__Call call = ROOST__V1__CALL__INIT;
    call.method = ROOST__V1__METHOD__PEER_NICKNAME;
    call.peer = http_variable(request, 0);
    call.text = http_field(request, HTTP_FIELD_nickname);
    http_call(request, &call, http_called_nothing);
}

void http_delete_peer(struct http_request *request)
{
    Roost__V1__Call call = ROOST__V1__CALL__INIT;
    call.method = ROOST__V1__METHOD__PEER_REMOVE;
    call.peer = http_variable(request, 0);
    http_call(request, &call, http_called_nothing);
}

void http_get_peer_events(struct http_request *request)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    query.kind = ROOST__V1__QUERY_KIND__PRESENCE_EVENTS;
    query.peer = http_parameter(request, "peer");
    if (http_page(request, &query))
        http_list(request, &query, "events");
}

/* --- Counters as an object. */

static void take_counters(struct http_request *request, const Roost__V1__Result *result)
{
    char name[COUNTERS_MAX];
    for (size_t i = 0; i < result->n_counters; i++) {
        const Roost__V1__Counter *counter = result->counters[i];
        if (counter->name.len >= sizeof(name))
            continue;
        memcpy(name, counter->name.data, counter->name.len);
        name[counter->name.len] = '\0';
        http_json_number(&request->json, name, counter->value);
    }
}

static void finish_counters(struct http_request *request, const Roost__V1__Fin *fin)
{
    (void)fin;
    http_json_object_end(&request->json);
    http_answer(request, MHD_HTTP_OK);
}

void http_get_peer_statistics(struct http_request *request)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    query.kind = ROOST__V1__QUERY_KIND__PEER_STATS;
    http_answer_json(request, &request->json);
    http_json_object(&request->json, NULL);
    http_query(request, &query, take_counters, finish_counters);
}

/* --- Scopes. */

void http_get_scope(struct http_request *request)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    query.kind = ROOST__V1__QUERY_KIND__INSPECT;
    query.scope = http_variable(request, 0);
    query.consumer = http_parameter(request, "consumer");
    http_list(request, &query, "consumers");
}

void http_get_scope_messages(struct http_request *request)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    query.kind = ROOST__V1__QUERY_KIND__HISTORY;
    query.scope = http_variable(request, 0);
    if (http_page(request, &query))
        http_list(request, &query, "messages");
}

void http_get_queues(struct http_request *request)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    query.kind = ROOST__V1__QUERY_KIND__INSPECT;
    http_list(request, &query, "consumers");
}

static void queue_made(struct http_request *request, const INTERNAL(CallDone) * done)
{
    struct http_json json;
    (void)done;
    http_answer_json(request, &json);
    http_json_object(&json, NULL);
    http_json_text(&json, "scope", request->scope);
    http_json_object_end(&json);
    http_answer(request, MHD_HTTP_CREATED);
}

void http_post_queue(struct http_request *request)
{
    Roost__V1__Call call = ROOST__V1__CALL__INIT;
    call.method = ROOST__V1__METHOD__SCOPE_CREATE;
    if (http_scope(request, PREFIX_QUEUE, http_field(request, HTTP_FIELD_name), &call.scope))
        http_call(request, &call, queue_made);
}

/* --- Dead letters. */

void http_get_dead(struct http_request *request)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    query.kind = ROOST__V1__QUERY_KIND__DEAD_LETTERS;
    query.scope = http_parameter(request, "scope");
    query.consumer = http_parameter(request, "consumer");
    if (http_page(request, &query))
        http_list(request, &query, "dead");
}

static void change_dead(struct http_request *request, Roost__V1__Method method)
{
    Roost__V1__Call call = ROOST__V1__CALL__INIT;
    call.method = method;
    call.scope = http_field(request, HTTP_FIELD_scope);
    call.consumer = http_field(request, HTTP_FIELD_consumer);
    call.message_ids = http_field(request, HTTP_FIELD_message_ids);
    call.all = request->fields->number[HTTP_FIELD_all] != 0;
    if (call.all == (call.message_ids.len > 0))
        http_answer_error(request, ERR_BAD_FIELD, "say either message_ids or all");
    else
        http_call(request, &call, http_called_count);
}

void http_redrive_dead(struct http_request *request)
{
    change_dead(request, ROOST__V1__METHOD__DEAD_REDRIVE);
}

void http_purge_dead(struct http_request *request)
{
    change_dead(request, ROOST__V1__METHOD__DEAD_PURGE);
}

/* --- Administration. */

void http_get_audit(struct http_request *request)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    query.kind = ROOST__V1__QUERY_KIND__AUDIT;
    if (http_page(request, &query))
        http_list(request, &query, "audit");
}

/* GET /admin/statistics: counts of the broker, of peers, then rooms page by page. */

static void ask_rooms(struct http_request *request, ProtobufCBinaryData after);

static void take_rooms(struct http_request *request, const Roost__V1__Result *result)
{
    struct http_json *json = &request->json;
    for (size_t i = 0; i < result->n_rooms; i++) {
        const Roost__V1__Room *room = result->rooms[i];
        http_json_object(json, NULL);
        http_json_bytes(json, "room", room->name.data, room->name.len);
        http_json_number(json, "users", room->members);
        http_json_object_end(json);
        request->rows++;
    }
}

static void finish_rooms(struct http_request *request, const Roost__V1__Fin *fin)
{
    if (fin->has_more && fin->next_name.len > 0) {
        ask_rooms(request, fin->next_name);
        return;
    }
    http_json_array_end(&request->json);
    http_json_number(&request->json, "rooms", request->rows);
    http_json_object_end(&request->json);
    http_answer(request, MHD_HTTP_OK);
}

static void ask_rooms(struct http_request *request, ProtobufCBinaryData after)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    query.kind = ROOST__V1__QUERY_KIND__ROOMS;
    query.limit = WIRE_PAGE_MAX;
    query.after_name = after;
    http_query(request, &query, take_rooms, finish_rooms);
}

static void begin_rooms(struct http_request *request, const Roost__V1__Fin *fin)
{
    (void)fin;
    http_json_object_end(&request->json);
    http_json_array(&request->json, "users_per_room");
    request->rows = 0;
    ask_rooms(request, HTTP_BYTES("", 0));
}

/* Of those that are counted where they are, only what this page is about. */
static void take_store(struct http_request *request, const Roost__V1__Result *result)
{
    for (size_t i = 0; i < result->n_counters; i++) {
        const Roost__V1__Counter *counter = result->counters[i];
        bool is_size = counter->name.len == strlen("store_file_bytes") &&
                       memcmp(counter->name.data, "store_file_bytes", counter->name.len) == 0;
        if (is_size)
            http_json_number(&request->json, "database_bytes", counter->value);
    }
}

static void ask_peers(struct http_request *request, const Roost__V1__Fin *fin)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    (void)fin;
    query.kind = ROOST__V1__QUERY_KIND__PEER_STATS;
    http_json_object(&request->json, "peers");
    http_query(request, &query, take_counters, begin_rooms);
}

/* Sessions of all gateways. */
static uint64_t sum_of(const struct http_gateway_options *options, enum metric metric)
{
    const struct metrics *blocks = options->metrics ? *options->metrics : NULL;
    int64_t sum = blocks ? metrics_sum(blocks, options->metrics_count, metric) : 0;
    return sum > 0 ? (uint64_t)sum : 0;
}

void http_get_statistics(struct http_request *request)
{
    struct http_gateway *gateway = request->gateway;
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    struct http_json *json = &request->json;
    query.kind = ROOST__V1__QUERY_KIND__STATS;
    http_answer_json(request, json);
    http_json_object(json, NULL);
    http_json_number(json, "connected", sum_of(gateway->options, METRIC_SESSIONS));
    http_json_signed(json, "uptime_ms",
                     mono_elapsed_ms(gateway->started, actor_mono(gateway->actor)));
    http_query(request, &query, take_store, ask_peers);
}
