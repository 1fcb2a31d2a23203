/* SPDX-License-Identifier: MPL-2.0
 *
 * The shape of a refusal, and that every error of the table has a status of HTTP.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "gateways/http/http_error.h"

static void shape(void **state)
{
    struct buf buf;
    struct http_json json;
    (void)state;
    buf_init(&buf, 4096);
    http_json_begin(&json, &buf);
    assert_int_equal(http_error_write(&json, ERR_NO_SUCH_PEER, NULL, 0), 0);
    assert_string_equal(
        buf_text(&buf),
        "{\"error\":{\"code\":3001,\"name\":\"NO_SUCH_PEER\",\"text\":\"no peer of this name "
        "is known\",\"retryable\":false,\"retry_after_ms\":0}}");
    buf_clear(&buf);
    http_json_begin(&json, &buf);
    assert_int_equal(http_error_write(&json, ERR_LOCKED_OUT, "wait", 1500), 1500);
    assert_non_null(
        strstr(buf_text(&buf), "\"text\":\"wait\",\"retryable\":true,\"retry_after_ms\":1500"));
    buf_clear(&buf);
    http_json_begin(&json, &buf);
    assert_int_equal(http_error_write(&json, ERR_BUSY, "", 0), HTTP_RETRY_MS);
    buf_fini(&buf);
}

static void statuses(void **state)
{
    (void)state;
    assert_int_equal(err_http_status(ERR_OK), 200);
    for (unsigned i = 1; i < ERR_COUNT; i++) {
        uint32_t status = err_http_status((enum err)i);
        assert_true(status >= 400 && status < 600);
    }
    assert_int_equal(err_http_status(ERR_NO_SUCH_SCOPE), 404);
    assert_int_equal(err_http_status(ERR_LOCKED_OUT), 429);
    assert_int_equal(err_http_status(ERR_DISK_FULL), 503);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(shape), cmocka_unit_test(statuses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
