/* SPDX-License-Identifier: MPL-2.0
 *
 * Failed logins by name, also of names that have no account: what makes guessing slow, and is
 * still known after a restart.
 *
 * failures_max failures within window_ms lock the name for lock_ms. Counting begins anew with the
 * first failure after the window, or after a lock has ended.
 */
#ifndef STORE_THROTTLE_H
#define STORE_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/err.h"

struct store;

struct throttle_policy {
    uint32_t failures_max;
    int64_t window_ms, lock_ms;
};

struct throttle_row {
    uint32_t failures;
    int64_t first_ms;        /* of the failures counted */
    int64_t locked_until_ms; /* 0 = it was not locked */
};

/* All zero when nothing is known of the name. */
MUST_USE enum err throttle_read(struct store *store, const char *folded,
                                struct throttle_row *ret_row);
/* One more failure; *ret_row is what is stored now. A failure while it is locked changes nothing. */
MUST_USE enum err throttle_fail(struct store *store, const char *folded, int64_t now_ms,
                                const struct throttle_policy *policy, struct throttle_row *ret_row);
/* Forgets the name; *ret_count: whether there was anything. */
MUST_USE enum err throttle_clear(struct store *store, const char *folded, uint64_t *ret_count);
/* At most rows_max names whose window and lock are over. */
MUST_USE enum err throttle_sweep(struct store *store, int64_t now_ms, int64_t window_ms,
                                 uint32_t rows_max, uint64_t *ret_count);

#endif
