/* SPDX-License-Identifier: MPL-2.0
 *
 * How fast is proto/? Not a test: prints nanoseconds, for docs/decisions/0002-one-frame.md.
 *
 * usage: cmake --build build --target proto_wire_speed && build/tests/proto/proto_wire_speed
 */
#include <stdio.h>
#include <string.h>

#include "proto/name.h"
#include "proto/uuid.h"
#include "proto/wire.h"
#include "rt/check.h"
#include "rt/clock.h"

#define ENTRIES 100

static uint8_t body[1u << 20];

static void make_send(size_t entries, size_t body_bytes, zmq_msg_t *ret)
{
    static uint8_t ids[ENTRIES][UUID_BYTES];
    Roost__V1__Entry rows[ENTRIES];
    Roost__V1__Entry *list[ENTRIES];
    struct uuid_source source = {0};
    Roost__V1__Send send = ROOST__V1__SEND__INIT;

    for (size_t i = 0; i < entries; i++) {
        roost__v1__entry__init(&rows[i]);
        uuid_next(&source, clock_wall_now(), ids[i]);
        rows[i].message_id = (ProtobufCBinaryData){UUID_BYTES, ids[i]};
        rows[i].scope = (ProtobufCBinaryData){10, (uint8_t *)(i % 2 ? "peer:alice" : "queue:work")};
        rows[i].body = (ProtobufCBinaryData){body_bytes, body};
        list[i] = &rows[i];
    }
    send.first_no = 1;
    send.n_entries = entries;
    send.entries = list;
    CHECK(wire_pack(ROOST__V1__TYPE__SEND, &send.base, ret) == ERR_OK);
}

static void report(const char *what, struct mono_time since, size_t count)
{
    int64_t elapsed_ns = clock_mono_now().ns - since.ns;

    (void)printf("%-36s %8.0f ns\n", what, (double)elapsed_ns / (double)count);
}

static void measure_parse(struct wire_reader *reader, const char *what, size_t entries,
                          size_t body_bytes, size_t rounds)
{
    struct wire_message message;
    zmq_msg_t frame;

    make_send(entries, body_bytes, &frame);
    struct mono_time start = clock_mono_now();
    for (size_t i = 0; i < rounds; i++) {
        CHECK(!wire_parse(reader, zmq_msg_data(&frame), zmq_msg_size(&frame), &message));
        for (size_t k = 0; k < entries; k++)
            CHECK(!wire_check_entry(message.send->entries[k], reader->limits, NULL));
        arena_reset(reader->arena);
    }
    report(what, start, rounds * entries);
    (void)zmq_msg_close(&frame);
}

static void measure_scan(struct wire_reader *reader, size_t rounds)
{
    struct wire_send_facts facts;
    zmq_msg_t frame;

    make_send(ENTRIES, 256, &frame);
    struct mono_time start = clock_mono_now();
    for (size_t i = 0; i < rounds; i++)
        CHECK(!wire_scan_send(reader, zmq_msg_data(&frame), zmq_msg_size(&frame), &facts));
    report("scan, per entry", start, rounds * ENTRIES);
    (void)zmq_msg_close(&frame);
}

static void measure_names(size_t rounds)
{
    static const char name[] = "J\xc3\xbcrgen.\xe4\xb8\xad";
    struct uuid_source source = {0};
    struct name_folded folded;
    uint8_t id[UUID_BYTES];

    struct mono_time start = clock_mono_now();
    for (size_t i = 0; i < rounds; i++)
        uuid_next(&source, (struct wall_time){1}, id);
    report("message id", start, rounds);
    start = clock_mono_now();
    for (size_t i = 0; i < rounds; i++)
        CHECK(!name_fold("Alice.Example", 13, &folded));
    report("fold an ASCII name", start, rounds);
    start = clock_mono_now();
    for (size_t i = 0; i < rounds; i++)
        CHECK(!name_check(name, sizeof(name) - 1, NULL));
    report("check another name", start, rounds);
}

int main(void)
{
    struct arena arena;

    arena_init(&arena, WIRE_ARENA_BYTES(WIRE_FRAME_BYTES_DEFAULT));
    struct wire_reader reader = {
        .direction = WIRE_TO_BROKER, .limits = &wire_limits_default, .arena = &arena};
    measure_parse(&reader, "parse and check, per entry of 0 B", ENTRIES, 0, 20000);
    measure_parse(&reader, "parse and check, per entry of 256 B", ENTRIES, 256, 20000);
    measure_parse(&reader, "parse and check, one entry of 1 MiB", 1, sizeof(body), 500);
    measure_scan(&reader, 20000);
    measure_names(1000000);
    arena_fini(&arena);
    return 0;
}
