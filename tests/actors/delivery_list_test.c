/* SPDX-License-Identifier: MPL-2.0
 *
 * actors/delivery_list.c: each message that is still to be settled is in exactly one list, in order, page
 * by page, and the lists are as long as the view says.
 */
#include <stdlib.h>

#include "delivery_bed.h"

#define MESSAGES  400
#define STANDINGS 4

/* How often each seq is in the lists, all pages of all of them; `ret_sizes`: how long each is. */
static void count_all(struct bed *bed, const struct consumer *consumer, size_t page,
                      unsigned *ret_times, uint64_t ret_sizes[STANDINGS])
{
    struct delivery_listed items[MESSAGES];
    for (int standing = 0; standing < STANDINGS; standing++) {
        uint64_t after_seq = 0;
        bool has_more = true;
        ret_sizes[standing] = 0;
        while (has_more) {
            size_t count = delivery_list(consumer, (enum delivery_standing)standing, after_seq,
                                         &bed->clock, items, page, &has_more);
            assert_true(count == page || !has_more);
            for (size_t i = 0; i < count; i++) {
                assert_true(items[i].seq > after_seq);
                after_seq = items[i].seq;
                ret_times[after_seq]++;
            }
            ret_sizes[standing] += count;
        }
    }
}

static void check_lists(struct bed *bed, const struct consumer *consumer, const bool *is_settled,
                        uint64_t last_seq)
{
    struct delivery_view view = delivery_view(bed->delivery, consumer, &bed->clock);
    static const size_t pages[] = {1, 7, MESSAGES};
    for (size_t p = 0; p < sizeof(pages) / sizeof(*pages); p++) {
        unsigned times[MESSAGES + 1] = {0};
        uint64_t sizes[STANDINGS];
        count_all(bed, consumer, pages[p], times, sizes);
        for (uint64_t seq = 1; seq <= last_seq; seq++)
            assert_int_equal(times[seq], is_settled[seq] ? 0 : 1);
        assert_int_equal(sizes[DELIVERY_IS_LEASED], view.leased);
        assert_int_equal(sizes[DELIVERY_IS_RETRY], view.retry);
        assert_int_equal(sizes[DELIVERY_IS_SCHEDULED], view.scheduled);
        assert_int_equal(sizes[0] + sizes[1] + sizes[2] + sizes[3], view.waiting);
    }
}

/* Random lives; the seed is told when it fails. */
static void everything_is_in_one_list(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 40; seed++) {
        struct bed bed;
        bool is_settled[MESSAGES + 1] = {false};
        uint64_t last_seq = 0, first_open = 1;
        uint64_t seq_of[4 * MESSAGES] = {0};
        print_message("seed %u\n", seed);
        srand(seed);
        bed_open(&bed,
                 &(struct delivery_options){.backoff = {.first_ms = 60000, .retries_max = 9}});
        struct consumer *consumer = add_consumer(&bed, 1, 10, DELIVERY_PEER);
        attach(&bed, consumer, 1, MESSAGES);
        while (last_seq < MESSAGES - 10) {
            struct delivery_run run = {.scope_id = 10, .count = 1u + (uint32_t)rand() % 8};
            if (rand() % 5 == 0)
                run.not_before_ms = bed.clock.wall_ms + 100000;
            last_seq = append_with(&bed, run) + run.count - 1;
            uint32_t taken = rand() % 2 ? take(&bed) : 0;
            for (uint32_t i = 0; i < taken; i++)
                seq_of[bed.fetch.first_no + i] = bed.fetch.seqs[i];
            for (uint64_t no = first_open; taken && no < bed.fetch.first_no + taken; no++) {
                int what = rand() % 4;
                if (seq_of[no] == 0 || what == 0)
                    continue;
                settle(&bed, 1, no, no, what == 1 ? DELIVERY_FAIL : DELIVERY_ACK, 0);
                is_settled[seq_of[no]] = what != 1;
                seq_of[no] = 0;
            }
            check_lists(&bed, consumer, is_settled, last_seq);
        }
        bed_close(&bed);
    }
}

static void a_retry_says_when(void **state)
{
    (void)state;
    struct bed bed;
    struct delivery_listed item;
    bool has_more;
    bed_open(&bed, &(struct delivery_options){
                       .backoff = {.first_ms = 1000, .gap_min_ms = 10, .retries_max = 3}});
    struct consumer *consumer = add_consumer(&bed, 1, 10, DELIVERY_PEER);
    append(&bed, 10, 1);
    attach(&bed, consumer, 1, 10);
    assert_int_equal(take(&bed), 1);
    settle(&bed, 1, 1, 1, DELIVERY_FAIL, 0);
    assert_int_equal(delivery_list(consumer, DELIVERY_IS_RETRY, 0, &bed.clock, &item, 1, &has_more),
                     1);
    assert_int_equal(item.attempts, 1);
    assert_int_equal(item.due_ms, START_MS + 1000);
    assert_int_equal(delivery_list(consumer, DELIVERY_IS_RETRY, 1, &bed.clock, &item, 1, &has_more),
                     0);
    wait_ms(&bed, 2000);
    assert_int_equal(
        delivery_list(consumer, DELIVERY_IS_PENDING, 0, &bed.clock, &item, 1, &has_more), 1);
    assert_int_equal(item.due_ms, 0);
    bed_close(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_in_one_list),
        cmocka_unit_test(a_retry_says_when),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
