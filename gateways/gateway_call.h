/* SPDX-License-Identifier: MPL-2.0
 *
 * From a public CALL to the question between actors: for every gateway whose clients call.
 *
 * Owns: which actor a method belongs to, and who counts as an administrator. Pure. Leaves to others: the
 * checks of the public message (proto/wire_check.c), asking, and what comes back.
 */
#ifndef GATEWAYS_GATEWAY_CALL_H
#define GATEWAYS_GATEWAY_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/messages.h"
#include "proto/wire.h"

/* Who calls; views. */
struct gateway_who {
    uint64_t session;
    int64_t peer_id;
    const char *name;
    size_t name_size;
    uint32_t role; /* of the account, 0 without one */
    bool is_verified;
    bool is_admin;
};

/* By the role of its account, or because security.admins names it. */
bool gateway_is_admin(const char *const *admins, size_t count, const char *name, size_t name_size,
                      uint32_t role);

/* The actor that a method belongs to, and the question to it; views into `call` and `who`. ERR_UNKNOWN_CALL,
 * ERR_BAD_SCOPE. */
MUST_USE enum err gateway_call_fill(const Roost__V1__Call *call, const struct gateway_who *who,
                                    INTERNAL(Call) * ret, uint8_t *ret_actor);

#endif
