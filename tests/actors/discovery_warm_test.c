/* SPDX-License-Identifier: MPL-2.0
 *
 * Whom the warm start asks, in which order, how many at a time, and what counts as an answer.
 */
#include <setjmp.h> /* cmocka wants these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "discovery_warm.h"

struct bed {
    struct warm warm;
    struct mono_time now;
};

static int setup(void **state)
{
    static struct bed bed;
    bed.now = (struct mono_time){1000000000};
    warm_init(&bed.warm);
    warm_begin(&bed.warm, bed.now);
    *state = &bed;
    return 0;
}

static int teardown(void **state)
{
    warm_fini(&((struct bed *)*state)->warm);
    return 0;
}

static void add(struct bed *bed, uint32_t ip, bool is_relay, uint32_t reliability_ppm)
{
    const struct warm_target target = {
        .ip = ip, .port = 2425, .is_relay = is_relay, .reliability_ppm = reliability_ppm};
    warm_add(&bed->warm, &target);
}

static void add_many(struct bed *bed, uint32_t count)
{
    for (uint32_t i = 1; i <= count; i++)
        add(bed, i, false, 500000);
    warm_loaded(&bed->warm);
}

/* Everybody who is due; the tags, in order. */
static size_t ask(struct bed *bed, uint64_t *ret_tags, uint32_t *ret_ips, size_t size)
{
    struct warm_target target;
    size_t count = 0;
    while (count < size && warm_next(&bed->warm, bed->now, &target, &ret_tags[count])) {
        assert_true(ret_tags[count] != 0);
        ret_ips[count++] = target.ip;
    }
    return count;
}

static void pass(struct bed *bed, int64_t delay_ms)
{
    bed->now = mono_add_ms(bed->now, delay_ms);
}

static void nobody_known_is_over_at_once(void **state)
{
    struct bed *bed = *state;
    struct warm_target target;
    uint64_t tag;
    assert_true(bed->warm.counts.is_running);
    assert_false(warm_take_end(&bed->warm));
    assert_int_equal(warm_deadline(&bed->warm).ns, MONO_NEVER.ns);
    warm_loaded(&bed->warm);
    assert_false(warm_next(&bed->warm, bed->now, &target, &tag));
    assert_true(warm_take_end(&bed->warm) && !warm_take_end(&bed->warm));
    assert_false(bed->warm.counts.is_running);
    assert_int_equal(bed->warm.counts.run, 1);
}

static void relays_first_then_the_reliable(void **state)
{
    struct bed *bed = *state;
    uint64_t tags[8];
    uint32_t ips[8];
    add(bed, 1, false, 900000);
    add(bed, 2, true, 100000);
    add(bed, 3, false, 950000);
    add(bed, 4, true, 800000);
    add(bed, 5, false, 900000);
    add(bed, 3, false, 10);                      /* once more, by a worse peer */
    assert_int_equal(ask(bed, tags, ips, 8), 0); /* not all are known */
    warm_loaded(&bed->warm);
    assert_int_equal(bed->warm.counts.known, 5);
    assert_int_equal(ask(bed, tags, ips, 8), 5);
    const uint32_t expected[] = {4, 2, 3, 1, 5};
    assert_memory_equal(ips, expected, sizeof(expected));
}

static void one_address_is_asked_as_what_was_heard(void **state)
{
    struct bed *bed = *state;
    struct warm_target target = {.ip = 7, .port = 2425, .is_imported = true, .is_relay = true};
    uint64_t tag;
    warm_add(&bed->warm, &target);
    target.is_imported = target.is_relay = false;
    warm_add(&bed->warm, &target);
    target.port = 2426;
    target.is_imported = true;
    warm_add(&bed->warm, &target);
    warm_loaded(&bed->warm);
    assert_int_equal(bed->warm.counts.known, 2);
    assert_true(warm_next(&bed->warm, bed->now, &target, &tag));
    assert_true(target.is_relay && !target.is_imported && target.port == 2425);
}

static void answers_are_counted_once(void **state)
{
    struct bed *bed = *state;
    uint64_t tags[8];
    uint32_t ips[8];
    add_many(bed, 4);
    assert_int_equal(ask(bed, tags, ips, 8), 4);
    pass(bed, 20);
    warm_answered(&bed->warm, tags[1]);
    warm_answered(&bed->warm, tags[1]);
    warm_answered(&bed->warm, tags[1] + 1000); /* nobody */
    warm_answered(&bed->warm, 0);
    warm_unasked(&bed->warm, tags[2]); /* mail is on its way there */
    warm_answered(&bed->warm, tags[2]);
    const struct warm_counts *counts = &bed->warm.counts;
    assert_int_equal(counts->known, 4);
    assert_int_equal(counts->asked, 3);
    assert_int_equal(counts->answered, 1);
    assert_int_equal(counts->waiting, 2);
    assert_true(counts->is_running);
    warm_answered(&bed->warm, tags[0]);
    warm_answered(&bed->warm, tags[3]);
    assert_false(counts->is_running); /* nobody is waited for */
    assert_true(warm_take_end(&bed->warm));
    assert_int_equal(counts->waiting, 0);
    assert_int_equal(counts->answered, 3);
}

