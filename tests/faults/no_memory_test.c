/* SPDX-License-Identifier: MPL-2.0
 *
 * What reads bytes of strangers, while each of its allocations fails in turn, that one only or also all
 * after it: it says so, or it needed none; it never takes what it could not read for something else,
 * leaks nothing and writes nowhere it may not (the sanitizers look). Without a fault each says the same
 * as before.
 *
 * Our own calls of malloc and its kin are wrapped (see CMakeLists.txt); what jansson does not get ends
 * the process (gateways/json_memory.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateways/http/http_error.h"
#include "gateways/http/http_fields.h"
#include "gateways/http/http_json.h"
#include "gateways/ipmsg/ipmsg_entry.h"
#include "gateways/ipmsg/ipmsg_files.h"
#include "gateways/ipmsg/ipmsg_packet.h"
#include "gateways/lair/lair_command.h"
#include "history_state.h"
#include "proto/wire.h"

#define ALLOCATIONS_MAX 2000

static unsigned count, nth; /* nth 0: none fails */
static bool is_for_ever;

void *__real_malloc(size_t size);
void *__real_calloc(size_t items, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t items, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

static bool fails(void)
{
    count++;
    return nth != 0 && (count == nth || (is_for_ever && count > nth));
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t items, size_t size)
{
    return fails() ? NULL : __real_calloc(items, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

/* Reads one thing and looks at what came of it. */
typedef enum err reading(void);

/* Plays it with every allocation failing. `refusals`: what it may say then. */
static void play(reading *read, const enum err *refusals, size_t refusal_count)
{
    unsigned refused = 0;
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        is_for_ever = for_ever != 0;
        for (unsigned n = 1; n < ALLOCATIONS_MAX; n++) {
            count = 0;
            nth = n;
            enum err err = read();
            bool is_reached = count >= n;
            nth = 0;
            bool is_expected = err == ERR_OK;
            for (size_t i = 0; i < refusal_count && !is_expected; i++)
                is_expected = err == refusals[i];
            if (!is_expected)
                fail_msg("allocation %u: %s", n, err_name(err));
            refused += err != ERR_OK;
            if (!is_reached)
                break;
            assert_true(n + 1 < ALLOCATIONS_MAX);
        }
        assert_int_equal(read(), ERR_OK);
    }
    assert_true(refused > 0); /* or nothing was tried */
}

#define PLAY(read, ...)                                                                            \
    do {                                                                                           \
        const enum err refusals[] = {__VA_ARGS__};                                                 \
        play((read), refusals, sizeof(refusals) / sizeof(*refusals));                              \
    } while (0)

/* --- ZeroMQ frames. */

static zmq_msg_t frame;

static void make_frame(void)
{
    static uint8_t id[16] = {1}, body[20000];
    Roost__V1__Header header = ROOST__V1__HEADER__INIT, *headers[] = {&header};
    Roost__V1__Entry entry = ROOST__V1__ENTRY__INIT, *entries[50];
    Roost__V1__Send send = ROOST__V1__SEND__INIT;
    header.name = header.value = (ProtobufCBinaryData){1, (uint8_t *)(uintptr_t) "n"};
    entry.message_id = (ProtobufCBinaryData){sizeof(id), id};
    entry.scope = (ProtobufCBinaryData){10, (uint8_t *)(uintptr_t) "peer:alice"};
    entry.body = (ProtobufCBinaryData){sizeof(body), body};
    entry.headers = headers;
    entry.n_headers = 1;
    for (size_t i = 0; i < 50; i++)
        entries[i] = &entry;
    send.first_no = 1;
    send.entries = entries;
    send.n_entries = 50;
    assert_int_equal(wire_pack(ROOST__V1__TYPE__SEND, &send.base, &frame), ERR_OK);
}

static enum err read_frame(void)
{
    struct arena arena;
    struct wire_message message;
    arena_init(&arena, WIRE_ARENA_BYTES(WIRE_FRAME_BYTES_DEFAULT));
    struct wire_reader reader = {
        .direction = WIRE_TO_BROKER, .limits = &wire_limits_default, .arena = &arena};
    enum err err = wire_parse(&reader, zmq_msg_data(&frame), zmq_msg_size(&frame), &message);
    assert_true((err == ERR_OK) == (reader.problem == NULL));
    if (!err)
        assert_int_equal(message.send->n_entries, 50);
    assert_true(!err || arena_lacks_memory(&arena));
    arena_fini(&arena);
    return err;
}

static void frames(void **state)
{
    (void)state;
    make_frame();
    PLAY(read_frame, ERR_BUSY); /* nothing is refused for good because of that */
    (void)zmq_msg_close(&frame);
}

/* --- Stored headers: without memory the message is not shown at all, rather than without them. */

static uint8_t packed[4096];
static size_t packed_size;

static enum err read_headers(void)
{
    struct history h = {.actor = NULL};
    struct message_row row = {.seq = 1, .headers = {packed, packed_size}};
    Roost__V1__Delivery delivery;
    arena_init(&h.arena, (size_t)64 << 20);
    bool is_shown = history_delivery(&h, &row, &delivery);
    if (is_shown)
        assert_int_equal(delivery.n_headers, 3);
    arena_fini(&h.arena);
    return is_shown ? ERR_OK : ERR_BUSY;
}

static void stored_headers(void **state)
{
    Roost__V1__Header header = ROOST__V1__HEADER__INIT, *headers[] = {&header, &header, &header};
    Roost__V1__HeaderList list = ROOST__V1__HEADER_LIST__INIT;
    (void)state;
    header.name = header.value = (ProtobufCBinaryData){1, (uint8_t *)(uintptr_t) "n"};
    list.headers = headers;
    list.n_headers = 3;
    packed_size = roost__v1__header_list__pack(&list, packed);
    PLAY(read_headers, ERR_BUSY);
}

/* --- Lair Chat. */

static enum err read_login(void)
{
    static const char text[] = "{\"type\":\"login\",\"username\":\"alice\",\"password\":\"secret\","
                               "\"fingerprint\":\"x\"}";
    struct lair_auth auth;
    enum err err = lair_auth_parse(text, sizeof(text) - 1, &auth);
    if (err)
        return err;
    assert_string_equal(auth.username, "alice");
    assert_string_equal(auth.password, "secret");
    lair_auth_fini(&auth);
    return ERR_OK;
}

static void lair_logins(void **state)
{
    (void)state;
    PLAY(read_login, ERR_PROTOCOL);
}

/* --- HTTP. */

static enum err read_body(void)
{
    static const char text[] =
        "{\"scope\":\"peer:alice\",\"body_base64\":\"aGVsbG8gd29ybGQ=\",\"headers\":"
        "[{\"name\":\"a\",\"value\":\"\\u4e2d\"}]}";
    char problem[HTTP_PROBLEM_BYTES_MAX];
    struct http_fields *fields;
    enum err err =
        http_fields_parse("scope body_base64 headers", text, sizeof(text) - 1, &fields, problem);
    if (!err) {
        assert_int_equal(fields->header_count, 1);
        assert_true(fields->is_set[HTTP_FIELD_body_base64]);
    }
    http_fields_free(&fields);
    return err;
}

static enum err write_error(void)
{
    struct buf buf;
    struct http_json json;
    buf_init(&buf, 1 << 16);
    http_json_begin(&json, &buf);
    (void)http_error_write(&json, ERR_BAD_JSON, "a problem", 0);
    enum err err = json.err;
    buf_fini(&buf);
    return err;
}

static void http_bodies(void **state)
{
    (void)state;
    PLAY(read_body, ERR_BUSY);
    PLAY(write_error, ERR_BUSY);
}

/* --- The local network. */

static enum err read_packet(void)
{
    static const char files[] = "0:report.txt:1a:65536f00:1:\a1:photo:ff:65536f00:2:\a";
    static const char text[] = "\xc4\xe3\xba\xc3 hello";
    static const struct ipmsg_own own = {"ann", "pc", "\xe4\xbd\xa0", "\xe5\xa5\xbd"};
    const struct ipmsg_said said = {7, IPMSG_SENDMSG, "ann", "pc", "hello", 5};
    struct buf buf;
    size_t odd;
    uint32_t files_count = 0;
    buf_init(&buf, 1 << 16);
    enum err err = ipmsg_decode_text(IPMSG_CHARSET_GB18030, (const uint8_t *)text, sizeof(text) - 1,
                                     &buf, &odd);
    if (!err)
        err = ipmsg_files_json((const uint8_t *)files, sizeof(files) - 1, IPMSG_CHARSET_GB18030,
                               4096, &buf, &files_count);
    if (!err)
        err = ipmsg_entry_write(&own, IPMSG_CHARSET_GB18030, &buf);
    if (!err)
        err = ipmsg_packet_format(&said, &buf);
    buf_fini(&buf);
    return err;
}

static void packets(void **state)
{
    (void)state;
    PLAY(read_packet, ERR_BUSY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames),      cmocka_unit_test(stored_headers),
        cmocka_unit_test(lair_logins), cmocka_unit_test(http_bodies),
        cmocka_unit_test(packets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
