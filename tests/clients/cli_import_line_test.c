/* SPDX-License-Identifier: MPL-2.0
 *
 * Lines of an export as anybody may have written them: what each lacks or has of a wrong kind is
 * told, what may be missing has its default, and bytes come back as they were.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "broker.pb-c.h"
#include "clients/cli/import_line.h"

#define ID_TEXT "018f6f2e-7d3a-4c31-9b1e-0123456789ab"
#define MESSAGE "{\"record\":\"message\",\"seq\":5,\"message_id\":\"" ID_TEXT "\","

static struct import_line line;

static const char *problem_of(const char *text)
{
    import_line_init(&line);
    import_line_parse(&line, text, strlen(text));
    import_line_fini(&line);
    return line.problem;
}

static void good_lines_leave_out_what_they_may(void **state)
{
    static const char *const lines[] = {
        "{\"record\":\"peer\",\"id\":7,\"name\":\"Ana\"}",
        "{\"record\":\"peer\",\"id\":7,\"name\":\"Ana\",\"reliability\":0.5,\"is_verified\":true}",
        "{\"record\":\"account\",\"peer\":7}",
        "{\"record\":\"scope\",\"scope\":\"room:attic\",\"owner\":\"\"}",
        "{\"record\":\"member\",\"scope\":\"room:attic\",\"peer\":\"ana\"}",
        "{\"record\":\"marker\",\"peer\":\"ana\"}",
        MESSAGE "\"scope\":\"peer:bob\",\"sender\":\"ana\",\"body\":\"hi\"}",
        MESSAGE "\"headers\":[{\"name\":\"a\",\"value_base64\":\"AAEC\"}],\"body_base64\":\"\"}",
        "{\"record\":\"end\"}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        if (problem_of(lines[i])[0])
            fail_msg("%s: %s", lines[i], line.problem);
        assert_int_equal(line.is_end, i + 1 == sizeof(lines) / sizeof(*lines));
    }
}

static void what_is_wrong_is_told(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "no JSON object"},
        {"[1]", "of another type"},
        {"{\"record\":\"peer\",\"record\":\"peer\"}", "no JSON object"},
        {"{}", "does not say what it is"},
        {"{\"record\":\"planet\"}", "does not say what it is"},
        {"{\"record\":\"peer\",\"id\":0,\"name\":\"a\"}", "its id is not between"},
        {"{\"record\":\"peer\",\"id\":2147483648,\"name\":\"a\"}", "its id is not between"},
        {"{\"record\":\"peer\",\"id\":1}", "it lacks `name`"},
        {"{\"record\":\"peer\",\"id\":1,\"name\":5}", "`name` is no text"},
        {"{\"record\":\"peer\",\"id\":1,\"name\":\"\"}", "empty"},
        {"{\"record\":\"peer\",\"id\":1,\"name\":\"a\",\"port\":\"x\"}",
         "`port` is no whole number"},
        {"{\"record\":\"peer\",\"id\":1,\"name\":\"a\",\"port\":1.5}", "`port` is no whole number"},
        {"{\"record\":\"peer\",\"id\":1,\"name\":\"a\",\"kind\":1}", "`kind` is no text"},
        {"{\"record\":\"peer\",\"id\":1,\"name\":\"a\",\"kind\":\"a\\u0000b\"}",
         "`kind` is no text"},
        {"{\"record\":\"peer\",\"id\":1,\"name\":\"a\",\"reliability\":\"x\"}", "is no number"},
        {"{\"record\":\"account\",\"peer\":-1}", "a peer is a name or a number"},
        {"{\"record\":\"account\",\"peer\":null}", "a peer is a name or a number"},
        {"{\"record\":\"account\"}", "it lacks `peer`"},
        {"{\"record\":\"account\",\"peer\":1,\"password_hash\":\"md5\"}", "password hash"},
        {"{\"record\":\"scope\",\"owner\":\"\"}", "it lacks `scope`"},
        {"{\"record\":\"scope\",\"scope\":5}", "a scope is a text"},
        {"{\"record\":\"scope\",\"scope\":\"attic\"}", ""},
        {"{\"record\":\"member\",\"peer\":\"ana\"}", "it lacks `scope`"},
        {"{\"record\":\"invitation\",\"scope\":\"room:a\"}", "it lacks `invitation_id`"},
        {"{\"record\":\"invitation\",\"invitation_id\":\"x\"}", "this is no id"},
        {"{\"record\":\"invitation\",\"invitation_id\":7}", "this is no id"},
        {MESSAGE "\"body\":5}", "`body` is no text"},
        {MESSAGE "\"body_base64\":\"*\"}", "this is no base64"},
        {MESSAGE "\"body_base64\":5}", "this is no base64"},
        {MESSAGE "\"headers\":[{\"name\":5}]}", "`name` is no text"},
        {MESSAGE "\"headers\":[{\"value_base64\":\"*\"}]}", "this is no base64"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *problem = problem_of(cases[i].text);
        if (!problem[0] || !strstr(problem, cases[i].says))
            fail_msg("%s: '%s'", cases[i].text, problem);
    }
}

static void what_is_too_long_is_told(void **state)
{
    char *text = malloc(WIRE_BODY_BYTES_CAP + 1000);
    (void)state;
    assert_non_null(text);
    int at = sprintf(text, MESSAGE "\"headers\":[");
    for (unsigned i = 0; i <= WIRE_HEADERS_MAX; i++)
        at += sprintf(text + at, "%s{\"name\":\"n\"}", i ? "," : "");
    (void)sprintf(text + at, "]}");
    assert_non_null(strstr(problem_of(text), "more than 32 headers"));
    (void)sprintf(text, MESSAGE "\"headers\":[{\"name\":\"%0*d\"}]}",
                  (int)WIRE_HEADER_NAME_BYTES_MAX + 1, 0);
    assert_non_null(strstr(problem_of(text), "a header is too long"));
    (void)sprintf(text, MESSAGE "\"body\":\"%0*d\"}", (int)WIRE_BODY_BYTES_CAP + 1, 0);
    assert_non_null(strstr(problem_of(text), "`body` is too long"));
    free(text);
}

static void bytes_come_back(void **state)
{
    static const char text[] = MESSAGE
        "\"headers\":[{\"name\":\"a\",\"value_base64\":\"AAEC/w==\"}],\"body\":\"x\\u0000y\"}";
    (void)state;
    import_line_init(&line);
    import_line_parse(&line, text, sizeof(text) - 1);
    assert_string_equal(line.problem, "");
    const struct transfer_value *body = &line.parameters[line.parameter_count - 1];
    const struct transfer_value *headers = body - 1;
    assert_int_equal(body->is, TRANSFER_IS_BYTES);
    assert_int_equal(body->size, 3);
    assert_memory_equal(body->data, "x\0y", 3);
    Roost__V1__HeaderList *list =
        roost__v1__header_list__unpack(NULL, headers->size, (const uint8_t *)headers->data);
    assert_non_null(list);
    assert_int_equal(list->n_headers, 1);
    assert_int_equal(list->headers[0]->value.len, 4);
    assert_memory_equal(list->headers[0]->value.data, "\0\1\2\xff", 4);
    roost__v1__header_list__free_unpacked(list, NULL);
    import_line_fini(&line);
}

static void the_first_line(void **state)
{
    static const struct {
        const char *text, *says; /* NULL: it is one */
    } cases[] = {
        {"{\"record\":\"roost-export\",\"version\":1,\"export_id\":\"x\",\"last_seq\":9,"
         "\"last_peer_id\":3,\"rows\":12}",
         NULL},
        {"{\"record\":\"roost-export\",\"version\":2,\"export_id\":\"x\"}", "has version 2"},
        {"{\"record\":\"roost-export\",\"version\":1}", "is damaged"},
        {"{\"record\":\"roost-export\",\"version\":1,\"export_id\":\"\"}", "is damaged"},
        {"{\"record\":\"roost-export\",\"version\":1,\"export_id\":\"x\",\"rows\":-1}",
         "is damaged"},
        {"{\"record\":\"peer\"}", "no export of roost"},
        {"SQLite format 3", "no export of roost"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct import_head head;
        char problem[IMPORT_FILE_TEXT_BYTES] = "";
        bool is_one = import_head_parse(&head, cases[i].text, strlen(cases[i].text), problem);
        assert_int_equal(is_one, cases[i].says == NULL);
        if (is_one)
            assert_true(head.size.last_seq == 9 && head.size.rows == 12);
        else if (!strstr(problem, cases[i].says))
            fail_msg("%s: %s", cases[i].text, problem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_lines_leave_out_what_they_may),
        cmocka_unit_test(what_is_wrong_is_told),
        cmocka_unit_test(what_is_too_long_is_told),
        cmocka_unit_test(bytes_come_back),
        cmocka_unit_test(the_first_line),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
