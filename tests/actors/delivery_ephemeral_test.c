/* SPDX-License-Identifier: MPL-2.0
 *
 * actors/delivery*.c: consumers that live in memory only decide nothing about a message, are never
 * written, end with their attachment, and cannot keep a log for ever.
 */
#include "delivery_bed.h"

#define LISTENER (-1)
#define WANTS    7 /* DELIVERED, READ, and EXPIRED or DEAD */

static struct bed bed;

static struct consumer *listen(int64_t id, uint64_t session, uint64_t credit)
{
    struct consumer *consumer = add_consumer(&bed, id, 1, DELIVERY_PEER);
    attach(&bed, consumer, session, credit);
    return consumer;
}

static void what_it_settles_is_written_nowhere(void **state)
{
    (void)state;
    struct delivery_done done;
    struct written written;
    bed_open(&bed, &(struct delivery_options){.backoff = {.first_ms = 1000, .retries_max = 1}});
    listen(LISTENER, 1, 100);
    (void)append_with(&bed, (struct delivery_run){.scope_id = 1, .count = 6, .flags = WANTS});
    assert_int_equal(take(&bed), 6);
    settle(&bed, 1, 2, 2, DELIVERY_ACK, 77); /* out of order */
    assert_true(delivery_take_done(bed.delivery, &done));
    assert_int_equal(done.confirm_id, 77); /* at once: it waits for no commit */
    settle(&bed, 1, 3, 3, DELIVERY_REJECT, 0);
    settle(&bed, 1, 4, 4, DELIVERY_FAIL, 0);
    settle(&bed, 1, 1, 1, DELIVERY_ACK, 0);
    wait_ms(&bed, 5000); /* the failed one comes again */
    assert_int_equal(take(&bed), 1);
    assert_int_equal(bed.fetch.attempts[0], 2);
    settle(&bed, 1, 7, 7, DELIVERY_FAIL, 0); /* and is given up */
    settle(&bed, 1, 5, 6, DELIVERY_ACK, 78);
    assert_true(delivery_take_done(bed.delivery, &done));
    assert_false(commit(&bed, &written));
    assert_true(delivery_is_written(bed.delivery));
    bed_close(&bed);
}

static void it_ends_with_its_attachment(void **state)
{
    (void)state;
    struct delivery_detached detached;
    bed_open(&bed, &(struct delivery_options){0});
    listen(LISTENER, 1, 10);
    listen(LISTENER - 1, 2, 0);
    listen(LISTENER - 2, 3, 0);
    (void)append(&bed, 1, 4);
    assert_true(delivery_take_fetch(bed.delivery, &bed.clock, &bed.fetch));
    delivery_fetch_lost(bed.delivery, bed.fetch.slot, &bed.clock);
    assert_true(delivery_take_detached(bed.delivery, &detached));
    assert_int_equal(detached.code, ERR_TIMEOUT);
    assert_null(delivery_consumer_by_id(bed.delivery, LISTENER));
    assert_true(delivery_detach(bed.delivery, address_of(2), &bed.clock));
    assert_null(delivery_consumer_by_id(bed.delivery, LISTENER - 1));
    delivery_session_closed(bed.delivery, 5, 3, &bed.clock);
    assert_null(delivery_consumer_next(bed.delivery, NULL, 0));
    bed_close(&bed);
}

static void senders_hear_of_the_durable_ones_only(void **state)
{
    (void)state;
    struct written written;
    bed_open(&bed, &(struct delivery_options){0});
    listen(LISTENER, 1, 10);
    struct consumer *durable = add_consumer(&bed, 1, 1, DELIVERY_PEER);
    (void)append_with(&bed, (struct delivery_run){.scope_id = 1, .count = 1, .flags = WANTS});
    (void)append_with(
        &bed, (struct delivery_run){
                  .scope_id = 1, .count = 1, .flags = WANTS, .expires_ms = START_MS + 1000});
    assert_int_equal(take(&bed), 2);
    settle(&bed, 1, 1, 1, DELIVERY_ACK, 0);
    assert_false(commit(&bed, &written));
    settle(&bed, 1, 2, 2, DELIVERY_RELEASE, 0);
    wait_ms(&bed, 3000);
    assert_true(commit(&bed, &written)); /* EXPIRED, though the listener lost it first */
    assert_int_equal(written.fate_count, 1);
    assert_int_equal(written.fates[0].level, DELIVERY_LEVEL_EXPIRED);
    assert_int_equal(written.fate_seqs[0], 2);
    attach(&bed, durable, 2, 10);
    assert_int_equal(take(&bed), 1);
    settle(&bed, 2, 1, 1, DELIVERY_ACK, 0);
    assert_true(commit(&bed, &written)); /* DELIVERED, though the listener had it first */
    assert_int_equal(written.fate_count, 1);
    assert_int_equal(written.fates[0].level, DELIVERY_LEVEL_DELIVERED);
    bed_close(&bed);
}

