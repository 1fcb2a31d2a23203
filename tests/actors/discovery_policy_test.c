/* SPDX-License-Identifier: MPL-2.0
 *
 * Who is answered, asked and told, on a clock of our own.
 */
#include <setjmp.h> /* cmocka wants these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "discovery_policy.h"

#define SAY(what)   ROOST__INTERNAL__LAN_SAYING__LAN_##what
#define HEARD(what) ROOST__INTERNAL__LAN_HEARING__LAN_##what

struct bed {
    struct discovery_policy policy;
    struct mono_time now;
};

static int setup(void **state)
{
    static struct bed bed;
    bed.now = (struct mono_time){1000000000};
    discovery_policy_init(&bed.policy, 0, bed.now);
    *state = &bed;
    return 0;
}

static int teardown(void **state)
{
    discovery_policy_fini(&((struct bed *)*state)->policy);
    return 0;
}

static INTERNAL(LanSaying)
    hear(struct bed *bed, uint64_t peer, INTERNAL(LanHearing) what, uint32_t packet_no)
{
    INTERNAL(LanHeard) heard = ROOST__INTERNAL__LAN_HEARD__INIT;
    heard.peer = peer;
    heard.what = what;
    heard.packet_no = packet_no;
    return discovery_policy_heard(&bed->policy, &heard, bed->now);
}

/* Lets time pass in steps of a second; how often `peer` was asked. */
static unsigned asked(struct bed *bed, uint64_t peer, int seconds)
{
    unsigned count = 0;
    for (int i = 0; i < seconds; i++) {
        uint64_t found;
        INTERNAL(LanSaying) what;
        bed->now = mono_add_ms(bed->now, 1000);
        while ((what = discovery_policy_next(&bed->policy, bed->now, &found)) != 0) {
            assert_int_not_equal(what, SAY(ANNOUNCE)); /* silence is no reason to tell everybody */
            count += what == SAY(ASK) && found == peer;
        }
        assert_true(discovery_policy_deadline(&bed->policy).ns > bed->now.ns);
    }
    return count;
}

static void test_an_entry_is_answered_once(void **state)
{
    struct bed *bed = *state;
    assert_int_equal(hear(bed, 1, HEARD(ENTRY), 100), SAY(ANSWER));
    bed->now = mono_add_ms(bed->now, 10);
    assert_int_equal(hear(bed, 1, HEARD(ENTRY), 100), SAY(NO_ANSWER)); /* two broadcasts */
    assert_int_equal(hear(bed, 2, HEARD(ENTRY), 100), SAY(ANSWER));    /* somebody else */
    assert_int_equal(hear(bed, 1, HEARD(ENTRY), 101), SAY(ANSWER));    /* another entry */
    bed->now = mono_add_ms(bed->now, 1999);
    assert_int_equal(hear(bed, 1, HEARD(ENTRY), 101), SAY(NO_ANSWER));
    bed->now = mono_add_ms(bed->now, 1);
    assert_int_equal(hear(bed, 1, HEARD(ENTRY), 101),
                     SAY(ANSWER)); /* started again, number 101 again */
}

static void test_answers_are_not_answered(void **state)
{
    struct bed *bed = *state;
    for (int i = 0; i < 10; i++)
        assert_int_equal(hear(bed, 1, HEARD(LIFE), 7), SAY(SAY_NOTHING));
}

static void test_the_silent_are_asked(void **state)
{
    struct bed *bed = *state;
    (void)hear(bed, 1, HEARD(ENTRY), 1);
    assert_int_equal(asked(bed, 1, 59), 0);
    assert_int_equal(asked(bed, 1, 1), 1);
    assert_int_equal(asked(bed, 1, 59), 0);
    assert_int_equal(asked(bed, 1, 200), DISCOVERY_ASKS_MAX - 1); /* then it is gone */
    assert_int_equal(asked(bed, 1, 3600), 0);
    (void)hear(bed, 1, HEARD(LIFE), 0);
    assert_int_equal(asked(bed, 1, 61), 1);
}

static void test_who_speaks_is_not_asked(void **state)
{
    struct bed *bed = *state;
    for (int i = 0; i < 20; i++) {
        (void)hear(bed, 1, HEARD(LIFE), 0);
        assert_int_equal(asked(bed, 1, 30), 0);
    }
}

