/* SPDX-License-Identifier: MPL-2.0
 *
 * What the tests of the whole library share: a fake broker, a session, and sending and receiving
 * of numbered messages.
 */
#ifndef TESTS_CLIENT_WORLD_H
#define TESTS_CLIENT_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <poll.h>
#include <pthread.h>

#include "clients/c/roost.h"
#include "fake_broker.h"
#include "rt/clock.h"

struct world {
    struct fake_broker *broker;
    struct fake_knobs *knobs;
    struct fake_counts *counts;
    struct roost *roost;
    _Atomic uint64_t told;
    _Atomic uint64_t told_wrong; /* tickets out of order */
    _Atomic uint64_t refused;
};

int world_setup(void **state);
int world_teardown(void **state);

/* The session. With a callback: it counts into told, told_wrong and refused. */
void world_open(struct world *world, bool has_callback);

/* Messages whose bodies are the numbers from `first` on. */
void world_send(struct world *world, const char *scope, uint32_t first, uint32_t count);

/* Receives and acks them, in order. */
void world_receive(struct roost_consumer *consumer, uint32_t first, uint32_t count);

struct roost_consumer *world_attach(struct world *world, const char *scope, uint32_t window);

#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

#endif
