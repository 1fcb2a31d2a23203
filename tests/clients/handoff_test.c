/* SPDX-License-Identifier: MPL-2.0
 *
 * How fast one thread can hand messages to the library and see them answered, with a broker that
 * does nothing but answer. Prints the figures; fails only far below what any machine should do.
 *
 *     client_handoff_test [MESSAGES [BODY_BYTES]]
 */
#include "client_world.h"

#include <time.h>

#define MESSAGES       200000
#define BODY_BYTES     256
#define ROUND_TRIPS    2000
#define PER_S_AT_LEAST 10000

static uint64_t messages = MESSAGES;
static size_t body_bytes = BODY_BYTES;

static double seconds(clockid_t clock)
{
    struct timespec now;
    assert_int_equal(clock_gettime(clock, &now), 0);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void handoff(void **state)
{
    struct world *world = *state;
    struct roost_counters counters;
    void *body = calloc(1, body_bytes + 1);
    struct roost_outgoing message = {.scope = "queue:q", .body = body, .body_size = body_bytes};
    atomic_store(&world->knobs->is_fast, 1);
    world_open(world, false);
    assert_int_equal(roost_connect_wait(world->roost, 5000), ROOST_OK);

    double start = seconds(CLOCK_MONOTONIC);
    double start_cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
    for (uint64_t i = 0; i < messages; i++)
        assert_int_equal(roost_send(world->roost, &message, 10000, NULL, NULL), ROOST_OK);
    double cpu = seconds(CLOCK_THREAD_CPUTIME_ID) - start_cpu;
    assert_int_equal(roost_flush(world->roost, 0, 30000), ROOST_OK);
    double per_s = (double)messages / (seconds(CLOCK_MONOTONIC) - start);
    roost_counters(world->roost, &counters);

    start = seconds(CLOCK_MONOTONIC);
    for (int i = 0; i < ROUND_TRIPS; i++)
        assert_int_equal(roost_send_wait(world->roost, &message, 10000, NULL), ROOST_OK);
    double round_trip_us = (seconds(CLOCK_MONOTONIC) - start) * 1e6 / ROUND_TRIPS;

    print_message("%.0f messages/s of %zu bytes, %.0f ns of the sending thread each, %.0f per "
                  "frame; one at a time %.0f us\n",
                  per_s, body_bytes, cpu * 1e9 / (double)messages,
                  (double)messages / (double)counters.frames_sent, round_trip_us);
    assert_true(per_s > PER_S_AT_LEAST);
    free(body);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {WORLD_TEST(handoff)};
    if (argc > 1)
        messages = strtoull(argv[1], NULL, 10);
    if (argc > 2)
        body_bytes = strtoull(argv[2], NULL, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
