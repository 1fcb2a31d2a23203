/* SPDX-License-Identifier: MPL-2.0
 *
 * NUMBERS_RESERVE.
 */
#include "persistence_world.h"

static const INTERNAL(NumbersReserved) *
    reserve(struct world *world, const char *name, uint32_t count, uint64_t at_least)
{
    INTERNAL(NumbersReserve) question = ROOST__INTERNAL__NUMBERS_RESERVE__INIT;
    question.name = world_bytes(name);
    question.count = count;
    question.at_least = at_least;
    uint64_t correlation =
        world_ask(world, ACTOR_PERSISTENCE, MSG_NUMBERS_RESERVE, &question.base, NULL, 0);
    world_settle(world);
    const INTERNAL(NumbersReserved) *reserved = world_answer(world, correlation);
    assert_non_null(reserved);
    return reserved;
}

static void blocks_rise_over_restarts(void **state)
{
    struct world *world = *state;
    uint64_t next = 1;
    for (int i = 0; i < 10; i++) {
        const INTERNAL(NumbersReserved) *reserved = reserve(world, "ipmsg", 1000, 0);
        assert_int_equal(reserved->code, 0);
        assert_int_equal(reserved->first, next);
        assert_int_equal(reserved->count, 1000);
        assert_false(reserved->is_wrapped);
        next += 1000;
        if (i % 3 == 0)
            world_restart(world);
    }
    assert_int_equal(reserve(world, "ipmsg", 1, 4294967294u)->first, 4294967294u);
    assert_true(reserve(world, "ipmsg", 1, 0)->is_wrapped);
}

static void what_is_no_block_is_refused(void **state)
{
    struct world *world = *state;
    assert_int_equal(reserve(world, "ipmsg", 0, 0)->code, err_code(ERR_BAD_FIELD));
    assert_int_equal(reserve(world, "ipmsg", 1000001, 0)->code, err_code(ERR_BAD_FIELD));
    assert_int_equal(reserve(world, "", 1, 0)->code, err_code(ERR_BAD_NAME));
    assert_int_equal(reserve(world, "ipmsg", 1000000, 0)->first, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(blocks_rise_over_restarts, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(what_is_no_block_is_refused, world_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
