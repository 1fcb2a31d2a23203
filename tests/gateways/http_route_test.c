/* SPDX-License-Identifier: MPL-2.0
 *
 * The router, and the table it goes by: every row can be reached, says what it takes in known words,
 * and no two rows are the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "gateways/http/http_fields.h"
#include "gateways/http/http_json.h"
#include "gateways/http/http_route.h"

static bool find(const char *path, enum http_method method, struct http_match *ret,
                 struct http_target *target, char memory[256])
{
    const char *problem;
    size_t size = strlen(path);
    assert_true(size < 256);
    memcpy(memory, path, size);
    assert_int_equal(http_target_parse(memory, size, target, &problem), ERR_OK);
    return http_route_find(target, method, ret);
}

/* "{room}" becomes a text; the router must come back to the row. */
static void every_row_is_reached(void **state)
{
    (void)state;
    for (size_t i = 0; i < http_route_count; i++) {
        const struct http_route *route = &http_routes[i];
        char path[256] = "", memory[256];
        size_t size = 0, variables = 0;
        for (const char *at = route->path; *at; at++) {
            if (*at == '{') {
                at += strcspn(at, "}");
                path[size++] = '@';
                variables++;
            } else {
                path[size++] = *at;
            }
        }
        struct http_match match;
        struct http_target target;
        assert_true(find(path, route->method, &match, &target, memory));
        assert_string_equal(match.route->path, route->path);
        assert_int_equal(match.route->method, route->method);
        assert_int_equal(match.variable_count, variables);
        assert_non_null(route->handler);
    }
}

static void rows_are_right(void **state)
{
    (void)state;
    for (size_t i = 0; i < http_route_count; i++) {
        const struct http_route *route = &http_routes[i];
        for (const char *at = route->fields; *at;) {
            at += strspn(at, " ");
            size_t length = strcspn(at, " "), known = 0;
            size_t size = length && at[length - 1] == '!' ? length - 1 : length;
            for (unsigned j = 0; j < HTTP_FIELD_COUNT; j++)
                known += strlen(http_field_rows[j].name) == size &&
                         memcmp(http_field_rows[j].name, at, size) == 0;
            assert_int_equal(known, length > 0);
            at += length;
        }
        assert_true(strlen(route->summary) > 3);
        assert_true(route->status >= 200 && route->status < 300);
        bool has_type = route->form == HTTP_FORM_ONE || route->form == HTTP_FORM_LIST;
        assert_int_equal(has_type, route->type != NULL);
        for (size_t j = 0; j < i; j++)
            assert_false(http_routes[j].method == route->method &&
                         strcmp(http_routes[j].path, route->path) == 0);
    }
}

static void the_fixed_part_wins(void **state)
{
    struct http_match match;
    struct http_target target;
    char memory[256];
    (void)state;
    assert_true(find("/api/v1/peers/statistics", HTTP_GET, &match, &target, memory));
    assert_string_equal(match.route->path, "/api/v1/peers/statistics");
    assert_true(find("/api/v1/peers/ana", HTTP_GET, &match, &target, memory));
    assert_string_equal(match.route->path, "/api/v1/peers/{name}");
    assert_memory_equal(match.variables[0].data, "ana", 3);
    assert_true(find("/api/v1/sessions/current", HTTP_DELETE, &match, &target, memory));
    assert_string_equal(match.route->path, "/api/v1/sessions/current");
}

static void nothing_fits(void **state)
{
    static const char *const paths[] = {
        "/", "/api", "/api/v1/peers/", "/api/v1/rooms/a/b/c", "/healthz/", "/HEALTHZ"};
    struct http_match match;
    struct http_target target;
    char memory[256];
    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        assert_false(find(paths[i], HTTP_GET, &match, &target, memory));
        assert_int_equal(http_route_methods(&target), 0);
    }
}

static void methods(void **state)
{
    struct http_match match;
    struct http_target target;
    char memory[256], allow[64];
    (void)state;
    assert_false(find("/api/v1/rooms/tea", HTTP_POST, &match, &target, memory));
    http_route_write_allow(http_route_methods(&target), allow, sizeof(allow));
    assert_string_equal(allow, "GET, HEAD, PATCH, DELETE, OPTIONS");
    assert_int_equal(http_method_of("HEAD"), HTTP_GET);
    assert_int_equal(http_method_of("OPTIONS"), HTTP_OPTIONS);
    assert_int_equal(http_method_of("get"), HTTP_OTHER);
    assert_int_equal(http_method_of("TRACE"), HTTP_OTHER);
}

static void words(void **state)
{
    bool is_needed = false;
    (void)state;
    assert_true(http_words_have("one two! three", "two", 3, &is_needed));
    assert_true(is_needed);
    assert_true(http_words_have("one two! three", "three", 5, &is_needed));
    assert_false(is_needed);
    assert_false(http_words_have("one two! three", "tw", 2, NULL));
    assert_false(http_words_have("", "x", 1, NULL));
    assert_false(http_words_have("", "", 0, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_reached),
        cmocka_unit_test(rows_are_right),
        cmocka_unit_test(the_fixed_part_wins),
        cmocka_unit_test(nothing_fits),
        cmocka_unit_test(methods),
        cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
