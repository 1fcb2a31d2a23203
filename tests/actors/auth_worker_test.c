/* SPDX-License-Identifier: MPL-2.0
 *
 * The auth worker: makes a hash, compares one, refuses one that would cost too much, and makes a
 * better one of a weak one when the password was right.
 */
#include "persistence_world.h"

#include <string.h>

#define WEAK                                                                                       \
    "$argon2id$v=19$m=8,t=1,p=1$IXrSlW8gGRFYx5I0T4ANHQ$VWqsOTn6i0yPlqx2x467ieFYkyu/H/"             \
    "k8xhEbBnQZcv0"
#define BOMB                                                                                       \
    "$argon2id$v=19$m=4194304,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$4gD/DSmmQuih4Jbt7/"                   \
    "xCD+kqGsJszXBjCLTga4kAC8g"

static const INTERNAL(Hashed) * hash(struct world *world, const char *password, const char *phc)
{
    INTERNAL(Hash) question = ROOST__INTERNAL__HASH__INIT;
    question.password = world_bytes(password);
    question.phc = world_bytes(phc);
    uint64_t asked = world_ask(world, ACTOR_AUTH_1, MSG_HASH, &question.base, NULL, 0);
    world_settle(world);
    const INTERNAL(Hashed) *hashed = world_answer(world, asked);
    assert_non_null(hashed);
    return hashed;
}

static void test_make_and_compare(void **state)
{
    char phc[256] = "";
    const INTERNAL(Hashed) *hashed = hash(*state, "secret", "");
    assert_int_equal(hashed->code, 0);
    assert_false(hashed->is_match);
    assert_true(hashed->phc.len > 0 && hashed->phc.len < sizeof(phc));
    memcpy(phc, hashed->phc.data, hashed->phc.len);
    hashed = hash(*state, "secret", phc);
    assert_true(hashed->code == 0 && hashed->is_match && hashed->phc.len == 0);
    hashed = hash(*state, "wrong", phc);
    assert_true(hashed->code == 0 && !hashed->is_match);
}

static void test_weak_ones_are_made_anew(void **state)
{
    char phc[256] = "";
    const INTERNAL(Hashed) *hashed = hash(*state, "wrong", WEAK);
    assert_true(hashed->code == 0 && !hashed->is_match && hashed->phc.len == 0);
    hashed = hash(*state, "secret", WEAK);
    assert_true(hashed->code == 0 && hashed->is_match && hashed->phc.len > 0);
    memcpy(phc, hashed->phc.data, hashed->phc.len);
    hashed = hash(*state, "secret", phc);
    assert_true(hashed->is_match && hashed->phc.len == 0);
}

static void test_bombs_are_refused(void **state)
{
    const INTERNAL(Hashed) *hashed = hash(*state, "secret", BOMB);
    assert_int_equal(hashed->code, err_code(ERR_BAD_FIELD));
    assert_false(hashed->is_match);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_make_and_compare, world_setup_with_accounts,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(test_weak_ones_are_made_anew, world_setup_with_accounts,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(test_bombs_are_refused, world_setup_with_accounts,
                                        world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
