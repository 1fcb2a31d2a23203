/* SPDX-License-Identifier: MPL-2.0
 *
 * enum roost_error and its texts against the broker's table: every row is there, by the same name
 * and number, and says the same about retrying.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "clients/c/roost.h"

static void agrees_with_the_table(void **state)
{
    (void)state;
#define RETRY true
#define FINAL false
#define ERR(name, code, advice, status, sentence)                                                  \
    assert_string_equal(roost_error_name((enum roost_error)(code)), #name);                        \
    assert_string_equal(roost_error_text((enum roost_error)(code)), sentence);                     \
    assert_int_equal(roost_error_is_retryable((enum roost_error)(code)), advice);
#include "rt/err.def"
#undef ERR
}

/* Those above 6100 are the daemon's own and never reach a client. */
static const struct {
    const char *name;
    enum roost_error code;
} rows[] = {
#define ROW(name)                                                                                  \
    {                                                                                              \
#name, ROOST_##name                                                                        \
    }
    ROW(PROTOCOL),
    ROW(BAD_SIGNATURE),
    ROW(BAD_VERSION),
    ROW(BAD_TYPE),
    ROW(BAD_ENCODING),
    ROW(BAD_FIELD),
    ROW(MISSING_FIELD),
    ROW(MULTIPART),
    ROW(NO_SESSION),
    ROW(SEQUENCE_GAP),
    ROW(CREDIT_EXCEEDED),
    ROW(UNKNOWN_CALL),
    ROW(BAD_HTTP),
    ROW(BAD_JSON),
    ROW(NO_SUCH_PATH),
    ROW(BAD_METHOD),
    ROW(WRONG_HOST),
    ROW(WRONG_ORIGIN),
    ROW(BAD_MEDIA_TYPE),
    ROW(BAD_NAME),
    ROW(BAD_CREDENTIALS),
    ROW(NOT_ALLOWED),
    ROW(NO_CREDENTIALS),
    ROW(NO_SUCH_PEER),
    ROW(NO_SUCH_SCOPE),
    ROW(BAD_SCOPE),
    ROW(NO_SUCH_CONSUMER),
    ROW(NO_SUCH_MESSAGE),
    ROW(TOO_LARGE),
    ROW(TOO_MANY_ENTRIES),
    ROW(TOO_MANY),
    ROW(FRAME_TOO_LARGE),
    ROW(RATE_LIMITED),
    ROW(MAILBOX_FULL),
    ROW(SHARE_FULL),
    ROW(TOO_MANY_ROOMS),
    ROW(TOO_MANY_SESSIONS),
    ROW(TOO_MANY_CONNECTIONS),
    ROW(STALE_LEASE),
    ROW(DUPLICATE),
    ROW(TOO_LATE),
    ROW(EXPIRED),
    ROW(TAKEN_OVER),
    ROW(MAX_ATTEMPTS),
    ROW(REJECTED),
    ROW(CANCELLED),
    ROW(DAMAGED),
    ROW(ATTACHED_ALREADY),
    ROW(PEER_IN_USE),
    ROW(NOT_MEMBER),
    ROW(ALREADY_MEMBER),
    ROW(ALREADY_INVITED),
    ROW(LAST_OWNER),
    ROW(RESERVED_NAME),
    ROW(ROOM_ARCHIVED),
    ROW(ROOM_BANNED),
    ROW(DELETED),
    ROW(EXISTS),
    ROW(NAME_TAKEN),
    ROW(LOCKED_OUT),
    ROW(ACCOUNT_BANNED),
    ROW(ACCOUNT_INACTIVE),
    ROW(NO_SUCH_USER),
    ROW(BAD_PASSWORD),
    ROW(NO_SUCH_KEY),
    ROW(BAD_KEY),
    ROW(KEY_TAKEN),
    ROW(KEY_NOT_ENROLLED),
    ROW(KEY_REVOKED),
    ROW(KEY_OF_ANOTHER),
    ROW(BAD_CODE),
    ROW(NO_SUCH_INVITATION),
    ROW(BUSY),
    ROW(DISK_FULL),
    ROW(STORAGE),
    ROW(STOPPING),
    ROW(TIMEOUT),
    ROW(INTERNAL),
    ROW(EMPTY),
    ROW(USAGE),
    ROW(NO_MEMORY),
    ROW(WRONG_THREAD),
    ROW(CLOSING),
    ROW(SETTLED_ALREADY),
    ROW(BAD_URL),
#undef ROW
};

/* The header's names. */
static void header_has_the_numbers(void **state)
{
    (void)state;
    size_t count = sizeof(rows) / sizeof(rows[0]);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(roost_error_name(rows[i].code), rows[i].name);

    size_t public_rows = 0;
#define ERR(name, code, advice, status, sentence) public_rows += (code) < 6100;
#include "rt/err.def"
#undef ERR
    assert_int_equal(public_rows + 7, count); /* a new row of the table needs one in roost.h */
}

static void unknown_numbers(void **state)
{
    (void)state;
    assert_string_equal(roost_error_name((enum roost_error)4242), "UNKNOWN");
    assert_false(roost_error_is_retryable((enum roost_error)4242));
    assert_string_equal(roost_error_name(ROOST_OK), "OK");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_table),
        cmocka_unit_test(header_has_the_numbers),
        cmocka_unit_test(unknown_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
