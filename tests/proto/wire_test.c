/* SPDX-License-Identifier: MPL-2.0
 *
 * Frames: the head, which type may go which way, what a refusal tells, and the way through SEND.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/wire.h"
#include "samples.h"

struct fixture {
    struct arena arena;
    struct wire_reader reader;
    struct wire_message message;
};

static int set_up(void **state)
{
    static struct fixture fixture;

    memset(&fixture, 0, sizeof(fixture));
    arena_init(&fixture.arena, WIRE_ARENA_BYTES(WIRE_FRAME_BYTES_DEFAULT));
    fixture.reader = (struct wire_reader){
        .direction = WIRE_TO_BROKER, .limits = &wire_limits_default, .arena = &fixture.arena};
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    arena_fini(&fixture->arena);
    return 0;
}

static enum err parse(struct fixture *fixture, const void *frame, size_t size)
{
    arena_reset(&fixture->arena);
    return wire_parse(&fixture->reader, frame, size, &fixture->message);
}

static const struct {
    const char *frame;
    size_t size;
    enum err err;
} heads[] = {
    {"", 0, ERR_BAD_SIGNATURE},
    {"\xb5\x0c\x01", 3, ERR_BAD_SIGNATURE},
    {"\x0c\xb5\x01\x04", 4, ERR_BAD_SIGNATURE},
    {"\xb5\x0d\x01\x04", 4, ERR_BAD_SIGNATURE},
    {"\xb5\x0c\x00\x04", 4, ERR_BAD_VERSION},
    {"\xb5\x0c\x02\x04", 4, ERR_BAD_VERSION},
    {"\xb5\x0c\x01\x00", 4, ERR_BAD_TYPE},
    {"\xb5\x0c\x01\x08", 4, ERR_BAD_TYPE},
    {"\xb5\x0c\x01\x32", 4, ERR_BAD_TYPE},
    {"\xb5\x0c\x01\xff", 4, ERR_BAD_TYPE},
    {"\xb5\x0c\x01\x04", 4, ERR_OK}, /* PING without echo */
    {"\xb5\x0c\x01\x04\x0a", 5, ERR_BAD_ENCODING},
    {"\xb5\x0c\x01\x04\x0a\x01x", 7, ERR_OK},
};

static void head(void **state)
{
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        assert_int_equal(parse(fixture, heads[i].frame, heads[i].size), heads[i].err);
        if (heads[i].err)
            assert_non_null(fixture->reader.problem);
    }
    assert_int_equal(fixture->message.type, ROOST__V1__TYPE__PING);
    assert_memory_equal(fixture->message.ping->echo.data, "x", 1);
}

static const struct {
    Roost__V1__Type type;
    int to_broker;
    int to_client;
} ways[] = {
    {ROOST__V1__TYPE__HELLO, 1, 0},      {ROOST__V1__TYPE__WELCOME, 0, 1},
    {ROOST__V1__TYPE__NO_SESSION, 0, 1}, {ROOST__V1__TYPE__PING, 1, 1},
    {ROOST__V1__TYPE__PONG, 1, 1},       {ROOST__V1__TYPE__GOODBYE, 1, 1},
    {ROOST__V1__TYPE__ERROR, 0, 1},      {ROOST__V1__TYPE__SEND, 1, 0},
    {ROOST__V1__TYPE__STORED, 0, 1},     {ROOST__V1__TYPE__ATTACH, 1, 0},
    {ROOST__V1__TYPE__ATTACHED, 0, 1},   {ROOST__V1__TYPE__DETACH, 1, 1},
    {ROOST__V1__TYPE__CREDIT, 1, 0},     {ROOST__V1__TYPE__DELIVER, 0, 1},
    {ROOST__V1__TYPE__RECEIPT, 0, 1},    {ROOST__V1__TYPE__SETTLE, 1, 0},
    {ROOST__V1__TYPE__SETTLED, 0, 1},    {ROOST__V1__TYPE__QUERY, 1, 0},
    {ROOST__V1__TYPE__RESULT, 0, 1},     {ROOST__V1__TYPE__FIN, 0, 1},
    {ROOST__V1__TYPE__SYNC, 1, 0},       {ROOST__V1__TYPE__PRESENCE, 1, 1},
    {ROOST__V1__TYPE__CALL, 1, 0},       {ROOST__V1__TYPE__REPLY, 0, 1},
};

static void count_type(uint32_t type, void *context)
{
    (void)type;
    ++*(size_t *)context;
}

