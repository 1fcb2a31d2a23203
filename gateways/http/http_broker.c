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
    http_answer_object_end(request, &request->json, MHD_HTTP_OK);
}

static void get_counters(struct http_request *request, Roost__V1__QueryKind kind)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    query.kind = kind;
    http_answer_object(request, &request->json);
    http_query(request, &query, take_counters, finish_counters);
}

void http_get_peer_statistics(struct http_request *request)
{
    get_counters(request, ROOST__V1__QUERY_KIND__PEER_STATS);
}

void http_get_store_tables(struct http_request *request)
{
    get_counters(request, ROOST__V1__QUERY_KIND__TABLES);
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
    query.scope = http_variable(request, 0);
    query.text = http_parameter(request, "state");
    query.consumer = http_parameter(request, "consumer");
    bool is_by_state = query.text.len > 0;
    query.kind = is_by_state ? ROOST__V1__QUERY_KIND__DELIVERIES : ROOST__V1__QUERY_KIND__HISTORY;
    if (http_page(request, &query))
        http_list(request, &query, is_by_state ? "deliveries" : "messages");
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
    http_answer_object(request, &json);
    http_json_text(&json, "scope", request->scope);
    http_answer_object_end(request, &json, MHD_HTTP_CREATED);
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

/* GET /admin/statistics: counts of the broker, then rooms page by page. */

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
    }
}

static void finish_rooms(struct http_request *request, const Roost__V1__Fin *fin)
{
    if (fin->has_more && fin->next_name.len > 0) {
        ask_rooms(request, fin->next_name);
        return;
    }
    http_json_array_end(&request->json);
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

static uint64_t sum_of(const struct http_gateway_options *options, enum metric metric)
{
    const struct metrics *blocks = options->metrics ? *options->metrics : NULL;
    int64_t sum = blocks ? metrics_sum(blocks, options->metrics_count, metric) : 0;
    return sum > 0 ? (uint64_t)sum : 0;
}

/* All but the members of rooms is kept by the actors as it changes, and costs no query. */
void http_get_statistics(struct http_request *request)
{
    static const struct {
        const char *name;
        enum metric metric;
    } counts[] = {
        {"connected", METRIC_CONNECTED},
        {"authenticated", METRIC_VERIFIED},
        {"sessions", METRIC_SESSIONS},
        {"peers", METRIC_PEERS},
        {"peers_online", METRIC_PEERS_ONLINE},
        {"users", METRIC_USERS},
        {"rooms", METRIC_ROOMS},
        {"invitations_pending", METRIC_INVITATIONS},
        {"database_bytes", METRIC_DATABASE_BYTES},
    };
    struct http_gateway *gateway = request->gateway;
    struct http_json *json = &request->json;
    int64_t uptime_ms = actor_wall(gateway->actor).ms - gateway->options->started_ms;
    http_answer_json(request, json);
    http_json_object(json, NULL);
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        http_json_number(json, counts[i].name, sum_of(gateway->options, counts[i].metric));
    http_json_signed(json, "uptime_ms", uptime_ms > 0 ? uptime_ms : 0);
    http_json_array(json, "users_per_room");
    ask_rooms(request, bytes_of("", 0));
}
