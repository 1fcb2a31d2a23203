/* SPDX-License-Identifier: MPL-2.0
 *
 * Requests of libzmq, whole and cut short, and the answers to them.
 */
#include "zap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define TEXT(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static const uint8_t key[KEY_BYTES] = {1, 2, 3};

static void fill(struct zap_part parts[7])
{
    const struct zap_part request[7] = {
        TEXT("1.0"), TEXT("7"),     TEXT("roost"),      TEXT("192.0.2.7"),
        TEXT(""),    TEXT("CURVE"), {key, sizeof(key)},
    };
    memcpy(parts, request, sizeof(request));
}

static void test_a_request(void **state)
{
    struct zap_part parts[7];
    struct zap_request request;
    char text[KEY_TEXT_SIZE];
    (void)state;
    fill(parts);
    assert_int_equal(zap_request_read(parts, 7, "roost", &request), ERR_OK);
    key_to_text(key, text);
    assert_string_equal(request.key, text);
    assert_string_equal(request.address, "192.0.2.7");
    assert_int_equal(request.id_size, 1);
    assert_int_equal(request.id[0], '7');
}

/* They are answered, and nobody gets in. */
static void test_what_proves_no_key(void **state)
{
    static const struct {
        size_t part;
        struct zap_part value;
    } cases[] = {
        {2, TEXT("")}, {2, TEXT("roosts")},         {5, TEXT("NULL")}, {5, TEXT("PLAIN")},
        {5, TEXT("")}, {6, {key, sizeof(key) - 1}}, {6, TEXT("")},
    };
    struct zap_part parts[8];
    struct zap_request request;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fill(parts);
        parts[cases[i].part] = cases[i].value;
        assert_int_equal(zap_request_read(parts, 7, "roost", &request), ERR_OK);
        assert_string_equal(request.key, "");
    }
    fill(parts);
    parts[7] = parts[6];
    assert_int_equal(zap_request_read(parts, 6, "roost", &request), ERR_OK);
    assert_string_equal(request.key, "");
    assert_int_equal(zap_request_read(parts, 8, "roost", &request), ERR_OK);
    assert_string_equal(request.key, "");
}

static void test_what_is_not_answered(void **state)
{
    struct zap_part parts[7];
    struct zap_request request;
    static const char long_id[ZAP_ID_BYTES_MAX + 1] = {0};
    (void)state;
    fill(parts);
    for (size_t count = 0; count < 6; count++)
        assert_int_equal(zap_request_read(parts, count, "roost", &request), ERR_BAD_FIELD);
    parts[0] = (struct zap_part)TEXT("1.1");
    assert_int_equal(zap_request_read(parts, 7, "roost", &request), ERR_BAD_FIELD);
    fill(parts);
    parts[1] = (struct zap_part){long_id, sizeof(long_id)};
    assert_int_equal(zap_request_read(parts, 7, "roost", &request), ERR_BAD_FIELD);
}

static void test_long_addresses_are_cut(void **state)
{
    struct zap_part parts[7];
    struct zap_request request;
    char address[200];
    (void)state;
    fill(parts);
    memset(address, 'x', sizeof(address));
    parts[3] = (struct zap_part){address, sizeof(address)};
    assert_int_equal(zap_request_read(parts, 7, "roost", &request), ERR_OK);
    assert_int_equal(strlen(request.address), ZAP_ADDRESS_BYTES - 1);
}

static void test_answers(void **state)
{
    static const char *const codes[] = {"200", "300", "400"};
    struct zap_part parts[7], answer[ZAP_ANSWER_PARTS];
    struct zap_request request;
    (void)state;
    fill(parts);
    assert_int_equal(zap_request_read(parts, 7, "roost", &request), ERR_OK);
    for (unsigned status = ZAP_WELCOME; status <= ZAP_NOT_KNOWN; status++) {
        zap_answer_fill(&request, (enum zap_status)status, answer);
        assert_memory_equal(answer[0].data, "1.0", 3);
        assert_memory_equal(answer[1].data, "7", 1);
        assert_int_equal(answer[2].size, 3);
        assert_memory_equal(answer[2].data, codes[status], 3);
        /* who it is, is said of those who are let in only */
        assert_int_equal(answer[4].size, status == ZAP_WELCOME ? KEY_TEXT : 0);
        assert_int_equal(answer[5].size, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request),
        cmocka_unit_test(test_what_proves_no_key),
        cmocka_unit_test(test_what_is_not_answered),
        cmocka_unit_test(test_long_addresses_are_cut),
        cmocka_unit_test(test_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
