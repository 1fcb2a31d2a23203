/* SPDX-License-Identifier: MPL-2.0
 *
 * Who was refused at the door, gathered for the audit log: a row for the first time, and then one row a minute
 * with a count, for each address, for as long as it goes on.
 *
 * Pure. So many addresses are told apart; what comes from further ones at the same time is counted together,
 * as REFUSALS_OTHERS: whoever knocks a million times, from wherever, writes at most REFUSALS_ADDRESSES_MAX + 1
 * rows a minute. An address that was silent for a minute is forgotten.
 *
 * Leaves to others: the clock, the timer, and writing.
 */
#ifndef ACTORS_REFUSALS_H
#define ACTORS_REFUSALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/clock.h"
#include "zap.h"

#define REFUSALS_ADDRESSES_MAX 32
#define REFUSALS_WINDOW_MS     60000
#define REFUSALS_DETAIL_BYTES  160
#define REFUSALS_OTHERS        "other addresses"

struct refusal {
    char address[ZAP_ADDRESS_BYTES];
    char key[KEY_TEXT_SIZE]; /* of the last one; "": it had none */
    uint64_t count;          /* since the last row */
    struct mono_time noted;
};

struct refusals {
    struct refusal list[REFUSALS_ADDRESSES_MAX + 1]; /* and the others */
    size_t count;
    struct refusal noted; /* the answer in hand */
};

/* One more. What is to be noted now, or NULL: it is counted. Valid until the next call. */
const struct refusal *refusals_add(struct refusals *refusals, const char *address, const char *key,
                                   struct mono_time now);

/* What is to be noted because its minute is over, with `is_all` whatever was counted; NULL: no more. Call it
 * until then. */
const struct refusal *refusals_take(struct refusals *refusals, bool is_all, struct mono_time now);

/* When to call it again; MONO_NEVER: there is nothing. */
struct mono_time refusals_due(const struct refusals *refusals);

/* "17 handshakes, the last with KEY: it is not enrolled". */
void refusals_write(const struct refusal *refusal, char ret_detail[REFUSALS_DETAIL_BYTES]);

#endif
