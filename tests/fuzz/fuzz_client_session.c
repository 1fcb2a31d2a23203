/* SPDX-License-Identifier: MPL-2.0
 *
 * Bytes as an application that does this and that and a broker that sends anything: a whole session
 * of the C client (clients/c/io*.c) without its thread, over an inproc socket. The frames are the
 * fuzzer's; what the application does is drawn from the same bytes.
 *   - whatever the client says is what the broker's own parser takes
 *   - every message sent is answered once, in the order of the tickets, at the latest at the end
 *   - every question ends once
 *   - messages shown are taken or dropped, none is lost or left (a leak would be seen)
 */
#include <stdint.h>
#include <string.h>

#include "bytes.h"
#include "clients/c/event.h"
#include "clients/c/io.h"
#include "proto/wire.h"

#define STEPS_MAX     200
#define CONSUMERS_MAX 4
#define REQUESTS_OPEN 8
#define HELD_MAX      32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
    struct roost *roost;
    struct io *io;
    struct roost_consumer *consumers[CONSUMERS_MAX];
    const struct roost_message *held[HELD_MAX];
    unsigned held_count;
    struct request *requests[REQUESTS_OPEN];
    unsigned request_count;
    uint64_t sent, answered;
};

static void *context, *broker; /* of all runs */

/* --- What the client says. */

static void check_said(zmq_msg_t *frame)
{
    static const struct wire_limits limits = {WIRE_FRAME_BYTES_CAP, WIRE_BODY_BYTES_CAP,
                                              WIRE_ENTRIES_MAX};
    struct arena arena;
    struct wire_message message;
    arena_init(&arena, WIRE_ARENA_BYTES(WIRE_FRAME_BYTES_CAP));
    struct wire_reader reader = {.direction = WIRE_TO_BROKER, .limits = &limits, .arena = &arena};
    enum err err = wire_parse(&reader, zmq_msg_data(frame), zmq_msg_size(frame), &message);
    if (err)
        check_failed(reader.problem ? reader.problem : "what the client said", __FILE__, __LINE__);
    arena_fini(&arena);
}

static void hear(void)
{
    zmq_msg_t frame;
    (void)zmq_msg_init(&frame);
    while (zmq_msg_recv(&frame, broker, ZMQ_DONTWAIT) >= 0)
        check_said(&frame);
    (void)zmq_msg_close(&frame);
}

/* --- The application. */

static void on_sent(void *of, const struct roost_sent *sent)
{
    struct world *world = of;
    CHECK(sent->ticket == world->answered + 1 && sent->text);
    world->answered++;
}

static void send(struct world *world, struct bytes *input)
{
    static const uint8_t body[256];
    static const char *const scopes[] = {"peer:ana", "queue:jobs"};
    uint8_t how = bytes_u8(input);
    struct roost_outgoing message = {
        .scope = scopes[how & 1], .body = body, .body_size = how, .kind = ROOST_KIND_TEXT};
    if (roost_send(world->roost, &message, 0, NULL, NULL) == ROOST_OK)
        world->sent++;
}

static void attach(struct world *world, struct bytes *input)
{
    uint8_t how = bytes_u8(input);
    struct roost_consumer **place = &world->consumers[how % CONSUMERS_MAX];
    struct roost_attach_options options = {
        .scope = "peer:ana",
        .window_messages = 1 + how / 4 % 8,
        .window_bytes = 1000,
        .seen_max = 4,
        .messages_max = how & 64 ? 5 : 0,
        .receipts = (enum roost_receipts)(how / 128),
    };
    if (*place)
        roost_detach(place);
    else
        CHECK(roost_attach(world->roost, &options, 0, place) == ROOST_OK);
}

static void take(struct world *world, struct bytes *input)
{
    struct roost_consumer *consumer = world->consumers[bytes_below(input, CONSUMERS_MAX)];
    const struct roost_message *message = NULL;
    struct roost_event *event = NULL;
    if (consumer && world->held_count < HELD_MAX &&
        roost_receive(consumer, 0, &message) == ROOST_OK)
        world->held[world->held_count++] = message;
    while (roost_next_event(world->roost, 0, &event) == ROOST_OK)
        roost_event_destroy(&event);
}

