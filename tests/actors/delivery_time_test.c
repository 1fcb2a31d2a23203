/* SPDX-License-Identifier: MPL-2.0
 *
 * actors/delivery*.c, the rules one by one: retries, death and fates, expiry and schedules, credit.
 */
#include "delivery_bed.h"

/* --- Retries, death, fates */

static void attempts_spent_is_death_with_a_fate(void **state)
{
    (void)state;
    struct bed bed;
    struct written written;
    struct delivery_options options = {
        .backoff = {.first_ms = 1000, .gap_min_ms = 10, .retries_max = 2}};
    bed_open(&bed, &options);
    struct consumer *consumer = add_consumer(&bed, 1, 10, DELIVERY_PEER);
    append_with(&bed, (struct delivery_run){.scope_id = 10, .count = 1, .flags = 4});
    attach(&bed, consumer, 1, 10);
    for (uint64_t no = 1; no <= 3; no++) {
        assert_int_equal(take(&bed), 1);
        assert_int_equal(bed.fetch.attempts[0], no);
        settle(&bed, 1, no, no, DELIVERY_FAIL, 0);
        assert_true(commit(&bed, &written));
        wait_ms(&bed, 5000);
    }
    assert_int_equal(written.rows[0].state, DELIVERY_DEAD);
    assert_int_equal(written.rows[0].reason, 5006);
    assert_int_equal(written.fate_count, 1);
    assert_int_equal(written.fates[0].level, DELIVERY_LEVEL_DEAD);
    assert_int_equal(written.fate_seqs[0], 1);
    assert_int_equal(take(&bed), 0);
    bed_close(&bed);
}

static void retries_are_due_when_the_peer_is_back(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed, &(struct delivery_options){0});
    struct consumer *consumer = add_consumer(&bed, 1, 10, DELIVERY_PEER);
    append(&bed, 10, 3);
    attach(&bed, consumer, 1, 10);
    take(&bed);
    settle(&bed, 1, 2, 3, DELIVERY_FAIL, 0);
    settle(&bed, 1, 1, 1, DELIVERY_FAIL, 0);
    delivery_detach(bed.delivery, address_of(1), &bed.clock);
    append(&bed, 10, 1);
    attach(&bed, consumer, 2, 10);
    assert_int_equal(take(&bed), 4);
    for (uint64_t i = 0; i < 4; i++)
        assert_int_equal(bed.fetch.seqs[i], i + 1);
    assert_int_equal(bed.fetch.attempts[0], 2);
    assert_int_equal(bed.fetch.attempts[3], 1);
    assert_false(bed.fetch.redelivered[3]);
    bed_close(&bed);
}

static void first_settle_tells_the_sender_once(void **state)
{
    (void)state;
    struct bed bed;
    struct written written;
    bed_open(&bed, &(struct delivery_options){0});
    struct consumer *one = add_consumer(&bed, 1, 10, DELIVERY_PEER);
    struct consumer *two = add_consumer(&bed, 2, 10, DELIVERY_PEER);
    append_with(&bed, (struct delivery_run){.scope_id = 10, .count = 1, .flags = 1});
    attach(&bed, one, 1, 10);
    assert_int_equal(take(&bed), 1);
    settle(&bed, 1, 1, 1, DELIVERY_ACK, 0);
    assert_true(commit(&bed, &written));
    assert_int_equal(written.fate_count, 1);
    assert_int_equal(written.fates[0].level, DELIVERY_LEVEL_DELIVERED);
    assert_int_equal(written.fates[0].peer_id, 7);
    attach(&bed, two, 2, 10);
    assert_int_equal(take(&bed), 1);
    settle(&bed, 2, 1, 1, DELIVERY_ACK, 0);
    assert_true(commit(&bed, &written));
    assert_int_equal(written.fate_count, 0);
    bed_close(&bed);
}

/* --- Expiry and schedules */

static void expired_is_never_delivered(void **state)
{
    (void)state;
    struct bed bed;
    struct written written;
    bed_open(&bed, &(struct delivery_options){0});
    struct consumer *consumer = add_consumer(&bed, 1, 10, DELIVERY_PEER);
    append_with(&bed, (struct delivery_run){
                          .scope_id = 10, .count = 5, .flags = 4, .expires_ms = START_MS + 5000});
    append(&bed, 10, 1);
    wait_ms(&bed, 4999);
    assert_false(commit(&bed, &written));
    wait_ms(&bed, 1);
    assert_true(commit(&bed, &written));
    assert_int_equal(written.floor_seq, 5);
    assert_int_equal(written.row_count, 1); /* one range */
    assert_int_equal(written.rows[0].seq, 1);
    assert_int_equal(written.rows[0].last_seq, 5);
    assert_int_equal(written.rows[0].state, DELIVERY_EXPIRED);
    assert_int_equal(written.fates[0].level, DELIVERY_LEVEL_EXPIRED);
    assert_int_equal(written.fates[0].seq_count, 5);
    attach(&bed, consumer, 1, 10);
    assert_int_equal(take(&bed), 1);
    assert_int_equal(bed.fetch.seqs[0], 6);
    bed_close(&bed);
}

