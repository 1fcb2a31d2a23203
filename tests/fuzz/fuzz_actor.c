/* SPDX-License-Identifier: MPL-2.0
 *
 * Any bytes as the body of a message between actors, of each kind of proto/messages.def, through
 * the runtime's own dispatch (actors/rt/actor_turn.c) to an actor that packs again what it gets:
 *   - what cannot be unpacked reaches no handler and is counted
 *   - memory stays within the actor's arena, which is empty again afterwards
 *   - what was handed over packs to bytes that unpack to the same message
 */
#include <stdint.h>
#include <string.h>

#include "bytes.h"
#include "proto/messages.h"
#include "rt/actor_internal.h"
#include "rt/log.h"
#include "strip.h"

#define ARENA_BYTES ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct echo {
    unsigned handled;
    uint8_t kind;
};

static enum err echo_init(struct actor *actor, void *state, const void *args)
{
    (void)actor;
    (void)state;
    (void)args;
    return ERR_OK;
}

static void check_again(struct actor *actor, ProtobufCMessage *body)
{
    strip_unknown(body);
    struct arena arena;
    size_t size = protobuf_c_message_get_packed_size(body);
    uint8_t *one = malloc(size + 1), *other = malloc(size + 1);
    CHECK(one && other);
    CHECK(protobuf_c_message_pack(body, one) == size);
    arena_init(&arena, 2 * actor->host->arena_limit_bytes);
    ProtobufCMessage *again =
        protobuf_c_message_unpack(body->descriptor, arena_allocator(&arena), size, one);
    CHECK(again && protobuf_c_message_get_packed_size(again) == size);
    CHECK(protobuf_c_message_pack(again, other) == size && memcmp(one, other, size) == 0);
    arena_fini(&arena);
    free(one);
    free(other);
}

static enum err echo(struct actor *actor, void *state, const struct msg *msg)
{
    struct echo *self = state;
    self->handled++;
    CHECK(msg->kind == self->kind && msg->from == 1 && msg->payload == NULL);
    ProtobufCMessage *body = (ProtobufCMessage *)(uintptr_t)msg->body; /* of this turn's arena */
    CHECK(body->descriptor == message_types[msg->kind].descriptor);
    CHECK(arena_used(&actor->arena) <= ARENA_BYTES);
    check_again(actor, body);
    return ERR_OK;
}

static const struct actor_class echo_actor = {
    .name = "echo",
    .state_size = sizeof(struct echo),
    .link_room = 8,
    .init = echo_init,
    .on =
        {
#define MESSAGE(NAME, Type, type, receivers) [MSG_##NAME] = echo,
#include "proto/messages.def"
#undef MESSAGE
        },
};

static struct mono_time no_mono(struct actor *actor)
{
    (void)actor;
    return (struct mono_time){1};
}

static struct wall_time no_wall(struct actor *actor)
{
    (void)actor;
    return (struct wall_time){1};
}

static void handle(struct actor *actor, uint8_t kind, struct bytes body)
{
    struct frame_header header = {.kind = kind, .from = 1};
    struct echo *self = actor->state;
    zmq_msg_t frame;
    CHECK(zmq_msg_init_size(&frame, sizeof(header) + body.left) == 0);
    memcpy(zmq_msg_data(&frame), &header, sizeof(header));
    if (body.left)
        memcpy((uint8_t *)zmq_msg_data(&frame) + sizeof(header), body.at, body.left);
    self->kind = kind;
    self->handled = 0;
    int64_t unreadable = metrics_get(actor->metrics, METRIC_UNREADABLE);
    CHECK(actor_handle(actor, &frame, NULL) == ERR_OK);
    bool is_refused = metrics_get(actor->metrics, METRIC_UNREADABLE) > unreadable;
    CHECK(self->handled + is_refused == 1);
    CHECK(arena_used(&actor->arena) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct metrics metrics;
    static struct actor actor;
    static const struct actor_host host = {
        .types = message_types,
        .type_count = MSG_COUNT,
        .id_count = 2,
        .arena_limit_bytes = ARENA_BYTES,
        .mono = no_mono,
        .wall = no_wall,
    };
    struct bytes input = {data, size};
    uint8_t first = bytes_u8(&input);

    log_set_level(LOG_LEVEL_OFF);
    memset(&actor, 0, sizeof(actor));
    actor_setup(&actor, &host, 0, &echo_actor, NULL, &metrics);
    CHECK(actor_begin(&actor) == ERR_OK);
    if (first == 0xff) { /* the same bytes as every kind there is */
        for (uint8_t kind = 1; kind < MSG_COUNT; kind++)
            handle(&actor, kind, input);
    } else {
        handle(&actor, (uint8_t)(1 + first % (MSG_COUNT - 1)), input);
    }
    actor_end(&actor);
    actor_teardown(&actor);
    return 0;
}
