/* SPDX-License-Identifier: MPL-2.0
 *
 * Queries and calls, on the application's side: pack the question, hand it over, wait, unfold the
 * answer.
 */
#include <string.h>

#include "clients/c/request.h"
#include "clients/c/view.h"
#include "proto/limits.h"

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
    message.message_ids = bytes_of(query->message_ids, query->message_id_count * ROOST_ID_BYTES);
    message.newest_first = query->newest_first;
    message.online_only = query->online_only;
    message.after_name = view_text(query->after_name);
    message.text = view_text(query->text);
    message.address = view_text(query->address);
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

static void fill_call(Roost__V1__Call *message, const struct roost_call *call)
{
    message->method = (Roost__V1__Method)call->method;
    message->peer = view_text(call->peer);
    message->scope = view_text(call->scope);
    message->consumer = view_text(call->consumer);
    message->seq = call->seq;
    message->message_ids = bytes_of(call->message_ids, call->message_id_count * ROOST_ID_BYTES);
    message->all = call->all;
    message->text = view_text(call->text);
    message->body = bytes_of(call->body, call->body_size);
    message->password = view_text(call->password);
    message->invitation_id =
        bytes_of(call->invitation_id, call->invitation_id ? ROOST_ID_BYTES : 0);
    message->room_role = (Roost__V1__RoomRole)call->room_role;
    message->role = (Roost__V1__Role)call->role;
    message->until_ms = call->until_ms;
    message->display_name = view_text(call->display_name);
    message->topic = view_text(call->topic);
    message->description = view_text(call->description);
    message->privacy = (Roost__V1__Privacy)call->privacy;
    message->retention_ms = call->retention_ms;
    message->clear = call->clear;
    message->key = view_text(call->key);
    message->actions = call->actions;
}

/* ROOST_OK: *ret has the answer and is the caller's. */
static enum roost_error ask_call(struct roost *roost, const struct roost_call *call,
                                 bool wants_reply, int timeout_ms, struct request **ret)
{
    if (!roost || !call || call->message_id_count > WIRE_IDS_MAX ||
        (call->message_id_count && !call->message_ids) || (call->body_size && !call->body))
        return ROOST_USAGE;
    struct request *request = request_new(roost, ROOST__V1__TYPE__CALL);
    if (!request)
        return ROOST_NO_MEMORY;
    if (wants_reply) {
        request->reply = reply_new();
        if (!request->reply) {
            request_free(request);
            return ROOST_NO_MEMORY;
        }
    }
    Roost__V1__Call message = ROOST__V1__CALL__INIT;
    message.request_id = request->id;
    fill_call(&message, call);
    return ask(roost, request, &message.base, timeout_ms, ret);
}

enum roost_error roost_call(struct roost *roost, const struct roost_call *call, int timeout_ms,
                            uint64_t *ret_count)
{
    struct request *request;
    enum roost_error code = ask_call(roost, call, false, timeout_ms, &request);
    if (code != ROOST_OK)
        return code;
    if (ret_count)
        *ret_count = request->count;
    request_free(request);
    return ROOST_OK;
}

enum roost_error roost_call_reply(struct roost *roost, const struct roost_call *call,
                                  int timeout_ms, struct roost_reply **ret)
{
    struct request *request;
    if (!ret)
        return ROOST_USAGE;
    enum roost_error code = ask_call(roost, call, true, timeout_ms, &request);
    if (code != ROOST_OK)
        return code;
    *ret = &request->reply->public;
    request->reply = NULL;
    request_free(request);
    return ROOST_OK;
}

enum roost_error roost_message_invitation(const struct roost_message *message,
                                          struct roost_page **ret)
{
    if (!message || !ret || message->kind != ROOST_KIND_SYSTEM ||
        strcmp(message->content_type, "application/x-roost-invitation") != 0)
        return ROOST_USAGE;
    struct page_private *page = page_new();
    if (!page)
        return ROOST_NO_MEMORY;
    Roost__V1__Result *result = arena_alloc(&page->arena, sizeof(*result));
    Roost__V1__Invitation **list = arena_alloc(&page->arena, sizeof(*list));
    if (list)
        list[0] = roost__v1__invitation__unpack(arena_allocator(&page->arena), message->body_size,
                                                message->body);
    if (!result || !list || !list[0]) {
        bool is_unreadable = list && !list[0]; /* the list lies in the page */
        page_free(page);
        return is_unreadable ? ROOST_USAGE : ROOST_NO_MEMORY;
    }
    roost__v1__result__init(result);
    result->invitations = list;
    result->n_invitations = 1;
    page->results[page->result_count++] = result;
    if (!page_finish(page)) {
        page_free(page);
        return ROOST_NO_MEMORY;
    }
    *ret = &page->public;
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
