/* SPDX-License-Identifier: MPL-2.0
 *
 * Random days in the life of actors/delivery.c beside its naive twin (delivery_model.h): appends,
 * attachments that come, go and take over, fetches answered late, in part or not at all, settles
 * of all kinds, time that passes and clocks that jump, writes that fail, crashes.
 *
 * Each step compares what is handed out with what the twin predicts; each crash checks that
 * nothing was lost and nothing confirmed comes back. A failure names the seed:
 *     delivery_model_test SEED [SEEDS [STEPS]]
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "delivery_play.h"

static void run_seed(uint64_t seed, uint64_t steps)
{
    play_begin(seed, NULL, 0);
    for (world->step = 0; world->step < steps; world->step++) {
        play_step();
        if (world->step % 16 == 0)
            delivery_check(world->delivery);
    }
    play_end();
}

static uint64_t first_seed = 1, seeds = 60, steps_each = 3000;

static void nothing_differs_from_the_twin(void **state)
{
    (void)state;
    uint64_t delivered = 0, crashes = 0, confirmed = 0;
    for (uint64_t seed = first_seed; seed < first_seed + seeds; seed++) {
        run_seed(seed, steps_each);
        delivered += world->delivered;
        crashes += world->crashes;
        confirmed += world->confirmed;
        free(world);
    }
    printf("seeds %llu..%llu, %llu steps: %llu deliveries, %llu confirms, %llu crashes\n",
           (unsigned long long)first_seed, (unsigned long long)(first_seed + seeds - 1),
           (unsigned long long)(seeds * steps_each), (unsigned long long)delivered,
           (unsigned long long)confirmed, (unsigned long long)crashes);
}

int main(int argc, char **argv)
{
    if (getenv("ROOST_TEST_ALL") != NULL)
        seeds = 6000;
    if (argc > 1) {
        first_seed = strtoull(argv[1], NULL, 10);
        seeds = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
        steps_each = argc > 3 ? strtoull(argv[3], NULL, 10) : steps_each;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_differs_from_the_twin)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
