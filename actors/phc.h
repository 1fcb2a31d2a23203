/* SPDX-License-Identifier: MPL-2.0
 *
 * Password hashes: PHC strings of Argon2id ("$argon2id$v=19$m=19456,t=2,p=1$salt$hash").
 *
 * A string comes from the store, where imports may have put it. What its parameters ask for is
 * looked at before anything is computed: a hash that would take much memory or time is refused.
 * Pure functions, but slow: only the auth workers call phc_make and phc_verify.
 */
#ifndef ACTORS_PHC_H
#define ACTORS_PHC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/err.h"

#define PHC_BYTES_MAX      255u
#define PHC_MEMORY_KIB     19456u /* what new hashes take: 19 MiB, twice over */
#define PHC_PASSES         2u
#define PHC_MEMORY_KIB_MAX 131072u /* of any hash: 128 MiB, ... */
#define PHC_WORK_KIB_MAX   262144u /* ... and memory x passes of 256 MiB */
#define PHC_LANES_MAX      4u

struct phc_cost {
    uint32_t memory_kib, passes, lanes;
};

/* ERR_BAD_FIELD: not a PHC string of Argon2id version 19, or one beyond the limits above. */
MUST_USE enum err phc_check(const void *phc, size_t size, struct phc_cost *ret_cost);

/* Weaker than new ones are made. */
bool phc_is_weak(const struct phc_cost *cost);

/* ret_phc ends with NUL. ERR_BUSY: no memory. */
MUST_USE enum err phc_make(const void *password, size_t password_size,
                           char ret_phc[PHC_BYTES_MAX + 1]);

/* ERR_OK: *ret_is_match says it. ERR_BAD_FIELD as phc_check. */
MUST_USE enum err phc_verify(const void *phc, size_t phc_size, const void *password,
                             size_t password_size, bool *ret_is_match, struct phc_cost *ret_cost);

/* A hash nobody has the password of, as strong as new ones: what a login to an unknown name is
 * compared with, so that it takes as long. */
extern const char phc_dummy[];

#endif
