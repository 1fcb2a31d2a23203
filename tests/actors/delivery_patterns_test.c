/* SPDX-License-Identifier: MPL-2.0
 *
 * actors/delivery_patterns.c: a run of a topic lies in the log of each pattern it matches, also while
 * patterns come and go; a laggard among them ends alone; an expiry is told once.
 */
#include <stdio.h>

#include "delivery_bed.h"

#define WANTS_FATE 4u

static struct consumer *add_reader(struct bed *bed, int64_t id, int64_t scope_id, const char *name)
{
    char key[16];
    int size = snprintf(key, sizeof(key), "%lld", (long long)id);
    struct delivery_consumer_spec spec = {
        .consumer_id = id,
        .scope_id = scope_id,
        .kind = DELIVERY_TOPIC,
        .scope_name = {name, strlen(name)},
        .name = {"main", 4},
        .key = {key, (size_t)size},
        .floor_seq = bed->next_seq - 1,
        .is_new = true,
    };
    return delivery_consumer_add(bed->delivery, &spec);
}

static void append_topic(struct bed *bed, int64_t scope_id, const char *name, uint32_t count)
{
    struct delivery_run run = {
        .scope_id = scope_id, .count = count, .topic = {name, strlen(name)}, .flags = WANTS_FATE};
    (void)append_with(bed, run);
}

static uint64_t waiting(struct bed *bed, const struct consumer *consumer)
{
    return delivery_view(bed->delivery, consumer, &bed->clock).waiting;
}

static void each_pattern_takes_what_it_matches(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed, &(struct delivery_options){0});
    struct consumer *one = add_reader(&bed, 1, 101, "a.*");
    struct consumer *all = add_reader(&bed, 2, 102, ">");
    assert_int_equal(delivery_pattern_count(bed.delivery), 2);
    assert_int_equal(delivery_pattern_scope(bed.delivery, (struct delivery_bytes){"A.*", 3}), 101);
    assert_int_equal(delivery_pattern_scope(bed.delivery, (struct delivery_bytes){"b.*", 3}), 0);
    append_topic(&bed, 1, "a.b", 3);
    append_topic(&bed, 2, "A.c", 2);
    append_topic(&bed, 3, "b.c", 4);
    (void)append(&bed, 4, 5); /* no topic */
    assert_int_equal(waiting(&bed, one), 5);
    assert_int_equal(waiting(&bed, all), 9);
    assert_true(delivery_view(bed.delivery, one, &bed.clock).is_pattern);
    struct consumer *late =
        add_reader(&bed, 3, 103, "*.c"); /* known topics have to be looked at anew */
    append_topic(&bed, 3, "b.c", 1);
    append_topic(&bed, 1, "a.b", 1);
    assert_int_equal(waiting(&bed, late), 1);
    delivery_consumer_remove(bed.delivery, all);
    append_topic(&bed, 3, "b.c", 1);
    assert_int_equal(waiting(&bed, late), 2);
    assert_int_equal(delivery_pattern_count(bed.delivery), 2);
    bed_close(&bed);
}

static void a_fetch_names_the_pattern(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed, &(struct delivery_options){0});
    (void)attach(&bed, add_reader(&bed, 1, 101, "a.*"), 5, 10);
    append_topic(&bed, 1, "a.b", 2);
    append_topic(&bed, 2, "a.c", 1);
    assert_int_equal(take(&bed), 3);
    assert_int_equal(bed.fetch.scope_id, 0);
    assert_int_equal(bed.fetch.pattern.size, 3);
    assert_memory_equal(bed.fetch.pattern.data, "a.*", 3);
    bed_close(&bed);
}

/* One log is freed while the message is on its way into the others. */
static void a_laggard_ends_alone(void **state)
{
    (void)state;
    struct bed bed;
    struct delivery_options options = {.ephemeral_behind_max = 10};
    bed_open(&bed, &options);
    (void)attach(&bed, add_reader(&bed, -1, -101, "a.*"), 5, 0);
    (void)attach(&bed, add_reader(&bed, -2, -102, "a.>"), 6, 0);
    struct consumer *kept = add_reader(&bed, 3, 103, ">");
    append_topic(&bed, 1, "a.b", 10);
    append_topic(&bed, 1, "a.b", 1);
    assert_int_equal(delivery_pattern_count(bed.delivery), 1);
    append_topic(&bed, 1, "a.b", 1);
    assert_int_equal(waiting(&bed, kept), 12);
    struct delivery_detached detached;
    for (int i = 0; i < 2; i++) {
        assert_true(delivery_take_detached(bed.delivery, &detached));
        assert_int_equal(detached.code, ERR_TOO_MANY);
    }
    assert_false(delivery_take_detached(bed.delivery, &detached));
    bed_close(&bed);
}

static void an_expiry_is_told_once(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed, &(struct delivery_options){0});
    (void)add_reader(&bed, 1, 1, "a.b");
    (void)add_reader(&bed, 2, 102, "a.*");
    (void)add_reader(&bed, 3, 103, ">");
    append_topic(&bed, 1, "a.b", 4);
    bed.clock.wall_ms += EXPIRY_MS;
    bed.clock.steady_ms += EXPIRY_MS;
    delivery_tick(bed.delivery, &bed.clock);
    struct delivery_write write;
    size_t told = 0;
    while (delivery_take_write(bed.delivery, &bed.clock, &write)) {
        for (size_t i = 0; i < write.fate_count; i++)
            told += write.fates[i].seq_count;
        delivery_written(bed.delivery, write.slot, true, &bed.clock);
    }
    assert_int_equal(told, 4);
    bed_close(&bed);
}

/* More topics than are remembered, and more told than are kept: it only forgets. */
static void its_memory_is_bounded(void **state)
{
    (void)state;
    struct bed bed;
    bed_open(&bed, &(struct delivery_options){0});
    struct consumer *all = add_reader(&bed, 1, 101, ">");
    struct consumer *few = add_reader(&bed, 2, 102, "t7.>");
    for (int64_t i = 0; i < 70000; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "t%d.%d", (int)(i % 10), (int)i);
        append_topic(&bed, 1000 + i, name, 1);
    }
    assert_int_equal(waiting(&bed, all), 70000);
    assert_int_equal(waiting(&bed, few), 7000);
    bed.clock.wall_ms += EXPIRY_MS;
    bed.clock.steady_ms += EXPIRY_MS;
    delivery_tick(bed.delivery, &bed.clock);
    assert_int_equal(waiting(&bed, all), 0);
    bed_close(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_pattern_takes_what_it_matches),
        cmocka_unit_test(a_fetch_names_the_pattern),
        cmocka_unit_test(a_laggard_ends_alone),
        cmocka_unit_test(an_expiry_is_told_once),
        cmocka_unit_test(its_memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
