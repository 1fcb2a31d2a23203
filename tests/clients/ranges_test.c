/* SPDX-License-Identifier: MPL-2.0
 *
 * clients/c/ranges: merging in order, out of order, by outcome, delay and reason, and the bound.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "clients/c/ranges.h"

static struct ranges ranges; /* 40 KB: not for the stack */

static void add(uint64_t no, enum book_outcome outcome)
{
    assert_true(ranges_add(&ranges, no, outcome, 0, NULL));
}

static void check(size_t index, uint64_t first_no, uint64_t last_no, enum book_outcome outcome)
{
    assert_true(index < ranges.count);
    assert_int_equal(ranges.items[index].first_no, first_no);
    assert_int_equal(ranges.items[index].last_no, last_no);
    assert_int_equal(ranges.items[index].outcome, outcome);
}

static void in_order(void **state)
{
    (void)state;
    ranges_init(&ranges);
    for (uint64_t no = 1; no <= 100000; no++)
        add(no, BOOK_ACK);
    add(100002, BOOK_ACK);
    add(100003, BOOK_FAIL);
    ranges_finish(&ranges);
    assert_int_equal(ranges.count, 3);
    assert_int_equal(ranges.messages, 100002);
    check(0, 1, 100000, BOOK_ACK);
    check(1, 100002, 100002, BOOK_ACK);
    check(2, 100003, 100003, BOOK_FAIL);
    ranges_clear(&ranges);
    assert_int_equal(ranges.count, 0);
}

static void out_of_order(void **state)
{
    static const uint64_t numbers[] = {7, 3, 5, 4, 6, 1, 9, 2};
    (void)state;
    ranges_init(&ranges);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        add(numbers[i], BOOK_ACK);
    ranges_finish(&ranges);
    assert_int_equal(ranges.count, 2);
    check(0, 1, 7, BOOK_ACK);
    check(1, 9, 9, BOOK_ACK);
    ranges_clear(&ranges);
}

static void reasons_and_delays(void **state)
{
    (void)state;
    ranges_init(&ranges);
    assert_true(ranges_add(&ranges, 1, BOOK_FAIL, 0, strdup("disk")));
    assert_true(ranges_add(&ranges, 2, BOOK_FAIL, 0, strdup("disk")));
    assert_true(ranges_add(&ranges, 3, BOOK_FAIL, 0, strdup("net")));
    assert_true(ranges_add(&ranges, 4, BOOK_FAIL, 0, NULL));
    assert_true(ranges_add(&ranges, 5, BOOK_FAIL, 10, NULL));
    ranges_finish(&ranges);
    assert_int_equal(ranges.count, 4);
    check(0, 1, 2, BOOK_FAIL);
    assert_string_equal(ranges.items[0].reason, "disk");
    assert_string_equal(ranges.items[1].reason, "net");
    assert_null(ranges.items[2].reason);
    assert_int_equal(ranges.items[3].delay_ms, 10);
    ranges_clear(&ranges);
}

static void extend_comes_before_the_end(void **state)
{
    (void)state;
    ranges_init(&ranges);
    add(5, BOOK_ACK);
    add(2, BOOK_EXTEND);
    add(2, BOOK_ACK);
    ranges_finish(&ranges);
    assert_int_equal(ranges.count, 3);
    check(0, 2, 2, BOOK_EXTEND);
    check(1, 2, 2, BOOK_ACK);
    ranges_clear(&ranges);
}

static void extend_comes_before_a_range_that_ends(void **state)
{
    (void)state;
    ranges_init(&ranges);
    add(2, BOOK_EXTEND);
    add(1, BOOK_ACK);
    add(2, BOOK_ACK); /* one range with the one before */
    ranges_finish(&ranges);
    assert_int_equal(ranges.count, 2);
    check(0, 2, 2, BOOK_EXTEND);
    check(1, 1, 2, BOOK_ACK);
    ranges_clear(&ranges);
}

static void a_range_ends_with_the_last_number(void **state)
{
    (void)state;
    ranges_init(&ranges);
    add(UINT64_MAX, BOOK_ACK);
    add(0, BOOK_ACK);
    ranges_finish(&ranges);
    assert_int_equal(ranges.count, 2);
    check(0, 0, 0, BOOK_ACK);
    check(1, UINT64_MAX, UINT64_MAX, BOOK_ACK);
    ranges_clear(&ranges);
}

static void full(void **state)
{
    (void)state;
    ranges_init(&ranges);
    for (uint64_t no = 0; no < RANGES_MAX; no++)
        add(2 * no + 1, BOOK_ACK);
    assert_false(ranges_add(&ranges, 5000, BOOK_ACK, 0, NULL));
    ranges_clear(&ranges);
    for (uint64_t no = RANGES_MAX; no > 0; no--)
        add(no, BOOK_ACK); /* backwards: merged when it is full */
    add(5000, BOOK_ACK);
    assert_int_equal(ranges.count, 2);
    ranges_clear(&ranges);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order),
        cmocka_unit_test(out_of_order),
        cmocka_unit_test(reasons_and_delays),
        cmocka_unit_test(extend_comes_before_the_end),
        cmocka_unit_test(extend_comes_before_a_range_that_ends),
        cmocka_unit_test(a_range_ends_with_the_last_number),
        cmocka_unit_test(full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
