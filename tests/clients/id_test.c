/* SPDX-License-Identifier: MPL-2.0
 *
 * Message ids: they rise, are UUIDs of version 7, and survive printing and reading.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "clients/c/roost.h"

static void ids_rise(void **state)
{
    uint8_t before[ROOST_ID_BYTES] = {0};
    (void)state;
    for (int i = 0; i < 100000; i++) {
        uint8_t id[ROOST_ID_BYTES];
        roost_id_new(id);
        assert_true(memcmp(before, id, sizeof(id)) < 0);
        assert_int_equal(id[6] >> 4, 7);
        assert_int_equal(id[8] >> 6, 2);
        memcpy(before, id, sizeof(id));
    }
}

static void text_and_back(void **state)
{
    uint8_t id[ROOST_ID_BYTES];
    uint8_t back[ROOST_ID_BYTES];
    char text[ROOST_ID_TEXT_LENGTH + 1];
    (void)state;
    roost_id_new(id);
    roost_id_format(id, text);
    assert_int_equal(strlen(text), ROOST_ID_TEXT_LENGTH);
    assert_true(roost_id_parse(text, back));
    assert_memory_equal(id, back, sizeof(id));
    assert_true(roost_id_parse("018F6F2E7D3A7C319B1E0123456789AB", back));
    roost_id_format(back, text);
    assert_string_equal(text, "018f6f2e-7d3a-7c31-9b1e-0123456789ab");
}

static void bad_text(void **state)
{
    static const char *const texts[] = {
        "",
        "x",
        "018f6f2e-7d3a-7c31-9b1e-0123456789a",
        "018f6f2e-7d3a-7c31-9b1e-0123456789abc",
        "018f6f2e+7d3a-7c31-9b1e-0123456789ab",
        "018f6f2e-7d3a-7c31-9b1e-0123456789ag",
        "018f6f2e7d3a7c319b1e0123456789a ",
    };
    uint8_t id[ROOST_ID_BYTES] = {42};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_false(roost_id_parse(texts[i], id));
    assert_int_equal(id[0], 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_rise),
        cmocka_unit_test(text_and_back),
        cmocka_unit_test(bad_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
