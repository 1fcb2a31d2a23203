/* SPDX-License-Identifier: MPL-2.0
 *
 * Any bytes as a frame, in both directions, through scan, unpacking and validation. Besides not
 * crashing it holds wire_parse to what others rely on:
 *   - memory stays below the arena's limit
 *   - what wire_scan_send accepts, wire_parse accepts, with the same facts
 *   - what is accepted packs, and parses again to the same frame
 */
#include <stdint.h>
#include <string.h>

#include "proto/wire.h"
#include "rt/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entries(const Roost__V1__Send *send)
{
    for (size_t i = 0; i < send->n_entries; i++) {
        const char *problem = NULL;
        enum err err = wire_check_entry(send->entries[i], &wire_limits_default, &problem);
        CHECK((err == ERR_OK) == (problem == NULL));
    }
}

static void check_facts(struct wire_reader *reader, const uint8_t *data, size_t size,
                        const struct wire_message *message)
{
    struct wire_send_facts facts;
    enum err err = wire_scan_send(reader, data, size, &facts);

    if (!message) {
        CHECK(err != ERR_OK);
        return;
    }
    uint64_t body_bytes = 0;
    for (size_t i = 0; i < message->send->n_entries; i++)
        body_bytes += message->send->entries[i]->body.len;
    CHECK(err == ERR_OK && facts.first_no == message->send->first_no);
    CHECK(facts.entries == message->send->n_entries && facts.body_bytes == body_bytes);
}

/* Filling in scopes can make a SEND longer than a frame may be: then it is not parsed again. */
static void check_round_trip(struct wire_reader *reader, const struct wire_message *message)
{
    zmq_msg_t first;
    zmq_msg_t second;
    struct wire_message again;

    if (wire_packed_bytes(message->base) > reader->limits->frame_bytes_max)
        return;
    CHECK(wire_pack(message->type, message->base, &first) == ERR_OK);
    CHECK(wire_parse(reader, zmq_msg_data(&first), zmq_msg_size(&first), &again) == ERR_OK);
    CHECK(wire_pack(again.type, again.base, &second) == ERR_OK);
    CHECK(zmq_msg_size(&first) == zmq_msg_size(&second));
    CHECK(memcmp(zmq_msg_data(&first), zmq_msg_data(&second), zmq_msg_size(&first)) == 0);
    (void)zmq_msg_close(&first);
    (void)zmq_msg_close(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;

    arena_init(&arena, 2 * WIRE_ARENA_BYTES(WIRE_FRAME_BYTES_DEFAULT)); /* parsed twice */
    for (int way = WIRE_TO_BROKER; way <= WIRE_TO_CLIENT; way++) {
        struct wire_reader reader = {
            .direction = (enum wire_direction)way, .limits = &wire_limits_default, .arena = &arena};
        struct wire_message message;
        enum err err = wire_parse(&reader, data, size, &message);
        CHECK(arena_used(&arena) <= WIRE_ARENA_BYTES(WIRE_FRAME_BYTES_DEFAULT));
        CHECK((err == ERR_OK) == (reader.problem == NULL));
        bool is_send = way == WIRE_TO_BROKER && reader.type == ROOST__V1__TYPE__SEND;
        if (is_send && !err)
            check_entries(message.send);
        if (is_send)
            check_facts(&reader, data, size, err ? NULL : &message);
        if (!err)
            check_round_trip(&reader, &message);
        arena_reset(&arena);
    }
    arena_fini(&arena);
    return 0;
}