static void directions(void **state)
{
    struct fixture *fixture = *state;
    size_t types = 0;

    sample_each_type(count_type, &types);
    assert_int_equal(types, sizeof(ways) / sizeof(ways[0]));
    for (size_t i = 0; i < types; i++) {
        zmq_msg_t frame;
        uint32_t type = (uint32_t)ways[i].type;
        ProtobufCMessage *sample = sample_message(wire_type_descriptor(type));
        assert_int_equal(wire_pack(ways[i].type, sample, &frame), ERR_OK);
        assert_int_equal(wire_packed_bytes(sample), zmq_msg_size(&frame));
        fixture->reader.direction = WIRE_TO_BROKER;
        assert_int_equal(parse(fixture, zmq_msg_data(&frame), zmq_msg_size(&frame)),
                         ways[i].to_broker ? ERR_OK : ERR_BAD_TYPE);
        assert_int_equal(fixture->reader.type, type);
        fixture->reader.direction = WIRE_TO_CLIENT;
        assert_int_equal(parse(fixture, zmq_msg_data(&frame), zmq_msg_size(&frame)),
                         ways[i].to_client ? ERR_OK : ERR_BAD_TYPE);
        (void)zmq_msg_close(&frame);
    }
    assert_string_equal(wire_type_name(ROOST__V1__TYPE__NO_SESSION), "NO_SESSION");
    assert_string_equal(wire_type_name(9), "?");
    assert_string_equal(wire_type_name(UINT32_MAX), "?");
}

/* No prefix of a golden message crashes; all that end inside a field are refused. */
static void every_prefix(uint32_t type, void *context)
{
    struct fixture *fixture = context;
    zmq_msg_t frame;

    assert_int_equal(
        wire_pack((Roost__V1__Type)type, sample_message(wire_type_descriptor(type)), &frame),
        ERR_OK);
    for (size_t size = 0; size < zmq_msg_size(&frame); size++) {
        uint8_t *copy =
            test_malloc(size + 1); /* exact, so that a sanitizer sees each byte beyond */
        memcpy(copy, zmq_msg_data(&frame), size);
        for (int way = WIRE_TO_BROKER; way <= WIRE_TO_CLIENT; way++) {
            fixture->reader.direction = (enum wire_direction)way;
            (void)!parse(fixture, copy, size);
        }
        test_free(copy);
    }
    (void)zmq_msg_close(&frame);
}

static void prefixes(void **state)
{
    sample_each_type(every_prefix, *state);
}

static void refusals_name_the_request(void **state)
{
    struct fixture *fixture = *state;
    /* QUERY with request_id 9 and limit 501 */
    static const char query[] = "\xb5\x0c\x01\x28\x08\x09\x10\x01\x1a\x01"
                                "a\x40\xf5\x03";
    /* CALL with request_id 5, cut in the second field */
    static const char call[] = "\xb5\x0c\x01\x30\x08\x05\x10";

    assert_int_equal(parse(fixture, query, sizeof(query) - 1), ERR_BAD_FIELD);
    assert_int_equal(fixture->reader.type, ROOST__V1__TYPE__QUERY);
    assert_int_equal(fixture->reader.request_id, 9);
    assert_string_equal(fixture->reader.problem, "query.limit: outside its range");
    assert_int_equal(parse(fixture, call, sizeof(call) - 1), ERR_BAD_ENCODING);
    assert_int_equal(fixture->reader.request_id, 5);
    /* ATTACH with handle 6 and lease_ms 1, and one cut in the second field */
    static const char attach[] = "\xb5\x0c\x01\x18\x08\x06\x12\x06peer:\x61\x30\x01";
    assert_int_equal(parse(fixture, attach, sizeof(attach) - 1), ERR_BAD_FIELD);
    assert_int_equal(fixture->reader.type, ROOST__V1__TYPE__ATTACH);
    assert_int_equal(fixture->reader.request_id, 6);
    assert_int_equal(parse(fixture, attach, 7), ERR_BAD_ENCODING);
    assert_int_equal(fixture->reader.request_id, 6);
    assert_int_equal(parse(fixture, "junk", 4), ERR_BAD_SIGNATURE);
    assert_int_equal(fixture->reader.type, 0);
    assert_int_equal(fixture->reader.request_id, 0);
}

