/* SPDX-License-Identifier: MPL-2.0
 *
 * Queries and calls, on the application's side: pack the question, hand it over, wait, unfold the
 * answer.
 */
#include <string.h>

#include "clients/c/request.h"
#include "proto/limits.h"

static ProtobufCBinaryData view(const void *bytes, size_t size)
{
    /* protobuf-c has no const; packing only reads. */
    return (ProtobufCBinaryData){.len = size, .data = (uint8_t *)(uintptr_t)bytes};
}

static ProtobufCBinaryData view_text(const char *text)
{
    return view(text, text ? strlen(text) : 0);
}

/* Hands the request over and waits. ROOST_OK: *ret has the broker's answer and is the caller's. */
static enum roost_error ask(struct roost *roost, struct request *request,
                            const ProtobufCMessage *message, int timeout_ms, struct request **ret)
{
    if (session_is_own_thread(roost)) {
        request_free(request);
        return ROOST_WRONG_THREAD;
    }
    if (!request_pack(request, message)) {
        request_free(request);
        return ROOST_NO_MEMORY;
    }
    last_text_set(NULL);
    struct mono_time deadline = deadline_after(timeout_ms);
    command_push(roost, command_word(COMMAND_REQUEST, BOOK_OUTCOME_NONE, 0), request, 0, true);
    if (!request_wait(request, deadline))
        return ROOST_TIMEOUT;
    enum roost_error code = request->code;
    last_text_set(request->text);
    if (code == ROOST_OK)
        *ret = request;
    else
        request_free(request);
    return code;
}

static enum roost_error ask_page(struct roost *roost, struct request *request,
                                 const ProtobufCMessage *message, int timeout_ms,
                                 struct roost_page **ret)
{
    request->page = page_new();
    if (!request->page) {
        request_free(request);
        return ROOST_NO_MEMORY;
    }
    struct request *answered;
    enum roost_error code = ask(roost, request, message, timeout_ms, &answered);
    if (code != ROOST_OK)
        return code;
    if (!page_finish(answered->page)) {
        request_free(answered);
        return ROOST_NO_MEMORY;
    }
    *ret = &answered->page->public;
    answered->page = NULL;
    request_free(answered);
    return ROOST_OK;
}

/* ------------------------------------------------------------------------------- queries */

static enum roost_error ask_sync(struct roost *roost, struct request *request,
                                 const struct roost_query *query, int timeout_ms,
                                 struct roost_page **ret)
{
    Roost__V1__Sync sync = ROOST__V1__SYNC__INIT;
    request->type = ROOST__V1__TYPE__SYNC;
    sync.request_id = request->id;
    sync.after_seq = query->after_seq;
    sync.limit = query->limit;
    return ask_page(roost, request, &sync.base, timeout_ms, ret);
}

enum roost_error roost_query(struct roost *roost, const struct roost_query *query, int timeout_ms,
                             struct roost_page **ret)
{
    if (!roost || !query || !ret || query->message_id_count > WIRE_IDS_MAX ||
        query->limit > WIRE_PAGE_MAX || (query->message_id_count && !query->message_ids))
        return ROOST_USAGE;
    struct request *request = request_new(roost, ROOST__V1__TYPE__QUERY);
    if (!request)
        return ROOST_NO_MEMORY;
    if (query->kind == ROOST_QUERY_SYNC)
        return ask_sync(roost, request, query, timeout_ms, ret);

    Roost__V1__Query message = ROOST__V1__QUERY__INIT;
    message.request_id = request->id;
    message.kind = (Roost__V1__QueryKind)query->kind;
    message.peer = view_text(query->peer);
    message.scope = view_text(query->scope);
    message.consumer = view_text(query->consumer);
    message.after_seq = query->after_seq;
    message.before_seq = query->before_seq;
    message.limit = query->limit;
    message.offset = query->offset;
    message.from_ms = query->from_ms;
    message.to_ms = query->to_ms;
    message.message_ids = view(query->message_ids, query->message_id_count * ROOST_ID_BYTES);
    message.newest_first = query->newest_first;
    message.online_only = query->online_only;
    message.after_name = view_text(query->after_name);
    return ask_page(roost, request, &message.base, timeout_ms, ret);
}

enum roost_error roost_conversation(struct roost *roost, const char *peer, uint32_t limit,
                                    uint32_t offset, int timeout_ms, struct roost_page **ret)
{
    struct roost_query query = {
        .kind = ROOST_QUERY_HISTORY,
        .peer = peer,
        .limit = limit,
        .offset = offset,
        .newest_first = true,
    };
    return roost_query(roost, &query, timeout_ms, ret);
}

enum roost_error roost_sync(struct roost *roost, uint64_t after_seq, uint32_t limit, int timeout_ms,
                            struct roost_page **ret)
{
    struct roost_query query = {.kind = ROOST_QUERY_SYNC, .after_seq = after_seq, .limit = limit};
    return roost_query(roost, &query, timeout_ms, ret);
}

