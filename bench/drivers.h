/* SPDX-License-Identifier: MPL-2.0
 *
 * The drivers there may be. Which of them are compiled in is decided by CMakeLists.txt, which
 * defines BENCH_HAVE_<NAME> when the client library was found (those without it speak by themselves); drivers.c holds the table.
 */
#ifndef BENCH_DRIVERS_H
#define BENCH_DRIVERS_H

#include "scenario.h"

extern const struct driver redis_driver;
extern const struct driver nats_driver;
extern const struct driver roost_driver;
extern const struct driver mqtt_driver;
extern const struct driver beanstalk_driver;
extern const struct driver postgres_driver;
extern const struct driver amqp_driver;

/* NULL when there is no such driver in this build. */
const struct driver *driver_find(const char *name);

/* One line per driver. */
void driver_list(FILE *out);

#endif