static void frame_size(void **state)
{
    struct fixture *fixture = *state;
    struct wire_limits limits = {.frame_bytes_max = 100, .body_bytes_max = 10, .entries_max = 1};
    uint8_t frame[104] = {0xb5, 0x0c, 1, ROOST__V1__TYPE__PING};

    fixture->reader.limits = &limits;
    assert_int_equal(parse(fixture, frame, 101), ERR_FRAME_TOO_LARGE);
    Roost__V1__Ping ping = ROOST__V1__PING__INIT;
    static uint8_t huge[WIRE_FRAME_BYTES_CAP];
    ping.echo = (ProtobufCBinaryData){sizeof(huge), huge};
    zmq_msg_t packed;
    assert_int_equal(wire_pack(ROOST__V1__TYPE__PING, &ping.base, &packed), ERR_FRAME_TOO_LARGE);
}

static void limits_for_a_body(void **state)
{
    static const uint32_t bodies[] = {0, 1u << 10, 1u << 20, 2u << 20, 8u << 20, UINT32_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct wire_limits limits = wire_limits_for_body(bodies[i]);
        assert_true(limits.body_bytes_max <= WIRE_BODY_BYTES_CAP);
        assert_true(limits.frame_bytes_max >= WIRE_FRAME_BYTES_DEFAULT);
        assert_true(limits.frame_bytes_max <= WIRE_FRAME_BYTES_CAP);
        assert_true(limits.frame_bytes_max >=
                    limits.body_bytes_max + WIRE_ENTRY_OVERHEAD_BYTES_MAX);
    }
}

/* The largest entry there can be, alone in a SEND, fits the default frame. */
static void largest_entry_fits(void **state)
{
    struct fixture *fixture = *state;
    static uint8_t letters[WIRE_BODY_BYTES_DEFAULT];
    Roost__V1__Header header = ROOST__V1__HEADER__INIT;
    Roost__V1__Header *headers[WIRE_HEADERS_MAX];
    Roost__V1__Entry entry = ROOST__V1__ENTRY__INIT;
    Roost__V1__Entry *entries[] = {&entry};
    Roost__V1__Send send = ROOST__V1__SEND__INIT;
    zmq_msg_t frame;

    memset(letters, 'x', sizeof(letters));
    memcpy(letters, "topic:", 6);
    header.name = (ProtobufCBinaryData){WIRE_HEADER_NAME_BYTES_MAX, letters};
    header.value = (ProtobufCBinaryData){WIRE_HEADER_VALUE_BYTES_MAX, letters};
    for (size_t i = 0; i < WIRE_HEADERS_MAX; i++)
        headers[i] = &header;
    entry.message_id = entry.parent_id = (ProtobufCBinaryData){16, letters};
    entry.scope = entry.reply_to = (ProtobufCBinaryData){WIRE_SCOPE_BYTES_MAX, letters};
    entry.body = (ProtobufCBinaryData){WIRE_BODY_BYTES_DEFAULT, letters};
    entry.kind = ROOST__V1__KIND__CUSTOM;
    entry.content_type = (ProtobufCBinaryData){WIRE_CONTENT_TYPE_BYTES_MAX, letters};
    entry.key = (ProtobufCBinaryData){WIRE_KEY_BYTES_MAX, letters};
    entry.correlation_id = (ProtobufCBinaryData){WIRE_CORRELATION_BYTES_MAX, letters};
    entry.n_headers = WIRE_HEADERS_MAX;
    entry.headers = headers;
    entry.priority = WIRE_PRIORITY_MAX;
    entry.created_ms = entry.not_before_ms = WIRE_TIME_MS_MAX;
    entry.ttl_ms = WIRE_TTL_MS_MAX;
    entry.receipts = WIRE_RECEIPTS_MASK;
    send.first_no = WIRE_NUMBER_MAX - 1;
    send.n_entries = 1;
    send.entries = entries;
    assert_int_equal(wire_pack(ROOST__V1__TYPE__SEND, &send.base, &frame), ERR_OK);
    assert_in_range(zmq_msg_size(&frame), WIRE_BODY_BYTES_DEFAULT,
                    WIRE_BODY_BYTES_DEFAULT + WIRE_ENTRY_OVERHEAD_BYTES_MAX);
    assert_int_equal(parse(fixture, zmq_msg_data(&frame), zmq_msg_size(&frame)), ERR_OK);
    assert_int_equal(
        wire_check_entry(fixture->message.send->entries[0], &wire_limits_default, NULL), ERR_OK);
    (void)zmq_msg_close(&frame);
}