static void one_clock_alone_expires_nothing(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed, &(struct delivery_options){0});
    struct consumer *consumer = add_consumer(&bed, 1, 10, DELIVERY_PEER);
    append_with(&bed,
                (struct delivery_run){.scope_id = 10, .count = 2, .expires_ms = START_MS + 5000});
    bed.clock.wall_ms += 3600000;
    wait_ms(&bed, 1000);
    attach(&bed, consumer, 1, 1);
    assert_int_equal(take(&bed), 1);
    bed.clock.wall_ms -= 2 * 3600000;
    wait_ms(&bed, 8000); /* the steady clock is past, the wall clock is not */
    delivery_credit(bed.delivery, address_of(1), 2, 0);
    assert_int_equal(take(&bed), 1);
    bed_close(&bed);
}

static void scheduled_comes_when_due(void **state)
{
    (void)state;
    struct bed bed;
    struct written written;
    bed_open(&bed, &(struct delivery_options){0});
    struct consumer *consumer = add_consumer(&bed, 1, 10, DELIVERY_PEER);
    append_with(
        &bed, (struct delivery_run){.scope_id = 10, .count = 1, .not_before_ms = START_MS + 5000});
    append(&bed, 10, 1);
    attach(&bed, consumer, 1, 10);
    assert_int_equal(take(&bed), 1);
    assert_int_equal(bed.fetch.seqs[0], 2);
    assert_true(commit(&bed, &written));
    assert_int_equal(written.rows[0].state, DELIVERY_SCHEDULED);
    assert_int_equal(written.rows[0].due_ms, START_MS + 5000);
    assert_int_equal(written.floor_seq, 1);
    delivery_detach(bed.delivery, address_of(1), &bed.clock);
    attach(&bed, consumer, 2, 10);
    assert_int_equal(take(&bed), 1); /* only the released one: a schedule is kept */
    wait_ms(&bed, 5000);
    assert_int_equal(take(&bed), 1);
    assert_int_equal(bed.fetch.seqs[0], 1);
    assert_false(bed.fetch.redelivered[0]);
    bed_close(&bed);
}

/* A delivery that has just started, with one message of the store that is scheduled for START_MS + 5000. */
static struct consumer *open_with_schedule(struct bed *bed, const struct delivery_clock *clock)
{
    char key[] = "k";
    struct delivery_consumer_spec spec = {
        .consumer_id = 1,
        .scope_id = 10,
        .owner_id = 7,
        .kind = DELIVERY_PEER,
        .scope_name = {"ana", 3},
        .name = {"main", 4},
        .key = {key, 1},
    };
    struct delivery_row row = {
        .seq = 1, .last_seq = 1, .state = DELIVERY_SCHEDULED, .due_ms = START_MS + 5000};
    struct delivery_run run = {.scope_id = 10,
                               .first_seq = 1,
                               .count = 1,
                               .stored_ms = START_MS,
                               .expires_ms = EXPIRY_MS,
                               .not_before_ms = START_MS + 5000};
    *bed = (struct bed){.clock = *clock, .next_seq = 2};
    bed->delivery = delivery_new(&(struct delivery_options){0});
    struct consumer *consumer = delivery_consumer_add(bed->delivery, &spec);
    delivery_load_row(bed->delivery, 1, &row);
    assert_true(delivery_load_begin(bed->delivery));
    delivery_load_run(bed->delivery, &run, &bed->clock);
    assert_true(delivery_load_page(bed->delivery, 1, 1, true, &bed->clock));
    return consumer;
}

/* Started with clocks so far apart, it is delivered after `due_ms` and not a millisecond before. */
static void check_schedule(int64_t apart_ms, int64_t due_ms)
{
    struct bed bed;
    struct consumer *consumer = open_with_schedule(
        &bed, &(struct delivery_clock){.wall_ms = START_MS + apart_ms, .steady_ms = START_MS});
    attach(&bed, consumer, 1, 10);
    wait_ms(&bed, due_ms - 1);
    assert_int_equal(take(&bed), 0);
    wait_ms(&bed, 1);
    assert_int_equal(take(&bed), 1);
    bed_close(&bed);
}

