/* SPDX-License-Identifier: MPL-2.0
 *
 * actors/delivery*.c, the rules one by one: order, floors, leases, writes, calls. Those of time and
 * credit are in delivery_time_test.c; what all of them do together is delivery_model_test.c's.
 */
#include "delivery_bed.h"

/* --- Order and floors */

static void first_deliveries_come_in_seq_order(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed, &(struct delivery_options){0});
    struct consumer *consumer = add_consumer(&bed, 1, 10, DELIVERY_PEER);
    append(&bed, 10, 300);
    attach(&bed, consumer, 1, 1000);
    assert_int_equal(take(&bed), 256);
    assert_int_equal(bed.fetch.first_no, 1);
    for (uint32_t i = 0; i < 256; i++)
        assert_int_equal(bed.fetch.seqs[i], i + 1);
    assert_false(bed.fetch.has_attempts || bed.fetch.has_redelivered);
    assert_int_equal(take(&bed), 44);
    assert_int_equal(bed.fetch.first_no, 257);
    assert_int_equal(bed.fetch.seqs[0], 257);
    assert_int_equal(take(&bed), 0);
    bed_close(&bed);
}

static void settling_in_order_costs_one_floor(void **state)
{
    (void)state;
    struct bed bed;
    struct written written;
    bed_open(&bed, &(struct delivery_options){0});
    struct consumer *consumer = add_consumer(&bed, 1, 10, DELIVERY_PEER);
    append(&bed, 10, 100);
    attach(&bed, consumer, 1, 1000);
    take(&bed);
    assert_false(commit(&bed, &written));
    settle(&bed, 1, 1, 60, DELIVERY_ACK, 0);
    assert_true(commit(&bed, &written));
    assert_int_equal(written.floor_seq, 60);
    assert_int_equal(written.row_count, 0);
    assert_false(commit(&bed, &written));
    bed_close(&bed);
}

static void settling_out_of_order_costs_a_range(void **state)
{
    (void)state;
    struct bed bed;
    struct written written;
    bed_open(&bed, &(struct delivery_options){0});
    struct consumer *consumer = add_consumer(&bed, 1, 10, DELIVERY_PEER);
    append(&bed, 10, 100);
    attach(&bed, consumer, 1, 1000);
    take(&bed);
    settle(&bed, 1, 11, 20, DELIVERY_ACK, 0);
    assert_true(commit(&bed, &written));
    assert_int_equal(written.floor_seq, 0);
    assert_int_equal(written.row_count, 1);
    assert_int_equal(written.rows[0].seq, 11);
    assert_int_equal(written.rows[0].last_seq, 20);
    assert_int_equal(written.rows[0].state, DELIVERY_SETTLED);
    settle(&bed, 1, 5, 8, DELIVERY_ACK, 0);
    settle(&bed, 1, 10, 10, DELIVERY_ACK, 0); /* the range grows at its front: another key */
    assert_true(commit(&bed, &written));
    assert_int_equal(written.row_count, 3);
    assert_int_equal(written.rows[0].seq, 5);
    assert_int_equal(written.rows[1].seq, 10);
    assert_int_equal(written.rows[1].last_seq, 20);
    assert_int_equal(written.rows[2].seq, 11);
    assert_int_equal(written.rows[2].state, 0); /* removed */
    settle(&bed, 1, 1, 9, DELIVERY_ACK, 0);
    assert_true(commit(&bed, &written));
    assert_int_equal(written.floor_seq, 20);
    assert_int_equal(written.row_count, 0); /* rows up to the floor are trimmed by the writer */
    bed_close(&bed);
}

