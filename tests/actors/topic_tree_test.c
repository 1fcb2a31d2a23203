/* SPDX-License-Identifier: MPL-2.0
 *
 * actors/topic_tree.c beside its naive twin: a list of patterns, each compared by topic_matches().
 * A failure names the seed: topic_tree_test SEED
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/name.h"
#include "topic_tree.h"

#define PATTERNS_MAX 200
#define ROUNDS       2000

static uint64_t first_seed = 1, seeds = 40;

struct seen {
    uint64_t counts[PATTERNS_MAX];
    void *last;
    uint64_t sum;
};

static void see(void *context, void *value)
{
    struct seen *seen = context;
    seen->counts[(uintptr_t)value - 1]++;
    seen->last = value;
    seen->sum++;
}

static struct seen match(const struct topic_tree *tree, const char *topic)
{
    struct seen seen = {.sum = 0};
    topic_tree_match(tree, topic, strlen(topic), see, &seen);
    return seen;
}

static void *number(uintptr_t value)
{
    return (void *)value;
}

static void add(struct topic_tree *tree, const char *pattern, uintptr_t value)
{
    topic_tree_add(tree, pattern, strlen(pattern), number(value));
}

static void one_of_each_kind(void **state)
{
    (void)state;
    struct topic_tree tree;
    topic_tree_init(&tree);
    assert_int_equal(match(&tree, "a.b").sum, 0);
    add(&tree, "a.*", 1);
    add(&tree, "a.>", 2);
    add(&tree, "*.b", 3);
    add(&tree, ">", 4);
    add(&tree, "a.*", 5); /* the same pattern for another */
    assert_int_equal(tree.count, 5);
    assert_int_equal(match(&tree, "a.b").sum, 5);
    assert_int_equal(match(&tree, "a.b.c").sum, 2); /* a.> and > */
    assert_int_equal(match(&tree, "a").sum, 1);     /* a.> wants one more word */
    assert_int_equal(match(&tree, "ab.b").sum, 2);
    assert_ptr_equal(topic_tree_find(&tree, "a.*", 3), number(1));
    assert_null(topic_tree_find(&tree, "a.b", 3));
    assert_null(topic_tree_find(&tree, "a", 1));
    assert_false(topic_tree_remove(&tree, "a.*", 3, number(9)));
    assert_false(topic_tree_remove(&tree, "z.*", 3, number(1)));
    assert_true(topic_tree_remove(&tree, "a.*", 3, number(1)));
    assert_ptr_equal(topic_tree_find(&tree, "a.*", 3), number(5));
    assert_true(topic_tree_remove(&tree, "a.*", 3, number(5)));
    assert_int_equal(match(&tree, "a.b").sum, 3);
    topic_tree_fini(&tree);
}

/* --- The twin */

struct twin {
    uint64_t seed, random;
    struct topic_tree tree;
    char patterns[PATTERNS_MAX][64]; /* "": free */
};

static uint64_t draw(struct twin *twin, uint64_t limit)
{
    uint64_t z = (twin->random += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % limit;
}

/* Few words, some of them the beginning of others or next to the dot in order, so that they meet. */
static void make_name(struct twin *twin, bool is_pattern, char ret[64])
{
    static const char *const words[] = {"a", "b", "ab", "a-", "\xc3\xa4", "a+b", "abc"};
    uint64_t count = 1 + draw(twin, 5);
    size_t size = 0;
    for (uint64_t i = 0; i < count; i++) {
        const char *word = words[draw(twin, sizeof(words) / sizeof(words[0]))];
        if (is_pattern && draw(twin, 3) == 0)
            word = i + 1 == count && draw(twin, 2) == 0 ? ">" : "*";
        size += (size_t)snprintf(ret + size, 64 - size, "%s%s", i > 0 ? "." : "", word);
    }
}

static void check_topic(struct twin *twin, const char *topic)
{
    struct seen seen = match(&twin->tree, topic);
    for (size_t i = 0; i < PATTERNS_MAX; i++) {
        const char *pattern = twin->patterns[i];
        bool is_match =
            pattern[0] != '\0' && topic_matches(pattern, strlen(pattern), topic, strlen(topic));
        if (seen.counts[i] != is_match)
            fail_msg("%s against %s: %llu times; replay: topic_tree_test %llu", pattern, topic,
                     (unsigned long long)seen.counts[i], (unsigned long long)twin->seed);
    }
}

static void come_or_go(struct twin *twin)
{
    size_t place = draw(twin, PATTERNS_MAX);
    char *pattern = twin->patterns[place];
    if (pattern[0] != '\0') {
        assert_true(topic_tree_remove(&twin->tree, pattern, strlen(pattern), number(place + 1)));
        pattern[0] = '\0';
        return;
    }
    make_name(twin, true, pattern);
    add(&twin->tree, pattern, place + 1);
    assert_non_null(topic_tree_find(&twin->tree, pattern, strlen(pattern)));
}

static void run_seed(uint64_t seed)
{
    struct twin *twin = calloc(1, sizeof(*twin));
    assert_non_null(twin);
    twin->seed = twin->random = seed;
    topic_tree_init(&twin->tree);
    for (int round = 0; round < ROUNDS; round++) {
        char topic[64];
        come_or_go(twin);
        make_name(twin, false, topic);
        check_topic(twin, topic);
    }
    topic_tree_fini(&twin->tree);
    free(twin);
}

static void nothing_differs_from_the_twin(void **state)
{
    (void)state;
    for (uint64_t seed = first_seed; seed < first_seed + seeds; seed++)
        run_seed(seed);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        first_seed = strtoull(argv[1], NULL, 10);
        seeds = 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_of_each_kind),
        cmocka_unit_test(nothing_differs_from_the_twin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
