/* SPDX-License-Identifier: MPL-2.0
 *
 * The memory of ids: found, undone, dropped, bounded; and against a plain list.
 */
#include "dedupe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void make_id(uint64_t number, uint8_t ret_id[DEDUPE_ID_BYTES])
{
    memset(ret_id, 0, DEDUPE_ID_BYTES);
    for (int i = 0; i < 8; i++)
        ret_id[15 - i] = (uint8_t)(number >> (8 * i));
}

static void add(struct dedupe *dedupe, uint32_t sender, uint64_t number, uint64_t seq)
{
    uint8_t id[DEDUPE_ID_BYTES];
    make_id(number, id);
    assert_int_equal(dedupe_add(dedupe, sender, id, seq), ERR_OK);
}

static uint64_t find(struct dedupe *dedupe, uint32_t sender, uint64_t number)
{
    uint8_t id[DEDUPE_ID_BYTES];
    uint64_t seq = 0;
    make_id(number, id);
    assert_int_equal(dedupe_find(dedupe, sender, id, &seq), ERR_OK);
    return seq;
}

static bool is_new(struct dedupe *dedupe, uint32_t sender, uint64_t number)
{
    uint8_t id[DEDUPE_ID_BYTES];
    make_id(number, id);
    return dedupe_is_new(dedupe, sender, id);
}

static void finds_what_was_added(void **state)
{
    (void)state;
    struct dedupe dedupe;
    dedupe_init(&dedupe, 1000);
    add(&dedupe, 1, 10, 100);
    add(&dedupe, 2, 10, 101);
    add(&dedupe, 1, 11, 105);
    assert_int_equal(find(&dedupe, 1, 10), 100);
    assert_int_equal(find(&dedupe, 2, 10), 101);
    assert_int_equal(find(&dedupe, 1, 11), 105);
    assert_int_equal(find(&dedupe, 2, 11), 0);
    assert_int_equal(find(&dedupe, 3, 10), 0);
    dedupe_fini(&dedupe);
}

static void knows_what_is_certainly_new(void **state)
{
    (void)state;
    struct dedupe dedupe;
    struct dedupe_id indexed;
    dedupe_init(&dedupe, 1000);
    assert_true(is_new(&dedupe, 1, 5));
    add(&dedupe, 1, 10, 1);
    assert_false(is_new(&dedupe, 1, 10));
    assert_false(is_new(&dedupe, 1, 9));
    assert_true(is_new(&dedupe, 1, 11));
    assert_true(is_new(&dedupe, 2, 9)); /* another sender */
    make_id(100, indexed.bytes);
    dedupe_set_indexed(&dedupe, &indexed);
    assert_false(is_new(&dedupe, 2, 100));
    assert_true(is_new(&dedupe, 2, 101));
    dedupe_set_indexed(&dedupe, NULL);
    assert_false(is_new(&dedupe, 2, UINT64_MAX));
    dedupe_fini(&dedupe);
}

static void undo_forgets_what_was_not_committed(void **state)
{
    (void)state;
    struct dedupe dedupe;
    dedupe_init(&dedupe, 10000);
    for (uint64_t i = 1; i <= 1500; i++)
        add(&dedupe, 1, i, i);
    dedupe_commit(&dedupe);
    for (uint64_t i = 1501; i <= 4000; i++) /* the table grows meanwhile */
        add(&dedupe, 1, i, i);
    dedupe_undo(&dedupe);
    assert_int_equal(dedupe_count(&dedupe), 1500);
    for (uint64_t i = 1; i <= 4000; i++)
        assert_int_equal(find(&dedupe, 1, i), i <= 1500 ? i : 0);
    for (uint64_t i = 1501; i <= 4000; i++) /* seqs are given again */
        add(&dedupe, 1, i, i);
    assert_int_equal(find(&dedupe, 1, 4000), 4000);
    dedupe_fini(&dedupe);
}

static void drop_forgets_what_is_indexed(void **state)
{
    (void)state;
    struct dedupe dedupe;
    dedupe_init(&dedupe, 2000);
    uint64_t seq = 1;
    for (int round = 0; round < 50; round++) { /* goes around the ring several times */
        for (int i = 0; i < 300; i++, seq++)
            add(&dedupe, 7, seq * 3, seq);
        dedupe_commit(&dedupe);
        dedupe_drop(&dedupe, seq - 100);
        assert_int_equal(dedupe_count(&dedupe), 99);
        assert_int_equal(find(&dedupe, 7, (seq - 100) * 3), 0);
        assert_int_equal(find(&dedupe, 7, (seq - 99) * 3), seq - 99);
    }
    dedupe_drop(&dedupe, seq);
    assert_int_equal(dedupe_count(&dedupe), 0);
    dedupe_fini(&dedupe);
}

static void nothing_is_hashed_before_somebody_asks(void **state)
{
    (void)state;
    struct dedupe dedupe;
    dedupe_init(&dedupe, 10000);
    for (uint64_t i = 1; i <= 5000; i++)
        add(&dedupe, 1, i, i);
    dedupe_commit(&dedupe);
    dedupe_drop(&dedupe, 1000);
    assert_null(dedupe.slots);
    assert_int_equal(find(&dedupe, 1, 1000), 0);
    assert_int_equal(find(&dedupe, 1, 1001), 1001);
    assert_non_null(dedupe.slots);
    for (uint64_t i = 5001; i <= 6000; i++)
        add(&dedupe, 1, i, i);
    dedupe_undo(&dedupe); /* some hashed, some not */
    dedupe_drop(&dedupe, 4990);
    add(&dedupe, 1, 7000, 5001);
    assert_int_equal(find(&dedupe, 1, 7000), 5001);
    assert_int_equal(find(&dedupe, 1, 5001), 0);
    assert_int_equal(dedupe_count(&dedupe), 11);
    dedupe_fini(&dedupe);
}

