/* SPDX-License-Identifier: MPL-2.0
 *
 * Malformed protobuf, and input made to cost more memory than it has bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "broker.pb-c.h"
#include "proto/limits.h"
#include "proto/wire.h"
#include "proto/wire_scan.h"

#define ROW(bytes, err)                                                                            \
    {                                                                                              \
        bytes, sizeof(bytes) - 1, err                                                              \
    }

/* As a QUERY: 1 request_id, 2 kind, 3 peer, 13 newest_first ... */
static const struct {
    const char *bytes;
    size_t size;
    enum err err;
} queries[] = {
    ROW("", ERR_OK),
    ROW("\x08\x01", ERR_OK),
    ROW("\x08", ERR_BAD_ENCODING),                                             /* no value */
    ROW("\x08\x80", ERR_BAD_ENCODING),                                         /* value cut off */
    ROW("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", ERR_OK),               /* ten bytes */
    ROW("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", ERR_BAD_ENCODING), /* eleven */
    ROW("\x00\x01", ERR_BAD_ENCODING),                                         /* field 0 */
    ROW("\x0b\x0c", ERR_BAD_ENCODING),                                         /* group */
    ROW("\x0e\x01", ERR_BAD_ENCODING),                                         /* wire type 6 */
    ROW("\x0f\x01", ERR_BAD_ENCODING),                                         /* wire type 7 */
    ROW("\x0a\x01x", ERR_BAD_ENCODING),                                        /* number as bytes */
    ROW("\x09\x01\x02\x03\x04\x05\x06\x07\x08", ERR_BAD_ENCODING), /* number as fixed64 */
    ROW("\x18\x01", ERR_BAD_ENCODING),                             /* bytes as number */
    ROW("\x1a\x02x", ERR_BAD_ENCODING),                            /* longer than the message */
    ROW("\x1a\x80\x80\x80\x80\x08", ERR_BAD_ENCODING),             /* length 2^31 */
    ROW("\x1a\xff\xff\xff\xff\xff\x01", ERR_BAD_ENCODING),         /* length of six bytes */
    ROW("\x08\x01\x08\x02", ERR_BAD_ENCODING),                     /* singular twice */
    ROW("\x1a\x01x\x1a\x01y", ERR_BAD_ENCODING),                   /* the same */
    ROW("\x80\x80\x80\x80\x80\x01\x01", ERR_BAD_ENCODING),         /* tag of six bytes */
    ROW("\xf8\xff\xff\xff\x1f\x01", ERR_BAD_ENCODING),             /* tag beyond 32 bits */
    ROW("\xf8\xff\xff\xff\x0f\x01", ERR_OK),                       /* unknown, highest id */
    ROW("\xa2\x06\x03"
        "abc",
        ERR_OK), /* unknown bytes */
    ROW("\xa1\x06"
        "12345678",
        ERR_OK), /* unknown fixed64 */
    ROW("\xa5\x06"
        "1234",
        ERR_OK), /* unknown fixed32 */
    ROW("\xa5\x06"
        "123",
        ERR_BAD_ENCODING),
};

static void malformed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        struct wire_scan scan = {0};
        enum err err = wire_scan_message(&scan, &roost__v1__query__descriptor,
                                         (const uint8_t *)queries[i].bytes, queries[i].size);
        if (err != queries[i].err)
            fail_msg("row %zu: %s (%s)", i, err_name(err), scan.problem ? scan.problem : "");
        assert_int_equal(err != ERR_OK, scan.problem != NULL);
    }
}

static const struct {
    const char *bytes;
    size_t size;
    enum err err;
} goodbyes[] = {
    ROW("\x12\x02"
        "hi",
        ERR_OK),
    ROW("\x12\x03"
        "a\0b",
        ERR_BAD_ENCODING),
    ROW("\x12\x01\xff", ERR_BAD_ENCODING),
    ROW("\x12\x02\xc0\x80", ERR_BAD_ENCODING),
    ROW("\x12\x03\xed\xa0\x80", ERR_BAD_ENCODING),
    ROW("\x12\x03\xe4\xb8\xad", ERR_OK),
};

