/* SPDX-License-Identifier: MPL-2.0
 *
 * When a packet that was not confirmed is sent again. Pure: the caller has the clock.
 *
 * Four times, one second apart, as the programs do among themselves; then it is parked and knocks
 * after 5, 10, 20 ... 300 seconds, until a sign of life or the end of the message. It is the same
 * packet with the same number each time: an entry in between would make some programs show it twice.
 */
#ifndef GATEWAYS_IPMSG_IPMSG_SEND_H
#define GATEWAYS_IPMSG_IPMSG_SEND_H

#include <stdbool.h>
#include <stdint.h>

#define IPMSG_SEND_TIMES   4
#define IPMSG_SEND_MS      1000
#define IPMSG_KNOCK_MS     5000
#define IPMSG_KNOCK_MS_MAX 300000

struct ipmsg_schedule { /* of all zeros: not sent yet */
    uint32_t sent;      /* how often */
};

/* It was sent once more: milliseconds until the next time. */
int64_t ipmsg_send_next(struct ipmsg_schedule *schedule);
/* Was it sent so often that its reader is taken to be away? */
bool ipmsg_send_is_parked(const struct ipmsg_schedule *schedule);
/* A sign of life: it begins anew, at once. */
void ipmsg_send_again(struct ipmsg_schedule *schedule);

#endif