/* --- SEND */

#define ENTRIES 4

static void make_send(uint64_t first_no, size_t entries, zmq_msg_t *ret)
{
    static uint8_t id[16] = {1};
    Roost__V1__Entry rows[ENTRIES];
    Roost__V1__Entry *list[ENTRIES];
    Roost__V1__Send send = ROOST__V1__SEND__INIT;

    for (size_t i = 0; i < ENTRIES; i++) {
        roost__v1__entry__init(&rows[i]);
        rows[i].message_id = (ProtobufCBinaryData){16, id};
        rows[i].body = (ProtobufCBinaryData){5 + i, (uint8_t *)"hello, you"};
        list[i] = &rows[i];
    }
    rows[0].scope = (ProtobufCBinaryData){7, (uint8_t *)"queue:a"};
    rows[2].scope = (ProtobufCBinaryData){7, (uint8_t *)"queue:b"};
    send.first_no = first_no;
    send.n_entries = entries;
    send.entries = list;
    assert_int_equal(wire_pack(ROOST__V1__TYPE__SEND, &send.base, ret), ERR_OK);
}

static void send_is_taken_apart(void **state)
{
    struct fixture *fixture = *state;
    struct wire_send_facts facts;
    zmq_msg_t frame;

    make_send(7, ENTRIES, &frame);
    assert_int_equal(parse(fixture, zmq_msg_data(&frame), zmq_msg_size(&frame)), ERR_OK);
    const Roost__V1__Send *send = fixture->message.send;
    assert_int_equal(send->first_no, 7);
    assert_int_equal(send->n_entries, ENTRIES);
    static const char *const scopes[] = {"queue:a", "queue:a", "queue:b", "queue:b"};
    for (size_t i = 0; i < ENTRIES; i++) {
        assert_int_equal(send->entries[i]->scope.len, 7);
        assert_memory_equal(send->entries[i]->scope.data, scopes[i], 7);
        assert_int_equal(wire_check_entry(send->entries[i], &wire_limits_default, NULL), ERR_OK);
    }
    assert_int_equal(
        wire_scan_send(&fixture->reader, zmq_msg_data(&frame), zmq_msg_size(&frame), &facts),
        ERR_OK);
    assert_int_equal(facts.first_no, 7);
    assert_int_equal(facts.entries, ENTRIES);
    assert_int_equal(facts.body_bytes, 5 + 6 + 7 + 8);
    (void)zmq_msg_close(&frame);
}

static const struct {
    uint64_t first_no;
    size_t entries;
    uint32_t entries_max;
    enum err err;
} sends[] = {
    {0, 1, 4, ERR_MISSING_FIELD},
    {1, 0, 4, ERR_MISSING_FIELD},
    {1, 4, 4, ERR_OK},
    {1, 4, 3, ERR_TOO_MANY_ENTRIES},
    {UINT64_MAX, 1, 4, ERR_BAD_FIELD},
    {INT64_MAX, 1, 4, ERR_BAD_FIELD},
    {INT64_MAX - 4, 4, 4, ERR_OK},
    {INT64_MAX - 3, 4, 4, ERR_BAD_FIELD},
};

static void send_numbers(void **state)
{
    struct fixture *fixture = *state;
    struct wire_limits limits = wire_limits_default;
    struct wire_send_facts facts;

    fixture->reader.limits = &limits;
    for (size_t i = 0; i < sizeof(sends) / sizeof(sends[0]); i++) {
        zmq_msg_t frame;
        limits.entries_max = sends[i].entries_max;
        make_send(sends[i].first_no, sends[i].entries, &frame);
        void *bytes = zmq_msg_data(&frame);
        size_t size = zmq_msg_size(&frame);
        assert_int_equal(parse(fixture, bytes, size), sends[i].err);
        assert_int_equal(wire_scan_send(&fixture->reader, bytes, size, &facts), sends[i].err);
        (void)zmq_msg_close(&frame);
    }
    assert_int_equal(wire_scan_send(&fixture->reader, "\xb5\x0c\x01\x04", 4, &facts), ERR_BAD_TYPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(head, set_up, tear_down),
        cmocka_unit_test_setup_teardown(directions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(prefixes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refusals_name_the_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(frame_size, set_up, tear_down),
        cmocka_unit_test(limits_for_a_body),
        cmocka_unit_test_setup_teardown(largest_entry_fits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(send_is_taken_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(send_numbers, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
