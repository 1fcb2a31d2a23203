/* SPDX-License-Identifier: MPL-2.0
 *
 * The peer cache file of the daemon (peers.cache_file): what another program knew comes in before
 * the actors start, the best peers go out while they run and when they have stopped.
 *
 * Promises: no failure here stops a start or a shutdown, it is logged; the file is replaced whole or
 * stays as it was; what is no peer cache is set aside under another name. The store stays the truth:
 * what comes in never makes less of what is known.
 */
#ifndef ACTORS_ROOSTD_CACHE_H
#define ACTORS_ROOSTD_CACHE_H

#include <limits.h>
#include <stdint.h>

#include "rt/clock.h"

struct roostd_cache {
    char path[PATH_MAX]; /* "": none */
    const char *database;
    int64_t interval_ms;
    struct mono_time save_at;
};

/* A file that is not named from the root is in the data directory. Loads it. */
void roostd_cache_open(struct roostd_cache *cache, const char *file, const char *directory,
                       const char *database, int64_t interval_s);
/* Milliseconds until roostd_cache_save_if_due has something to do; below 0: never. */
int64_t roostd_cache_wait_ms(const struct roostd_cache *cache);
void roostd_cache_save_if_due(struct roostd_cache *cache);
void roostd_cache_save(struct roostd_cache *cache);

#endif
