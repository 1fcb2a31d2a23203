/* SPDX-License-Identifier: MPL-2.0
 *
 * The OpenAPI document against the router: every row is in it with all it takes, and it has nothing else;
 * whatever it refers to is there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <jansson.h>
#include <string.h>

#include "gateways/http/http_openapi.h"
#include "gateways/http/http_route.h"

static json_t *document;

static int make(void **state)
{
    struct buf buf;
    struct http_json json;
    json_error_t error;
    (void)state;
    buf_init(&buf, 1 << 22);
    http_json_begin(&json, &buf);
    http_openapi_write(&json, "roost test");
    assert_int_equal(json.err, ERR_OK);
    document =
        json_loadb((const char *)buf_data(&buf), buf_size(&buf), JSON_REJECT_DUPLICATES, &error);
    assert_non_null(document);
    buf_fini(&buf);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    json_decref(document);
    return 0;
}

static bool has_parameter(const json_t *operation, const char *name, size_t size, const char *place)
{
    size_t i;
    json_t *parameter;
    json_array_foreach(json_object_get(operation, "parameters"), i, parameter)
    {
        const char *given = json_string_value(json_object_get(parameter, "name"));
        if (strlen(given) == size && memcmp(given, name, size) == 0 &&
            strcmp(json_string_value(json_object_get(parameter, "in")), place) == 0)
            return true;
    }
    return false;
}

static size_t count_words(const char *words)
{
    size_t count = 0;
    for (const char *at = words; *at; at += strcspn(at, " ")) {
        at += strspn(at, " ");
        count += *at != '\0';
    }
    return count;
}

static void look_at(const struct http_route *route, const json_t *operation)
{
    size_t variables = 0;
    char status[8];
    for (const char *at = strchr(route->path, '{'); at; at = strchr(at + 1, '{'), variables++)
        assert_true(has_parameter(operation, at + 1, strcspn(at + 1, "}"), "path"));
    for (const char *at = route->parameters; *at; at += strcspn(at, " ")) {
        at += strspn(at, " ");
        assert_true(has_parameter(operation, at, strcspn(at, " "), "query"));
    }
    assert_int_equal(json_array_size(json_object_get(operation, "parameters")),
                     variables + count_words(route->parameters));
    const json_t *body = json_object_get(operation, "requestBody");
    assert_int_equal(body != NULL, route->fields[0] != '\0');
    const json_t *schema = json_object_get(
        json_object_get(json_object_get(body, "content"), "application/json"), "schema");
    assert_int_equal(json_object_size(json_object_get(schema, "properties")),
                     count_words(route->fields));
    (void)snprintf(status, sizeof(status), "%u", route->status);
    assert_non_null(json_object_get(json_object_get(operation, "responses"), status));
}

static void every_route_is_there(void **state)
{
    const json_t *paths = json_object_get(document, "paths");
    size_t shown = 0, written = 0;
    (void)state;
    for (size_t i = 0; i < http_route_count; i++) {
        const struct http_route *route = &http_routes[i];
        char method[8] = "";
        if (strncmp(route->path, "/api/v1/", 8) != 0)
            continue;
        for (size_t j = 0; http_method_name(route->method)[j]; j++)
            method[j] = (char)tolower((unsigned char)http_method_name(route->method)[j]);
        const json_t *operation = json_object_get(json_object_get(paths, route->path), method);
        assert_non_null(operation);
        look_at(route, operation);
        shown++;
    }
    const char *path;
    json_t *methods;
    json_object_foreach((json_t *)(uintptr_t)paths, path, methods) written +=
        json_object_size(methods);
    assert_int_equal(shown, written);
}

static void follow(const json_t *value)
{
    const char *name;
    json_t *inner;
    size_t i;
    const char *reference = json_string_value(json_object_get(value, "$ref"));
    if (reference) {
        const char *type = strrchr(reference, '/') + 1;
        const json_t *schemas = json_object_get(json_object_get(document, "components"), "schemas");
        assert_non_null(json_object_get(schemas, type));
    }
    json_object_foreach((json_t *)(uintptr_t)value, name, inner) follow(inner);
    json_array_foreach(value, i, inner) follow(inner);
}

static void references_lead_somewhere(void **state)
{
    (void)state;
    follow(document);
}

static void operations_have_names_of_their_own(void **state)
{
    const char *path, *method;
    json_t *methods, *operation, *seen = json_object();
    (void)state;
    json_object_foreach(json_object_get(document, "paths"), path, methods)
    {
        json_object_foreach(methods, method, operation)
        {
            const char *id = json_string_value(json_object_get(operation, "operationId"));
            assert_null(json_object_get(seen, id));
            assert_int_equal(json_object_set_new(seen, id, json_true()), 0);
        }
    }
    json_decref(seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_is_there),
        cmocka_unit_test(references_lead_somewhere),
        cmocka_unit_test(operations_have_names_of_their_own),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
