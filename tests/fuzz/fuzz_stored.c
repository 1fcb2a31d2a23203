/* SPDX-License-Identifier: MPL-2.0
 *
 * Any bytes as what a stored row holds and its checksum vouches for (actors/history_delivery.c): a
 * list of headers, and the other parts of the message. Whatever they are, the message is shown:
 *   - headers that can be read arrive as they are, all others are left out
 *   - memory stays within its bound
 *   - the DELIVER made of it is taken by the client's side of the parser, with the same content,
 *     and the receipt made of the same bytes is taken or refused, but never beyond the arena
 */
#include <stdint.h>
#include <string.h>

#include "bytes.h"
#include "history_state.h"
#include "proto/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_same(ProtobufCBinaryData one, const void *data, size_t size)
{
    return one.len == size && (size == 0 || memcmp(one.data, data, size) == 0);
}

/* What the stored bytes say by themselves; NULL: nothing that is a list of ours. */
static Roost__V1__HeaderList *read_list(struct arena *arena, struct bytes headers)
{
    Roost__V1__HeaderList *list =
        roost__v1__header_list__unpack(arena_allocator(arena), headers.left, headers.at);
    return list && list->n_headers <= WIRE_HEADERS_MAX ? list : NULL;
}

static void check_headers(const Roost__V1__Delivery *delivery, const Roost__V1__HeaderList *list)
{
    size_t count = list ? list->n_headers : 0;
    CHECK(delivery->n_headers == count);
    for (size_t i = 0; i < count; i++) {
        const Roost__V1__Header *one = list->headers[i], *other = delivery->headers[i];
        CHECK(is_same(other->name, one->name.data, one->name.len));
        CHECK(is_same(other->value, one->value.data, one->value.len));
    }
}

static void check_frame(struct arena *arena, zmq_msg_t *frame, const Roost__V1__Delivery *delivery,
                        const Roost__V1__HeaderList *list)
{
    struct wire_reader reader = {
        .direction = WIRE_TO_CLIENT, .limits = &wire_limits_default, .arena = arena};
    struct wire_message message;
    enum err err = wire_parse(&reader, zmq_msg_data(frame), zmq_msg_size(frame), &message);
    CHECK(arena_used(arena) <= WIRE_ARENA_BYTES(WIRE_FRAME_BYTES_DEFAULT));
    if (!delivery || err)
        return;
    CHECK(message.deliver->n_entries == 1);
    const Roost__V1__Delivery *shown = message.deliver->entries[0];
    CHECK(is_same(shown->body, delivery->body.data, delivery->body.len));
    CHECK(is_same(shown->key, delivery->key.data, delivery->key.len));
    CHECK(shown->seq == delivery->seq && shown->kind == delivery->kind);
    check_headers(shown, list);
}

/* The body of a receipt, behind the fields of its delivery: one message (history_fetch.c). */
static void check_receipt(struct arena *arena, struct bytes body)
{
    Roost__V1__Receipt receipt = ROOST__V1__RECEIPT__INIT;
    zmq_msg_t start, frame;
    receipt.handle = 1;
    receipt.delivery_no = 2;
    receipt.seq = 3;
    CHECK(wire_pack(ROOST__V1__TYPE__RECEIPT, &receipt.base, &start) == ERR_OK);
    CHECK(zmq_msg_init_size(&frame, zmq_msg_size(&start) + body.left) == 0);
    uint8_t *at = zmq_msg_data(&frame);
    memcpy(at, zmq_msg_data(&start), zmq_msg_size(&start));
    if (body.left)
        memcpy(at + zmq_msg_size(&start), body.at, body.left);
    check_frame(arena, &frame, NULL, NULL);
    (void)zmq_msg_close(&start);
    (void)zmq_msg_close(&frame);
}

static void check_delivery(struct arena *arena, const Roost__V1__Delivery *delivery,
                           const Roost__V1__HeaderList *list)
{
    const Roost__V1__Delivery *entry = delivery;
    Roost__V1__Deliver deliver = ROOST__V1__DELIVER__INIT;
    zmq_msg_t frame;
    deliver.first_delivery_no = 7;
    deliver.entries = (Roost__V1__Delivery **)(uintptr_t)&entry; /* only read */
    deliver.n_entries = 1;
    CHECK(wire_pack(ROOST__V1__TYPE__DELIVER, &deliver.base, &frame) == ERR_OK);
    check_frame(arena, &frame, delivery, list);
    (void)zmq_msg_close(&frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size};
    struct message_row row = {.seq = bytes_u8(&input), .kind = bytes_u8(&input) % 10};
    struct bytes key = bytes_take(&input, bytes_u8(&input));
    struct history h = {.actor = NULL};
    struct arena lists, frames;
    Roost__V1__Delivery delivery;

    arena_init(&h.arena, (size_t)64 << 20);
    arena_init(&lists, (size_t)64 << 20);
    arena_init(&frames, WIRE_ARENA_BYTES(WIRE_FRAME_BYTES_DEFAULT));
    char *headers = bytes_copy(input, false);
    row.key = row.body = (struct bytes_view){key.at, key.left};
    row.headers = (struct bytes_view){(const uint8_t *)headers, input.left};
    CHECK(history_delivery(&h, &row, &delivery));
    CHECK(arena_used(&h.arena) <= 64 * input.left + (256u << 10));
    const Roost__V1__HeaderList *list = input.left ? read_list(&lists, input) : NULL;
    check_headers(&delivery, list);
    check_delivery(&frames, &delivery, list);
    arena_reset(&frames);
    check_receipt(&frames, input);
    free(headers);
    arena_fini(&h.arena);
    arena_fini(&lists);
    arena_fini(&frames);
    return 0;
}
