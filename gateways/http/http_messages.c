/* SPDX-License-Identifier: MPL-2.0
 *
 * Messages: sending, reading, changing, finding.
 */
#include <string.h>

#include "gateways/http/http_ask.h"
#include "gateways/http/http_rest.h"

/* --- Sending. */

static void write_stored(struct http_request *request, uint64_t seq, bool is_duplicate)
{
    struct http_json json;
    http_answer_object(request, &json);
    http_json_number(&json, "seq", seq);
    http_json_id(&json, "message_id", request->id, sizeof(request->id));
    http_json_bool(&json, "duplicate", is_duplicate);
    http_answer_object_end(request, &json, is_duplicate ? MHD_HTTP_OK : MHD_HTTP_CREATED);
}

static void stored(struct http_request *request, const INTERNAL(StoreDone) * done)
{
    bool is_duplicate = done->n_exceptions > 0;
    uint64_t seq = is_duplicate       ? done->exceptions[0]->seq
                   : done->n_runs > 0 ? done->runs[0]->first_seq
                                      : 0;
    write_stored(request, seq, is_duplicate);
}

static void fill_entry(struct http_request *request, Roost__V1__Entry *entry)
{
    struct http_fields *fields = request->fields;
    bool is_binary = fields->is_set[HTTP_FIELD_body_base64];
    entry->body = http_field(request, is_binary ? HTTP_FIELD_body_base64 : HTTP_FIELD_body);
    entry->kind = (Roost__V1__Kind)fields->number[HTTP_FIELD_kind];
    entry->content_type = http_field(request, HTTP_FIELD_content_type);
    entry->headers = fields->header_list;
    entry->n_headers = fields->header_count;
    entry->key = http_field(request, HTTP_FIELD_key);
    entry->reply_to = http_field(request, HTTP_FIELD_reply_to);
    entry->correlation_id = http_field(request, HTTP_FIELD_correlation_id);
    entry->parent_id = http_field(request, HTTP_FIELD_parent_id);
    entry->created_ms = fields->number[HTTP_FIELD_created_ms];
    entry->not_before_ms = fields->number[HTTP_FIELD_not_before_ms];
    entry->ttl_ms = fields->number[HTTP_FIELD_ttl_ms];
    uint64_t priority = fields->number[HTTP_FIELD_priority];
    uint64_t receipts = fields->number[HTTP_FIELD_receipts];
    entry->priority = priority > UINT32_MAX ? UINT32_MAX : (uint32_t)priority; /* is refused */
    entry->receipts = receipts > UINT32_MAX ? UINT32_MAX : (uint32_t)receipts;
}

void http_send(struct http_request *request, ProtobufCBinaryData scope)
{
    struct http_gateway *gateway = request->gateway;
    const struct http_fields *fields = request->fields;
    Roost__V1__Entry entry = ROOST__V1__ENTRY__INIT;
    if (fields->is_set[HTTP_FIELD_body] && fields->is_set[HTTP_FIELD_body_base64]) {
        http_answer_error(request, ERR_BAD_FIELD, "body and body_base64 exclude each other");
        return;
    }
    fill_entry(request, &entry);
    if (fields->is_set[HTTP_FIELD_message_id])
        memcpy(request->id, fields->text[HTTP_FIELD_message_id].data, sizeof(request->id));
    else
        uuid_next(&gateway->uuids, actor_wall(gateway->actor), request->id);
    entry.message_id = bytes_of(request->id, sizeof(request->id));
    entry.scope = scope;
    http_store(request, &entry, stored);
}

void http_post_message(struct http_request *request)
{
    http_send(request, http_field(request, HTTP_FIELD_scope));
}

void http_post_conversation(struct http_request *request)
{
    ProtobufCBinaryData scope;
    if (http_scope(request, PREFIX_PEER, http_variable(request, 0), &scope))
        http_send(request, scope);
}

/* --- Conversations: UNREAD counts with the last message of each, which come in the same order. */

/* The object of a conversation is open until its message has come; it may be in the next part. */
static void close_pending(struct http_request *request, const Roost__V1__Delivery *message)
{
    struct http_json *json = &request->json;
    if (request->pending_seq == 0)
        return;
    if (message)
        http_json_message(json, "last_message", &message->base);
    else
        http_json_null(json, "last_message");
    http_json_object_end(json);
    request->pending_seq = 0;
}

static void take_conversations(struct http_request *request, const Roost__V1__Result *result)
{
    size_t next = 0;
    if (request->pending_seq && result->n_messages > 0 &&
        result->messages[0]->seq == request->pending_seq)
        close_pending(request, result->messages[next++]);
    for (size_t i = 0; i < result->n_unread; i++) {
        const Roost__V1__UnreadCount *unread = result->unread[i];
        close_pending(request, NULL);
        http_json_object(&request->json, NULL);
        http_json_fields(&request->json, &unread->base);
        request->rows++;
        request->pending_seq = unread->last_seq;
        if (next < result->n_messages && result->messages[next]->seq == unread->last_seq)
            close_pending(request, result->messages[next++]);
    }
}

