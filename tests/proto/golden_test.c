/* SPDX-License-Identifier: MPL-2.0
 *
 * The bytes of the public protocol do not change by accident: for every message type
 * tests/golden/wire/NAME.hex is exactly what wire_pack makes of the sample (tests/proto/samples.c),
 * and reading it back and packing it again gives the same bytes. NAME.txt is the same message in
 * protobuf text format; golden_check.py holds both against Google's implementation.
 *
 * `golden_test --write` writes the golden files and the seed corpora of tests/fuzz. Golden files of
 * a released version are never written again: a new field gets a file of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proto/wire.h"
#include "rt/check.h"
#include "samples.h"

#define GOLDEN_BYTES_MAX 16384
#define HEX_PER_LINE     32

static void pack_sample(uint32_t type, zmq_msg_t *ret)
{
    ProtobufCMessage *message = sample_message(wire_type_descriptor(type));

    CHECK(wire_pack((Roost__V1__Type)type, message, ret) == ERR_OK);
}

static FILE *open_file(const char *folder, const char *name, const char *ending, const char *mode)
{
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/%s%s", folder, name, ending);
    FILE *file = fopen(path, mode);
    if (!file)
        (void)fprintf(stderr, "cannot open %s\n", path);
    CHECK(file);
    return file;
}

/* --- writing */

static void write_seed(const char *target, const char *name, const void *bytes, size_t size)
{
    char folder[512];

    (void)snprintf(folder, sizeof(folder), "%s/%s", CORPUS_DIR, target);
    (void)mkdir(CORPUS_DIR, 0755);
    (void)mkdir(folder, 0755); /* both may exist; opening the file tells */
    FILE *file = open_file(folder, name, "", "wb");
    CHECK(fwrite(bytes, 1, size, file) == size);
    CHECK(fclose(file) == 0);
}

static void write_type(uint32_t type, void *context)
{
    const char *name = wire_type_name(type);
    zmq_msg_t frame;

    (void)context;
    pack_sample(type, &frame);
    const uint8_t *bytes = zmq_msg_data(&frame);
    FILE *hex = open_file(GOLDEN_DIR, name, ".hex", "w");
    for (size_t i = 0; i < zmq_msg_size(&frame); i++) {
        bool is_line_end = i % HEX_PER_LINE == HEX_PER_LINE - 1 || i + 1 == zmq_msg_size(&frame);
        (void)fprintf(hex, "%02x%s", bytes[i], is_line_end ? "\n" : "");
    }
    CHECK(fclose(hex) == 0);
    FILE *text = open_file(GOLDEN_DIR, name, ".txt", "w");
    sample_print(text, sample_message(wire_type_descriptor(type)), 0);
    CHECK(fclose(text) == 0);
    write_seed("wire", name, bytes, zmq_msg_size(&frame));
    (void)zmq_msg_close(&frame);
}

static void write_text_seeds(void)
{
    static const char *const names[] = {"alice",
                                        "peer:alice",
                                        "topic:sensors.*.>",
                                        "queue:J\xc3\xbcrgen",
                                        "room:\xe4\xb8\xad",
                                        "peer:lan:ana@host",
                                        "\xef\xbc\xa1\xcc\x81",
                                        "topic:a.b.c",
                                        "e\xcc\x81"};
    static const char *const ids[] = {"018f6f2e-7d3a-7c31-9b1e-0123456789ab",
                                      "018F6F2E7D3A7C319B1E0123456789AB", "018f6f2e-7d3a"};
    char file[32];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(file, sizeof(file), "name-%zu", i);
        write_seed("name", file, names[i], strlen(names[i]));
    }
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        (void)snprintf(file, sizeof(file), "id-%zu", i);
        write_seed("uuid", file, ids[i], strlen(ids[i]));
    }
}

/* --- comparing */

static size_t read_hex(const char *name, uint8_t *bytes)
{
    FILE *file = open_file(GOLDEN_DIR, name, ".hex", "r");
    size_t size = 0;
    unsigned byte;

    while (size < GOLDEN_BYTES_MAX && fscanf(file, "%2x", &byte) == 1)
        bytes[size++] = (uint8_t)byte;
    CHECK(fclose(file) == 0 && size < GOLDEN_BYTES_MAX);
    return size;
}

static void compare_type(uint32_t type, void *context)
{
    static uint8_t golden[GOLDEN_BYTES_MAX];
    size_t size = read_hex(wire_type_name(type), golden);
    zmq_msg_t frame;

    (void)context;
    pack_sample(type, &frame);
    assert_int_equal(zmq_msg_size(&frame), size);
    assert_memory_equal(zmq_msg_data(&frame), golden, size);
    (void)zmq_msg_close(&frame);
}

static void compare_text(uint32_t type, void *context)
{
    char *text = NULL;
    size_t size = 0;
    static char golden[4 * GOLDEN_BYTES_MAX];

    (void)context;
    FILE *memory = open_memstream(&text, &size);
    CHECK(memory);
    sample_print(memory, sample_message(wire_type_descriptor(type)), 0);
    CHECK(fclose(memory) == 0);
    FILE *file = open_file(GOLDEN_DIR, wire_type_name(type), ".txt", "r");
    size_t golden_size = fread(golden, 1, sizeof(golden), file);
    CHECK(fclose(file) == 0);
    assert_int_equal(size, golden_size);
    assert_memory_equal(text, golden, size);
    free(text);
}

/* Each golden frame passes the full parser in at least one direction and packs to itself. */
static void reparse_type(uint32_t type, void *context)
{
    static uint8_t golden[GOLDEN_BYTES_MAX];
    size_t size = read_hex(wire_type_name(type), golden);
    struct arena *arena = context;
    int accepted = 0;

    for (int way = WIRE_TO_BROKER; way <= WIRE_TO_CLIENT; way++) {
        struct wire_reader reader = {
            .direction = (enum wire_direction)way, .limits = &wire_limits_default, .arena = arena};
        struct wire_message message;
        enum err err = wire_parse(&reader, golden, size, &message);
        if (err == ERR_BAD_TYPE)
            continue;
        if (err)
            fail_msg("%s: %s", wire_type_name(type), reader.problem);
        accepted++;
        zmq_msg_t frame;
        assert_int_equal(wire_pack(message.type, message.base, &frame), ERR_OK);
        assert_int_equal(zmq_msg_size(&frame), size);
        assert_memory_equal(zmq_msg_data(&frame), golden, size);
        (void)zmq_msg_close(&frame);
        arena_reset(arena);
    }
    assert_true(accepted >= 1);
}

static void golden_bytes_are_what_we_pack(void **state)
{
    (void)state;
    sample_each_type(compare_type, NULL);
}

static void golden_text_is_the_sample(void **state)
{
    (void)state;
    sample_each_type(compare_text, NULL);
}

static void golden_bytes_survive_a_round_trip(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena, WIRE_ARENA_BYTES(WIRE_FRAME_BYTES_DEFAULT));
    sample_each_type(reparse_type, &arena);
    arena_fini(&arena);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_bytes_are_what_we_pack),
        cmocka_unit_test(golden_text_is_the_sample),
        cmocka_unit_test(golden_bytes_survive_a_round_trip),
    };

    if (argc == 2 && strcmp(argv[1], "--write") == 0) {
        sample_each_type(write_type, NULL);
        write_text_seeds();
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
