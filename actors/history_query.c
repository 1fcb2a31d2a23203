/* SPDX-License-Identifier: MPL-2.0
 *
 * QUERY and SYNC: reading the frame, rights, and which query it is.
 *
 * Rights: a peer sees the messages of its own conversations and mailbox, of its rooms and open
 * ones, and what is in queues and topics; an administrator sees everything. What it may not see is either NOT_ALLOWED (it named
 * it) or left out (it was found on the way).
 */
#include <string.h>

#include "history_state.h"
#include "rt/check.h"
#include "store/conversation.h"
#include "store/peers.h"

static query_work *const works[] = {
    [ROOST__V1__QUERY_KIND__HISTORY] = query_history,
    [ROOST__V1__QUERY_KIND__BY_ID] = query_by_id,
    [ROOST__V1__QUERY_KIND__UNREAD] = query_unread,
    [ROOST__V1__QUERY_KIND__PEERS] = query_peers,
    [ROOST__V1__QUERY_KIND__CONVERSATIONS] = query_conversations,
    [ROOST__V1__QUERY_KIND__DEAD_LETTERS] = query_dead_letters,
    [ROOST__V1__QUERY_KIND__TRACE] = query_trace,
    [ROOST__V1__QUERY_KIND__STATS] = query_stats,
    [ROOST__V1__QUERY_KIND__PRESENCE_EVENTS] = query_presence,
    [ROOST__V1__QUERY_KIND__PEER_STATS] = query_peer_stats,
    [ROOST__V1__QUERY_KIND__WARM_START] = query_warm_start,
    [ROOST__V1__QUERY_KIND__TABLES] = query_tables,
    [ROOST__V1__QUERY_KIND__ROOMS] = query_rooms,
    [ROOST__V1__QUERY_KIND__MEMBERS] = query_members,
    [ROOST__V1__QUERY_KIND__INVITATIONS] = query_invitations,
    [ROOST__V1__QUERY_KIND__SEARCH] = query_search,
    [ROOST__V1__QUERY_KIND__EDITS] = query_edits,
    [ROOST__V1__QUERY_KIND__USERS] = query_users,
    [ROOST__V1__QUERY_KIND__SESSIONS] = query_sessions,
    [ROOST__V1__QUERY_KIND__AUDIT] = query_audit,
    [ROOST__V1__QUERY_KIND__KEYS] = query_keys,
    [ROOST__V1__QUERY_KIND__ACL] = query_acl,
};

/* --- Names. */

enum err history_find_peer(struct history *h, ProtobufCBinaryData name, int64_t *ret_id)
{
    struct name_folded folded;
    enum err err = name_fold(name.data, name.len, &folded);
    return err ? err : peer_find(h->store, folded.text, ret_id);
}

ProtobufCBinaryData history_scope_text(struct history *h, int64_t scope_id)
{
    char name[WIRE_NAME_BYTES_MAX + 1], text[WIRE_SCOPE_BYTES_MAX + 1];
    struct scope_row scope;
    ProtobufCBinaryData copy;
    if (scope_find_by_id(h->store, scope_id, name, sizeof(name), &scope))
        return bytes_of(NULL, 0);
    size_t size = scope_format((enum scope_prefix)scope.kind, name, strlen(name), text);
    (void)history_copy(h, text, size, &copy); /* empty when there is no memory */
    return copy;
}

/* --- Rights. */

enum err query_check_scope(struct query *query, const struct scope_row *scope)
{
    enum err err = query_check_acl(query, scope);
    if (err || query->is_admin || scope->kind == SCOPE_QUEUE || scope->kind == SCOPE_TOPIC)
        return err;
    if (scope->kind == SCOPE_ROOM)
        return query_check_room(query, scope->id, NULL);
    bool is_own = scope->kind == SCOPE_PEER && scope->owner_id == query->peer_id;
    return is_own ? ERR_OK : ERR_NOT_ALLOWED;
}

enum err history_find_scope(struct history *h, ProtobufCBinaryData text, bool *ret_is_pattern,
                            struct scope_row *ret_scope)
{
    struct scope_name parsed;
    struct name_folded folded;
    if (text.len == 0)
        return ERR_MISSING_FIELD;
    enum err err = scope_parse_pattern(text.data, text.len, &parsed, NULL);
    if (!err)
        err = scope_fold(parsed.prefix, parsed.name, parsed.name_size, &folded);
    if (err)
        return ERR_BAD_SCOPE;
    *ret_is_pattern = parsed.is_pattern;
    return scope_find(h->store, (enum scope_kind)parsed.prefix, folded.text, ret_scope);
}

static enum err find_scope(struct query *query, bool *ret_is_pattern, struct scope_row *ret_scope)
{
    return history_find_scope(query->page.h, query->query->scope, ret_is_pattern, ret_scope);
}

