/* SPDX-License-Identifier: MPL-2.0
 *
 * actors/delivery*.c: the rules one by one, each with one or two consumers and a handful of
 * messages. What all of them do together is the model test's (delivery_model_test.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "delivery.h"

#define START_MS  INT64_C(1000000)
#define EXPIRY_MS (START_MS + 1000000)

struct bed {
    struct delivery *delivery;
    struct delivery_clock clock;
    uint64_t next_seq;
    struct delivery_fetch fetch;
};

static void bed_open(struct bed *bed, const struct delivery_options *options)
{
    *bed = (struct bed){.clock = {START_MS, START_MS}, .next_seq = 1};
    bed->delivery = delivery_new(options);
    assert_true(delivery_load_begin(bed->delivery));
    assert_true(delivery_load_page(bed->delivery, 0, 0, true, &bed->clock));
}

static void bed_close(struct bed *bed)
{
    delivery_check(bed->delivery);
    delivery_destroy(&bed->delivery);
}

static struct consumer *add_consumer(struct bed *bed, int64_t id, int64_t scope_id,
                                     enum delivery_scope_kind kind)
{
    char key[16] = {(char)id, (char)scope_id};
    struct delivery_consumer_spec spec = {
        .consumer_id = id,
        .scope_id = scope_id,
        .owner_id = 7,
        .kind = kind,
        .scope_name = {"ana", 3},
        .name = {"main", 4},
        .key = {key, 2},
        .floor_seq = bed->next_seq - 1,
        .is_new = true,
    };
    struct consumer *consumer = delivery_consumer_add(bed->delivery, &spec);
    assert_true(delivery_consumer_is_ready(consumer));
    assert_ptr_equal(delivery_consumer_find(bed->delivery, spec.key), consumer);
    return consumer;
}

static uint64_t append_with(struct bed *bed, struct delivery_run run)
{
    run.first_seq = bed->next_seq;
    run.stored_ms = bed->clock.wall_ms;
    if (run.expires_ms == 0)
        run.expires_ms = EXPIRY_MS;
    delivery_append(bed->delivery, &run, &bed->clock);
    bed->next_seq += run.count;
    delivery_appended_upto(bed->delivery, bed->next_seq - 1);
    return run.first_seq;
}

static uint64_t append(struct bed *bed, int64_t scope_id, uint32_t count)
{
    return append_with(bed, (struct delivery_run){.scope_id = scope_id, .count = count});
}

static struct delivery_address address_of(uint64_t session)
{
    return (struct delivery_address){.session = session, .gateway = 5, .handle = 1};
}

static bool attach(struct bed *bed, struct consumer *consumer, uint64_t session, uint64_t credit)
{
    struct delivery_attach ask = {
        .address = address_of(session),
        .peer_id = 7,
        .peer_name = {"ana", 3},
        .lease_ms = 10000,
        .messages_total = credit,
    };
    uint32_t lease_ms;
    bool took_over;
    assert_int_equal(
        delivery_attach(bed->delivery, consumer, &ask, &bed->clock, &lease_ms, &took_over), ERR_OK);
    assert_int_equal(lease_ms, 10000);
    return took_over;
}

/* Takes the next fetch and answers it: all of it was delivered. Returns how many. */
static uint32_t take(struct bed *bed)
{
    if (!delivery_take_fetch(bed->delivery, &bed->clock, &bed->fetch))
        return 0;
    struct delivery_fetched fetched = {
        .slot = bed->fetch.slot, .taken = bed->fetch.count, .body_bytes = bed->fetch.count * 10};
    delivery_fetched(bed->delivery, &fetched, &bed->clock);
    delivery_check(bed->delivery);
    return bed->fetch.count;
}

static void settle(struct bed *bed, uint64_t session, uint64_t first_no, uint64_t last_no,
                   enum delivery_outcome outcome, uint64_t confirm_id)
{
    struct delivery_settle_range range = {
        .first_no = first_no, .last_no = last_no, .outcome = outcome, .reason = "because"};
    delivery_settle(bed->delivery, address_of(session), confirm_id, &range, 1, &bed->clock);
    delivery_check(bed->delivery);
}

static void wait_ms(struct bed *bed, int64_t delay_ms)
{
    bed->clock.steady_ms += delay_ms;
    bed->clock.wall_ms += delay_ms;
    delivery_tick(bed->delivery, &bed->clock);
    delivery_check(bed->delivery);
}

/* The one change of the next write; commits it. */
struct written {
    uint64_t floor_seq;
    size_t row_count, fate_count;
    struct delivery_row rows[8];
    struct delivery_fate fates[4];
    uint64_t fate_seqs[4];
};

static bool write_with(struct bed *bed, struct written *ret, bool is_ok)
{
    struct delivery_write write;
    if (!delivery_take_write(bed->delivery, &bed->clock, &write))
        return false;
    *ret = (struct written){0};
    assert_int_equal(write.change_count, 1);
    ret->floor_seq = write.changes[0].floor_seq;
    ret->row_count = write.changes[0].row_count;
    ret->fate_count = write.fate_count;
    assert_true(ret->row_count <= 8 && ret->fate_count <= 4);
    for (size_t i = 0; i < ret->row_count; i++)
        ret->rows[i] = write.changes[0].rows[i];
    for (size_t i = 0; i < ret->fate_count; i++) {
        ret->fates[i] = write.fates[i];
        ret->fate_seqs[i] = write.fates[i].seqs[0];
    }
    delivery_written(bed->delivery, write.slot, is_ok, &bed->clock);
    return true;
}

static bool commit(struct bed *bed, struct written *ret)
{
    return write_with(bed, ret, true);
}

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

/* --- Writes */

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
        cmocka_unit_test(attempts_spent_is_death_with_a_fate),
        cmocka_unit_test(retries_are_due_when_the_peer_is_back),
        cmocka_unit_test(first_settle_tells_the_sender_once),
        cmocka_unit_test(expired_is_never_delivered),
        cmocka_unit_test(one_clock_alone_expires_nothing),
        cmocka_unit_test(scheduled_comes_when_due),
        cmocka_unit_test(credit_is_absolute),
        cmocka_unit_test(bytes_bound_a_fetch),
        cmocka_unit_test(workers_share_a_queue),
        cmocka_unit_test(confirm_waits_for_the_commit),
        cmocka_unit_test(damaged_dies_and_missing_ends),
        cmocka_unit_test(cancel_only_what_nobody_has),
        cmocka_unit_test(removed_consumer_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
