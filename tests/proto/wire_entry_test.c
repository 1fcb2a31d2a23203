/* SPDX-License-Identifier: MPL-2.0
 *
 * One entry of a SEND: each field at its limit and just beyond.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/wire.h"

static uint8_t zeros[(1u << 20) + 1];
static uint8_t letters[8192];

static ProtobufCBinaryData bytes(size_t size)
{
    return (ProtobufCBinaryData){size, letters};
}

static ProtobufCBinaryData text(const char *words)
{
    return (ProtobufCBinaryData){strlen(words), (uint8_t *)words};
}

static Roost__V1__Entry usual_entry(void)
{
    Roost__V1__Entry entry = ROOST__V1__ENTRY__INIT;

    memset(letters, 'x', sizeof(letters));
    entry.message_id = bytes(16);
    entry.scope = text("peer:alice");
    entry.body = text("hello");
    return entry;
}

/* `member` set to `value` in an otherwise usual entry. */
#define EXPECT(member, value, wanted)                                                              \
    do {                                                                                           \
        Roost__V1__Entry entry = usual_entry();                                                    \
        entry.member = (value);                                                                    \
        expect(&entry, wanted, #member, __LINE__);                                                 \
    } while (0)

static void expect(const Roost__V1__Entry *entry, enum err wanted, const char *member, int line)
{
    const char *problem = NULL;
    enum err err = wire_check_entry(entry, &wire_limits_default, &problem);

    if (err != wanted)
        fail_msg("line %d, %s: %s (%s)", line, member, err_name(err), problem ? problem : "");
    assert_int_equal(err == ERR_OK, problem == NULL);
}

static void addresses(void **state)
{
    (void)state;
    EXPECT(priority, 0, ERR_OK);
    EXPECT(message_id, bytes(0), ERR_MISSING_FIELD);
    EXPECT(message_id, bytes(15), ERR_BAD_FIELD);
    EXPECT(message_id, bytes(17), ERR_BAD_FIELD);
    EXPECT(scope, bytes(0), ERR_MISSING_FIELD);
    EXPECT(scope, text("alice"), ERR_BAD_SCOPE);
    EXPECT(scope, text("peer:"), ERR_BAD_SCOPE);
    EXPECT(scope, text("peer:a\n"), ERR_BAD_SCOPE);
    EXPECT(scope, text("topic:a.*"), ERR_BAD_SCOPE); /* wildcards are for readers */
    EXPECT(scope, text("topic:a.b"), ERR_OK);
    EXPECT(scope, text("peer:lan:ana@host"), ERR_OK);
    EXPECT(reply_to, text("queue:answers"), ERR_OK);
    EXPECT(reply_to, text("answers"), ERR_BAD_SCOPE);
}

static void content(void **state)
{
    (void)state;
    EXPECT(body, bytes(0), ERR_OK);
    EXPECT(body, ((ProtobufCBinaryData){1u << 20, zeros}), ERR_OK);
    EXPECT(body, ((ProtobufCBinaryData){(1u << 20) + 1, zeros}), ERR_TOO_LARGE);
    EXPECT(kind, ROOST__V1__KIND__CUSTOM, ERR_OK);
    EXPECT(kind, ROOST__V1__KIND__RECEIPT_KIND, ERR_BAD_FIELD);
    EXPECT(kind, ROOST__V1__KIND__ACTION, ERR_OK);
    EXPECT(kind, ROOST__V1__KIND__SYSTEM, ERR_BAD_FIELD);
    EXPECT(kind, ROOST__V1__KIND__EDIT, ERR_BAD_FIELD);
    EXPECT(kind, ROOST__V1__KIND__DELETE, ERR_BAD_FIELD);
    EXPECT(kind, ROOST__V1__KIND__REACTION, ERR_BAD_FIELD);
    EXPECT(kind, (Roost__V1__Kind)10, ERR_BAD_FIELD);
    EXPECT(kind, (Roost__V1__Kind)-1, ERR_BAD_FIELD);
    EXPECT(content_type, text("text/plain; charset=utf-8"), ERR_OK);
    EXPECT(content_type, text("text/\xc3\xa9"), ERR_BAD_FIELD);
    EXPECT(content_type, text("text\r\n"), ERR_BAD_FIELD);
    EXPECT(content_type, bytes(127), ERR_OK);
    EXPECT(content_type, bytes(128), ERR_BAD_FIELD);
    EXPECT(key, bytes(255), ERR_OK);
    EXPECT(key, bytes(256), ERR_BAD_FIELD);
    EXPECT(priority, 9, ERR_OK);
    EXPECT(priority, 10, ERR_BAD_FIELD);
    EXPECT(correlation_id, bytes(64), ERR_OK);
    EXPECT(correlation_id, bytes(65), ERR_BAD_FIELD);
    EXPECT(parent_id, bytes(16), ERR_OK);
    EXPECT(parent_id, bytes(8), ERR_BAD_FIELD);
}

static void times(void **state)
{
    (void)state;
    EXPECT(created_ms, WIRE_TIME_MS_MAX, ERR_OK);
    EXPECT(created_ms, WIRE_TIME_MS_MAX + 1, ERR_BAD_FIELD);
    EXPECT(not_before_ms, WIRE_TIME_MS_MAX, ERR_OK);
    EXPECT(not_before_ms, UINT64_MAX, ERR_BAD_FIELD);
    EXPECT(ttl_ms, WIRE_TTL_MS_MAX, ERR_OK);
    EXPECT(ttl_ms, WIRE_TTL_MS_MAX + 1, ERR_BAD_FIELD);
    EXPECT(receipts, 7, ERR_OK);
    EXPECT(receipts, 8, ERR_BAD_FIELD);
}

static enum err check_with_headers(size_t count, ProtobufCBinaryData name,
                                   ProtobufCBinaryData value)
{
    Roost__V1__Entry entry = usual_entry();
    Roost__V1__Header header = ROOST__V1__HEADER__INIT;
    Roost__V1__Header *list[WIRE_HEADERS_MAX + 1];

    header.name = name;
    header.value = value;
    for (size_t i = 0; i < count; i++)
        list[i] = &header;
    entry.n_headers = count;
    entry.headers = list;
    return wire_check_entry(&entry, &wire_limits_default, NULL);
}

static void headers(void **state)
{
    (void)state;
    (void)usual_entry();
    assert_int_equal(check_with_headers(32, text("tenant"), bytes(4096)), ERR_OK);
    assert_int_equal(check_with_headers(33, text("tenant"), bytes(1)), ERR_TOO_MANY);
    assert_int_equal(check_with_headers(1, text("tenant"), bytes(0)), ERR_OK);
    assert_int_equal(check_with_headers(1, bytes(0), bytes(1)), ERR_BAD_FIELD);
    assert_int_equal(check_with_headers(1, bytes(127), bytes(1)), ERR_OK);
    assert_int_equal(check_with_headers(1, bytes(128), bytes(1)), ERR_BAD_FIELD);
    assert_int_equal(check_with_headers(1, text("two words"), bytes(1)), ERR_BAD_FIELD);
    assert_int_equal(check_with_headers(1, text("tenant"), bytes(4097)), ERR_BAD_FIELD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(content),
        cmocka_unit_test(times),
        cmocka_unit_test(headers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
