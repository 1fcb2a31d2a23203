/* SPDX-License-Identifier: MPL-2.0
 *
 * clients/c/book: each arrow of its picture, forgetting by age, the hash, and a model with random
 * steps: a broker that delivers again what was not settled never makes the application see a
 * message again that it holds or has acked, and every settle in the end reaches a living lease.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "clients/c/book.h"

static const uint64_t secret[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

static struct book_key key_of(const struct book *book, uint32_t number)
{
    uint8_t id[16] = {0};
    memcpy(id, &number, sizeof(number));
    return book_key(book, id, "alice", 5);
}

static enum book_verdict deliver(struct book *book, uint32_t number, uint64_t delivery_no,
                                 struct book_delivery *ret)
{
    struct book_key key = key_of(book, number);
    return book_deliver(book, &key, delivery_no, 10, ret);
}

static void siphash_is_siphash(void **state)
{
    /* Another implementation of SipHash-1-3, with a key of zeros. */
    const uint64_t zeros[2] = {0, 0};
    const uint8_t bytes[] = {0, 1, 2, 3, 4, 5, 6, 7};
    (void)state;
    assert_int_equal(book_hash(zeros, bytes, 1), 0x68a914128e01e473);
    assert_int_equal(book_hash(zeros, bytes, 7), 0x2f098ab0c751325a);
    assert_int_equal(book_hash(zeros, bytes, 8), 0xead411e67ebe2eea);
    assert_int_equal(book_hash(zeros, "abcdefghijklmnop!", 17), 0x06acd62b59ce05d4);
}

static void senders_are_told_apart(void **state)
{
    struct book book;
    struct book_delivery delivery;
    const uint8_t id[16] = {1};
    (void)state;
    assert_true(book_init(&book, 4, 4, secret));
    struct book_key alice = book_key(&book, id, "alice", 5);
    struct book_key bob = book_key(&book, id, "bob", 3);
    assert_int_equal(book_deliver(&book, &alice, 1, 0, &delivery), BOOK_SHOW);
    assert_int_equal(book_deliver(&book, &bob, 2, 0, &delivery), BOOK_SHOW);
    assert_int_equal(book.held, 2);
    book_fini(&book);
}

static void held_again(void **state)
{
    struct book book;
    struct book_delivery first;
    struct book_delivery again;
    struct book_settle settle;
    (void)state;
    assert_true(book_init(&book, 4, 4, secret));
    assert_int_equal(deliver(&book, 1, 10, &first), BOOK_SHOW);
    assert_int_equal(deliver(&book, 1, 11, &again), BOOK_KEEP); /* its lease ran out */
    assert_true(again.is_old_lease_live);
    book_detached(&book);
    assert_int_equal(deliver(&book, 1, 1, &again), BOOK_KEEP); /* after a reconnect */
    assert_false(again.is_old_lease_live);
    book_settle(&book, first.token, BOOK_ACK, &settle);
    assert_true(settle.is_known && settle.is_live);
    assert_int_equal(settle.delivery_no, 1);
    assert_int_equal(settle.body_size, 10);
    book_settle(&book, first.token, BOOK_ACK, &settle);
    assert_false(settle.is_known); /* once */
    assert_int_equal(book.held, 0);
    book_fini(&book);
}

static void acked_again(void **state)
{
    struct book book;
    struct book_delivery delivery;
    struct book_settle settle;
    (void)state;
    assert_true(book_init(&book, 4, 4, secret));
    assert_int_equal(deliver(&book, 1, 10, &delivery), BOOK_SHOW);
    book_settle(&book, delivery.token, BOOK_ACK, &settle);
    for (uint64_t no = 11; no < 20; no++) {
        assert_int_equal(deliver(&book, 1, no, &delivery), BOOK_SETTLE);
        assert_int_equal(delivery.outcome, BOOK_ACK);
    }
    book_fini(&book);
}

static void owed(void **state)
{
    static const enum book_outcome outcomes[] = {BOOK_ACK, BOOK_FAIL, BOOK_REJECT};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct book book;
        struct book_delivery delivery;
        struct book_settle settle;
        assert_true(book_init(&book, 4, 4, secret));
        assert_int_equal(deliver(&book, 1, 10, &delivery), BOOK_SHOW);
        book_detached(&book);
        book_settle(&book, delivery.token, outcomes[i], &settle);
        assert_true(settle.is_known);
        assert_false(settle.is_live);
        assert_int_equal(deliver(&book, 1, 1, &delivery), BOOK_SETTLE);
        assert_int_equal(delivery.outcome, outcomes[i]);
        /* An ack is remembered; the others were given now: later it is meant to be seen. */
        assert_int_equal(deliver(&book, 1, 2, &delivery),
                         outcomes[i] == BOOK_ACK ? BOOK_SETTLE : BOOK_SHOW);
        book_fini(&book);
    }
}

static void failed_and_released_come_again(void **state)
{
    static const enum book_outcome outcomes[] = {BOOK_RELEASE, BOOK_FAIL, BOOK_REJECT};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct book book;
        struct book_delivery delivery;
        struct book_settle settle;
        assert_true(book_init(&book, 4, 4, secret));
        assert_int_equal(deliver(&book, 1, 10, &delivery), BOOK_SHOW);
        book_settle(&book, delivery.token, BOOK_EXTEND, &settle);
        assert_true(settle.is_known && settle.is_live);
        book_settle(&book, delivery.token, outcomes[i], &settle);
        assert_true(settle.is_known && settle.is_live);
        assert_int_equal(deliver(&book, 1, 11, &delivery), BOOK_SHOW);
        book_fini(&book);
    }
}

