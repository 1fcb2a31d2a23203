/* SPDX-License-Identifier: MPL-2.0
 *
 * See http_ask.h.
 */
#include "gateways/http/http_ask.h"

#include <string.h>

#include "rt/check.h"
#include "rt/log.h"

void http_ask_init(struct http_gateway *gateway)
{
    const struct wire_limits *limits = &gateway->options->limits;
    arena_init(&gateway->arena, WIRE_ARENA_BYTES(limits->frame_bytes_max));
    gateway->checker = (struct wire_reader){
        .direction = WIRE_TO_BROKER, .limits = limits, .arena = &gateway->arena};
    gateway->reader = (struct wire_reader){
        .direction = WIRE_TO_CLIENT, .limits = limits, .arena = &gateway->arena};
}

void http_ask_fini(struct http_gateway *gateway)
{
    arena_fini(&gateway->arena);
}

/* --- The frame a client of ZeroMQ would have sent. */

/* Packed, checked, parsed again. On an error it was answered; else `ret_frame` is to be closed. */
static bool make_frame(struct http_request *request, Roost__V1__Type type,
                       const ProtobufCMessage *message, zmq_msg_t *ret_frame,
                       struct wire_message *ret)
{
    struct wire_reader *checker = &request->gateway->checker;
    enum err err = wire_pack(type, message, ret_frame);
    if (err) {
        http_answer_error(request, err, NULL);
        return false;
    }
    arena_reset(&request->gateway->arena);
    err = wire_parse(checker, zmq_msg_data(ret_frame), zmq_msg_size(ret_frame), ret);
    if (!err)
        return true;
    (void)zmq_msg_close(ret_frame); /* cannot fail on a valid message */
    http_answer_error(request, err, checker->problem);
    return false;
}

/* --- CALL */

void http_call(struct http_request *request, Roost__V1__Call *call, http_called *on_called)
{
    struct http_gateway *gateway = request->gateway;
    struct gateway_who who = http_caller_who(request->caller);
    INTERNAL(Call) body = ROOST__INTERNAL__CALL__INIT;
    struct wire_message message;
    zmq_msg_t frame;
    uint8_t to;
    call->request_id = request->ticket;
    if (!make_frame(request, ROOST__V1__TYPE__CALL, &call->base, &frame, &message))
        return;
    request->on_called = on_called;
    enum err err = gateway_call_fill(message.call, &who, &body, &to);
    if (!err)
        err = actor_ask(gateway->actor, to, MSG_CALL, &body.base, NULL, HTTP_ASK_DEADLINE_MS,
                        request->ticket);
    (void)zmq_msg_close(&frame); /* cannot fail on a valid message */
    if (err)
        http_answer_error(request, err, NULL);
}

/* The request an answer is for; NULL: it is over. */
static struct http_request *request_of(struct actor *actor, const struct http_gateway *gateway,
                                       const struct msg *msg)
{
    uint64_t ticket;
    return actor_context(actor, msg, &ticket) ? http_request_of(gateway, ticket) : NULL;
}

enum err http_on_call_done(struct actor *actor, void *state, const struct msg *msg)
{
    const INTERNAL(CallDone) *done = MSG_BODY(msg, INTERNAL(CallDone));
    struct http_request *request = request_of(actor, state, msg);
    if (!request || !request->on_called)
        return ERR_OK;
    enum err err = done->code ? err_from_code(done->code) : ERR_OK;
    if (err == ERR_BAD_CREDENTIALS) /* of a room, or the old one: who asks is known all the same */
        http_answer_error_as(request, MHD_HTTP_FORBIDDEN, err, done->text);
    else if (err)
        http_answer_error(request, err, done->text);
    else
        request->on_called(request, done);
    return ERR_OK;
}

void http_called_nothing(struct http_request *request, const INTERNAL(CallDone) * done)
{
    (void)done;
    http_answer(request, MHD_HTTP_NO_CONTENT);
}

void http_called_count(struct http_request *request, const INTERNAL(CallDone) * done)
{
    struct http_json json;
    http_answer_object(request, &json);
    http_json_number(&json, "count", done->count);
    http_answer_object_end(request, &json, request->match.route->status);
}

/* --- QUERY */