static void the_silent_are_asked_twice_and_given_up(void **state)
{
    struct bed *bed = *state;
    uint64_t tags[8], again[8];
    uint32_t ips[8];
    add_many(bed, 3);
    assert_int_equal(ask(bed, tags, ips, 8), 3);
    warm_answered(&bed->warm, tags[0]);
    assert_int_equal(warm_deadline(&bed->warm).ns, mono_add_ms(bed->now, WARM_AGAIN_MS).ns);
    pass(bed, WARM_AGAIN_MS - 1);
    assert_int_equal(ask(bed, again, ips, 8), 0);
    pass(bed, 1);
    assert_int_equal(ask(bed, again, ips, 8), 2);
    assert_int_equal(again[0], tags[1]);
    assert_int_equal(again[1], tags[2]);
    assert_int_equal(bed->warm.counts.asked, 3);
    pass(bed, WARM_WAIT_MS - WARM_AGAIN_MS - 1);
    assert_int_equal(ask(bed, again, ips, 8), 0);
    warm_answered(&bed->warm, tags[2]); /* at the last moment */
    pass(bed, 1);
    assert_int_equal(ask(bed, again, ips, 8), 0);
    assert_true(warm_take_end(&bed->warm));
    warm_answered(&bed->warm, tags[1]); /* too late */
    assert_int_equal(bed->warm.counts.answered, 2);
    assert_int_equal(bed->warm.counts.waiting, 0);
    assert_int_equal(warm_deadline(&bed->warm).ns, MONO_NEVER.ns);
}

static void only_so_many_at_a_time(void **state)
{
    struct bed *bed = *state;
    enum { MANY = 2 * WARM_OPEN_MAX + 10 };
    static uint64_t tags[MANY], others[MANY];
    static uint32_t ips[MANY];
    add_many(bed, MANY);
    assert_int_equal(ask(bed, tags, ips, MANY), WARM_OPEN_MAX);
    warm_answered(&bed->warm, tags[0]);
    warm_answered(&bed->warm, tags[1]);
    assert_int_equal(ask(bed, others, ips, MANY), 2);
    pass(bed, WARM_AGAIN_MS);
    assert_int_equal(ask(bed, others, ips, MANY), WARM_OPEN_MAX);
    pass(bed, WARM_WAIT_MS - WARM_AGAIN_MS);
    assert_int_equal(ask(bed, others, ips, MANY), WARM_OPEN_MAX);
    for (int i = 0; i < 20 && bed->warm.counts.is_running; i++) {
        pass(bed, WARM_AGAIN_MS);
        (void)ask(bed, others, ips, MANY);
    }
    assert_false(bed->warm.counts.is_running);
    assert_int_equal(bed->warm.counts.asked, MANY);
    assert_int_equal(bed->warm.counts.answered, 2);
}

static void the_best_of_very_many(void **state)
{
    struct bed *bed = *state;
    struct warm_target target;
    uint64_t tag;
    for (uint32_t i = 1; i <= 10 * WARM_TARGETS_MAX; i++)
        add(bed, i, false, i); /* the later the better */
    warm_loaded(&bed->warm);
    assert_int_equal(bed->warm.counts.known, WARM_TARGETS_MAX);
    assert_true(bed->warm.capacity <= 2 * WARM_TARGETS_MAX);
    assert_true(warm_next(&bed->warm, bed->now, &target, &tag));
    assert_int_equal(target.ip, 10 * WARM_TARGETS_MAX);
}

static void a_new_run_forgets_the_old_one(void **state)
{
    struct bed *bed = *state;
    uint64_t tags[8], others[8];
    uint32_t ips[8];
    add_many(bed, 2);
    assert_int_equal(ask(bed, tags, ips, 8), 2);
    warm_begin(&bed->warm, bed->now);
    add_many(bed, 2);
    assert_int_equal(ask(bed, others, ips, 8), 2);
    warm_answered(&bed->warm, tags[0]);
    warm_unasked(&bed->warm, tags[1]);
    assert_int_equal(bed->warm.counts.answered, 0);
    assert_int_equal(bed->warm.counts.asked, 2);
    assert_int_equal(bed->warm.counts.run, 2);
    add(bed, 99, true, 1); /* too late for this run */
    assert_int_equal(bed->warm.counts.known, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nobody_known_is_over_at_once),
        TEST(relays_first_then_the_reliable),
        TEST(one_address_is_asked_as_what_was_heard),
        TEST(answers_are_counted_once),
        TEST(the_silent_are_asked_twice_and_given_up),
        TEST(only_so_many_at_a_time),
        TEST(the_best_of_very_many),
        TEST(a_new_run_forgets_the_old_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
