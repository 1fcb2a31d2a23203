/* SPDX-License-Identifier: MPL-2.0
 *
 * actors/quota.c: rates over two buckets, bounds of what waits against a model that knows the truth, and that
 * forgetting is harmless.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "quota.h"

static struct mono_time at(int64_t ms)
{
    return (struct mono_time){ms * 1000000};
}

static void test_nothing_is_bound(void **state)
{
    (void)state;
    struct quota quota;
    struct quota_limits limits = {{0, 1}, {0, 1}, 0, 0, 0, 0};
    quota_init(&quota, &limits);
    assert_false(quota.has_rates || quota.has_places);
    assert_int_equal(quota_take(&quota, 1, 1000, 1u << 30, at(0)), 0);
    assert_int_equal(quota_place(&quota, 5, 1, 1u << 30, at(0)), ERR_OK);
    assert_true(quota_next_question(&quota) == 0);
    quota_fini(&quota);
}

static void test_both_rates_or_none(void **state)
{
    (void)state;
    struct quota quota;
    struct quota_limits limits = {{10, 1000}, {1000, 1000}, 0, 0, 0, 0};
    quota_init(&quota, &limits);
    assert_int_equal(quota_take(&quota, 1, 1, 5000, at(0)), 0); /* all bytes of five seconds */
    uint32_t wait_ms = quota_take(&quota, 1, 1, 1, at(0));
    assert_in_range(wait_ms, 4001, 4002);
    assert_int_equal(quota_take(&quota, 2, 9, 10, at(0)), 0); /* another peer */
    for (int i = 0; i < 100; i++) /* what is refused by bytes costs no messages */
        assert_int_not_equal(quota_take(&quota, 1, 1, 1, at(100)), 0);
    assert_int_equal(quota_take(&quota, 1, 10, 1, at(4100)), 0);
    quota_fini(&quota);
    limits.messages = (struct bucket_rate){1, 20000}; /* what is lost does not come back soon */
    quota_init(&quota, &limits);
    assert_int_equal(quota_take(&quota, 1, 1, 2000, at(0)), 0);
    for (int i = 0; i < 15; i++)
        assert_int_not_equal(quota_take(&quota, 1, 1, 1, at(10)), 0);
    for (int i = 0; i < 15; i++)
        assert_int_equal(quota_take(&quota, 1, 1, 1, at(1500)), 0);
    quota_fini(&quota);
}

static void test_mailbox_and_share(void **state)
{
    (void)state;
    struct quota quota;
    struct quota_limits limits = {{0, 1}, {0, 1}, 10, 0, 6, 0};
    quota_init(&quota, &limits);
    for (int i = 0; i < 6; i++)
        assert_int_equal(quota_place(&quota, 5, 1, 1, at(0)), ERR_OK);
    assert_int_equal(quota_place(&quota, 5, 1, 1, at(0)), ERR_SHARE_FULL);
    for (int i = 0; i < 4; i++)
        assert_int_equal(quota_place(&quota, 5, 2, 1, at(0)), ERR_OK);
    assert_int_equal(quota_place(&quota, 5, 2, 1, at(0)), ERR_MAILBOX_FULL);
    assert_int_equal(quota_place(&quota, 6, 2, 1, at(0)), ERR_OK); /* another recipient */
    assert_true(quota_next_question(&quota) == 5);
    quota_answer(&quota, 5, 0, true, at(1)); /* it has read everything */
    assert_int_equal(quota_place(&quota, 5, 1, 1, at(1)), ERR_OK);
    assert_int_equal(quota_place(&quota, 5, 2, 1, at(1)), ERR_OK);
    quota_fini(&quota);
}

static void test_bytes(void **state)
{
    (void)state;
    struct quota quota;
    struct quota_limits limits = {{0, 1}, {0, 1}, 0, 100, 0, 60};
    quota_init(&quota, &limits);
    assert_int_equal(quota_place(&quota, 5, 1, 5000, at(0)), ERR_OK); /* the first always fits */
    assert_int_equal(quota_place(&quota, 5, 1, 1, at(0)), ERR_MAILBOX_FULL);
    assert_true(quota_next_question(&quota) == 5);
    quota_answer(&quota, 5, 0, true, at(1));
    assert_int_equal(quota_place(&quota, 5, 1, 50, at(1)), ERR_OK);
    assert_int_equal(quota_place(&quota, 5, 1, 20, at(1)), ERR_SHARE_FULL);
    quota_fini(&quota);
}