static void finish_conversations(struct http_request *request, const Roost__V1__Fin *fin)
{
    close_pending(request, NULL);
    http_finish_list(request, fin);
}

void http_get_conversations(struct http_request *request)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    query.kind = ROOST__V1__QUERY_KIND__CONVERSATIONS;
    if (!http_page(request, &query))
        return;
    http_begin_list(request);
    http_query(request, &query, take_conversations, finish_conversations);
}

void http_get_conversation(struct http_request *request)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    query.kind = ROOST__V1__QUERY_KIND__HISTORY;
    query.peer = http_variable(request, 0);
    if (http_page(request, &query))
        http_list(request, &query, "messages");
}

void http_read_conversation(struct http_request *request)
{
    Roost__V1__Call call = ROOST__V1__CALL__INIT;
    call.method = ROOST__V1__METHOD__MARK_READ;
    call.peer = http_variable(request, 0);
    call.seq = request->fields->number[HTTP_FIELD_seq];
    http_call(request, &call, http_called_nothing);
}

void http_get_unread(struct http_request *request)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    query.kind = ROOST__V1__QUERY_KIND__UNREAD;
    query.peer = http_parameter(request, "peer");
    query.scope = http_parameter(request, "scope");
    if (http_page(request, &query))
        http_list(request, &query, "unread");
}

/* --- One message. */

/* A question about the message in the path. */
static bool begin_query(struct http_request *request, Roost__V1__QueryKind kind,
                        Roost__V1__Query *ret)
{
    roost__v1__query__init(ret);
    ret->kind = kind;
    if (!http_id(request, 0, request->id))
        return false;
    ret->message_ids = bytes_of(request->id, sizeof(request->id));
    return true;
}

static bool begin_call(struct http_request *request, Roost__V1__Method method, Roost__V1__Call *ret)
{
    roost__v1__call__init(ret);
    ret->method = method;
    if (!http_id(request, 0, request->id))
        return false;
    ret->message_ids = bytes_of(request->id, sizeof(request->id));
    return true;
}

void http_get_message(struct http_request *request)
{
    Roost__V1__Query query;
    if (begin_query(request, ROOST__V1__QUERY_KIND__BY_ID, &query))
        http_one(request, &query, "messages", ERR_NO_SUCH_MESSAGE);
}

static void edited(struct http_request *request, const INTERNAL(CallDone) * done)
{
    struct http_json json;
    http_answer_object(request, &json);
    http_json_number(&json, "seq", done->seq);
    http_json_id(&json, "message_id", done->message_id.data, done->message_id.len);
    http_answer_object_end(request, &json, MHD_HTTP_OK);
}

void http_patch_message(struct http_request *request)
{
    Roost__V1__Call call;
    if (!begin_call(request, ROOST__V1__METHOD__MESSAGE_EDIT, &call))
        return;
    call.body = http_field(request, HTTP_FIELD_body);
    http_call(request, &call, edited);
}

void http_delete_message(struct http_request *request)
{
    Roost__V1__Call call;
    if (begin_call(request, ROOST__V1__METHOD__MESSAGE_DELETE, &call))
        http_call(request, &call, http_called_nothing);
}

void http_get_trace(struct http_request *request)
{
    Roost__V1__Query query;
    if (begin_query(request, ROOST__V1__QUERY_KIND__TRACE, &query))
        http_list(request, &query, "steps");
}

void http_get_edits(struct http_request *request)
{
    Roost__V1__Query query;
    if (begin_query(request, ROOST__V1__QUERY_KIND__EDITS, &query) && http_page(request, &query))
        http_list(request, &query, "messages");
}

static void react(struct http_request *request, Roost__V1__Method method)
{
    Roost__V1__Call call;
    if (!begin_call(request, method, &call))
        return;
    call.text = http_variable(request, 1);
    http_call(request, &call, http_called_nothing);
}

void http_put_reaction(struct http_request *request)
{
    react(request, ROOST__V1__METHOD__REACT);
}

void http_delete_reaction(struct http_request *request)
{
    react(request, ROOST__V1__METHOD__UNREACT);
}

void http_cancel_message(struct http_request *request)
{
    Roost__V1__Call call;
    if (begin_call(request, ROOST__V1__METHOD__CANCEL, &call))
        http_call(request, &call, http_called_count);
}

void http_get_search(struct http_request *request)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    query.kind = ROOST__V1__QUERY_KIND__SEARCH;
    query.text = http_parameter(request, "q");
    query.scope = http_parameter(request, "scope");
    query.peer = http_parameter(request, "peer");
    if (http_page(request, &query))
        http_list(request, &query, "messages");
}