static void floor_passes_over_failures(void **state)
{
    (void)state;
    struct bed bed;
    struct written written;
    bed_open(&bed, &(struct delivery_options){0});
    struct consumer *consumer = add_consumer(&bed, 1, 10, DELIVERY_PEER);
    append(&bed, 10, 3);
    attach(&bed, consumer, 1, 10);
    take(&bed);
    settle(&bed, 1, 1, 1, DELIVERY_FAIL, 0);
    settle(&bed, 1, 2, 2, DELIVERY_REJECT, 0);
    assert_true(commit(&bed, &written));
    assert_int_equal(written.floor_seq, 2);
    assert_int_equal(written.row_count, 2);
    assert_int_equal(written.rows[0].state, DELIVERY_RETRY);
    assert_int_equal(written.rows[0].attempts, 1);
    assert_int_equal(written.rows[0].due_ms, START_MS + 5 * 60 * 1000);
    assert_int_equal(written.rows[1].state, DELIVERY_DEAD);
    assert_int_equal(written.rows[1].reason, 5007);
    bed_close(&bed);
}

/* --- Leases */

static void detach_gives_back_without_counting(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed, &(struct delivery_options){0});
    struct consumer *consumer = add_consumer(&bed, 1, 10, DELIVERY_PEER);
    append(&bed, 10, 3);
    attach(&bed, consumer, 1, 10);
    take(&bed);
    settle(&bed, 1, 2, 2, DELIVERY_ACK, 0);
    assert_true(delivery_detach(bed.delivery, address_of(1), &bed.clock));
    attach(&bed, consumer, 1, 10);
    assert_int_equal(take(&bed), 2);
    assert_int_equal(bed.fetch.first_no, 4); /* the numbers of this handle go on */
    assert_int_equal(bed.fetch.seqs[0], 1);
    assert_int_equal(bed.fetch.seqs[1], 3);
    assert_true(bed.fetch.redelivered[0] && bed.fetch.redelivered[1]);
    assert_int_equal(bed.fetch.attempts[0], 1);
    bed_close(&bed);
}

static void second_session_takes_over(void **state)
{
    (void)state;
    struct bed bed;
    struct delivery_detached detached;
    bed_open(&bed, &(struct delivery_options){0});
    struct consumer *consumer = add_consumer(&bed, 1, 10, DELIVERY_PEER);
    append(&bed, 10, 2);
    assert_false(attach(&bed, consumer, 1, 10));
    take(&bed);
    assert_true(attach(&bed, consumer, 2, 10));
    assert_true(delivery_take_detached(bed.delivery, &detached));
    assert_int_equal(detached.address.session, 1);
    assert_int_equal(detached.code, ERR_TAKEN_OVER);
    assert_int_equal(take(&bed), 2);
    struct delivery_done done;
    settle(&bed, 1, 1, 2, DELIVERY_ACK, 9); /* the old session is too late */
    assert_true(delivery_take_done(bed.delivery, &done));
    assert_int_equal(done.confirm_id, 9);
    assert_int_equal(done.stale_count, 2);
    bed_close(&bed);
}

static void lease_over_counts_an_attempt(void **state)
{
    (void)state;
    struct bed bed;
    struct written written;
    bed_open(&bed, &(struct delivery_options){.backoff = backoff_brisk});
    struct consumer *consumer = add_consumer(&bed, 1, 10, DELIVERY_PEER);
    append(&bed, 10, 1);
    attach(&bed, consumer, 1, 10);
    take(&bed);
    wait_ms(&bed, 9000);
    settle(&bed, 1, 1, 1, DELIVERY_EXTEND, 0);
    wait_ms(&bed, 9000);
    assert_int_equal(take(&bed), 0);
    assert_false(commit(&bed, &written));
    wait_ms(&bed, 1000);
    assert_true(commit(&bed, &written));
    assert_int_equal(written.rows[0].state, DELIVERY_RETRY);
    assert_int_equal(take(&bed), 0);
    wait_ms(&bed, 1000); /* 5 s after enqueue is long past: after the smallest gap */
    assert_int_equal(take(&bed), 1);
    assert_int_equal(bed.fetch.attempts[0], 2);
    assert_int_equal(bed.fetch.first_no, 2);
    struct delivery_done done;
    settle(&bed, 1, 1, 1, DELIVERY_ACK, 4);
    assert_true(delivery_take_done(bed.delivery, &done));
    assert_int_equal(done.stale_count, 1);
    assert_int_equal(done.stale[0], 1);
    bed_close(&bed);
}

