/* SPDX-License-Identifier: MPL-2.0
 *
 * rt/err: the table is complete, its numbers are unique and lie in their groups.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rt/err.h"

static void every_row_is_complete_and_unique(void **state)
{
    (void)state;
    for (unsigned i = 1; i < ERR_COUNT; i++) {
        enum err err = (enum err)i;
        assert_true(strlen(err_name(err)) > 0);
        assert_true(strlen(err_sentence(err)) > 10);
        assert_in_range(err_code(err), 1000, 6999);
        assert_int_equal(err_from_code(err_code(err)), err); /* so no number is used twice */
        for (unsigned j = 1; j < i; j++)
            assert_string_not_equal(err_name(err), err_name((enum err)j));
    }
}

static void edges(void **state)
{
    (void)state;
    assert_int_equal(ERR_OK, 0);
    assert_int_equal(err_code(ERR_OK), 0);
    assert_int_equal(err_from_code(0), ERR_OK);
    assert_int_equal(err_from_code(123456), ERR_INTERNAL);
    assert_string_equal(err_name((enum err)9999), "INTERNAL");
    assert_string_equal(err_name(ERR_DISK_FULL), "DISK_FULL");
}

static void stable_numbers(void **state)
{
    (void)state;
    assert_int_equal(err_code(ERR_PROTOCOL), 1000);
    assert_int_equal(err_code(ERR_STALE_LEASE), 5001);
    assert_int_equal(err_code(ERR_BUSY), 6001);
    assert_true(err_is_retryable(ERR_BUSY));
    assert_true(err_is_retryable(ERR_DISK_FULL));
    assert_false(err_is_retryable(ERR_TOO_LARGE));
    assert_false(err_is_retryable(ERR_OK));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_complete_and_unique),
        cmocka_unit_test(edges),
        cmocka_unit_test(stable_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
