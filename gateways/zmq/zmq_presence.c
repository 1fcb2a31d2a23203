/* SPDX-License-Identifier: MPL-2.0
 *
 * PRESENCE: sessions subscribe, and are told of every peer that comes or goes.
 *
 * The events of one turn go out together: one frame, packed once and shared by all subscribers. A
 * subscriber that does not take it is closed like anybody who does not read; it says HELLO again
 * and asks PEERS for what it missed.
 */
#include <string.h>

#include "gateways/zmq/zmq_internal.h"
#include "rt/check.h"
#include "rt/log.h"

#define EVENTS_MAX 500 /* of one frame */

_Static_assert(EVENTS_MAX <= WIRE_SCAN_REPEATS_MAX, "clients accept that many");

enum err zmq_on_presence(struct actor *actor, struct zmq_gateway *gateway,
                         struct zmq_session *session, const struct wire_message *message,
                         zmq_msg_t *frame)
{
    (void)frame;
    zmq_flush_presence(actor, gateway); /* what was before is for those who were there */
    zmq_session_want_presence(&gateway->sessions, session, message->presence->subscribe);
    Roost__V1__Fin fin = ROOST__V1__FIN__INIT;
    fin.request_id = message->presence->request_id;
    zmq_say(actor, gateway, session, ROOST__V1__TYPE__FIN, &fin.base);
    return ERR_OK;
}

void zmq_flush_presence(struct actor *actor, struct zmq_gateway *gateway)
{
    if (gateway->event_count == 0)
        return;
    Roost__V1__Presence presence = ROOST__V1__PRESENCE__INIT;
    presence.events = gateway->event_list;
    presence.n_events = gateway->event_count;
    zmq_msg_t packed;
    enum err err = wire_pack(ROOST__V1__TYPE__PRESENCE, &presence.base, &packed);
    gateway->event_count = 0;
    gateway->event_list = NULL;
    arena_reset(&gateway->events);
    struct zmq_session *next;
    for (struct zmq_session *session = gateway->sessions.presence.head; session; session = next) {
        next = session->by_state.next;
        if (err) { /* it would miss something */
            zmq_end_session(actor, gateway, session, err_code(err));
            continue;
        }
        zmq_msg_t frame;
        CHECK(zmq_msg_init(&frame) == 0);
        CHECK(zmq_msg_copy(&frame, &packed) == 0);
        zmq_offer(actor, gateway, session, &frame);
    }
    if (!err)
        (void)zmq_msg_close(&packed);
}

static ProtobufCBinaryData copy_bytes(struct arena *arena, ProtobufCBinaryData bytes)
{
    uint8_t *copy = bytes.len > 0 ? arena_alloc(arena, bytes.len) : NULL;
    if (!copy)
        return (ProtobufCBinaryData){0, NULL};
    memcpy(copy, bytes.data, bytes.len);
    return (ProtobufCBinaryData){bytes.len, copy};
}

/* NULL: no memory. */
static Roost__V1__PresenceEvent *copy_event(struct zmq_gateway *gateway,
                                            const INTERNAL(PresenceChanged) * body)
{
    struct arena *arena = &gateway->events;
    if (!gateway->event_list)
        gateway->event_list = arena_alloc(arena, EVENTS_MAX * sizeof(*gateway->event_list));
    Roost__V1__PresenceEvent *event = arena_alloc(arena, sizeof(*event));
    if (!gateway->event_list || !event)
        return NULL;
    roost__v1__presence_event__init(event);
    event->peer = copy_bytes(arena, body->peer_name);
    event->display_name = copy_bytes(arena, body->display_name);
    event->reason = copy_bytes(arena, body->reason);
    event->is_online = body->is_online;
    event->time_ms = (uint64_t)body->at_ms;
    event->event_id = (uint64_t)body->event_id;
    event->is_verified = body->is_verified;
    return event;
}

enum err zmq_on_presence_changed(struct actor *actor, void *state, const struct msg *msg)
{
    struct zmq_gateway *gateway = state;
    if (gateway->sessions.presence.count == 0)
        return ERR_OK;
    if (gateway->event_count == EVENTS_MAX)
        zmq_flush_presence(actor, gateway);
    /* The arena holds EVENTS_MAX events of any size that passed the registry. */
    Roost__V1__PresenceEvent *event = copy_event(gateway, MSG_BODY(msg, INTERNAL(PresenceChanged)));
    CHECK(event);
    gateway->event_list[gateway->event_count++] = event;
    return ERR_OK;
}