static void saying_it_twice_is_fine(void **state)
{
    (void)state;
    struct bed bed;
    struct written written;
    struct delivery_done done;
    bed_open(&bed, &(struct delivery_options){0});
    struct consumer *consumer = add_consumer(&bed, 1, 10, DELIVERY_PEER);
    append(&bed, 10, 2000);
    attach(&bed, consumer, 1, 10000);
    while (take(&bed) > 0)
        settle(&bed, 1, 1, bed.fetch.first_no + bed.fetch.count - 1, DELIVERY_ACK, 0);
    settle(&bed, 1, 1, 2000, DELIVERY_ACK, 3);
    assert_false(delivery_take_done(bed.delivery, &done));
    assert_true(commit(&bed, &written));
    assert_true(delivery_take_done(bed.delivery, &done));
    assert_int_equal(done.stale_count, 0);
    settle(&bed, 1, 1, UINT64_MAX, DELIVERY_ACK, 4); /* nonsense costs nothing */
    assert_true(delivery_take_done(bed.delivery, &done));
    assert_int_equal(done.stale_count, 1);
    assert_int_equal(done.stale[0], 2001);
    settle(&bed, 1, 1, 2000, DELIVERY_FAIL, 5);
    assert_true(delivery_take_done(bed.delivery, &done));
    assert_int_equal(done.stale_count, DELIVERY_STALE_MAX);
    bed_close(&bed);
}

static void release_with_delay_waits_without_an_attempt(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed, &(struct delivery_options){0});
    struct consumer *consumer = add_consumer(&bed, 1, 10, DELIVERY_PEER);
    append(&bed, 10, 2);
    attach(&bed, consumer, 1, 10);
    take(&bed);
    struct delivery_settle_range range = {
        .first_no = 1, .outcome = DELIVERY_RELEASE, .delay_ms = 3000};
    delivery_settle(bed.delivery, address_of(1), 0, &range, 1, &bed.clock);
    settle(&bed, 1, 2, 2, DELIVERY_RELEASE, 0);
    assert_int_equal(take(&bed), 1);
    assert_int_equal(bed.fetch.seqs[0], 2);
    wait_ms(&bed, 3000);
    assert_int_equal(take(&bed), 1);
    assert_int_equal(bed.fetch.seqs[0], 1);
    assert_int_equal(bed.fetch.attempts[0], 1);
    bed_close(&bed);
}

/* --- Writes */

/* What nobody waits for is written every 5 ms, what somebody waits for at once. */
static void settles_share_writes(void **state)
{
    struct delivery_options options = {.write_interval_ms = 5};
    struct written written;
    struct bed bed;
    (void)state;
    bed_open(&bed, &options);
    struct consumer *consumer = add_consumer(&bed, 1, 10, DELIVERY_PEER);
    (void)attach(&bed, consumer, 100, 100);
    (void)append(&bed, 10, 10);
    assert_int_equal(take(&bed), 10);
    settle(&bed, 100, 1, 1, DELIVERY_ACK, 0);
    assert_true(commit(&bed, &written)); /* there was none for long */
    settle(&bed, 100, 2, 2, DELIVERY_ACK, 0);
    assert_false(commit(&bed, &written));
    assert_int_equal(delivery_next_ms(bed.delivery), bed.clock.steady_ms + 5);
    wait_ms(&bed, 4);
    settle(&bed, 100, 3, 3, DELIVERY_ACK, 0);
    assert_false(commit(&bed, &written));
    wait_ms(&bed, 1);
    assert_true(commit(&bed, &written));
    assert_int_equal(written.floor_seq, 3);
    settle(&bed, 100, 4, 4, DELIVERY_ACK, 0);
    assert_false(commit(&bed, &written));
    settle(&bed, 100, 5, 5, DELIVERY_ACK, 7);
    assert_true(commit(&bed, &written)); /* with what waited */
    assert_int_equal(written.floor_seq, 5);
    struct delivery_done done;
    assert_true(delivery_take_done(bed.delivery, &done));
    assert_int_equal(done.confirm_id, 7);
    settle(&bed, 100, 6, 6, DELIVERY_ACK, 0);
    assert_false(commit(&bed, &written)); /* the hurry is over */
    bed_close(&bed);
}