void http_query(struct http_request *request, Roost__V1__Query *query, http_part *on_part,
                http_finished *on_finished)
{
    struct http_gateway *gateway = request->gateway;
    struct gateway_who who = http_caller_who(request->caller);
    INTERNAL(Query) body = ROOST__INTERNAL__QUERY__INIT;
    bool is_inspect = query->kind == ROOST__V1__QUERY_KIND__INSPECT ||
                      query->kind == ROOST__V1__QUERY_KIND__DELIVERIES;
    struct wire_message message;
    zmq_msg_t frame;
    query->request_id = request->ticket;
    if (!make_frame(request, ROOST__V1__TYPE__QUERY, &query->base, &frame, &message))
        return;
    request->on_part = on_part;
    request->on_finished = on_finished;
    body.session = who.session;
    body.peer_id = who.peer_id;
    body.peer_name = bytes_of(who.name, who.name_size);
    body.is_admin = who.is_admin;
    body.is_verified = who.is_verified;
    body.role = who.role;
    enum err err = actor_ask(gateway->actor, is_inspect ? ACTOR_SYNC_MANAGER : ACTOR_HISTORY,
                             MSG_QUERY, &body.base, &frame, HTTP_ASK_DEADLINE_MS, request->ticket);
    (void)zmq_msg_close(&frame); /* cannot fail on a valid message */
    if (err)
        http_answer_error(request, err, NULL);
}

/* The public frame in the payload. */
static bool read_payload(struct http_gateway *gateway, const struct msg *msg, Roost__V1__Type type,
                         struct wire_message *ret)
{
    arena_reset(&gateway->arena);
    bool is_read = msg->payload && wire_parse(&gateway->reader, zmq_msg_data(msg->payload),
                                              zmq_msg_size(msg->payload), ret) == ERR_OK;
    if (!is_read)
        log_error("frame-unreadable", LOG_STR("problem", gateway->reader.problem));
    return is_read && ret->type == type;
}

enum err http_on_query_part(struct actor *actor, void *state, const struct msg *msg)
{
    struct http_gateway *gateway = state;
    const INTERNAL(QueryPart) *part = MSG_BODY(msg, INTERNAL(QueryPart));
    struct http_request *request = http_request_of(gateway, part->request_id);
    struct wire_message message;
    (void)actor;
    if (request && request->on_part &&
        read_payload(gateway, msg, ROOST__V1__TYPE__RESULT, &message))
        request->on_part(request, message.result);
    return ERR_OK;
}

enum err http_on_query_done(struct actor *actor, void *state, const struct msg *msg)
{
    struct http_gateway *gateway = state;
    struct wire_message message;
    struct http_request *request = request_of(actor, gateway, msg);
    if (!request || !request->on_finished)
        return ERR_OK;
    if (!read_payload(gateway, msg, ROOST__V1__TYPE__FIN, &message))
        http_answer_error(request, ERR_INTERNAL, NULL);
    else if (message.fin->code)
        http_answer_error(request, err_from_code(message.fin->code), message.fin->text);
    else
        request->on_finished(request, message.fin);
    return ERR_OK;
}

/* --- STORE */

static enum err ask_store(struct http_request *request, const Roost__V1__Entry *entry,
                          zmq_msg_t *frame)
{
    struct http_caller *caller = request->caller;
    INTERNAL(Store) store = ROOST__INTERNAL__STORE__INIT;
    store.session = caller->session;
    store.peer_id = caller->peer_id;
    store.is_unverified = !caller->is_verified;
    store.first_no = caller->published_no + 1;
    store.count = 1;
    store.body_bytes = entry->body.len;
    enum err err = actor_ask(request->gateway->actor, ACTOR_PERSISTENCE, MSG_STORE, &store.base,
                             frame, HTTP_STORE_DEADLINE_MS, request->ticket);
    if (!err) {
        caller->published_no++;
        caller->stores_open++;
    }
    return err;
}

void http_store(struct http_request *request, Roost__V1__Entry *entry, http_stored *on_stored)
{
    struct http_gateway *gateway = request->gateway;
    Roost__V1__Send send = ROOST__V1__SEND__INIT;
    struct wire_message message;
    const char *problem = NULL;
    zmq_msg_t frame;
    if (request->caller->is_rewound) { /* numbers begin again in a moment */
        http_answer_error(request, ERR_BUSY, NULL);
        return;
    }
    send.first_no = request->caller->published_no + 1;
    send.entries = &entry;
    send.n_entries = 1;
    if (!make_frame(request, ROOST__V1__TYPE__SEND, &send.base, &frame, &message))
        return;
    request->on_stored = on_stored;
    enum err err = wire_check_entry(message.send->entries[0], &gateway->options->limits, &problem);
    if (!err)
        err = ask_store(request, message.send->entries[0], &frame);
    (void)zmq_msg_close(&frame); /* cannot fail on a valid message */
    if (err)
        http_answer_error(request, err, problem);
}