static void release_while_detached_is_forgotten(void **state)
{
    struct book book;
    struct book_delivery delivery;
    struct book_settle settle;
    (void)state;
    assert_true(book_init(&book, 4, 4, secret));
    assert_int_equal(deliver(&book, 1, 10, &delivery), BOOK_SHOW);
    book_detached(&book);
    book_settle(&book, delivery.token, BOOK_RELEASE, &settle);
    assert_int_equal(deliver(&book, 1, 1, &delivery), BOOK_SHOW);
    book_fini(&book);
}

static void forgets_the_oldest(void **state)
{
    struct book book;
    struct book_delivery delivery;
    struct book_settle settle;
    (void)state;
    assert_true(book_init(&book, 2, 4, secret)); /* six in all */
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(deliver(&book, i, i + 1, &delivery), BOOK_SHOW);
        book_settle(&book, delivery.token, BOOK_ACK, &settle);
    }
    assert_int_equal(deliver(&book, 99, 200, &delivery), BOOK_SETTLE);
    assert_int_equal(deliver(&book, 95, 201, &delivery), BOOK_SETTLE);
    assert_int_equal(deliver(&book, 90, 202, &delivery), BOOK_SHOW);
    book_fini(&book);
}

static void full_of_held(void **state)
{
    struct book book;
    struct book_delivery delivery;
    (void)state;
    assert_true(book_init(&book, 2, 1, secret));
    assert_int_equal(deliver(&book, 1, 1, &delivery), BOOK_SHOW);
    assert_int_equal(deliver(&book, 2, 2, &delivery), BOOK_SHOW);
    assert_int_equal(deliver(&book, 3, 3, &delivery), BOOK_SHOW);
    assert_int_equal(deliver(&book, 4, 4, &delivery), BOOK_FULL);
    assert_int_equal(deliver(&book, 2, 5, &delivery), BOOK_KEEP);
    book_fini(&book);
}

/* ------------------------------------------------------------------------------- a model */

#define MESSAGES 400
#define WINDOW   32

struct world {
    struct book book;
    bool is_settled[MESSAGES]; /* at the broker */
    bool is_leased[MESSAGES];  /* at the broker, under delivery_no */
    uint64_t delivery_no[MESSAGES];
    bool is_with_app[MESSAGES]; /* the application holds it */
    bool is_acked[MESSAGES];    /* the application acked it */
    uint64_t token[MESSAGES];
    uint64_t next_no;
};

static uint64_t random_state = 88172645463325252ull;

static uint32_t roll(uint32_t sides)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 33) % sides;
}

static void broker_settles(struct world *world, uint64_t delivery_no)
{
    for (uint32_t i = 0; i < MESSAGES; i++) {
        if (world->is_leased[i] && world->delivery_no[i] == delivery_no) {
            world->is_settled[i] = true;
            world->is_leased[i] = false;
        }
    }
}

static void broker_delivers(struct world *world, uint32_t number, bool is_settle_lost)
{
    struct book_delivery delivery;
    world->delivery_no[number] = world->next_no++;
    world->is_leased[number] = true;
    switch (deliver(&world->book, number, world->delivery_no[number], &delivery)) {
    case BOOK_SHOW:
        assert_false(world->is_with_app[number]);
        assert_false(world->is_acked[number]); /* never shown again */
        world->is_with_app[number] = true;
        world->token[number] = delivery.token;
        break;
    case BOOK_KEEP:
        assert_true(world->is_with_app[number]);
        break;
    case BOOK_SETTLE:
        assert_true(world->is_acked[number]);
        assert_int_equal(delivery.outcome, BOOK_ACK);
        if (!is_settle_lost)
            broker_settles(world, world->delivery_no[number]);
        break;
    case BOOK_FULL:
        fail();
    }
}

static void app_acks(struct world *world, uint32_t number, bool is_settle_lost)
{
    struct book_settle settle;
    book_settle(&world->book, world->token[number], BOOK_ACK, &settle);
    assert_true(settle.is_known);
    world->is_with_app[number] = false;
    world->is_acked[number] = true;
    if (settle.is_live && !is_settle_lost)
        broker_settles(world, settle.delivery_no);
}

static void random_steps(void **state)
{
    static struct world world;
    (void)state;
    for (int round = 0; round < 200; round++) {
        world = (struct world){.next_no = 1};
        assert_true(book_init(&world.book, 2 * WINDOW, 2 * MESSAGES, secret));
        for (uint32_t steps = 0; steps < 4000; steps++) {
            uint32_t number = roll(MESSAGES);
            uint32_t what = roll(100);
            if (what < 50 && !world.is_settled[number] && world.book.held < WINDOW)
                broker_delivers(&world, number, roll(10) == 0);
            else if (what < 98 && world.is_with_app[number])
                app_acks(&world, number, roll(10) == 0);
            else if (what == 99 && roll(5) == 0) {
                book_detached(&world.book);
                memset(world.is_leased, 0, sizeof(world.is_leased));
                world.next_no = 1;
            }
        }
        for (uint32_t i = 0; i < MESSAGES; i++) { /* in the end everything is settled */
            if (world.is_with_app[i])
                app_acks(&world, i, false);
            if (!world.is_settled[i])
                broker_delivers(&world, i, false);
            if (world.is_with_app[i])
                app_acks(&world, i, false);
            assert_true(world.is_settled[i]);
        }
        book_fini(&world.book);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash_is_siphash),
        cmocka_unit_test(senders_are_told_apart),
        cmocka_unit_test(held_again),
        cmocka_unit_test(acked_again),
        cmocka_unit_test(owed),
        cmocka_unit_test(failed_and_released_come_again),
        cmocka_unit_test(release_while_detached_is_forgotten),
        cmocka_unit_test(forgets_the_oldest),
        cmocka_unit_test(full_of_held),
        cmocka_unit_test(random_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