static void confirm_waits_for_the_commit(void **state)
{
    (void)state;
    struct bed bed;
    struct delivery_write write;
    struct delivery_done done;
    bed_open(&bed, &(struct delivery_options){0});
    struct consumer *consumer = add_consumer(&bed, 1, 10, DELIVERY_PEER);
    append(&bed, 10, 4);
    attach(&bed, consumer, 1, 10);
    take(&bed);
    settle(&bed, 1, 1, 1, DELIVERY_ACK, 11);
    assert_true(delivery_take_write(bed.delivery, &bed.clock, &write));
    settle(&bed, 1, 1, 2, DELIVERY_ACK, 12); /* 1 again: its write is still under way */
    struct delivery_write second;
    assert_false(delivery_take_write(bed.delivery, &bed.clock, &second)); /* one per consumer */
    assert_false(delivery_take_done(bed.delivery, &done));
    delivery_written(bed.delivery, write.slot, false, &bed.clock);
    assert_false(delivery_take_write(bed.delivery, &bed.clock, &write)); /* pause */
    assert_int_equal(delivery_next_ms(bed.delivery), bed.clock.steady_ms + 100);
    wait_ms(&bed, 100);
    assert_true(delivery_take_write(bed.delivery, &bed.clock, &write));
    assert_int_equal(write.changes[0].floor_seq, 2);
    delivery_written(bed.delivery, write.slot, true, &bed.clock);
    assert_true(delivery_take_done(bed.delivery, &done));
    assert_int_equal(done.confirm_id, 11);
    assert_true(delivery_take_done(bed.delivery, &done));
    assert_int_equal(done.confirm_id, 12);
    assert_false(delivery_take_done(bed.delivery, &done));
    bed_close(&bed);
}

static void damaged_dies_and_missing_ends(void **state)
{
    (void)state;
    struct bed bed;
    struct delivery_write write;
    bed_open(&bed, &(struct delivery_options){0});
    struct consumer *consumer = add_consumer(&bed, 1, 10, DELIVERY_PEER);
    append(&bed, 10, 4);
    attach(&bed, consumer, 1, 4);
    assert_true(delivery_take_fetch(bed.delivery, &bed.clock, &bed.fetch));
    const uint64_t missing[] = {2};
    const uint64_t damaged[] = {3};
    struct delivery_fetched fetched = {.slot = bed.fetch.slot,
                                       .taken = 4,
                                       .body_bytes = 20,
                                       .missing = missing,
                                       .missing_count = 1,
                                       .damaged = damaged,
                                       .damaged_count = 1};
    delivery_fetched(bed.delivery, &fetched, &bed.clock);
    settle(&bed, 1, 1, 1, DELIVERY_ACK, 0);
    settle(&bed, 1, 4, 4, DELIVERY_ACK, 0);
    assert_true(delivery_take_write(bed.delivery, &bed.clock, &write));
    assert_int_equal(write.quarantine_count, 1);
    assert_int_equal(write.quarantine[0], 3);
    assert_int_equal(write.changes[0].floor_seq, 4);
    assert_int_equal(write.changes[0].row_count, 2);
    assert_int_equal(write.changes[0].rows[1].state, DELIVERY_DEAD);
    assert_int_equal(write.changes[0].rows[1].reason, 5009);
    append(&bed, 10, 2);
    assert_int_equal(take(&bed), 2); /* what never came took no credit */
    delivery_written(bed.delivery, write.slot, true, &bed.clock);
    bed_close(&bed);
}

