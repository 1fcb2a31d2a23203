/* SPDX-License-Identifier: MPL-2.0
 *
 * See zmq_session.h.
 */
#include "gateways/zmq/zmq_session.h"

#include <stdlib.h>
#include <string.h>

#include "proto/name.h"
#include "rt/check.h"

#define LIST_OF_CLOSING_FACTOR 2 /* by_id holds live and closing ones */

void zmq_sessions_init(struct zmq_sessions *sessions, size_t limit, int64_t heartbeat_ms,
                       uint64_t first_id)
{
    CHECK(limit > 0 && heartbeat_ms > 0 && first_id > 0);
    *sessions = (struct zmq_sessions){
        .limit = limit, .heartbeat_ms = heartbeat_ms, .last_id = first_id - 1};
    hash_init(&sessions->by_routing, limit);
    hash_init(&sessions->by_token, limit);
    u64map_init(&sessions->by_id, LIST_OF_CLOSING_FACTOR * limit);
    u64map_init(&sessions->by_descriptor, LIST_OF_CLOSING_FACTOR * limit);
    heap_init(&sessions->due, limit);
}

void zmq_sessions_fini(struct zmq_sessions *sessions)
{
    struct u64map_cursor cursor = {0};
    heap_fini(&sessions->due); /* lets go of its nodes, which are in the sessions */
    while (u64map_next(&sessions->by_id, &cursor)) {
        struct zmq_session *session = u64map_get_pointer(&sessions->by_id, cursor.key);
        free(session->greeting);
        free(session);
    }
    hash_fini(&sessions->by_routing);
    hash_fini(&sessions->by_token);
    u64map_fini(&sessions->by_id);
    u64map_fini(&sessions->by_descriptor);
}

/* --- Lists */

static void list_add(struct zmq_list *list, struct zmq_session *session)
{
    struct zmq_link *link = &session->by_state;
    CHECK(!link->is_linked);
    *link = (struct zmq_link){.prev = list->tail, .is_linked = true};
    if (list->tail)
        list->tail->by_state.next = session;
    else
        list->head = session;
    list->tail = session;
    list->count++;
}

static void list_remove(struct zmq_list *list, struct zmq_session *session)
{
    struct zmq_link *link = &session->by_state;
    CHECK(link->is_linked);
    if (link->prev)
        link->prev->by_state.next = link->next;
    else
        list->head = link->next;
    if (link->next)
        link->next->by_state.prev = link->prev;
    else
        list->tail = link->prev;
    *link = (struct zmq_link){0};
    list->count--;
}

/* --- Finding */

struct zmq_session *zmq_session_of_routing(const struct zmq_sessions *sessions, const void *routing,
                                           size_t size)
{
    return hash_get_pointer(&sessions->by_routing, routing, size);
}

struct zmq_session *zmq_session_of_id(const struct zmq_sessions *sessions, uint64_t id)
{
    return u64map_get_pointer(&sessions->by_id, id);
}

static bool is_same_name(const struct zmq_session *session, const void *name, size_t name_size)
{
    struct name_folded ours, theirs;
    if (name_fold(session->name, session->name_size, &ours) != ERR_OK ||
        name_fold(name, name_size, &theirs) != ERR_OK)
        return false;
    return ours.size == theirs.size && memcmp(ours.text, theirs.text, ours.size) == 0;
}

struct zmq_session *zmq_session_of_token(const struct zmq_sessions *sessions, const void *token,
                                         size_t size, const void *name, size_t name_size)
{
    if (size != WIRE_TOKEN_BYTES)
        return NULL;
    struct zmq_session *session = hash_get_pointer(&sessions->by_token, token, size);
    return session && is_same_name(session, name, name_size) ? session : NULL;
}

/* --- Life */

static enum err put_new(struct zmq_sessions *sessions, struct zmq_session *session)
{
    enum err err = u64map_put_pointer(&sessions->by_id, session->id, session);
    if (err)
        return err;
    err = hash_put_pointer(&sessions->by_routing, session->routing, session->routing_size, session);
    if (!err) {
        err = heap_push(&sessions->due, &session->due,
                        mono_add_ms(session->heard, sessions->heartbeat_ms).ns);
        if (!err)
            return ERR_OK;
        hash_remove_pointer(&sessions->by_routing, session->routing, session->routing_size);
    }
    u64map_remove_pointer(&sessions->by_id, session->id);
    return err;
}

enum err zmq_session_add(struct zmq_sessions *sessions, const void *routing, size_t size,
                         struct mono_time now, struct zmq_session **ret)
{
    CHECK(size <= ZMQ_ROUTING_BYTES_MAX);
    CHECK(!zmq_session_of_routing(sessions, routing, size));
    if (zmq_sessions_live(sessions) >= sessions->limit ||
        sessions->closing.count >= sessions->limit)
        return ERR_TOO_MANY;
    struct zmq_session *session = calloc(1, sizeof(*session));
    if (!session)
        return ERR_BUSY;
    session->id = sessions->last_id + 1;
    session->state = ZMQ_SESSION_OPENING;
    session->descriptor = -1;
    session->routing_size = (uint8_t)size;
    memcpy(session->routing, routing, size);
    zmq_book_init(&session->book);
    zmq_budget_init(&session->errors, now);
    zmq_session_heard(session, now);
    enum err err = put_new(sessions, session);
    if (err) {
        free(session);
        return err;
    }
    sessions->last_id++;
    *ret = session;
    return ERR_OK;
}

