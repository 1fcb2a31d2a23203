/* SPDX-License-Identifier: MPL-2.0
 *
 * Bytes as an application that sends and a broker that answers anything: the client's publish
 * window (clients/c/publish.c), its encoded entries (outgoing.c) and the SEND frames made of both
 * (frame.c). After each step:
 *   - entries leave once, in the order they came in, and only by an answer that covers them
 *   - an answer to what was not sent changes nothing
 *   - never more is offered than the broker has granted
 *   - a SEND is what the broker's own parser takes, with the numbers and the bodies of the window;
 *     an entry it refuses is refused for what the application gave
 * The code of an answer is that of the newest exception since the entry was sent, and where a run
 * names it its seq follows from it.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "clients/c/frame.h"
#include "proto/wire.h"

#define STEPS_MAX 300
#define ROOM      16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct twin { /* of one entry in the window */
    struct outgoing *outgoing;
    bool is_sent;
    uint32_t code;
};

struct world {
    struct publish publish;
    struct twin entries[ROOM]; /* oldest first */
    size_t count, sent;
    uint64_t base_no, upto_no, bytes_max;
    bool is_open;
    struct mono_time now;
    const struct publish_answer *answer; /* under way */
    uint64_t answered;
};

/* --- The application. */

static void push(struct world *world, struct bytes *input)
{
    static const char *const scopes[] = {"peer:ana", "peer:bob", "queue:jobs", "room:hall"};
    static const uint8_t body[600];
    uint8_t how = bytes_u8(input);
    struct roost_header header = {.name = "name", .value = body, .value_size = how % 5};
    struct roost_outgoing message = {
        .scope = scopes[how % 4],
        .body = body,
        .body_size = (size_t)bytes_u8(input) * 2,
        .kind = ROOST_KIND_TEXT,
        .headers = &header,
        .header_count = how & 16 ? 1 : 0,
        .ttl_ms = how,
    };
    struct outgoing *outgoing = NULL;
    if (how & 32)
        message.reply_to = scopes[how % 3];
    CHECK(outgoing_new(&message, &outgoing) == ROOST_OK);
    bool is_full = world->count == ROOM;
    CHECK(publish_is_full(&world->publish) == is_full);
    CHECK(publish_push(&world->publish, outgoing) == !is_full);
    if (is_full)
        free(outgoing);
    else
        world->entries[world->count++] = (struct twin){.outgoing = outgoing};
}

/* Any values of the public struct: what is accepted packs to an entry, nothing is read beyond. */
static void any_outgoing(struct bytes *input)
{
    struct bytes scope = bytes_take(input, bytes_u8(input)),
                 type = bytes_take(input, bytes_u8(input));
    struct bytes key = bytes_take(input, bytes_u8(input));
    char *scope_text = bytes_copy(scope, true), *type_text = bytes_copy(type, true);
    char *key_bytes = bytes_copy(key, false);
    struct roost_header header = {.name = type_text, .value = key_bytes, .value_size = key.left};
    struct roost_outgoing message = {
        .scope = scope_text,
        .body = key_bytes,
        .body_size = key.left,
        .kind = (enum roost_kind)bytes_u8(input),
        .content_type = type_text,
        .reply_to = scope_text,
        .headers = &header,
        .header_count = bytes_u8(input) & 1,
        .key = key_bytes,
        .key_size = key.left,
        .priority = bytes_u8(input) % 12,
        .receipts = bytes_u8(input) % 12,
        .created_ms = bytes_u64(input),
    };
    struct outgoing *outgoing = NULL;
    enum roost_error error = outgoing_new(&message, &outgoing);
    CHECK((error == ROOST_OK) == (outgoing != NULL));
    if (outgoing)
        CHECK(outgoing->scope_size == strlen(scope_text) && outgoing->body_size == key.left);
    free(outgoing);
    free(scope_text);
    free(type_text);
    free(key_bytes);
}

/* --- Sending. */