enum err query_scope(struct query *query, struct scope_row *ret_scope)
{
    bool is_pattern = false;
    enum err err = find_scope(query, &is_pattern, ret_scope);
    if (is_pattern)
        return ERR_BAD_SCOPE; /* many logs */
    return err ? err : query_check_scope(query, ret_scope);
}

enum err query_consumer_scope(struct query *query, struct scope_row *ret_scope,
                              bool *ret_is_pattern)
{
    enum err err = find_scope(query, ret_is_pattern, ret_scope);
    return err ? err : query_check_scope(query, ret_scope);
}

static bool is_part_of(int64_t conversation, int64_t peer_id)
{
    return conversation > 0 &&
           (conversation >> 31 == peer_id || (conversation & CONVERSATION_PEER_ID_MAX) == peer_id);
}

bool query_may_read(struct query *query, const struct message_row *row)
{
    if (query->is_admin || row->sender_id == query->peer_id)
        return true;
    if (row->conversation > 0)
        return is_part_of(row->conversation, query->peer_id);
    char name[WIRE_NAME_BYTES_MAX + 1];
    struct scope_row scope;
    enum err err =
        scope_find_by_id(query->page.h->store, row->scope_id, name, sizeof(name), &scope);
    return !err && query_check_scope(query, &scope) == ERR_OK;
}

enum err query_conversation(struct query *query, int64_t *ret_conversation,
                            struct scope_row *ret_scope)
{
    struct history *h = query->page.h;
    const Roost__V1__Query *asked = query->query;
    int64_t one = query->peer_id, other = 0;
    enum err err = ERR_OK;
    *ret_scope = (struct scope_row){.kind = SCOPE_PEER};
    if (asked->scope.len) {
        err = query_scope(query, ret_scope);
        if (!err && ret_scope->kind != SCOPE_PEER)
            *ret_conversation = conversation_of_scope(ret_scope->id);
        if (err || ret_scope->kind != SCOPE_PEER)
            return err;
        one = ret_scope->owner_id;
    }
    *ret_conversation = 0;
    if (asked->peer.len == 0)
        return ERR_OK;
    err = history_find_peer(h, asked->peer, &other);
    if (!err)
        *ret_conversation = conversation_of_peers(one, other);
    return err;
}

/* --- The question. */

static enum err work_on(struct query *query, const struct wire_message *frame)
{
    struct history *h = query->page.h;
    uint32_t limit, kind = 0;
    if (frame->type == ROOST__V1__TYPE__SYNC) {
        limit = frame->sync->limit;
    } else {
        query->query = frame->query;
        limit = frame->query->limit;
        kind = (uint32_t)frame->query->kind;
        if (kind >= sizeof(works) / sizeof(works[0]) || !works[kind])
            return ERR_UNKNOWN_CALL;
    }
    query->limit = limit == 0 ? WIRE_PAGE_DEFAULT : limit;
    if (query->limit > WIRE_PAGE_MAX)
        query->limit = WIRE_PAGE_MAX;
    enum err err = store_read_begin(h->store);
    if (err)
        return err;
    err = history_acl_refresh(h);
    if (!err)
        err = kind ? works[kind](query) : query_sync(query, frame->sync);
    store_read_end(h->store);
    return err;
}

enum err history_on_query(struct actor *actor, void *state, const struct msg *msg)
{
    struct history *h = state;
    (void)actor;
    const INTERNAL(Query) *asked = MSG_BODY(msg, INTERNAL(Query));
    struct query query = {
        .peer_id = asked->peer_id,
        .peer_name = asked->peer_name,
        .is_admin = asked->is_admin,
        .is_verified = asked->is_verified,
    };
    struct wire_message frame;
    CHECK(msg->payload);
    page_begin(&query.page, h);
    query.page.gateway = msg->from;
    query.page.correlation = msg->correlation;
    query.page.session = asked->session;
    enum err err =
        wire_parse(&h->reader, zmq_msg_data(msg->payload), zmq_msg_size(msg->payload), &frame);
    if (err) {
        query.page.request_id = h->reader.request_id;
    } else if (frame.type == ROOST__V1__TYPE__QUERY) {
        query.page.request_id = frame.query->request_id;
        err = work_on(&query, &frame);
    } else if (frame.type == ROOST__V1__TYPE__SYNC) {
        query.page.request_id = frame.sync->request_id;
        err = work_on(&query, &frame);
    } else {
        err = ERR_BAD_TYPE;
    }
    if (err == ERR_STORAGE || err == ERR_CORRUPT)
        history_log_failure(h, "query", err);
    page_end(&query.page, err);
    arena_reset(&h->frame_arena);
    arena_reset(&h->arena);
    return ERR_OK;
}
