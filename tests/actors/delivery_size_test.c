/* SPDX-License-Identifier: MPL-2.0
 *
 * What actors/delivery*.c costs: bytes for a million waiting messages, for a room of 5,000, for
 * ten thousand small mailboxes. Bytes are checked (without sanitizers, which have their own), the
 * nanoseconds per message are only printed.
 */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "delivery.h"

#define MIB (1u << 20)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CAN_MEASURE false
#else
#define CAN_MEASURE true
#endif

static const struct delivery_clock now = {1000000, 1000000};

static uint64_t heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static double seconds(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static struct delivery *started(void)
{
    struct delivery *delivery = delivery_new(&(struct delivery_options){.lease_ms = 30000});
    assert_true(delivery_load_begin(delivery));
    assert_true(delivery_load_page(delivery, 0, 0, true, &now));
    return delivery;
}

static struct consumer *add_consumer(struct delivery *delivery, int64_t id, int64_t scope_id,
                                     enum delivery_scope_kind kind)
{
    struct delivery_consumer_spec spec = {
        .consumer_id = id,
        .scope_id = scope_id,
        .kind = kind,
        .scope_name = {"somebody", 8},
        .name = {"main", 4},
        .key = {&id, sizeof(id)},
        .is_new = true,
        .is_scope_new = true,
    };
    return delivery_consumer_add(delivery, &spec);
}

static void append(struct delivery *delivery, int64_t scope_id, uint64_t first_seq, uint32_t count)
{
    struct delivery_run run = {
        .scope_id = scope_id,
        .first_seq = first_seq,
        .count = count,
        .stored_ms = now.wall_ms,
        .expires_ms = now.wall_ms + 604800000,
    };
    delivery_append(delivery, &run, &now);
    delivery_appended_upto(delivery, first_seq + count - 1);
}

static void attach(struct delivery *delivery, struct consumer *consumer, uint64_t session)
{
    struct delivery_attach ask = {
        .address = {.session = session, .gateway = 5, .handle = 1},
        .messages_total = UINT64_MAX / 2,
    };
    uint32_t lease_ms;
    bool took_over;
    assert_int_equal(delivery_attach(delivery, consumer, &ask, &now, &lease_ms, &took_over),
                     ERR_OK);
}

/* Takes, delivers and settles all there is; commits each write. Returns how many. */
static uint64_t drain(struct delivery *delivery, double *take_s, double *settle_s)
{
    struct delivery_fetch fetch;
    struct delivery_write write;
    uint64_t count = 0;
    double before = seconds();
    while (delivery_take_fetch(delivery, &now, &fetch)) {
        struct delivery_fetched fetched = {.slot = fetch.slot, .taken = fetch.count};
        delivery_fetched(delivery, &fetched, &now);
        double between = seconds();
        struct delivery_settle_range range = {.first_no = fetch.first_no,
                                              .last_no = fetch.first_no + fetch.count - 1,
                                              .outcome = DELIVERY_ACK};
        delivery_settle(delivery, fetch.address, 0, &range, 1, &now);
        if (delivery_take_write(delivery, &now, &write))
            delivery_written(delivery, write.slot, true, &now);
        double after = seconds();
        *take_s += between - before;
        *settle_s += after - between;
        before = after;
        count += fetch.count;
    }
    return count;
}

static void a_million_wait(void **state)
{
    (void)state;
    enum { COUNT = 1000000 };
    uint64_t empty_bytes = heap_bytes();
    struct delivery *delivery = started();
    struct consumer *consumer = add_consumer(delivery, 1, 1, DELIVERY_PEER);
    double begin = seconds();
    for (uint64_t seq = 1; seq <= COUNT; seq += 100)
        append(delivery, 1, seq, 100);
    double append_s = seconds() - begin;
    uint64_t bytes = heap_bytes() - empty_bytes;
    if (CAN_MEASURE)
        assert_in_range(bytes, 1, 30 * MIB);
    double take_s = 0, settle_s = 0;
    attach(delivery, consumer, 1);
    assert_int_equal(drain(delivery, &take_s, &settle_s), COUNT);
    uint64_t left_bytes = heap_bytes() - empty_bytes;
    if (CAN_MEASURE)
        assert_in_range(left_bytes, 0, 2 * MIB);
    (void)printf("1,000,000 waiting: %.1f MiB; per message: append %.1f ns, take %.1f ns, settle "
                 "and write %.1f ns; %.2f MiB left afterwards\n",
                 (double)bytes / MIB, append_s * 1e9 / COUNT, take_s * 1e9 / COUNT,
                 settle_s * 1e9 / COUNT, (double)left_bytes / MIB);
    delivery_destroy(&delivery);
}

static void one_by_one(void **state)
{
    (void)state;
    enum { COUNT = 300000 };
    struct delivery *delivery = started();
    struct consumer *consumer = add_consumer(delivery, 1, 1, DELIVERY_PEER);
    double take_s = 0, settle_s = 0;
    attach(delivery, consumer, 1);
    double begin = seconds();
    for (uint64_t seq = 1; seq <= COUNT; seq++) {
        append(delivery, 1, seq, 1);
        assert_int_equal(drain(delivery, &take_s, &settle_s), 1);
    }
    (void)printf("one by one: %.0f ns per message from append to commit\n",
                 (seconds() - begin) * 1e9 / COUNT);
    delivery_destroy(&delivery);
}

static void a_room_costs_one_entry_per_message(void **state)
{
    (void)state;
    enum { MEMBERS = 5000, COUNT = 100000 };
    struct delivery *delivery = started();
    for (int64_t id = 1; id <= MEMBERS; id++)
        (void)add_consumer(delivery, id, 1, DELIVERY_ROOM);
    uint64_t before_bytes = heap_bytes();
    double begin = seconds();
    for (uint64_t seq = 1; seq <= COUNT; seq += 10)
        append(delivery, 1, seq, 10);
    double append_s = seconds() - begin;
    uint64_t bytes = heap_bytes() - before_bytes;
    if (CAN_MEASURE)
        assert_in_range(bytes, 1, 4 * MIB);
    for (int64_t id = 1; id <= 100; id++)
        attach(delivery, delivery_consumer_by_id(delivery, id), (uint64_t)id);
    double take_s = 0, settle_s = 0;
    uint64_t delivered = drain(delivery, &take_s, &settle_s);
    assert_int_equal(delivered, 100 * COUNT);
    (void)printf("a room of 5,000: %.1f MiB for 100,000 messages, append %.1f ns; 100 members read "
                 "them: take %.1f ns, settle and write %.1f ns per delivery\n",
                 (double)bytes / MIB, append_s * 1e9 / COUNT, take_s * 1e9 / (double)delivered,
                 settle_s * 1e9 / (double)delivered);
    delivery_destroy(&delivery);
}

static void small_mailboxes_are_small(void **state)
{
    (void)state;
    enum { PEERS = 10000 };
    uint64_t empty_bytes = heap_bytes();
    struct delivery *delivery = started();
    for (int64_t id = 1; id <= PEERS; id++) {
        (void)add_consumer(delivery, id, id, DELIVERY_PEER);
        append(delivery, id, (uint64_t)id, 1);
    }
    uint64_t bytes = heap_bytes() - empty_bytes;
    if (CAN_MEASURE)
        assert_in_range(bytes / PEERS, 1, 2048);
    (void)printf("10,000 mailboxes with one message each: %.0f bytes each\n",
                 (double)bytes / PEERS);
    delivery_destroy(&delivery);
}

static void settled_out_of_order_stays_bounded(void **state)
{
    (void)state;
    enum { COUNT = 2000000 };
    struct delivery *delivery = started();
    struct consumer *consumer = add_consumer(delivery, 1, 1, DELIVERY_QUEUE);
    attach(delivery, consumer, 1);
    append(delivery, 1, 1, 1);
    struct delivery_fetch fetch;
    assert_true(delivery_take_fetch(delivery, &now, &fetch));
    struct delivery_fetched fetched = {.slot = fetch.slot, .taken = fetch.count};
    delivery_fetched(delivery, &fetched, &now);
    attach(delivery, consumer, 2);
    uint64_t before_bytes = heap_bytes();
    uint64_t settled = 0;
    double take_s = 0, settle_s = 0;
    for (uint64_t seq = 2; seq <= COUNT; seq += 100) {
        append(delivery, 1, seq, 100);
        settled += drain(delivery, &take_s, &settle_s);
    }
    uint64_t bytes = heap_bytes() - before_bytes;
    if (CAN_MEASURE)
        assert_in_range(bytes, 0, 16 * MIB);
    delivery_check(delivery);
    (void)printf("one lease held while %llu others are settled: %.1f MiB\n",
                 (unsigned long long)settled, (double)bytes / MIB);
    delivery_destroy(&delivery);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_wait),
        cmocka_unit_test(one_by_one),
        cmocka_unit_test(a_room_costs_one_entry_per_message),
        cmocka_unit_test(small_mailboxes_are_small),
        cmocka_unit_test(settled_out_of_order_stays_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