/* Both clocks are cut to milliseconds, each at another moment of it. */
static void a_restart_makes_no_schedule_early(void **state)
{
    (void)state;
    for (int64_t apart_ms = -1; apart_ms <= 1; apart_ms++)
        check_schedule(apart_ms, 5000);
}

static void a_restart_behind_a_jump_keeps_the_schedule(void **state)
{
    (void)state;
    check_schedule(3000, 2000);
}

/* --- Credit */

static void credit_is_absolute(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed, &(struct delivery_options){.window_messages_max = 50});
    struct consumer *consumer = add_consumer(&bed, 1, 10, DELIVERY_PEER);
    append(&bed, 10, 200);
    attach(&bed, consumer, 1, 0);
    assert_int_equal(take(&bed), 0);
    delivery_credit(bed.delivery, address_of(1), 10, 0);
    delivery_credit(bed.delivery, address_of(1), 10, 0);
    delivery_credit(bed.delivery, address_of(1), 3, 0);
    assert_int_equal(take(&bed), 10);
    assert_int_equal(take(&bed), 0);
    delivery_credit(bed.delivery, address_of(1), UINT64_MAX, 0);
    assert_int_equal(take(&bed), 40); /* a liar gets the window, not more */
    assert_int_equal(take(&bed), 0);
    settle(&bed, 1, 1, 5, DELIVERY_ACK, 0);
    assert_int_equal(take(&bed), 5);
    bed_close(&bed);
}

static void bytes_bound_a_fetch(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed, &(struct delivery_options){0});
    struct consumer *consumer = add_consumer(&bed, 1, 10, DELIVERY_PEER);
    append(&bed, 10, 5);
    attach(&bed, consumer, 1, 0);
    delivery_credit(bed.delivery, address_of(1), 100, 25);
    assert_true(delivery_take_fetch(bed.delivery, &bed.clock, &bed.fetch));
    assert_int_equal(bed.fetch.bytes_max, 25);
    struct delivery_fetched fetched = {.slot = bed.fetch.slot, .taken = 3, .body_bytes = 30};
    delivery_fetched(bed.delivery, &fetched, &bed.clock);
    assert_int_equal(take(&bed), 0);
    delivery_credit(bed.delivery, address_of(1), 100, 35);
    assert_true(delivery_take_fetch(bed.delivery, &bed.clock, &bed.fetch));
    assert_int_equal(bed.fetch.bytes_max, 5);
    assert_int_equal(bed.fetch.first_no, 4); /* numbers of what was not taken are used again */
    assert_int_equal(bed.fetch.seqs[0], 4);
    assert_false(bed.fetch.has_redelivered); /* it was never shown */
    bed_close(&bed);
}

static void workers_share_a_queue(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed, &(struct delivery_options){0});
    struct consumer *consumer = add_consumer(&bed, 1, 10, DELIVERY_QUEUE);
    for (uint64_t session = 1; session <= 4; session++)
        assert_false(attach(&bed, consumer, session, 1000));
    append(&bed, 10, 10);
    uint32_t counts[5] = {0};
    uint64_t seen = 0;
    while (take(&bed) > 0) {
        counts[bed.fetch.address.session] += bed.fetch.count;
        for (uint32_t i = 0; i < bed.fetch.count; i++) {
            assert_false(seen & UINT64_C(1) << bed.fetch.seqs[i]);
            seen |= UINT64_C(1) << bed.fetch.seqs[i];
        }
    }
    assert_int_equal(seen, 0x7fe);
    for (uint64_t session = 1; session <= 4; session++)
        assert_in_range(counts[session], 1, 4);
    bed_close(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attempts_spent_is_death_with_a_fate),
        cmocka_unit_test(retries_are_due_when_the_peer_is_back),
        cmocka_unit_test(first_settle_tells_the_sender_once),
        cmocka_unit_test(expired_is_never_delivered),
        cmocka_unit_test(one_clock_alone_expires_nothing),
        cmocka_unit_test(scheduled_comes_when_due),
        cmocka_unit_test(a_restart_makes_no_schedule_early),
        cmocka_unit_test(a_restart_behind_a_jump_keeps_the_schedule),
        cmocka_unit_test(credit_is_absolute),
        cmocka_unit_test(bytes_bound_a_fetch),
        cmocka_unit_test(workers_share_a_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