enum roost_error roost_unread_count(struct roost *roost, const char *peer, const char *scope,
                                    int timeout_ms, uint64_t *ret_count)
{
    struct roost_query query = {.kind = ROOST_QUERY_UNREAD, .peer = peer, .scope = scope};
    struct roost_page *page;
    if (!ret_count)
        return ROOST_USAGE;
    enum roost_error code = roost_query(roost, &query, timeout_ms, &page);
    if (code != ROOST_OK)
        return code;
    uint64_t total = 0;
    for (size_t i = 0; i < page->unread_count; i++)
        total += page->unread[i].unread;
    *ret_count = total;
    roost_page_destroy(&page);
    return ROOST_OK;
}

/* --------------------------------------------------------------------------------- calls */

enum roost_error roost_call(struct roost *roost, const struct roost_call *call, int timeout_ms,
                            uint64_t *ret_count)
{
    if (!roost || !call || call->message_id_count > WIRE_IDS_MAX ||
        (call->message_id_count && !call->message_ids))
        return ROOST_USAGE;
    struct request *request = request_new(roost, ROOST__V1__TYPE__CALL);
    if (!request)
        return ROOST_NO_MEMORY;
    Roost__V1__Call message = ROOST__V1__CALL__INIT;
    message.request_id = request->id;
    message.method = (Roost__V1__Method)call->method;
    message.peer = view_text(call->peer);
    message.scope = view_text(call->scope);
    message.consumer = view_text(call->consumer);
    message.seq = call->seq;
    message.message_ids = view(call->message_ids, call->message_id_count * ROOST_ID_BYTES);
    message.all = call->all;
    message.text = view_text(call->text);
    enum roost_error code = ask(roost, request, &message.base, timeout_ms, &request);
    if (code != ROOST_OK)
        return code;
    if (ret_count)
        *ret_count = request->count;
    request_free(request);
    return ROOST_OK;
}

enum roost_error roost_mark_read(struct roost *roost, const char *peer, const char *scope,
                                 uint64_t seq, int timeout_ms)
{
    struct roost_call call = {
        .method = ROOST_METHOD_MARK_READ, .peer = peer, .scope = scope, .seq = seq};
    return roost_call(roost, &call, timeout_ms, NULL);
}

enum roost_error roost_cancel(struct roost *roost, const uint8_t *message_id, int timeout_ms)
{
    struct roost_call call = {
        .method = ROOST_METHOD_CANCEL, .message_ids = message_id, .message_id_count = 1};
    return roost_call(roost, &call, timeout_ms, NULL);
}

static enum roost_error call_dead(struct roost *roost, enum roost_method method, const char *scope,
                                  const char *consumer, const uint8_t *message_ids,
                                  size_t message_id_count, int timeout_ms, uint64_t *ret_count)
{
    struct roost_call call = {
        .method = method,
        .scope = scope,
        .consumer = consumer,
        .message_ids = message_ids,
        .message_id_count = message_ids ? message_id_count : 0,
        .all = message_ids == NULL,
    };
    return roost_call(roost, &call, timeout_ms, ret_count);
}

enum roost_error roost_dead_redrive(struct roost *roost, const char *scope, const char *consumer,
                                    const uint8_t *message_ids, size_t message_id_count,
                                    int timeout_ms, uint64_t *ret_count)
{
    return call_dead(roost, ROOST_METHOD_DEAD_REDRIVE, scope, consumer, message_ids,
                     message_id_count, timeout_ms, ret_count);
}

enum roost_error roost_dead_purge(struct roost *roost, const char *scope, const char *consumer,
                                  const uint8_t *message_ids, size_t message_id_count,
                                  int timeout_ms, uint64_t *ret_count)
{
    return call_dead(roost, ROOST_METHOD_DEAD_PURGE, scope, consumer, message_ids, message_id_count,
                     timeout_ms, ret_count);
}

enum roost_error roost_scope_create(struct roost *roost, const char *scope, int timeout_ms)
{
    struct roost_call call = {.method = ROOST_METHOD_SCOPE_CREATE, .scope = scope};
    return roost_call(roost, &call, timeout_ms, NULL);
}

/* ------------------------------------------------------------------------------ presence */

enum roost_error roost_presence_subscribe(struct roost *roost, bool subscribe, int timeout_ms)
{
    if (!roost)
        return ROOST_USAGE;
    struct request *request = request_new(roost, ROOST__V1__TYPE__PRESENCE);
    if (!request)
        return ROOST_NO_MEMORY;
    Roost__V1__Presence message = ROOST__V1__PRESENCE__INIT;
    message.request_id = request->id;
    message.subscribe = subscribe;
    request->count = subscribe;
    enum roost_error code = ask(roost, request, &message.base, timeout_ms, &request);
    if (code == ROOST_OK)
        request_free(request);
    return code;
}
