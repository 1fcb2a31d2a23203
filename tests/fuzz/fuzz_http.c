/* SPDX-License-Identifier: MPL-2.0
 *
 * What an HTTP client may say, as far as it is ours to read: targets and the router, heads, bodies,
 * cursors. What is accepted is written as JSON and must be JSON.
 */
#include <jansson.h>
#include <stdio.h>

#include "bytes.h"
#include "gateways/http/http_cursor.h"
#include "gateways/http/http_error.h"
#include "gateways/http/http_fields.h"
#include "gateways/http/http_head.h"
#include "gateways/http/http_json.h"
#include "gateways/http/http_route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(struct http_text text, const char *begin, size_t size)
{
    CHECK(text.size == 0 || (text.data >= begin && text.data + text.size <= begin + size));
}

static void check_target(const uint8_t *data, size_t size)
{
    struct http_target target;
    struct http_match match;
    const char *problem = NULL;
    char *text = malloc(size + 1), allow[64];
    CHECK(text);
    memcpy(text, data, size);
    text[size] = '\0';
    enum err err = http_target_parse(text, size, &target, &problem);
    CHECK((err == ERR_OK) == (problem == NULL));
    if (!err) {
        unsigned methods = http_route_methods(&target);
        for (size_t i = 0; i < target.segment_count; i++)
            check_within(target.segments[i], text, size);
        for (unsigned i = 0; i < HTTP_METHOD_COUNT; i++) {
            bool is_found = http_route_find(&target, (enum http_method)i, &match);
            CHECK(is_found == ((methods & 1u << i) != 0));
            for (size_t j = 0; is_found && j < match.variable_count; j++)
                CHECK(match.variables[j].size > 0);
        }
        http_route_write_allow(methods, allow, sizeof(allow));
    }
    free(text);
}

/* Lines of NAME:VALUE. */
static void check_head(const uint8_t *data, size_t size)
{
    static const char *const hosts[] = {"roost.example", "other:1"};
    struct http_door door = {.address = "127.0.0.1", .port = 7668, .is_loopback = true};
    struct http_head head = {0};
    const char *problem, *token;
    char *text = malloc(size + 1);
    CHECK(text);
    memcpy(text, data, size);
    text[size] = '\0';
    door.hosts = hosts;
    door.host_count = 2;
    for (char *line = text, *next; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        char *colon = strchr(line, ':');
        if (colon)
            *colon = '\0';
        http_head_take(&head, line, colon ? colon + 1 : NULL);
    }
    if (http_head_check_framing(&head, &problem) == ERR_OK) {
        CHECK(!(head.content_length && head.transfer_encoding));
        (void)http_head_length(&head);
        enum err err = http_head_check_body(&head);
        CHECK(err == ERR_OK || err == ERR_BAD_MEDIA_TYPE);
    }
    if (http_head_check_origin(&head, &door, &problem) == ERR_OK)
        CHECK(head.host && !strstr(head.host, "evil"));
    enum err err = http_head_token(&head, &token);
    CHECK(err == ERR_OK ? !token || *token : token == NULL);
    (void)http_head_takes_gzip(&head);
    if (head.if_none_match)
        (void)http_head_has_tag(head.if_none_match, "\"a\"");
    free(text);
}

static void check_problem(const char *problem)
{
    struct buf buf;
    struct http_json json;
    json_error_t error;
    buf_init(&buf, 1 << 16);
    http_json_begin(&json, &buf);
    (void)http_error_write(&json, ERR_BAD_JSON, problem, 0);
    CHECK(json.err == ERR_OK);
    json_t *read = json_loadb((const char *)buf_data(&buf), buf_size(&buf), 0, &error);
    CHECK(read);
    json_decref(read);
    buf_fini(&buf);
}

static void check_body(const uint8_t *data, size_t size)
{
    char problem[HTTP_PROBLEM_BYTES_MAX];
    struct http_fields *fields;
    if (size == 0)
        return;
    const struct http_route *route = &http_routes[data[0] % http_route_count];
    enum err err = http_fields_parse(route->fields, data + 1, size - 1, &fields, problem);
    if (err)
        check_problem(problem);
    for (unsigned i = 0; !err && i < HTTP_FIELD_COUNT; i++) {
        const char *name = http_field_rows[i].name;
        CHECK(!fields->is_set[i] || http_words_have(route->fields, name, strlen(name), NULL));
        CHECK(!(fields->is_set[i] && fields->is_null[i]));
    }
    http_fields_free(&fields);
}

static void check_cursor(const uint8_t *data, size_t size)
{
    struct http_cursor cursor, again;
    char text[HTTP_CURSOR_TEXT_MAX];
    if (http_cursor_read(http_text_of(data, size), &cursor) != ERR_OK)
        return;
    http_cursor_write(&cursor, text);
    CHECK(http_cursor_read(http_text_of(text, strlen(text)), &again) == ERR_OK);
    CHECK(again.seq == cursor.seq && again.offset == cursor.offset);
    CHECK(again.name_size == cursor.name_size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    switch (data[0] % 4) {
    case 0:
        check_target(data + 1, size - 1);
        break;
    case 1:
        check_head(data + 1, size - 1);
        break;
    case 2:
        check_body(data + 1, size - 1);
        break;
    default:
        check_cursor(data + 1, size - 1);
    }
    return 0;
}
