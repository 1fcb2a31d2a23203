/* SPDX-License-Identifier: MPL-2.0
 *
 * rt/heap: sorted output, equal keys in order of pushing, removing and moving from the middle.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rt/heap.h"

#define THINGS 2000

struct thing {
    int number;
    struct heap_node due;
};

static struct thing things[THINGS];

static void comes_out_sorted_and_stable(void **state)
{
    struct heap heap;
    unsigned seed = 3;
    (void)state;
    heap_init(&heap, THINGS);
    for (int i = 0; i < THINGS; i++) {
        things[i].number = i;
        assert_int_equal(heap_push(&heap, &things[i].due, rand_r(&seed) % 50), ERR_OK);
    }
    struct heap_node extra = {0};
    assert_int_equal(heap_push(&heap, &extra, 0), ERR_TOO_MANY);
    int64_t last_key = -1;
    int last_number = -1;
    for (int i = 0; i < THINGS; i++) {
        assert_ptr_equal(heap_top(&heap), heap_top(&heap));
        struct heap_node *node = heap_pop(&heap);
        const struct thing *thing = HEAP_ENTRY(node, struct thing, due);
        assert_true(node->key >= last_key);
        if (node->key == last_key)
            assert_true(thing->number > last_number);
        assert_false(heap_has(node));
        last_key = node->key;
        last_number = thing->number;
    }
    assert_null(heap_pop(&heap));
    heap_fini(&heap);
}

static void any_node_can_leave_or_move(void **state)
{
    struct heap heap;
    unsigned seed = 5;
    (void)state;
    heap_init(&heap, THINGS);
    for (int i = 0; i < THINGS; i++)
        assert_int_equal(heap_push(&heap, &things[i].due, rand_r(&seed)), ERR_OK);
    for (int i = 0; i < THINGS; i += 2)
        heap_remove(&heap, &things[i].due);
    heap_remove(&heap, &things[0].due); /* not in it: left alone */
    for (int i = 1; i < THINGS; i += 4)
        heap_move(&heap, &things[i].due, rand_r(&seed));
    assert_int_equal(heap_count(&heap), THINGS / 2);
    int64_t last = -1;
    while (heap_count(&heap) > 10) {
        struct heap_node *node = heap_pop(&heap);
        assert_true(node->key >= last);
        last = node->key;
    }
    heap_fini(&heap); /* the rest is let go */
    for (int i = 0; i < THINGS; i++)
        assert_false(heap_has(&things[i].due));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_out_sorted_and_stable),
        cmocka_unit_test(any_node_can_leave_or_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
