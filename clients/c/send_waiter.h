/* SPDX-License-Identifier: MPL-2.0
 *
 * One thread waiting for the fate of one message (roost_send_wait). Whoever comes second, the
 * answer or the end of patience, frees it.
 */
#ifndef CLIENT_SEND_WAITER_H
#define CLIENT_SEND_WAITER_H

#include "clients/c/roost.h"
#include "clients/c/wait.h"

struct send_waiter {
    struct latch latch;
    struct roost_sent sent;
    char text[256];
};

/* By the session's thread, once. */
void send_waiter_complete(struct send_waiter *waiter, const struct roost_sent *sent);

#endif
