/* SPDX-License-Identifier: MPL-2.0
 *
 * Heads of requests: framing that can be read two ways, foreign hosts and origins, media types.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "gateways/http/http_head.h"

static const char *const listed[] = {"roost.example", "other.example:8443"};

static const struct http_door loopback = {
    .address = "127.0.0.1", .port = 7668, .is_loopback = true, .hosts = listed, .host_count = 2};
static const struct http_door outside = {.address = "192.0.2.7", .port = 443, .is_tls = true};

static enum err host(const struct http_door *door, const char *name, const char *origin)
{
    struct http_head head = {0};
    const char *problem;
    if (name)
        http_head_take(&head, "hOST", name);
    if (origin)
        http_head_take(&head, "Origin", origin);
    return http_head_check_origin(&head, door, &problem);
}

static void hosts(void **state)
{
    static const char *const right[] = {"127.0.0.1:7668",    "localhost:7668", "LOCALHOST:7668",
                                        "[::1]:7668",        "roost.example",  "roost.example:1",
                                        "other.example:8443"};
    static const char *const wrong[] = {"127.0.0.1",
                                        "127.0.0.1:80",
                                        "evil.example:7668",
                                        "",
                                        "[::1",
                                        "other.example:1",
                                        ":7668",
                                        "localhost:0",
                                        "localhost:99999",
                                        "localhost:7668x",
                                        "127.0.0.1.evil.example:7668"};
    (void)state;
    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
        assert_int_equal(host(&loopback, right[i], NULL), ERR_OK);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(host(&loopback, wrong[i], NULL), ERR_WRONG_HOST);
    assert_int_equal(host(&loopback, NULL, NULL), ERR_WRONG_HOST);
    assert_int_equal(host(&outside, "192.0.2.7", NULL), ERR_OK);
    assert_int_equal(host(&outside, "192.0.2.7:443", NULL), ERR_OK);
    assert_int_equal(host(&outside, "localhost:443", NULL), ERR_WRONG_HOST);
}

static void origins(void **state)
{
    (void)state;
    assert_int_equal(host(&loopback, "localhost:7668", "http://localhost:7668"), ERR_OK);
    assert_int_equal(host(&loopback, "roost.example", "https://roost.example"), ERR_OK);
    assert_int_equal(host(&loopback, "localhost:7668", "http://127.0.0.1:7668"), ERR_WRONG_ORIGIN);
    assert_int_equal(host(&loopback, "localhost:7668", "http://evil.example"), ERR_WRONG_ORIGIN);
    assert_int_equal(host(&loopback, "localhost:7668", "null"), ERR_WRONG_ORIGIN);
    assert_int_equal(host(&outside, "192.0.2.7", "https://192.0.2.7"), ERR_OK);
    assert_int_equal(host(&outside, "192.0.2.7", "http://192.0.2.7"), ERR_WRONG_ORIGIN);
}

static enum err framing(const char *name_1, const char *value_1, const char *name_2,
                        const char *value_2)
{
    struct http_head head = {0};
    const char *problem;
    http_head_take(&head, name_1, value_1);
    if (name_2)
        http_head_take(&head, name_2, value_2);
    return http_head_check_framing(&head, &problem);
}

static void framings(void **state)
{
    (void)state;
    assert_int_equal(framing("Content-Length", "6", NULL, NULL), ERR_OK);
    assert_int_equal(framing("Transfer-Encoding", "Chunked", NULL, NULL), ERR_OK);
    assert_int_equal(framing("X-Two", "1", "X-Two", "2"), ERR_OK);
    assert_int_equal(framing("Content-Length", "6", "content-length", "6"), ERR_BAD_HTTP);
    assert_int_equal(framing("Content-Length", "6", "Transfer-Encoding", "chunked"), ERR_BAD_HTTP);
    assert_int_equal(framing("Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked"),
                     ERR_BAD_HTTP);
    assert_int_equal(framing("Host", "a", "Host", "a"), ERR_BAD_HTTP);
    assert_int_equal(framing("Content-Length", "+6", NULL, NULL), ERR_BAD_HTTP);
    assert_int_equal(framing("Content-Length", "", NULL, NULL), ERR_BAD_HTTP);
    assert_int_equal(framing("Content-Length", "6, 6", NULL, NULL), ERR_BAD_HTTP);
    assert_int_equal(framing("Content-Length ", "6", NULL, NULL), ERR_BAD_HTTP);
    assert_int_equal(framing("Transfer-Encoding", "gzip, chunked", NULL, NULL), ERR_BAD_HTTP);
    assert_int_equal(framing("Transfer-Encoding", "identity", NULL, NULL), ERR_BAD_HTTP);
}

static void lengths(void **state)
{
    struct http_head head = {.content_length = "1234"};
    (void)state;
    assert_int_equal(http_head_length(&head), 1234);
    head = (struct http_head){.transfer_encoding = "chunked"};
    assert_true(http_head_length(&head) == UINT64_MAX);
    head = (struct http_head){0};
    assert_int_equal(http_head_length(&head), 0);
}

static void bodies(void **state)
{
    static const struct {
        const char *type, *encoding;
        enum err err;
    } rows[] = {
        {"application/json", NULL, ERR_OK},
        {"Application/JSON; charset=UTF-8", "identity", ERR_OK},
        {"application/json;charset=\"utf-8\"", NULL, ERR_OK},
        {"application/json; charset=latin1", NULL, ERR_BAD_MEDIA_TYPE},
        {"application/jsonp", NULL, ERR_BAD_MEDIA_TYPE},
        {"text/plain", NULL, ERR_BAD_MEDIA_TYPE},
        {NULL, NULL, ERR_BAD_MEDIA_TYPE},
        {"application/json", "gzip", ERR_BAD_MEDIA_TYPE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http_head head = {.content_length = "2",
                                 .content_type = rows[i].type,
                                 .content_encoding = rows[i].encoding};
        assert_int_equal(http_head_check_body(&head), rows[i].err);
    }
    struct http_head none = {.content_type = "text/plain"};
    assert_int_equal(http_head_check_body(&none), ERR_OK);
}

static void tokens(void **state)
{
    struct http_head head = {0};
    const char *token = "x";
    (void)state;
    assert_int_equal(http_head_token(&head, &token), ERR_OK);
    assert_null(token);
    head.authorization = "bearer  abc";
    assert_int_equal(http_head_token(&head, &token), ERR_OK);
    assert_string_equal(token, "abc");
    head.authorization = "Basic YTpi";
    assert_int_equal(http_head_token(&head, &token), ERR_BAD_CREDENTIALS);
    head.authorization = "Bearer ";
    assert_int_equal(http_head_token(&head, &token), ERR_BAD_CREDENTIALS);
}

static void tags(void **state)
{
    (void)state;
    assert_true(http_head_has_tag("\"a\"", "\"a\""));
    assert_true(http_head_has_tag("\"b\", W/\"a\"", "\"a\""));
    assert_true(http_head_has_tag("*", "\"a\""));
    assert_false(http_head_has_tag("\"ab\"", "\"a\""));
    assert_false(http_head_has_tag("", "\"a\""));
}

static void packing(void **state)
{
    static const struct {
        const char *accept;
        bool takes;
    } rows[] = {{"gzip", true},         {"deflate, GZIP;q=0.5", true},
                {"gzip;q=0", false},    {"gzip; q=0.0", false},
                {"br", false},          {"", false},
                {"gzipped, br", false}, {"x;q=0, gzip", true}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http_head head = {.accept_encoding = rows[i].accept};
        assert_int_equal(http_head_takes_gzip(&head), rows[i].takes);
    }
    struct http_head none = {0};
    assert_false(http_head_takes_gzip(&none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts),   cmocka_unit_test(origins), cmocka_unit_test(framings),
        cmocka_unit_test(lengths), cmocka_unit_test(bodies),  cmocka_unit_test(tokens),
        cmocka_unit_test(tags),    cmocka_unit_test(packing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
