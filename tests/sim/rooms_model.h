/* SPDX-License-Identifier: MPL-2.0
 *
 * A second, small opinion of what rooms, members and invitations are: a few arrays, and one function
 * that says what a call does to them and how it is answered.
 */
#ifndef TESTS_SIM_ROOMS_MODEL_H
#define TESTS_SIM_ROOMS_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/err.h"

#define ROOMS 3 /* the second one is private */
#define PEERS 5

enum model_op_kind {
    OP_CREATE,
    OP_JOIN,
    OP_LEAVE,
    OP_INVITE,
    OP_ACCEPT,
    OP_ACCEPT_NEWEST,
    OP_ACCEPT_ALL,
    OP_DECLINE,
    OP_REVOKE,
    OP_ROLE,
    OP_SEND,
    OP_LOBBY, /* a message to the Lobby */
    OP_KINDS
};

struct model_op {
    enum model_op_kind kind;
    unsigned room, peer, other;
    unsigned role; /* ROLE */
    uint64_t correlation;
};

struct model {
    bool exists[ROOMS];
    uint8_t roles[ROOMS][PEERS];
    uint64_t invited[ROOMS][PEERS]; /* number of the pending invitation; 0: none */
    uint8_t inviters[ROOMS][PEERS];
    uint32_t messages[ROOMS];
    uint64_t invitations, total;   /* ever made; messages anywhere */
    uint64_t joined[ROOMS][PEERS]; /* `total` then */
};

/* What the answer has to be. *ret_count: rooms joined by ACCEPT_ALL. */
enum err model_apply(struct model *model, const struct model_op *op, unsigned *ret_count);

/* Equal in all that the file can tell: `joined` only where somebody is a member. */
bool model_is_equal(const struct model *one, const struct model *other);

#endif