/* Numbers begin again behind what was stored, when nothing is on its way any more. */
static void keep_numbers(struct http_caller *caller, const INTERNAL(StoreDone) * done)
{
    CHECK(caller->stores_open > 0);
    caller->stores_open--;
    if (done->retry_code) {
        caller->is_rewound = true;
        caller->stored_no = done->upto_no;
    }
    if (caller->is_rewound && caller->stores_open == 0) {
        caller->is_rewound = false;
        caller->published_no = caller->stored_no;
    }
}

enum err http_on_store_done(struct actor *actor, void *state, const struct msg *msg)
{
    const INTERNAL(StoreDone) *done = MSG_BODY(msg, INTERNAL(StoreDone));
    struct http_request *request = request_of(actor, state, msg);
    if (!request || !request->on_stored)
        return ERR_OK;
    keep_numbers(request->caller, done);
    uint32_t code = done->n_exceptions ? done->exceptions[0]->code : 0;
    if (done->retry_code)
        http_answer_retry(request, err_from_code(done->retry_code), NULL, done->retry_after_ms);
    else if (code && code != err_code(ERR_DUPLICATE))
        http_answer_error(request, err_from_code(code), done->exceptions[0]->text);
    else
        request->on_stored(request, done);
    return ERR_OK;
}

/* --- No answer: whether it was done is unknown, and the client is told so. */

void http_ask_no_answer(struct http_gateway *gateway, uint8_t kind, uint64_t ticket)
{
    struct http_request *request = http_request_of(gateway, ticket);
    if (!request)
        return;
    if (kind == MSG_STORE) /* its numbers cannot be known any more */
        http_caller_fail(request->caller, ERR_TIMEOUT);
    http_answer_error(request, ERR_TIMEOUT, NULL);
}

/* --- Lists. */

/* The rows of a RESULT. */
static ProtobufCMessage **rows_of(const Roost__V1__Result *result, const char *list,
                                  size_t *ret_count)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(result->base.descriptor, list);
    CHECK(field && field->label == PROTOBUF_C_LABEL_REPEATED);
    const uint8_t *base = (const uint8_t *)result;
    *ret_count = *(const size_t *)(const void *)(base + field->quantifier_offset);
    return *(ProtobufCMessage * *const *)(const void *)(base + field->offset);
}

static void add_rows(struct http_request *request, const Roost__V1__Result *result)
{
    size_t count;
    ProtobufCMessage **rows = rows_of(result, request->list, &count);
    for (size_t i = 0; i < count; i++)
        http_json_message(&request->json, NULL, rows[i]);
    request->rows += (uint32_t)count;
}

static void write_next(struct http_request *request, const Roost__V1__Fin *fin)
{
    char text[HTTP_CURSOR_TEXT_MAX];
    struct http_cursor cursor = {0};
    if (!fin->has_more) {
        http_json_null(&request->json, "next");
        return;
    }
    if (fin->next_name.len > 0 && fin->next_name.len <= sizeof(cursor.name)) {
        cursor.name_size = fin->next_name.len;
        memcpy(cursor.name, fin->next_name.data, fin->next_name.len);
    } else if (fin->next_seq > 0) {
        cursor.seq = fin->next_seq;
    } else {
        cursor.offset = request->offset + request->rows;
    }
    http_cursor_write(&cursor, text);
    http_json_text(&request->json, "next", text);
}

void http_finish_list(struct http_request *request, const Roost__V1__Fin *fin)
{
    http_json_array_end(&request->json);
    write_next(request, fin);
    http_answer_object_end(request, &request->json, MHD_HTTP_OK);
}

void http_begin_list(struct http_request *request)
{
    http_answer_object(request, &request->json);
    http_json_array(&request->json, "items");
    request->rows = 0;
}

void http_list(struct http_request *request, Roost__V1__Query *query, const char *list)
{
    request->list = list;
    http_begin_list(request);
    http_query(request, query, add_rows, http_finish_list);
}

/* --- One. */

static void take_first(struct http_request *request, const Roost__V1__Result *result)
{
    size_t count;
    ProtobufCMessage **rows = rows_of(result, request->list, &count);
    if (count > 0 && request->rows++ == 0)
        http_json_message(&request->json, NULL, rows[0]);
}

