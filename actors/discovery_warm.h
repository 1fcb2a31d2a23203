/* SPDX-License-Identifier: MPL-2.0
 *
 * The warm start: everybody who was known on the local network is asked, at once, whether he is
 * there.
 *
 *     begin -> add, add ... -> loaded: sorted, each address once, the best WARM_TARGETS_MAX
 *           -> asked in this order, WARM_OPEN_MAX at a time, WARM_WAIT_MS each, twice when silent
 *           -> the last one has answered or been given up: it is over
 *
 * First whoever can relay, then by reliability. What counts as answered has really answered; those
 * who cannot be asked (no way there, mail on its way to them) count neither as asked nor as silent.
 * Pure: time is an argument, nothing is sent from here.
 */
#ifndef ACTORS_DISCOVERY_WARM_H
#define ACTORS_DISCOVERY_WARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/clock.h"

#define WARM_TARGETS_MAX 4096u
#define WARM_OPEN_MAX    512u
#define WARM_WAIT_MS     5000
#define WARM_AGAIN_MS    2000 /* then once more: datagrams get lost */

struct warm_target {
    uint32_t ip; /* host order */
    uint16_t port;
    bool is_relay;
    bool is_imported; /* never heard of here */
    uint32_t reliability_ppm;
};

struct warm_counts {
    uint64_t run; /* which one; 0: there was none */
    bool is_running;
    uint32_t known;    /* addresses */
    uint32_t asked;    /* of them, so far */
    uint32_t answered; /* of these */
    uint32_t waiting;  /* not asked yet, or asked and neither answered nor given up */
};

struct warm_entry;

struct warm {
    struct warm_entry *entries;
    size_t count, capacity;
    size_t first; /* everything before it is over */
    size_t again; /* everything before it was asked twice, if that was needed */
    size_t next;  /* to be asked */
    bool is_loaded, has_news;
    struct mono_time began_at;
    struct warm_counts counts;
};

void warm_init(struct warm *warm);
void warm_fini(struct warm *warm);

/* A new run; one that is under way is given up. */
void warm_begin(struct warm *warm, struct mono_time now);
/* Of no memory: some are left out. */
void warm_add(struct warm *warm, const struct warm_target *target);
/* These were all. */
void warm_loaded(struct warm *warm);

/* Whom to ask now. False: nobody. `ret_tag` is not 0, and names it until the run ends. */
bool warm_next(struct warm *warm, struct mono_time now, struct warm_target *ret, uint64_t *ret_tag);
/* Tags of earlier runs mean nothing, and so does a second answer. */
void warm_answered(struct warm *warm, uint64_t tag);
void warm_unasked(struct warm *warm, uint64_t tag);

/* When to call warm_next again. MONO_NEVER: not before something is added. */
struct mono_time warm_deadline(const struct warm *warm);

/* True once when a run has ended. */
bool warm_take_end(struct warm *warm);

#endif