static void check_frame(const struct world *world, zmq_msg_t *frame, size_t count)
{
    struct arena arena;
    struct wire_message message;
    arena_init(&arena, WIRE_ARENA_BYTES(WIRE_FRAME_BYTES_DEFAULT));
    struct wire_reader reader = {
        .direction = WIRE_TO_BROKER, .limits = &wire_limits_default, .arena = &arena};
    CHECK(wire_parse(&reader, zmq_msg_data(frame), zmq_msg_size(frame), &message) == ERR_OK);
    CHECK(message.type == ROOST__V1__TYPE__SEND && message.send->n_entries == count);
    CHECK(message.send->first_no == world->base_no + world->sent);
    for (size_t i = 0; i < count; i++) {
        const Roost__V1__Entry *entry = message.send->entries[i];
        const struct outgoing *outgoing = world->entries[world->sent + i].outgoing;
        CHECK(wire_check_entry(entry, &wire_limits_default, NULL) == ERR_OK);
        CHECK(memcmp(entry->message_id.data, outgoing->message_id, WIRE_ID_BYTES) == 0);
        CHECK(entry->body.len == outgoing->body_size);
        CHECK(entry->scope.len == outgoing->scope_size &&
              memcmp(entry->scope.data, outgoing->bytes, entry->scope.len) == 0);
    }
    arena_fini(&arena);
}

static uint64_t bytes_in_flight(const struct world *world, size_t more)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < world->sent + more; i++)
        bytes += world->entries[i].outgoing->body_size;
    return bytes;
}

static void send(struct world *world, struct bytes *input)
{
    struct publish_frame limits = {.entries_max = 1 + bytes_u8(input) % 12,
                                   .bytes_max = 1 + 16u * bytes_u8(input)};
    size_t size = 0, again = 0;
    size_t count = publish_next(&world->publish, &limits, world->now, &size);
    if (count == 0)
        return;
    CHECK(world->is_open && mono_reached(world->publish.retry_at, world->now));
    CHECK(count <= limits.entries_max && world->sent + count <= world->count);
    CHECK(world->base_no + world->sent + count - 1 <= world->upto_no);
    CHECK(count == 1 || size <= limits.bytes_max);
    CHECK(world->bytes_max == 0 || world->sent + count == 1 ||
          bytes_in_flight(world, count) <= world->bytes_max);
    zmq_msg_t frame;
    CHECK(frame_pack_send(&world->publish, count, size, &frame));
    CHECK(zmq_msg_size(&frame) == FRAME_HEAD_BYTES + size);
    check_frame(world, &frame, count);
    (void)zmq_msg_close(&frame);
    for (size_t i = world->sent; i < world->sent + count; i++) {
        again += world->entries[i].is_sent;
        world->entries[i].is_sent = true;
        world->entries[i].code = 0;
    }
    CHECK(publish_sent(&world->publish, count) == again);
    world->sent += count;
}

/* --- Answers. */

static void answered(void *context, struct outgoing *outgoing, uint32_t code, uint64_t seq,
                     const char *text)
{
    struct world *world = context;
    const struct publish_answer *answer = world->answer;
    CHECK(world->sent > 0 && outgoing == world->entries[0].outgoing);
    CHECK(code == world->entries[0].code && text);
    CHECK(world->base_no <= answer->upto_no);
    if (code == 0 && answer->run_count == 1 && answer->runs[0].first_no <= world->base_no &&
        world->base_no - answer->runs[0].first_no < answer->runs[0].count &&
        answer->runs[0].first_no < UINT64_MAX / 2)
        CHECK(seq == answer->runs[0].first_seq + (world->base_no - answer->runs[0].first_no));
    free(outgoing);
    memmove(world->entries, world->entries + 1, --world->count * sizeof(world->entries[0]));
    world->sent--;
    world->base_no++;
    world->answered++;
}

