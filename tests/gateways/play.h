/* SPDX-License-Identifier: MPL-2.0
 *
 * A stage for the zmq-gateway: the real actor on the simulator, its real ROUTER on inproc, and the
 * test as everybody else: as ZeroMQ clients (DEALER sockets) and as the other actors.
 *
 * Nothing here waits: whatever is said is there when play_say returns, and time moves only by
 * sim_advance.
 */
#ifndef TESTS_GATEWAYS_PLAY_H
#define TESTS_GATEWAYS_PLAY_H

#include <setjmp.h> /* cmocka wants these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateways/zmq/zmq_gateway.h"
#include "proto/actor_ids.h"
#include "proto/messages.h"
#include "rt/metrics.h"
#include "rt/sim.h"

#define GATEWAY_ID 0 /* on this stage; the others have their usual numbers, as pseudo actors */

#define PLAY_HEARTBEAT_MS 5000

struct play {
    void *context;
    struct sim *sim;
    struct zmq_gateway_options options;
    struct zmq_gateway_bound bound;
    struct actor_spec specs[ACTOR_COUNT];
    size_t spec_count;
    struct arena arena;
    struct wire_reader reader; /* as a client */
    zmq_msg_t heard;
    bool holds_logins; /* the test answers LOGIN; otherwise play_say(HELLO) does */
};

/* Change play->options (or add specs) between the two. */
struct play *play_new(void);
void play_start(struct play *play);
void play_end(struct play *play);

/* A connected DEALER. `routing_id` may be NULL. */
void *play_connect(struct play *play, const char *routing_id);

void play_say_bytes(struct play *play, void *client, const void *bytes, size_t size);
void play_say(struct play *play, void *client, Roost__V1__Type type, const ProtobufCMessage *body);
/* Answers every LOGIN that came: no account, go on. */
void play_let_in(struct play *play);
/* Lets the gateway read what is there, and everybody react. */
void play_read(struct play *play);

/* The next frame to this client; must be of this type. Valid until the next play_hear. */
struct wire_message play_hear(struct play *play, void *client, Roost__V1__Type type);
/* There is none. */
void play_hear_nothing(struct play *play, void *client);
/* Drops what was said to it; returns the number of frames. */
unsigned play_drop(struct play *play, void *client);
/* ERROR with this code. */
void play_hear_error(struct play *play, void *client, enum err err);

/* The next message to this actor, which must be of this kind. */
const struct msg *play_take(struct play *play, uint8_t actor, uint8_t kind);
void play_take_nothing(struct play *play, uint8_t actor);
/* As that actor: answer what it took last; then everybody reacts. */
void play_answer(struct play *play, const struct msg *question, uint8_t actor, uint8_t kind,
                 const ProtobufCMessage *body, zmq_msg_t *payload);
/* As that actor: an event. */
void play_post(struct play *play, uint8_t actor, uint8_t kind, const ProtobufCMessage *body,
               zmq_msg_t *payload);

/* HELLO until WELCOME, as `peer`; returns the number of the session. */
uint64_t play_welcome(struct play *play, void *client, const char *peer, int64_t peer_id);

/* SESSION_CLOSED with this reason has come to persistence, sync-manager and registry. */
void play_take_closed(struct play *play, uint64_t session, uint32_t reason);

static inline ProtobufCBinaryData play_bytes(const char *text)
{
    return (ProtobufCBinaryData){strlen(text), (uint8_t *)(uintptr_t)text};
}

int64_t play_metric(struct play *play, enum metric metric);

/* One client with a session: peer "ana", id 42. */
struct scene {
    struct play *play;
    void *client;
    uint64_t session;
};

struct scene scene_new(void);
void scene_end(struct scene *scene);
/* DELIVER_OUT with a frame of `size` letters x. */
void scene_post_frame(struct scene *scene, uint64_t session, size_t size);

#endif