static void finish_one(struct http_request *request, const Roost__V1__Fin *fin)
{
    (void)fin;
    if (request->rows == 0)
        http_answer_error(request, request->missing, NULL);
    else
        http_answer(request, request->match.route->status);
}

void http_one(struct http_request *request, Roost__V1__Query *query, const char *list,
              enum err missing)
{
    request->list = list;
    request->rows = 0;
    request->missing = missing;
    http_answer_json(request, &request->json);
    http_query(request, query, take_first, finish_one);
}

/* --- What the target says. */

ProtobufCBinaryData http_parameter(const struct http_request *request, const char *name)
{
    const struct http_text *text = http_target_parameter(&request->target, name);
    return text ? bytes_of(text->data, text->size) : bytes_of("", 0);
}

bool http_flag(struct http_request *request, const char *name, bool *ret)
{
    const struct http_text *text = http_target_parameter(&request->target, name);
    if (!text)
        return true;
    bool is_one = text->size == 1 && text->data[0] == '1';
    bool is_true = is_one || (text->size == 4 && memcmp(text->data, "true", 4) == 0);
    bool is_zero = text->size == 1 && text->data[0] == '0';
    bool is_false = is_zero || (text->size == 5 && memcmp(text->data, "false", 5) == 0);
    *ret = is_true;
    if (!is_true && !is_false)
        http_answer_error(request, ERR_BAD_FIELD, "a flag must be true or false");
    return is_true || is_false;
}

static bool take_number(struct http_request *request, const char *name, uint64_t max, uint64_t *ret)
{
    const struct http_text *text = http_target_parameter(&request->target, name);
    if (!text || http_text_number(*text, max, ret) == ERR_OK)
        return true;
    http_answer_error(request, ERR_BAD_FIELD, "a number of the query is none, or is too large");
    return false;
}

static bool take_cursor(struct http_request *request, Roost__V1__Query *query)
{
    const struct http_text *text = http_target_parameter(&request->target, "cursor");
    struct http_cursor *cursor = &request->cursor;
    bool is_backwards = query->newest_first || query->kind == ROOST__V1__QUERY_KIND__SEARCH;
    if (!text)
        return true;
    if (http_cursor_read(*text, cursor) != ERR_OK) {
        http_answer_error(request, ERR_BAD_FIELD, "the cursor is none that was given out");
        return false;
    }
    query->after_name = bytes_of(cursor->name, cursor->name_size);
    query->offset = request->offset = cursor->offset;
    if (cursor->seq && is_backwards)
        query->before_seq = cursor->seq;
    else if (cursor->seq)
        query->after_seq = cursor->seq;
    return true;
}

bool http_page(struct http_request *request, Roost__V1__Query *query)
{
    uint64_t limit = WIRE_PAGE_DEFAULT;
    bool is_newest_first = query->newest_first;
    if (!take_number(request, "limit", WIRE_PAGE_MAX, &limit) ||
        !take_number(request, "after_seq", WIRE_NUMBER_MAX, &query->after_seq) ||
        !take_number(request, "before_seq", WIRE_NUMBER_MAX, &query->before_seq) ||
        !take_number(request, "from_ms", WIRE_TIME_MS_MAX, &query->from_ms) ||
        !take_number(request, "to_ms", WIRE_TIME_MS_MAX, &query->to_ms) ||
        !http_flag(request, "newest_first", &is_newest_first))
        return false;
    if (limit == 0) {
        http_answer_error(request, ERR_BAD_FIELD, "limit: must be 1 to 500");
        return false;
    }
    query->limit = (uint32_t)limit;
    query->newest_first = is_newest_first;
    return take_cursor(request, query);
}

bool http_scope(struct http_request *request, enum scope_prefix prefix, ProtobufCBinaryData name,
                ProtobufCBinaryData *ret)
{
    if (name.len > WIRE_NAME_BYTES_MAX) {
        http_answer_error(request, ERR_BAD_NAME, NULL);
        return false;
    }
    *ret = bytes_of(request->scope, scope_format(prefix, name.data, name.len, request->scope));
    return true;
}

bool http_id(struct http_request *request, size_t variable, uint8_t ret[UUID_BYTES])
{
    struct http_text text = request->match.variables[variable];
    if (uuid_parse(text.data, text.size, ret) == ERR_OK)
        return true;
    http_answer_error(request, ERR_BAD_FIELD, "an id in the path must be a UUID");
    return false;
}