static void settle(struct world *world, struct bytes *input)
{
    if (world->held_count == 0)
        return;
    unsigned index = (unsigned)bytes_below(input, world->held_count);
    const struct roost_message *message = world->held[index];
    switch (bytes_u8(input) % 6) {
    case 0:
        (void)roost_extend(message);
        return;
    case 1:
        (void)roost_release(message, 5);
        break;
    case 2:
        (void)roost_fail(message, 0, "why");
        break;
    case 3:
        (void)roost_reject(message, NULL);
        break;
    default:
        (void)roost_ack(message);
        break;
    }
    world->held[index] = world->held[--world->held_count];
    roost_message_destroy(&message);
}

static void ask(struct world *world, struct bytes *input)
{
    if (world->request_count == REQUESTS_OPEN)
        return;
    uint8_t how = bytes_u8(input);
    bool is_query = how & 1;
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    Roost__V1__Presence presence = ROOST__V1__PRESENCE__INIT;
    struct request *request =
        request_new(world->roost, is_query ? ROOST__V1__TYPE__QUERY : ROOST__V1__TYPE__PRESENCE);
    CHECK(request);
    query.kind = ROOST__V1__QUERY_KIND__PEERS;
    query.request_id = presence.request_id = request->id;
    presence.subscribe = how & 2;
    request->count = presence.subscribe ? 1 : 0;
    CHECK(request_pack(request, is_query ? &query.base : &presence.base));
    if (is_query)
        CHECK(request->page = page_new());
    world->requests[world->request_count++] = request;
    io_request(world->io, request);
}

/* --- The broker. */

static void say(struct world *world, Roost__V1__Type type, const ProtobufCMessage *message)
{
    zmq_msg_t frame;
    CHECK(frame_pack(type, message, &frame));
    io_handle_frame(world->io, zmq_msg_data(&frame), zmq_msg_size(&frame));
    (void)zmq_msg_close(&frame);
}

static void welcome(struct world *world, struct bytes *input)
{
    Roost__V1__Welcome welcome = ROOST__V1__WELCOME__INIT;
    Roost__V1__Limits limits = ROOST__V1__LIMITS__INIT;
    limits.entries_max = bytes_u8(input);
    limits.frame_bytes_max = 1u << (4 + bytes_u8(input) % 20);
    limits.heartbeat_ms = bytes_u8(input) * 10;
    welcome.limits = &limits;
    welcome.publish_upto = bytes_u8(input);
    say(world, ROOST__V1__TYPE__WELCOME, &welcome.base);
}

static void deliver(struct world *world, struct bytes *input)
{
    static uint8_t ids[4][ROOST_ID_BYTES];
    Roost__V1__Deliver deliver = ROOST__V1__DELIVER__INIT;
    Roost__V1__Delivery entries[4], *pointers[4];
    deliver.handle = 1 + (uint32_t)bytes_below(input, 6);
    deliver.first_delivery_no = bytes_near(input, 10);
    deliver.entries = pointers;
    deliver.n_entries = bytes_below(input, 5);
    for (size_t i = 0; i < deliver.n_entries; i++) {
        roost__v1__delivery__init(&entries[i]);
        ids[i][0] = bytes_u8(input) % 16;
        entries[i].message_id = (ProtobufCBinaryData){ROOST_ID_BYTES, ids[i]};
        entries[i].body = entries[i].message_id;
        pointers[i] = &entries[i];
    }
    say(world, ROOST__V1__TYPE__DELIVER, &deliver.base);
}