static enum err cancel(uint64_t seq)
{
    struct ticket *call = delivery_call_begin(bed.delivery, &(struct delivery_question){0});
    enum err err =
        delivery_cancel(bed.delivery, call, &(struct delivery_place){1, seq, {0}}, &bed.clock);
    delivery_call_end(bed.delivery, call, err, 0);
    delivery_check(bed.delivery);
    return err;
}

static void it_keeps_nothing_from_being_cancelled(void **state)
{
    (void)state;
    struct written written;
    bed_open(&bed, &(struct delivery_options){0});
    listen(LISTENER, 1, 1);
    struct consumer *durable = add_consumer(&bed, 1, 1, DELIVERY_PEER);
    (void)append_with(&bed, (struct delivery_run){.scope_id = 1, .count = 2, .flags = WANTS});
    assert_int_equal(take(&bed), 1);
    assert_int_equal(cancel(1), ERR_OK); /* the listener has it */
    assert_int_equal(cancel(2), ERR_OK); /* it waits for him too: he does not get it */
    assert_true(commit(&bed, &written));
    assert_int_equal(written.fate_count, 1);
    assert_int_equal(written.fates[0].level, DELIVERY_LEVEL_CANCELLED);
    assert_int_equal(written.fates[0].seq_count, 2);
    assert_true(delivery_credit(bed.delivery, address_of(1), 10, 0));
    assert_int_equal(take(&bed), 0);
    attach(&bed, durable, 2, 10);
    assert_int_equal(take(&bed), 0);
    assert_true(delivery_detach(bed.delivery, address_of(2), &bed.clock));
    delivery_consumer_remove(bed.delivery, durable);
    (void)append(&bed, 1, 1);
    assert_int_equal(cancel(3), ERR_NO_SUCH_MESSAGE); /* of no durable consumer */
    bed_close(&bed);
}

static void a_lazy_one_is_dropped(void **state)
{
    (void)state;
    struct delivery_detached detached;
    bed_open(&bed, &(struct delivery_options){.ephemeral_behind_max = 1000});
    listen(LISTENER, 1, 0); /* no credit at all */
    listen(LISTENER - 1, 2, 1000000);
    for (uint32_t sent = 0; sent < 1000; sent += 100) {
        (void)append(&bed, 1, 100);
        assert_int_equal(take(&bed), 100);
        settle(&bed, 2, sent + 1, sent + 100, DELIVERY_ACK, 0);
    }
    assert_false(delivery_take_detached(bed.delivery, &detached));
    (void)append(&bed, 1, 1);
    assert_true(delivery_take_detached(bed.delivery, &detached));
    assert_int_equal(detached.address.session, 1);
    assert_int_equal(detached.code, ERR_TOO_MANY);
    assert_null(delivery_consumer_by_id(bed.delivery, LISTENER));
    assert_int_equal(take(&bed), 1); /* the other one goes on */
    (void)append(&bed, 1, 1001);     /* and is dropped with its scope, in the middle of an append */
    assert_true(delivery_take_detached(bed.delivery, &detached));
    assert_null(delivery_consumer_next(bed.delivery, NULL, 0));
    bed_close(&bed);
}

static void failing_everything_is_lazy_too(void **state)
{
    (void)state;
    struct delivery_detached detached;
    bed_open(&bed, &(struct delivery_options){.ephemeral_behind_max = 500});
    listen(LISTENER, 1, 1000000);
    uint64_t no = 1;
    for (int round = 0; round < 6; round++) {
        (void)append(&bed, 1, 100);
        uint32_t count = take(&bed);
        if (count > 0)
            settle(&bed, 1, no, no + count - 1, DELIVERY_FAIL, 0);
        no += count;
    }
    assert_true(delivery_take_detached(bed.delivery, &detached));
    assert_int_equal(detached.code, ERR_TOO_MANY);
    bed_close(&bed);
}

