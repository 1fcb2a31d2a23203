/* SPDX-License-Identifier: MPL-2.0
 *
 * The table of drivers: see drivers.h. A new broker is one row here, one file driver_<name>.c and
 * three lines in CMakeLists.txt.
 */
#include <string.h>

#include "drivers.h"

static const struct driver *const drivers[] = {
#ifdef BENCH_HAVE_ROOST
    &roost_driver,
#endif
#ifdef BENCH_HAVE_REDIS
    &redis_driver,
#endif
#ifdef BENCH_HAVE_NATS
    &nats_driver,
#endif
#ifdef BENCH_HAVE_POSTGRES
    &postgres_driver,
#endif
    &mqtt_driver,     &amqp_driver, &beanstalk_driver, NULL,
};

const struct driver *driver_find(const char *name)
{
    for (size_t i = 0; drivers[i] != NULL; i++) {
        if (strcmp(drivers[i]->name, name) == 0) {
            return drivers[i];
        }
    }
    return NULL;
}

void driver_list(FILE *out)
{
    for (size_t i = 0; drivers[i] != NULL; i++) {
        (void)fprintf(out, "%-10s %s\n", drivers[i]->name, drivers[i]->about);
    }
}