static void note(struct world *world, const struct publish_answer *answer)
{
    for (size_t i = 0; i < answer->exception_count; i++) {
        uint64_t no = answer->exceptions[i].no;
        if (no >= world->base_no && no - world->base_no < world->sent)
            world->entries[no - world->base_no].code = answer->exceptions[i].code;
    }
}

static void stored(struct world *world, struct bytes *input)
{
    uint64_t end_no = world->base_no + world->sent;
    struct publish_run runs[2];
    struct publish_exception exceptions[3];
    struct publish_answer answer = {.runs = runs, .exceptions = exceptions};
    answer.run_count = bytes_below(input, 3);
    answer.exception_count = bytes_below(input, 4);
    for (size_t i = 0; i < answer.run_count; i++)
        runs[i] = (struct publish_run){bytes_near(input, world->base_no), bytes_u8(input),
                                       bytes_u8(input)};
    for (size_t i = 0; i < answer.exception_count; i++)
        exceptions[i] = (struct publish_exception){bytes_near(input, world->base_no),
                                                   bytes_u8(input) % 3, "why", bytes_u8(input)};
    answer.upto_no = world->sent && bytes_u8(input) < 200
                         ? world->base_no - 1 + bytes_below(input, world->sent + 1)
                         : bytes_near(input, world->base_no);
    answer.publish_upto = bytes_near(input, end_no + 8);
    answer.retry_code = bytes_u8(input) < 40 ? 6002 : 0;
    answer.retry_after_ms = bytes_u8(input);
    world->answer = &answer;

    struct publish before = world->publish;
    bool is_possible = world->is_open && answer.upto_no < end_no;
    uint64_t base_no = world->base_no;
    if (is_possible)
        note(world, &answer);
    CHECK(publish_stored(&world->publish, &answer, world->now, answered, world) == is_possible);
    if (!is_possible) {
        CHECK(memcmp(&before, &world->publish, sizeof(before)) == 0);
        return;
    }
    CHECK(world->base_no == (answer.upto_no >= base_no ? answer.upto_no + 1 : base_no));
    if (answer.publish_upto > world->upto_no || answer.retry_code)
        world->upto_no = answer.publish_upto;
    if (answer.retry_code && answer.upto_no + 1 == world->base_no)
        world->sent = 0;
}

/* --- The whole. */

static void check(const struct world *world)
{
    const struct publish *publish = &world->publish;
    CHECK(publish->count == world->count && publish->sent == world->sent);
    CHECK(publish->base_no == world->base_no && publish->upto_no == world->upto_no);
    CHECK(publish->sent_bytes == bytes_in_flight(world, 0));
    CHECK(publish->is_open == world->is_open);
}

static void step(struct world *world, struct bytes *input)
{
    uint8_t what = bytes_u8(input) % 32;
    if (what < 10) {
        push(world, input);
    } else if (what < 18) {
        send(world, input);
    } else if (what < 26) {
        stored(world, input);
    } else if (what < 28) {
        world->now = mono_add_ms(world->now, bytes_u8(input));
    } else if (what < 30) {
        world->upto_no = bytes_below(input, 60);
        world->bytes_max = bytes_below(input, 8) * 200;
        publish_welcome(&world->publish, world->upto_no, world->bytes_max);
        world->base_no = 1;
        world->sent = 0;
        world->is_open = true;
    } else if (what < 31) {
        publish_lost(&world->publish);
        world->sent = 0;
        world->is_open = false;
    } else {
        any_outgoing(input);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size};
    struct world world = {.base_no = 1};
    struct outgoing *outgoing;
    CHECK(publish_init(&world.publish, ROOM));
    for (int i = 0; i < STEPS_MAX && input.left; i++) {
        step(&world, &input);
        check(&world);
    }
    for (size_t i = 0; (outgoing = publish_take(&world.publish)) != NULL; i++) {
        CHECK(i < world.count && outgoing == world.entries[i].outgoing);
        free(outgoing);
    }
    publish_fini(&world.publish);
    return 0;
}