static void test_what_waited_before(void **state)
{
    (void)state;
    struct quota quota;
    struct quota_limits limits = {{0, 1}, {0, 1}, 100, 0, 0, 0};
    quota_init(&quota, &limits);
    assert_int_equal(quota_place(&quota, 5, 1, 1, at(0)), ERR_OK); /* nothing is known of it yet */
    assert_true(quota_next_question(&quota) == 5);
    assert_int_equal(quota_place(&quota, 5, 1, 1, at(0)), ERR_OK); /* stored after the question */
    quota_answer(&quota, 5, 99, true, at(1));
    assert_int_equal(quota_place(&quota, 5, 1, 1, at(1)), ERR_MAILBOX_FULL);
    quota_answer(&quota, 5, 0, true, at(2)); /* nobody asked: not listened to */
    assert_int_equal(quota_place(&quota, 5, 1, 1, at(2)), ERR_MAILBOX_FULL);
    assert_true(quota_next_question(&quota) == 0); /* not so soon */
    assert_int_equal(quota_place(&quota, 5, 1, 1, at(1 + QUOTA_ASK_MS)), ERR_MAILBOX_FULL);
    assert_true(quota_next_question(&quota) == 5);
    quota_answer(&quota, 5, 0, false, at(3)); /* it does not know */
    assert_int_equal(quota_place(&quota, 5, 1, 1, at(3)), ERR_MAILBOX_FULL);
    quota_fini(&quota);
}

/* Many senders, a recipient that reads now and then: never more than the bound waits, and once a question was
 * answered nobody is refused while there is plenty of room. */
static void test_against_the_truth(void **state)
{
    (void)state;
    srandom(3);
    struct quota quota;
    struct quota_limits limits = {{0, 1}, {0, 1}, 500, 0, 0, 0};
    quota_init(&quota, &limits);
    uint64_t waiting = 0, refused_with_room = 0, sent = 0;
    for (int64_t ms = 0; ms < 200000; ms++) {
        bool was_room = waiting < 400;
        enum err err = quota_place(&quota, 9, 1 + random() % 5, 10, at(ms));
        waiting += err == ERR_OK;
        sent += err == ERR_OK;
        refused_with_room += err != ERR_OK && was_room;
        assert_true(waiting <= 500);
        if (random() % 3 == 0) {
            uint64_t read = (uint64_t)random() % 4;
            waiting -= read < waiting ? read : waiting;
        }
        if (quota_next_question(&quota) == 9)
            quota_answer(&quota, 9, waiting, true, at(ms));
    }
    assert_true(sent >
                90000); /* half of it at least was taken: it reads about half a message each ms */
    assert_true(refused_with_room == 0);
    quota_fini(&quota);
}

static void test_more_than_it_remembers(void **state)
{
    (void)state;
    struct quota quota;
    struct quota_limits limits = {{1, 1}, {0, 1}, 1, 0, 1, 0};
    quota_init(&quota, &limits);
    for (int64_t i = 1; i <= (int64_t)QUOTA_PLACES_MAX + 10; i++) {
        assert_int_equal(quota_place(&quota, i, i, 1, at(0)), ERR_OK);
        assert_int_equal(quota_take(&quota, i, 1, 1, at(0)), 0);
    }
    while (quota_next_question(&quota) != 0)
        continue;
    quota_answer(&quota, 1, 5, true, at(0)); /* forgotten meanwhile */
    quota_fini(&quota);
}

/* More senders than there are shares for, to a recipient that is known: they count as well. */
static void test_no_share_is_left(void **state)
{
    (void)state;
    struct quota quota;
    struct quota_limits limits = {{0, 1}, {0, 1}, QUOTA_SHARES_MAX, 0, 0, 0};
    quota_init(&quota, &limits);
    int64_t waiting = 0;
    for (int64_t sender = 1; sender <= QUOTA_SHARES_MAX; sender++, waiting++)
        assert_int_equal(quota_place(&quota, 5, sender, 1, at(0)), ERR_OK);
    while (quota_next_question(&quota))
        continue;
    quota_answer(&quota, 5, (uint64_t)waiting, true, at(0));
    assert_int_equal(quota_place(&quota, 5, 1, 1, at(1000)), ERR_MAILBOX_FULL);
    (void)!quota_place(&quota, 5, QUOTA_SHARES_MAX + 1, 1, at(1000)); /* asks anew, at worst */
    while (quota_next_question(&quota))
        continue;
    quota_answer(&quota, 5, (uint64_t)waiting, true, at(1000));
    for (int64_t sender = 2; sender < 9; sender++)
        assert_int_equal(quota_place(&quota, 5, QUOTA_SHARES_MAX + sender, 1, at(2000)),
                         ERR_MAILBOX_FULL);
    quota_fini(&quota);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_bound),       cmocka_unit_test(test_both_rates_or_none),
        cmocka_unit_test(test_mailbox_and_share),      cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_what_waited_before),     cmocka_unit_test(test_against_the_truth),
        cmocka_unit_test(test_more_than_it_remembers), cmocka_unit_test(test_no_share_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