static void strings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(goodbyes) / sizeof(goodbyes[0]); i++) {
        struct wire_scan scan = {0};
        assert_int_equal(wire_scan_message(&scan, &roost__v1__goodbye__descriptor,
                                           (const uint8_t *)goodbyes[i].bytes, goodbyes[i].size),
                         goodbyes[i].err);
    }
}

/* `count` times `unit`, as a message of `descriptor`. */
static enum err scan_repeated(const ProtobufCMessageDescriptor *descriptor, const char *unit,
                              size_t unit_size, size_t count)
{
    struct wire_scan scan = {0};
    uint8_t *bytes = malloc(unit_size * count + 1);

    assert_non_null(bytes);
    for (size_t i = 0; i < count; i++)
        memcpy(bytes + i * unit_size, unit, unit_size);
    enum err err = wire_scan_message(&scan, descriptor, bytes, unit_size * count);
    free(bytes);
    return err;
}

static void repeats_are_capped(void **state)
{
    const ProtobufCMessageDescriptor *send = &roost__v1__send__descriptor;
    const ProtobufCMessageDescriptor *entry = &roost__v1__entry__descriptor;

    (void)state;
    assert_int_equal(scan_repeated(send, "\x12\x00", 2, WIRE_ENTRIES_MAX), ERR_OK);
    assert_int_equal(scan_repeated(send, "\x12\x00", 2, WIRE_ENTRIES_MAX + 1),
                     ERR_TOO_MANY_ENTRIES);
    assert_int_equal(scan_repeated(entry, "\x32\x00", 2, WIRE_SCAN_HEADERS_MAX), ERR_OK);
    assert_int_equal(scan_repeated(entry, "\x32\x00", 2, WIRE_SCAN_HEADERS_MAX + 1), ERR_TOO_MANY);
    assert_int_equal(scan_repeated(entry, "\xa2\x06\x00", 3, WIRE_SCAN_UNKNOWN_MAX), ERR_OK);
    assert_int_equal(scan_repeated(entry, "\xa2\x06\x00", 3, WIRE_SCAN_UNKNOWN_MAX + 1),
                     ERR_TOO_MANY);
    assert_int_equal(scan_repeated(&roost__v1__settle__descriptor, "\x12\x00", 2, 1000), ERR_OK);
    assert_int_equal(scan_repeated(&roost__v1__settle__descriptor, "\x12\x00", 2, 1001),
                     ERR_TOO_MANY);
    assert_int_equal(scan_repeated(send, "\x12\x00", 2, 1u << 20), ERR_TOO_MANY_ENTRIES);
    assert_int_equal(scan_repeated(&roost__v1__reply__descriptor, "\x42\x00", 2, 1000), ERR_OK);
    assert_int_equal(scan_repeated(&roost__v1__reply__descriptor, "\x42\x00", 2, 1001),
                     ERR_TOO_MANY);
    assert_int_equal(scan_repeated(&roost__v1__result__descriptor, "\x52\x00", 2, 1000), ERR_OK);
    assert_int_equal(scan_repeated(&roost__v1__result__descriptor, "\x52\x00", 2, 1001),
                     ERR_TOO_MANY);
}