/* --- Connections. */

/* Its routing id may be another's from now on. */
static void unplug(struct zmq_sessions *sessions, struct zmq_session *session)
{
    if (session->state != ZMQ_SESSION_CLOSING && !session->is_unplugged)
        hash_remove_pointer(&sessions->by_routing, session->routing, session->routing_size);
    session->is_unplugged = true;
    session->descriptor = -1;
}

void zmq_sessions_unplug(struct zmq_sessions *sessions, int descriptor)
{
    struct zmq_session *session =
        u64map_remove_pointer(&sessions->by_descriptor, (uint64_t)descriptor);
    if (session)
        unplug(sessions, session);
}

enum err zmq_session_plug(struct zmq_sessions *sessions, struct zmq_session *session,
                          int descriptor)
{
    CHECK(descriptor >= 0 && session->descriptor < 0 && !session->is_unplugged);
    zmq_sessions_unplug(sessions, descriptor);
    enum err err = u64map_put_pointer(&sessions->by_descriptor, (uint64_t)descriptor, session);
    if (!err)
        session->descriptor = descriptor;
    return err;
}

/* --- Life, again. */

enum err zmq_session_open(struct zmq_sessions *sessions, struct zmq_session *session,
                          const uint8_t token[WIRE_TOKEN_BYTES])
{
    CHECK(session->state == ZMQ_SESSION_OPENING);
    enum err err = hash_put_pointer(&sessions->by_token, token, WIRE_TOKEN_BYTES, session);
    if (err)
        return err;
    memcpy(session->token, token, WIRE_TOKEN_BYTES);
    session->state = ZMQ_SESSION_OPEN;
    sessions->verified_count += session->is_verified;
    return ERR_OK;
}

void zmq_session_close(struct zmq_sessions *sessions, struct zmq_session *session, uint32_t reason,
                       uint8_t untold)
{
    CHECK(session->state != ZMQ_SESSION_CLOSING);
    zmq_session_want_presence(sessions, session, false);
    if (session->state == ZMQ_SESSION_OPEN) {
        hash_remove_pointer(&sessions->by_token, session->token, sizeof(session->token));
        sessions->verified_count -= session->is_verified;
    }
    if (!session->is_unplugged)
        hash_remove_pointer(&sessions->by_routing, session->routing, session->routing_size);
    heap_remove(&sessions->due, &session->due);
    session->state = ZMQ_SESSION_CLOSING;
    session->close_reason = reason;
    session->untold = untold;
    list_add(&sessions->closing, session);
}

void zmq_session_remove(struct zmq_sessions *sessions, struct zmq_session **session)
{
    CHECK((*session)->state == ZMQ_SESSION_CLOSING && !(*session)->draft);
    list_remove(&sessions->closing, *session);
    if ((*session)->descriptor >= 0)
        (void)u64map_remove_pointer(&sessions->by_descriptor, (uint64_t)(*session)->descriptor);
    u64map_remove_pointer(&sessions->by_id, (*session)->id);
    free((*session)->greeting);
    free(*session);
    *session = NULL;
}

void zmq_session_want_presence(struct zmq_sessions *sessions, struct zmq_session *session,
                               bool wants)
{
    if (session->wants_presence == wants)
        return;
    session->wants_presence = wants;
    if (wants)
        list_add(&sessions->presence, session);
    else
        list_remove(&sessions->presence, session);
}

/* --- Heartbeats. The heap is not touched when something is heard: a session that comes up is
 *     looked at, and put back when it has spoken meanwhile. */

struct mono_time zmq_sessions_next_due(const struct zmq_sessions *sessions)
{
    const struct heap_node *top = heap_top(&sessions->due);
    return top ? (struct mono_time){top->key} : MONO_NEVER;
}

enum zmq_due zmq_sessions_take_due(struct zmq_sessions *sessions, struct mono_time now,
                                   struct zmq_session **ret)
{
    for (;;) {
        struct heap_node *top = heap_top(&sessions->due);
        if (!top || top->key > now.ns)
            return ZMQ_DUE_NONE;
        struct zmq_session *session = HEAP_ENTRY(top, struct zmq_session, due);
        struct mono_time silent = mono_add_ms(session->heard, sessions->heartbeat_ms);
        struct mono_time dead =
            mono_add_ms(session->heard, WIRE_HEARTBEATS_LOST * sessions->heartbeat_ms);
        if (!mono_reached(silent, now)) {
            heap_move(&sessions->due, &session->due, silent.ns);
            continue;
        }
        bool is_dead = mono_reached(dead, now);
        struct mono_time next = mono_add_ms(now, sessions->heartbeat_ms);
        if (next.ns > dead.ns && !is_dead)
            next = dead;
        heap_move(&sessions->due, &session->due, next.ns);
        *ret = session;
        return is_dead ? ZMQ_DUE_DEAD : ZMQ_DUE_SILENT;
    }
}