static void is_bounded(void **state)
{
    (void)state;
    struct dedupe dedupe;
    uint8_t id[DEDUPE_ID_BYTES];
    dedupe_init(&dedupe, 3);
    add(&dedupe, 1, 1, 1);
    add(&dedupe, 1, 2, 2);
    add(&dedupe, 1, 3, 3);
    make_id(4, id);
    assert_int_equal(dedupe_add(&dedupe, 1, id, 4), ERR_TOO_MANY);
    dedupe_commit(&dedupe);
    dedupe_drop(&dedupe, 1);
    assert_int_equal(dedupe_add(&dedupe, 1, id, 4), ERR_OK);
    dedupe_fini(&dedupe);
}

static void offsets_of_seqs_do_not_overflow(void **state)
{
    (void)state;
    struct dedupe dedupe;
    dedupe_init(&dedupe, 100);
    uint64_t far = (uint64_t)UINT32_MAX + 1000;
    add(&dedupe, 1, 1, 5);
    add(&dedupe, 1, 2, 4000);
    dedupe_commit(&dedupe);
    dedupe_drop(&dedupe, 5);
    add(&dedupe, 1, 3, far);
    assert_int_equal(find(&dedupe, 1, 2), 4000);
    assert_int_equal(find(&dedupe, 1, 3), far);
    dedupe_fini(&dedupe);
}

static void many_senders_share_one_floor_at_last(void **state)
{
    (void)state;
    struct dedupe dedupe;
    dedupe_init(&dedupe, DEDUPE_SENDERS_MAX * 2);
    for (uint32_t sender = 1; sender <= DEDUPE_SENDERS_MAX; sender++)
        add(&dedupe, sender, 50, sender);
    assert_true(is_new(&dedupe, DEDUPE_SENDERS_MAX + 1, 7));
    add(&dedupe, DEDUPE_SENDERS_MAX + 1, 60, DEDUPE_SENDERS_MAX + 1);
    assert_false(is_new(&dedupe, 1, 50)); /* still never wrong */
    assert_false(is_new(&dedupe, DEDUPE_SENDERS_MAX + 2, 7));
    assert_true(is_new(&dedupe, 1, 51));
    assert_false(is_new(&dedupe, DEDUPE_SENDERS_MAX + 1, 60));
    assert_int_equal(find(&dedupe, 1, 50), 1);
    dedupe_fini(&dedupe);
}

/* Against the simplest thing that could be right. */
static void agrees_with_a_list(void **state)
{
    (void)state;
    struct dedupe dedupe;
    static uint32_t senders[4000];
    static uint64_t numbers[4000];
    size_t first = 0, committed = 0, count = 0;
    dedupe_init(&dedupe, 4000);
    srand(42);
    while (count < 4000) {
        int what = rand() % 100;
        if (what < 80) {
            uint32_t sender = (uint32_t)(rand() % 5);
            uint64_t number = (uint64_t)(rand() % 3000);
            uint64_t known = 0;
            for (size_t i = 0; i < count; i++) {
                if (i >= first && senders[i] == sender && numbers[i] == number)
                    known = i + 1;
            }
            if (rand() % 2)
                assert_int_equal(find(&dedupe, sender, number), known);
            if (is_new(&dedupe, sender, number))
                assert_int_equal(known, 0);
            if (known)
                continue;
            senders[count] = sender;
            numbers[count] = number;
            count++;
            add(&dedupe, sender, number, count);
        } else if (what < 90) {
            dedupe_commit(&dedupe);
            committed = count;
        } else if (what < 95) {
            dedupe_undo(&dedupe);
            count = committed;
        } else if (committed == count && count > 0) {
            first += (count - first) / 2;
            dedupe_drop(&dedupe, first);
        }
    }
    dedupe_fini(&dedupe);
}

static void finds_an_id_of_anybody(void **state)
{
    struct dedupe dedupe;
    uint8_t id[DEDUPE_ID_BYTES];
    uint64_t seqs[3];
    (void)state;
    dedupe_init(&dedupe, 100000);
    make_id(7, id);
    assert_int_equal(dedupe_find_any(&dedupe, id, seqs, 3), 0);
    for (uint32_t n = 1; n <= 5000; n++)
        add(&dedupe, n % 2500, n == 1 || n == 2502 || n == 2503 || n == 5000 ? 7 : 1000 + n,
            100 + n);
    assert_int_equal(dedupe_find_any(&dedupe, id, seqs, 3), 3);
    assert_int_equal(seqs[0], 5100); /* of sender 0: newest first */
    assert_int_equal(seqs[1], 2603);
    assert_int_equal(seqs[2], 2602);
    dedupe_commit(&dedupe);
    dedupe_drop(&dedupe, 2602);
    assert_int_equal(dedupe_find_any(&dedupe, id, seqs, 3), 2);
    make_id(8, id);
    assert_int_equal(dedupe_find_any(&dedupe, id, seqs, 3), 0);
    dedupe_fini(&dedupe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_added),
        cmocka_unit_test(knows_what_is_certainly_new),
        cmocka_unit_test(undo_forgets_what_was_not_committed),
        cmocka_unit_test(drop_forgets_what_is_indexed),
        cmocka_unit_test(nothing_is_hashed_before_somebody_asks),
        cmocka_unit_test(is_bounded),
        cmocka_unit_test(offsets_of_seqs_do_not_overflow),
        cmocka_unit_test(many_senders_share_one_floor_at_last),
        cmocka_unit_test(finds_an_id_of_anybody),
        cmocka_unit_test(agrees_with_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