static void test_never_while_mail_is_on_its_way(void **state)
{
    struct bed *bed = *state;
    (void)hear(bed, 1, HEARD(ENTRY), 1);
    (void)hear(bed, 1, HEARD(MAIL_BEGINS), 0);
    assert_int_equal(asked(bed, 1, 600), 0);
    (void)hear(bed, 1, HEARD(MAIL_ENDS), 0);
    assert_int_equal(asked(bed, 1, 61), 1);
}

static void test_strangers_and_those_remembered(void **state)
{
    struct bed *bed = *state;
    (void)hear(bed, 1, HEARD(STRANGER), 0);
    assert_int_equal(asked(bed, 1, 1), 1); /* who are you? */
    for (int i = 0; i < 50; i++) {
        (void)hear(bed, 1, HEARD(STRANGER), 0);
        assert_int_equal(asked(bed, 1, 1), 0); /* not with each packet */
    }
    (void)hear(bed, 2, HEARD(KNOWN), 0);
    assert_int_equal(asked(bed, 2, 59), 0); /* by the warm start, if at all */
    assert_int_equal(asked(bed, 2, 1), 1);
    (void)hear(bed, 3, HEARD(KNOWN), 0);
    (void)hear(bed, 3, HEARD(LIFE), 0); /* is here already */
    assert_int_equal(asked(bed, 3, 30), 0);
    (void)hear(bed, 4, HEARD(MAIL_BEGINS), 0); /* unconfirmed from before */
    (void)hear(bed, 4, HEARD(KNOWN), 0);
    assert_int_equal(asked(bed, 4, 300), 0);
}

static void test_who_left_is_not_asked(void **state)
{
    struct bed *bed = *state;
    (void)hear(bed, 1, HEARD(ENTRY), 5);
    (void)hear(bed, 1, HEARD(LEFT), 0);
    assert_int_equal(asked(bed, 1, 600), 0);
    assert_int_equal(hear(bed, 1, HEARD(ENTRY), 5), SAY(ANSWER));
}

static void test_announcements(void **state)
{
    struct bed *bed = *state;
    uint64_t peer;
    (void)hear(bed, 9, HEARD(ENTRY), 1);
    assert_int_equal(hear(bed, 0, HEARD(STARTED), 0), SAY(SAY_NOTHING));
    assert_int_equal(hear(bed, 0, HEARD(READY), 0), SAY(ANNOUNCE));
    assert_int_equal(asked(bed, 9, 600), 0); /* numbers of an earlier life */
    for (int i = 0; i < 5; i++) {            /* a burst */
        assert_int_equal(hear(bed, 0, HEARD(INTERFACE), 0), SAY(SAY_NOTHING));
        bed->now = mono_add_ms(bed->now, 100);
        assert_int_equal(discovery_policy_next(&bed->policy, bed->now, &peer), 0);
    }
    bed->now = mono_add_ms(bed->now, DISCOVERY_INTERFACE_MS);
    assert_int_equal(discovery_policy_next(&bed->policy, bed->now, &peer), SAY(ANNOUNCE));
    assert_int_equal(discovery_policy_next(&bed->policy, bed->now, &peer), 0);
}

static void test_silent_seeds_are_asked(void **state)
{
    struct bed *bed = *state;
    uint64_t peer;
    (void)hear(bed, 0, HEARD(READY), 0);
    for (int i = 0; i < 5; i++) {
        bed->now = mono_add_ms(bed->now, DISCOVERY_ASK_MS);
        assert_int_equal(discovery_policy_next(&bed->policy, bed->now, &peer), SAY(ASK_SEEDS));
        assert_int_equal(discovery_policy_next(&bed->policy, bed->now, &peer), 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_entry_is_answered_once),      TEST(test_answers_are_not_answered),
        TEST(test_the_silent_are_asked),           TEST(test_who_speaks_is_not_asked),
        TEST(test_never_while_mail_is_on_its_way), TEST(test_strangers_and_those_remembered),
        TEST(test_who_left_is_not_asked),          TEST(test_announcements),
        TEST(test_silent_seeds_are_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
