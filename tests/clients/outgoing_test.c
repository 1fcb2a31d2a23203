/* SPDX-License-Identifier: MPL-2.0
 *
 * clients/c/outgoing and frame: what is written by hand unpacks, by the generated code, to what was
 * given; scopes of neighbours are left out; sizes are exact; arguments are checked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "clients/c/frame.h"

static struct outgoing *make(const struct roost_outgoing *message)
{
    struct outgoing *outgoing;
    assert_int_equal(outgoing_new(message, &outgoing), ROOST_OK);
    return outgoing;
}

static Roost__V1__Send *pack_and_unpack(struct publish *publish, struct arena *arena)
{
    const struct publish_frame limits = {.entries_max = 1000, .bytes_max = 1 << 20};
    size_t size;
    zmq_msg_t frame;
    size_t count = publish_next(publish, &limits, (struct mono_time){1}, &size);
    assert_true(count > 0);
    assert_true(frame_pack_send(publish, count, size, &frame));
    assert_int_equal(frame_type(zmq_msg_data(&frame), zmq_msg_size(&frame)), ROOST__V1__TYPE__SEND);
    ProtobufCMessage *message = frame_unpack(&roost__v1__send__descriptor, arena,
                                             zmq_msg_data(&frame), zmq_msg_size(&frame));
    assert_non_null(message);
    assert_int_equal(zmq_msg_close(&frame), 0);
    return (Roost__V1__Send *)message;
}

static void check_bytes(ProtobufCBinaryData bytes, const void *expected, size_t size)
{
    assert_int_equal(bytes.len, size);
    assert_memory_equal(bytes.data, expected, size);
}

static void every_field(void **state)
{
    const uint8_t id[ROOST_ID_BYTES] = "0123456789abcdef";
    const uint8_t parent[ROOST_ID_BYTES] = "fedcba9876543210";
    const struct roost_header headers[] = {{"one", "1", 1}, {"empty", NULL, 0}};
    struct roost_outgoing message = {
        .scope = "queue:resize",
        .body = "body\0x",
        .body_size = 6,
        .message_id = id,
        .kind = ROOST_KIND_ACTION,
        .content_type = "text/plain",
        .headers = headers,
        .header_count = 2,
        .key = "k",
        .key_size = 1,
        .priority = 9,
        .reply_to = "peer:a",
        .correlation_id = "c",
        .correlation_id_size = 1,
        .parent_id = parent,
        .created_ms = 1,
        .not_before_ms = 2,
        .ttl_ms = 3,
        .receipts = ROOST_WANT_DELIVERED | ROOST_WANT_FATES,
    };
    struct publish publish;
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 20);
    assert_true(publish_init(&publish, 4));
    struct outgoing *outgoing = make(&message);
    assert_true(publish_push(&publish, outgoing));
    publish_welcome(&publish, 100, 0);

    const Roost__V1__Send *send = pack_and_unpack(&publish, &arena);
    assert_int_equal(send->first_no, 1);
    assert_int_equal(send->n_entries, 1);
    const Roost__V1__Entry *entry = send->entries[0];
    check_bytes(entry->message_id, id, 16);
    check_bytes(entry->scope, "queue:resize", 12);
    check_bytes(entry->body, "body\0x", 6);
    assert_int_equal(entry->kind, ROOST__V1__KIND__ACTION);
    check_bytes(entry->content_type, "text/plain", 10);
    assert_int_equal(entry->n_headers, 2);
    check_bytes(entry->headers[0]->name, "one", 3);
    check_bytes(entry->headers[0]->value, "1", 1);
    assert_int_equal(entry->headers[1]->value.len, 0);
    check_bytes(entry->key, "k", 1);
    assert_int_equal(entry->priority, 9);
    check_bytes(entry->reply_to, "peer:a", 6);
    check_bytes(entry->correlation_id, "c", 1);
    check_bytes(entry->parent_id, parent, 16);
    assert_int_equal(entry->created_ms, 1);
    assert_int_equal(entry->not_before_ms, 2);
    assert_int_equal(entry->ttl_ms, 3);
    assert_int_equal(entry->receipts, 5);
    free(publish_take(&publish));
    publish_fini(&publish);
    arena_fini(&arena);
}

static void neighbours_share_a_scope(void **state)
{
    static const char *const scopes[] = {"peer:a",  "peer:a",  "peer:b",
                                         "peer:bb", "peer:bb", "peer:a"};
    const size_t shown[] = {6, 0, 6, 7, 0, 6};
    struct publish publish;
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 20);
    assert_true(publish_init(&publish, 8));
    for (size_t i = 0; i < 6; i++) {
        struct roost_outgoing message = {.scope = scopes[i], .body = "x", .body_size = 1};
        assert_true(publish_push(&publish, make(&message)));
    }
    publish_welcome(&publish, 100, 0);
    const Roost__V1__Send *send = pack_and_unpack(&publish, &arena);
    assert_int_equal(send->n_entries, 6);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(send->entries[i]->scope.len, shown[i]);
    for (size_t i = 0; i < 6; i++)
        free(publish_take(&publish));
    publish_fini(&publish);
    arena_fini(&arena);
}

static void refuses(const struct roost_outgoing *message, enum roost_error error)
{
    struct outgoing *outgoing = NULL;
    assert_int_equal(outgoing_new(message, &outgoing), error);
    assert_null(outgoing);
}

static void arguments(void **state)
{
    char long_scope[300];
    const struct roost_header bad = {"", "1", 1};
    (void)state;
    memset(long_scope, 'a', sizeof(long_scope));
    long_scope[299] = '\0';
    refuses(&(struct roost_outgoing){.scope = NULL}, ROOST_USAGE);
    refuses(&(struct roost_outgoing){.scope = ""}, ROOST_BAD_SCOPE);
    refuses(&(struct roost_outgoing){.scope = long_scope}, ROOST_BAD_SCOPE);
    refuses(&(struct roost_outgoing){.scope = "peer:a", .body_size = 1}, ROOST_USAGE);
    refuses(&(struct roost_outgoing){.scope = "peer:a", .priority = 10}, ROOST_USAGE);
    refuses(&(struct roost_outgoing){.scope = "peer:a", .receipts = 8}, ROOST_USAGE);
    refuses(&(struct roost_outgoing){.scope = "peer:a", .key = "", .key_size = 256}, ROOST_USAGE);
    refuses(&(struct roost_outgoing){.scope = "peer:a", .headers = &bad, .header_count = 1},
            ROOST_USAGE);
    refuses(&(struct roost_outgoing){.scope = "peer:a", .content_type = long_scope}, ROOST_USAGE);
}

static void foreign_frames(void **state)
{
    (void)state;
    assert_int_equal(frame_type("\xB5\x0C\x01\x02", 4), ROOST__V1__TYPE__WELCOME);
    assert_int_equal(frame_type("\xB5\x0C\x01", 3), 0);
    assert_int_equal(frame_type("\xB5\x0D\x01\x02", 4), 0);
    assert_int_equal(frame_type("\xB5\x0C\x02\x02", 4), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field),
        cmocka_unit_test(neighbours_share_a_scope),
        cmocka_unit_test(arguments),
        cmocka_unit_test(foreign_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
