/* SPDX-License-Identifier: MPL-2.0
 *
 * Bodies of requests: every type, and everything that is refused, with its place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "gateways/http/http_fields.h"

#define ID "018f6f2e-7d3a-7c31-9b1e-0123456789ab"

static char problem[HTTP_PROBLEM_BYTES_MAX];

static enum err parse(const char *wanted, const char *json, struct http_fields **ret)
{
    return http_fields_parse(wanted, json, strlen(json), ret, problem);
}

static enum err refused(const char *wanted, const char *json)
{
    struct http_fields *fields;
    enum err err = parse(wanted, json, &fields);
    http_fields_free(&fields);
    assert_null(fields);
    return err;
}

static void every_type(void **state)
{
    struct http_fields *fields;
    (void)state;
    assert_int_equal(parse("body! seq all privacy message_id message_ids body_base64 headers topic",
                           "{\"body\":\"a\\u0000\xe8\x8c\xb6\",\"seq\":9007199254740993,\"all\":"
                           "true,\"privacy\":\"open\","
                           "\"message_id\":\"" ID "\",\"message_ids\":[\"" ID "\",\"" ID
                           "\"],\"body_base64\":\"AP8=\","
                           "\"headers\":[{\"name\":\"a\",\"value\":\"b\"}],\"topic\":null}",
                           &fields),
                     ERR_OK);
    assert_int_equal(fields->text[HTTP_FIELD_body].size, 5);
    assert_memory_equal(fields->text[HTTP_FIELD_body].data, "a\0\xe8\x8c\xb6", 5);
    assert_true(fields->number[HTTP_FIELD_seq] == 9007199254740993u);
    assert_int_equal(fields->number[HTTP_FIELD_all], 1);
    assert_int_equal(fields->number[HTTP_FIELD_privacy], ROOST__V1__PRIVACY__OPEN);
    assert_int_equal(fields->text[HTTP_FIELD_message_id].size, 16);
    assert_int_equal(fields->text[HTTP_FIELD_message_ids].size, 32);
    assert_memory_equal(fields->text[HTTP_FIELD_body_base64].data, "\0\xff", 2);
    assert_int_equal(fields->header_count, 1);
    assert_memory_equal(fields->header_list[0]->value.data, "b", 1);
    assert_true(fields->is_null[HTTP_FIELD_topic] && !fields->is_set[HTTP_FIELD_topic]);
    assert_false(fields->is_set[HTTP_FIELD_name] || fields->is_null[HTTP_FIELD_name]);
    http_fields_free(&fields);
}

static void nothing_is_an_object(void **state)
{
    (void)state;
    assert_int_equal(refused("topic", ""), ERR_OK);
    assert_int_equal(refused("topic", "{}"), ERR_OK);
    assert_int_equal(refused("topic!", ""), ERR_MISSING_FIELD);
    assert_string_equal(problem, "topic: must be there");
    assert_int_equal(refused("topic!", "{\"topic\":null}"), ERR_MISSING_FIELD);
}

static void broken_json(void **state)
{
    static const char *const wrong[] = {
        "{",
        "{\"topic\":\"a\",}",
        "{\"topic\":\"a\"} x",
        "{\"topic\":\"a\",\"topic\":\"b\"}",
        "{\"topic\":\"\xff\"}",
        "{\"topic\":\"\xc0\xaf\"}",
        "[]",
        "1",
        "{'topic':1}",
        "{\"topic\":NaN}",
        "\xef\xbb\xbf{}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(refused("topic", wrong[i]), ERR_BAD_JSON);
        assert_true(strlen(problem) > 0);
    }
    assert_int_equal(refused("topic", "{\"topic\":\n1,,}"), ERR_BAD_JSON);
    assert_non_null(strstr(problem, "line 2, column"));
}

static void wrong_fields(void **state)
{
    static const struct {
        const char *wanted, *json, *words;
    } rows[] = {
        {"topic", "{\"name\":\"a\"}", "name: this path"},
        {"topic", "{\"topic\":1}", "topic: must be text"},
        {"seq", "{\"seq\":-1}", "seq: must be a whole number"},
        {"seq", "{\"seq\":1.5}", "seq: must be a whole number"},
        {"seq", "{\"seq\":\"1\"}", "seq: must be a whole number"},
        {"all", "{\"all\":1}", "all: must be true or false"},
        {"privacy", "{\"privacy\":\"secret\"}", "privacy: is none"},
        {"privacy", "{\"privacy\":2}", "privacy: is none"},
        {"message_id", "{\"message_id\":\"x\"}", "message_id: is no UUID"},
        {"message_ids", "{\"message_ids\":[]}", "message_ids: must be a list"},
        {"message_ids", "{\"message_ids\":[1]}", "message_ids: is no UUID"},
        {"message_ids", "{\"message_ids\":\"" ID "\"}", "message_ids: must be a list"},
        {"body_base64", "{\"body_base64\":\"?\"}", "body_base64: is no base64"},
        {"body_base64", "{\"body_base64\":\"AA\"}", "body_base64: is no base64"},
        {"headers", "{\"headers\":{\"a\":\"b\"}}", "headers: must be a list"},
        {"headers", "{\"headers\":[{\"name\":\"a\"}]}", "headers: must be a list"},
        {"headers", "{\"headers\":[{\"name\":\"a\",\"value\":\"b\",\"c\":1}]}", "headers: must"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(refused(rows[i].wanted, rows[i].json), ERR_BAD_FIELD);
        assert_non_null(strstr(problem, rows[i].words));
    }
}

static void deep_and_long(void **state)
{
    char *deep = malloc(200000);
    (void)state;
    assert_non_null(deep);
    memset(deep, '[', 199999);
    deep[199999] = '\0';
    assert_int_equal(refused("topic", deep), ERR_BAD_JSON);
    free(deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type),    cmocka_unit_test(nothing_is_an_object),
        cmocka_unit_test(broken_json),   cmocka_unit_test(wrong_fields),
        cmocka_unit_test(deep_and_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
