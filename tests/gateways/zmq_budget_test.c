/* SPDX-License-Identifier: MPL-2.0
 *
 * How often somebody is refused aloud.
 */
#include "play.h"

#include "gateways/zmq/zmq_budget.h"

static struct mono_time at_ms(int64_t ms)
{
    return (struct mono_time){ms * 1000000};
}

static void test_bucket_empties_and_fills(void **state)
{
    struct zmq_budget budget;
    (void)state;
    zmq_budget_init(&budget, at_ms(0));
    for (int i = 0; i < ZMQ_BUDGET_BURST; i++)
        assert_true(zmq_budget_take(&budget, at_ms(1)));
    assert_false(zmq_budget_take(&budget, at_ms(1)));
    assert_true(zmq_budget_take(&budget, at_ms(ZMQ_BUDGET_REFILL_MS)));
    assert_false(zmq_budget_take(&budget, at_ms(ZMQ_BUDGET_REFILL_MS)));
    int64_t long_after_ms = (int64_t)1000 * ZMQ_BUDGET_REFILL_MS;
    for (int i = 0; i < ZMQ_BUDGET_BURST; i++)
        assert_true(zmq_budget_take(&budget, at_ms(long_after_ms)));
    assert_false(zmq_budget_take(&budget, at_ms(long_after_ms)));
}

static void test_strangers_are_told_apart(void **state)
{
    static struct zmq_strangers strangers;
    uint8_t secret[16] = {1};
    (void)state;
    zmq_strangers_init(&strangers, secret);
    for (int i = 0; i < ZMQ_BUDGET_BURST; i++)
        assert_true(zmq_strangers_take(&strangers, "a", 1, at_ms(1)));
    assert_false(zmq_strangers_take(&strangers, "a", 1, at_ms(1)));
    assert_true(zmq_strangers_take(&strangers, "b", 1, at_ms(1)));
    assert_true(zmq_strangers_take(&strangers, "", 0, at_ms(1)));
}

static void test_all_strangers_together_are_bounded(void **state)
{
    static struct zmq_strangers strangers;
    uint8_t secret[16] = {2};
    unsigned told = 0;
    (void)state;
    zmq_strangers_init(&strangers, secret);
    for (uint32_t i = 0; i < 100000; i++)
        told += zmq_strangers_take(&strangers, &i, sizeof(i), at_ms(1));
    assert_int_equal(told, ZMQ_STRANGERS_PER_S);
    assert_true(zmq_strangers_take(&strangers, "x", 1, at_ms(1001)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bucket_empties_and_fills),
        cmocka_unit_test(test_strangers_are_told_apart),
        cmocka_unit_test(test_all_strangers_together_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
