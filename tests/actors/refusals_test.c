/* SPDX-License-Identifier: MPL-2.0
 *
 * Refusals gathered for the audit log: the first one at once, then one row a minute with a count; many addresses
 * are few rows, and no refusal is lost from the counts.
 */
#include "refusals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct mono_time at(int64_t ms)
{
    return mono_add_ms((struct mono_time){1}, ms);
}

static void test_first_at_once_then_a_count(void **state)
{
    struct refusals refusals = {.count = 0};
    char text[REFUSALS_DETAIL_BYTES];
    (void)state;
    assert_true(refusals_due(&refusals).ns == MONO_NEVER.ns);
    const struct refusal *noted = refusals_add(&refusals, "192.0.2.7", "KEY1", at(0));
    assert_non_null(noted);
    assert_string_equal(noted->address, "192.0.2.7");
    refusals_write(noted, text);
    assert_string_equal(text, "1 handshake, the last with KEY1: it is not enrolled");
    for (int i = 0; i < 1000; i++)
        assert_null(refusals_add(&refusals, "192.0.2.7", "KEY2", at(10 + i)));
    assert_null(refusals_take(&refusals, false, at(59999)));
    assert_true(refusals_due(&refusals).ns == at(60000).ns);
    noted = refusals_take(&refusals, false, at(60000));
    assert_non_null(noted);
    refusals_write(noted, text);
    assert_string_equal(text, "1000 handshakes, the last with KEY2: it is not enrolled");
    assert_null(refusals_take(&refusals, false, at(60000)));
    /* It goes on: a minute later again, not at once. */
    assert_null(refusals_add(&refusals, "192.0.2.7", "", at(61000)));
    assert_null(refusals_take(&refusals, false, at(119999)));
    noted = refusals_take(&refusals, false, at(120000));
    assert_non_null(noted);
    refusals_write(noted, text);
    assert_string_equal(text, "1 handshake, the last without CURVE");
    /* Silent for a minute: forgotten, and the next one is a first one. */
    assert_null(refusals_take(&refusals, false, at(180000)));
    assert_int_equal(refusals.count, 0);
    assert_non_null(refusals_add(&refusals, "192.0.2.7", "KEY1", at(180001)));
}

static void test_at_the_end_all_that_was_counted(void **state)
{
    struct refusals refusals = {.count = 0};
    (void)state;
    assert_non_null(refusals_add(&refusals, "192.0.2.7", "KEY1", at(0)));
    assert_null(refusals_take(&refusals, true, at(1)));
    assert_null(refusals_add(&refusals, "192.0.2.7", "KEY1", at(2)));
    const struct refusal *noted = refusals_take(&refusals, true, at(3));
    assert_non_null(noted);
    assert_int_equal(noted->count, 1);
    assert_null(refusals_take(&refusals, true, at(3)));
}

/* A thousand addresses for an hour: few rows a minute, and the counts add up. */
static void test_many_addresses_are_few_rows(void **state)
{
    struct refusals refusals = {.count = 0};
    uint64_t told = 0, rows = 0, others = 0;
    const struct refusal *noted;
    (void)state;
    for (int i = 0; i < 60 * 1000; i++) {
        char address[32];
        struct mono_time now = at(60 * (int64_t)i);
        while ((noted = refusals_take(&refusals, false, now)) != NULL) {
            told += noted->count;
            rows++;
        }
        (void)snprintf(address, sizeof(address), "10.0.%d.%d", i % 1000 / 250, i % 250);
        noted = refusals_add(&refusals, address, "KEY", now);
        if (noted) {
            told += noted->count;
            rows++;
            others += strcmp(noted->address, REFUSALS_OTHERS) == 0;
        }
        assert_true(refusals.count <= REFUSALS_ADDRESSES_MAX + 1);
    }
    while ((noted = refusals_take(&refusals, true, at(3600000))) != NULL)
        told += noted->count;
    assert_int_equal(told, 60 * 1000);
    assert_true(rows <= 61 * (REFUSALS_ADDRESSES_MAX + 1));
    assert_true(others >= 1);
}

/* Addresses are what somebody else says: one that calls itself the others takes no room from anybody. */
static void test_odd_addresses(void **state)
{
    struct refusals refusals = {.count = 0};
    char address[200];
    (void)state;
    memset(address, 'x', sizeof(address) - 1);
    address[sizeof(address) - 1] = '\0';
    assert_non_null(refusals_add(&refusals, REFUSALS_OTHERS, "", at(0)));
    assert_non_null(refusals_add(&refusals, address, "", at(0)));
    assert_non_null(refusals_add(&refusals, "", "", at(0)));
    for (int i = 0; i < 100; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "a%d", i);
        (void)refusals_add(&refusals, name, "", at(1));
    }
    assert_int_equal(refusals.count, REFUSALS_ADDRESSES_MAX + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_at_once_then_a_count),
        cmocka_unit_test(test_at_the_end_all_that_was_counted),
        cmocka_unit_test(test_many_addresses_are_few_rows),
        cmocka_unit_test(test_odd_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
