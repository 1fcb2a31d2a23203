/* SPDX-License-Identifier: MPL-2.0
 *
 * Message ids: they rise whatever the clock does, and text and bytes are the same id.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/uuid.h"

#define IDS_COUNT 20000

static void ids_rise(void **state)
{
    struct uuid_source source = {0};
    uint8_t last[UUID_BYTES] = {0};
    uint8_t id[UUID_BYTES];
    int64_t now_ms = 1790000000000;

    (void)state;
    for (int i = 0; i < IDS_COUNT; i++) {
        if (i % 1000 == 999)
            now_ms += i % 3000 == 2999 ? -3600000 : 1; /* sometimes an hour backwards */
        uuid_next(&source, (struct wall_time){now_ms}, id);
        assert_true(memcmp(id, last, UUID_BYTES) > 0);
        assert_int_equal(id[6] >> 4, 7);
        assert_int_equal(id[8] >> 6, 2);
        memcpy(last, id, UUID_BYTES);
    }
}

static void time_is_in_front(void **state)
{
    struct uuid_source source = {0};
    uint8_t id[UUID_BYTES];
    uint64_t ms = 0;

    (void)state;
    uuid_next(&source, (struct wall_time){0x0123456789ab}, id);
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | id[i];
    assert_true(ms == 0x0123456789ab);
    uuid_next(&source, (struct wall_time){-5}, id); /* a clock before 1970: time is kept */
    assert_int_equal(id[5], 0xab);
}

static void sources_differ(void **state)
{
    struct uuid_source first = {0};
    struct uuid_source second = {0};
    uint8_t id[2][UUID_BYTES];

    (void)state;
    uuid_next(&first, (struct wall_time){1}, id[0]);
    uuid_next(&second, (struct wall_time){1}, id[1]);
    assert_memory_not_equal(id[0], id[1], UUID_BYTES);
}

static void text_and_bytes(void **state)
{
    static const char text[] = "018f6f2e-7d3a-7c31-9b1e-0123456789ab";
    static const char *const bad[] = {
        "",
        "018f6f2e-7d3a-7c31-9b1e-0123456789a",
        "018f6f2e-7d3a-7c31-9b1e-0123456789abc",
        "018f6f2e-7d3a-7c31-9b1e-0123456789ag",
        "018f6f2e-7d3a-7c31-9b1e00123456789ab",
        "018f6f2e7d3a7c319b1e0123456789a",
        "018f6f2e7d3a7c319b1e0123456789-b",
    };
    uint8_t id[UUID_BYTES];
    uint8_t again[UUID_BYTES];
    char printed[UUID_TEXT_LENGTH + 1];

    (void)state;
    assert_int_equal(uuid_parse(text, 36, id), ERR_OK);
    uuid_format(id, printed);
    assert_string_equal(printed, text);
    assert_int_equal(uuid_parse("018F6F2E7D3A7C319B1E0123456789AB", 32, again), ERR_OK);
    assert_memory_equal(id, again, UUID_BYTES);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(uuid_parse(bad[i], strlen(bad[i]), again), ERR_BAD_FIELD);
    assert_memory_equal(id, again, UUID_BYTES); /* untouched by failures */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_rise),
        cmocka_unit_test(time_is_in_front),
        cmocka_unit_test(sources_differ),
        cmocka_unit_test(text_and_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