/* --- Calls */

static void cancel_only_what_nobody_has(void **state)
{
    (void)state;
    struct bed bed;
    struct written written;
    struct delivery_done done;
    bed_open(&bed, &(struct delivery_options){0});
    struct consumer *consumer = add_consumer(&bed, 1, 10, DELIVERY_PEER);
    append(&bed, 10, 5);
    attach(&bed, consumer, 1, 2);
    take(&bed);
    struct delivery_question question = {.session = 3, .request_id = 4, .correlation = 5};
    struct ticket *call = delivery_call_begin(bed.delivery, &question);
    assert_int_equal(delivery_cancel(bed.delivery, call, 10, 1, &bed.clock), ERR_TOO_LATE);
    assert_int_equal(delivery_cancel(bed.delivery, call, 10, 4, &bed.clock), ERR_OK);
    assert_int_equal(delivery_cancel(bed.delivery, call, 10, 4, &bed.clock), ERR_TOO_LATE);
    assert_int_equal(delivery_cancel(bed.delivery, call, 11, 1, &bed.clock), ERR_NO_SUCH_MESSAGE);
    delivery_call_end(bed.delivery, call, ERR_OK, 1);
    assert_false(delivery_take_done(bed.delivery, &done));
    assert_true(commit(&bed, &written));
    assert_int_equal(written.rows[0].state, DELIVERY_CANCELLED);
    assert_true(delivery_take_done(bed.delivery, &done));
    assert_true(done.is_call && done.count == 1 && done.question.correlation == 5);
    delivery_credit(bed.delivery, address_of(1), 10, 0);
    assert_int_equal(take(&bed), 2);
    assert_int_equal(bed.fetch.seqs[0], 3);
    assert_int_equal(bed.fetch.seqs[1], 5);
    bed_close(&bed);
}

static void removed_consumer_leaves_nothing(void **state)
{
    (void)state;
    struct bed bed;
    struct delivery_detached detached;
    struct written written;
    bed_open(&bed, &(struct delivery_options){0});
    struct consumer *consumer = add_consumer(&bed, 1, 10, DELIVERY_PEER);
    append(&bed, 10, 5);
    attach(&bed, consumer, 1, 10);
    take(&bed);
    settle(&bed, 1, 1, 2, DELIVERY_ACK, 8);
    delivery_consumer_stop(bed.delivery, consumer, &bed.clock);
    assert_true(delivery_take_detached(bed.delivery, &detached));
    assert_int_equal(detached.code, ERR_NO_SUCH_CONSUMER);
    delivery_consumer_remove(bed.delivery, consumer);
    assert_false(commit(&bed, &written));
    assert_null(delivery_consumer_by_id(bed.delivery, 1));
    append(&bed, 10, 5);
    bed_close(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_deliveries_come_in_seq_order),
        cmocka_unit_test(settling_in_order_costs_one_floor),
        cmocka_unit_test(settling_out_of_order_costs_a_range),
        cmocka_unit_test(floor_passes_over_failures),
        cmocka_unit_test(detach_gives_back_without_counting),
        cmocka_unit_test(second_session_takes_over),
        cmocka_unit_test(lease_over_counts_an_attempt),
        cmocka_unit_test(saying_it_twice_is_fine),
        cmocka_unit_test(release_with_delay_waits_without_an_attempt),
        cmocka_unit_test(settles_share_writes),
        cmocka_unit_test(confirm_waits_for_the_commit),
        cmocka_unit_test(damaged_dies_and_missing_ends),
        cmocka_unit_test(cancel_only_what_nobody_has),
        cmocka_unit_test(removed_consumer_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