/* A consumer from the first message on, with 10,000 in the store. */
static struct consumer *load_from_first(int64_t id)
{
    struct delivery_consumer_spec spec = {.consumer_id = id,
                                          .scope_id = 1,
                                          .kind = DELIVERY_TOPIC,
                                          .name = {"x", 1},
                                          .key = {&id, sizeof(id)},
                                          .is_new = true};
    struct consumer *consumer = delivery_consumer_add(bed.delivery, &spec);
    while (delivery_load_begin(bed.delivery)) {
        uint64_t after = delivery_load_after(bed.delivery);
        struct delivery_run run = {
            .scope_id = 1, .first_seq = after + 1, .count = 100, .expires_ms = EXPIRY_MS};
        delivery_load_run(bed.delivery, &run, &bed.clock);
        if (delivery_load_page(bed.delivery, after + 100, 10000, after + 100 == 10000, &bed.clock))
            break;
    }
    assert_true(delivery_consumer_is_ready(consumer));
    return consumer;
}

static void its_past_is_bounded(void **state)
{
    (void)state;
    bed_open(&bed, &(struct delivery_options){.ephemeral_behind_max = 1000});
    bed.next_seq = 10001;
    delivery_appended_upto(bed.delivery, 10000);
    struct consumer *listener = load_from_first(LISTENER);
    struct delivery_view view = delivery_view(bed.delivery, listener, &bed.clock);
    assert_int_equal(view.waiting, 500);
    assert_int_equal(view.floor_seq, 9500); /* ATTACHED says so */
    attach(&bed, listener, 1, 1);
    assert_int_equal(take(&bed), 1);
    assert_int_equal(bed.fetch.seqs[0], 9501);
    struct consumer *durable = load_from_first(1);
    assert_int_equal(delivery_view(bed.delivery, durable, &bed.clock).waiting, 10000);
    struct consumer *second = load_from_first(LISTENER - 1); /* the log holds all of it now */
    assert_int_equal(delivery_view(bed.delivery, second, &bed.clock).waiting, 500);
    delivery_consumer_remove(bed.delivery, second);
    bed_close(&bed);
}

static void who_left_hears_nothing_more(void **state)
{
    (void)state;
    struct delivery_detached detached;
    bed_open(&bed, &(struct delivery_options){0});
    listen(LISTENER, 1, 10);
    struct consumer *durable = add_consumer(&bed, 1, 1, DELIVERY_PEER);
    attach(&bed, durable, 2, 10);
    (void)append(&bed, 1, 3);
    assert_int_equal(take(&bed), 3); /* leased to him when he goes */
    delivery_consumer_drop(bed.delivery, durable, ERR_ROOM_BANNED, &bed.clock);
    assert_true(delivery_take_detached(bed.delivery, &detached));
    assert_int_equal(detached.code, ERR_ROOM_BANNED);
    assert_null(delivery_consumer_by_id(bed.delivery, 1));
    delivery_peer_left(bed.delivery, 1, 8, ERR_NOT_MEMBER, &bed.clock); /* somebody else */
    assert_false(delivery_take_detached(bed.delivery, &detached));
    delivery_peer_left(bed.delivery, 1, 7, ERR_NOT_MEMBER, &bed.clock);
    assert_true(delivery_take_detached(bed.delivery, &detached));
    assert_int_equal(detached.code, ERR_NOT_MEMBER);
    assert_null(delivery_consumer_next(bed.delivery, NULL, 0));
    bed_close(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_settles_is_written_nowhere),
        cmocka_unit_test(it_ends_with_its_attachment),
        cmocka_unit_test(senders_hear_of_the_durable_ones_only),
        cmocka_unit_test(it_keeps_nothing_from_being_cancelled),
        cmocka_unit_test(a_lazy_one_is_dropped),
        cmocka_unit_test(failing_everything_is_lazy_too),
        cmocka_unit_test(its_past_is_bounded),
        cmocka_unit_test(who_left_hears_nothing_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