static void answer(struct world *world, struct bytes *input)
{
    Roost__V1__Attached attached = ROOST__V1__ATTACHED__INIT;
    Roost__V1__Settled settled = ROOST__V1__SETTLED__INIT;
    Roost__V1__Stored stored = ROOST__V1__STORED__INIT;
    Roost__V1__Fin fin = ROOST__V1__FIN__INIT;
    uint8_t what = bytes_u8(input);
    attached.handle = settled.handle = 1 + bytes_u8(input) % 6;
    attached.code = what & 16 ? bytes_u8(input) * 100u : 0;
    settled.confirm_id = stored.upto_no = fin.request_id = bytes_u8(input);
    stored.publish_upto = 200;
    stored.retry_code = what & 32 ? 6002 : 0;
    switch (what % 4) {
    case 0:
        say(world, ROOST__V1__TYPE__ATTACHED, &attached.base);
        break;
    case 1:
        say(world, ROOST__V1__TYPE__SETTLED, &settled.base);
        break;
    case 2:
        say(world, ROOST__V1__TYPE__STORED, &stored.base);
        break;
    default:
        say(world, ROOST__V1__TYPE__FIN, &fin.base);
        break;
    }
}

/* A frame as it stands in the input. */
static void any_frame(struct world *world, struct bytes *input)
{
    size_t size = bytes_u8(input) + 16u * (bytes_u8(input) % 16);
    struct bytes part = bytes_take(input, size);
    char *frame = bytes_copy(part, false);
    if (part.left >= FRAME_HEAD_BYTES)
        memcpy(frame, "\xb5\x0c\x01", 3); /* all but the type */
    io_handle_frame(world->io, frame, part.left);
    free(frame);
}

/* --- The whole. */

static void turn(struct world *world, struct bytes *input)
{
    struct io *io = world->io;
    uint8_t passed = bytes_u8(input);
    io->now = mono_add_ms(io->now, passed < 128 ? 1 : passed < 250 ? passed : 20000);
    io_take_commands(io);
    io_take_outbox(io);
    io_session_turn(io);
    io_flush(io);
    hear();
}

static void step(struct world *world, struct bytes *input)
{
    static void (*const steps[])(struct world * world, struct bytes * input) = {
        turn, turn,   turn, welcome, welcome, send,   send,   attach,
        take, settle, ask,  deliver, deliver, answer, answer, any_frame,
    };
    steps[bytes_u8(input) % 16](world, input);
    CHECK(world->answered <= world->sent);
    CHECK(world->io->publish.count <= world->sent - world->answered);
}

static void finish(struct world *world)
{
    struct io *io = world->io;
    for (unsigned i = 0; i < world->held_count; i++)
        roost_message_destroy(&world->held[i]);
    io_take_commands(io);
    for (int i = 0; i < CONSUMERS_MAX; i++)
        if (world->consumers[i])
            roost_detach(&world->consumers[i]);
    io_session_close(io);
    io_abandon_sends(io);
    io_fail_requests(io, ROOST_CLOSING);
    hear();
    CHECK(world->answered == world->sent);
    for (unsigned i = 0; i < world->request_count; i++) {
        CHECK(request_wait(world->requests[i], (struct mono_time){0}));
        request_free(world->requests[i]);
    }
    CHECK(io->request_count == 0 && io->confirm_count == 0 && io->consumer_count == 0);
    session_enter_thread(NULL);
    session_free(world->roost);
}

static void begin(struct world *world)
{
    struct roost_options options = {.url = "inproc://fuzz-broker",
                                    .peer = "me",
                                    .zmq_context = context,
                                    .unanswered_messages_max = 32,
                                    .events_max = 16,
                                    .on_sent = on_sent,
                                    .context = world};
    world->roost = session_new(&options);
    CHECK(world->roost);
    world->io = world->roost->io;
    world->io->random = 1;
    world->io->secret[0] = world->io->secret[1] = 1;
    session_enter_thread(world->roost);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size};
    struct world world = {0};
    if (!context) {
        context = zmq_ctx_new();
        broker = zmq_socket(context, ZMQ_DEALER);
        CHECK(broker && zmq_bind(broker, "inproc://fuzz-broker") == 0);
    }
    begin(&world);
    for (int i = 0; i < STEPS_MAX && input.left; i++)
        step(&world, &input);
    finish(&world);
    return 0;
}