/* What gets through the scan and costs most: the arena ends it, or it stays below its limit. */
static void amplification_is_bounded(void **state)
{
    static uint8_t frame[WIRE_FRAME_BYTES_DEFAULT];
    struct arena arena;
    struct wire_message message;
    size_t size = 4;

    (void)state;
    arena_init(&arena, WIRE_ARENA_BYTES(WIRE_FRAME_BYTES_DEFAULT));
    struct wire_reader reader = {
        .direction = WIRE_TO_BROKER, .limits = &wire_limits_default, .arena = &arena};
    memcpy(frame, "\xb5\x0c\x01\x10", 4);
    frame[size++] = 0x08; /* first_no 1 */
    frame[size++] = 0x01;
    for (unsigned i = 0; i < WIRE_ENTRIES_MAX; i++) { /* entries of 128 empty headers */
        frame[size++] = 0x12;
        frame[size++] = 0x80;
        frame[size++] = 0x02; /* 256 bytes */
        for (unsigned k = 0; k < WIRE_SCAN_HEADERS_MAX; k++) {
            frame[size++] = 0x32;
            frame[size++] = 0x00;
        }
    }
    enum err err = wire_parse(&reader, frame, size, &message);
    assert_true(err == ERR_OK || err == ERR_TOO_MANY);
    assert_true(arena_used(&arena) <= WIRE_ARENA_BYTES(WIRE_FRAME_BYTES_DEFAULT));
    arena_reset(&arena);

    size = 6; /* entries with as many unknown fields as may be */
    for (unsigned i = 0; i < WIRE_ENTRIES_MAX; i++) {
        frame[size++] = 0x12;
        frame[size++] = 3 * WIRE_SCAN_UNKNOWN_MAX;
        for (unsigned k = 0; k < WIRE_SCAN_UNKNOWN_MAX; k++) {
            memcpy(frame + size, "\xa2\x06\x00", 3);
            size += 3;
        }
    }
    err = wire_parse(&reader, frame, size, &message);
    assert_int_equal(err, ERR_OK);
    assert_true(arena_used(&arena) <= 2u << 20);
    arena_fini(&arena);
}

static size_t put(uint8_t *frame, size_t at, const char *bytes, size_t size)
{
    memcpy(frame + at, bytes, size);
    return at + size;
}

/* Unknown fields inside headers inside entries pass the scan, and would cost 14 times their size:
 * the arena ends it. */
static void worst_case_ends_at_the_arena(void **state)
{
    static uint8_t frame[WIRE_FRAME_BYTES_DEFAULT];
    struct arena arena;
    struct wire_message message;
    size_t size = put(frame, 0, "\xb5\x0c\x01\x10\x08\x01", 6);

    (void)state;
    while (size + 3 + 50 * WIRE_SCAN_HEADERS_MAX < sizeof(frame)) {
        size = put(frame, size, "\x12\x80\x32", 3); /* an entry of 50 * 128 bytes */
        for (unsigned i = 0; i < WIRE_SCAN_HEADERS_MAX; i++) {
            size = put(frame, size, "\x32\x30", 2);
            for (unsigned k = 0; k < WIRE_SCAN_UNKNOWN_MAX; k++)
                size = put(frame, size, "\xa2\x06\x00", 3);
        }
    }
    arena_init(&arena, WIRE_ARENA_BYTES(WIRE_FRAME_BYTES_DEFAULT));
    struct wire_reader reader = {
        .direction = WIRE_TO_BROKER, .limits = &wire_limits_default, .arena = &arena};
    assert_int_equal(wire_parse(&reader, frame, size, &message), ERR_TOO_MANY);
    assert_true(arena_used(&arena) <= WIRE_ARENA_BYTES(WIRE_FRAME_BYTES_DEFAULT));
    arena_reset(&arena);
    assert_int_equal(wire_parse(&reader, "\xb5\x0c\x01\x04", 4, &message), ERR_OK);
    arena_fini(&arena);
}

/* The smallest useful SEND of 1,000 entries needs more memory than 8 times its bytes. */
static void many_small_entries_fit(void **state)
{
    struct arena arena;
    struct wire_message message;
    static uint8_t frame[64 << 10];
    size_t size = 6;

    (void)state;
    arena_init(&arena, WIRE_ARENA_BYTES(WIRE_FRAME_BYTES_MIN));
    struct wire_reader reader = {
        .direction = WIRE_TO_BROKER, .limits = &wire_limits_default, .arena = &arena};
    memcpy(frame, "\xb5\x0c\x01\x10\x08\x01", 6);
    for (unsigned i = 0; i < WIRE_ENTRIES_MAX; i++) {
        memcpy(frame + size, "\x12\x12\x0a\x10", 4);
        size += 4 + 16;
    }
    assert_int_equal(wire_parse(&reader, frame, size, &message), ERR_OK);
    assert_int_equal(message.send->n_entries, WIRE_ENTRIES_MAX);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed),
        cmocka_unit_test(strings),
        cmocka_unit_test(repeats_are_capped),
        cmocka_unit_test(amplification_is_bounded),
        cmocka_unit_test(worst_case_ends_at_the_arena),
        cmocka_unit_test(many_small_entries_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
