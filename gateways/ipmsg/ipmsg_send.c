/* SPDX-License-Identifier: MPL-2.0
 *
 * See ipmsg_send.h.
 */
#include "gateways/ipmsg/ipmsg_send.h"

int64_t ipmsg_send_next(struct ipmsg_schedule *schedule)
{
    if (schedule->sent < UINT32_MAX)
        schedule->sent++;
    if (schedule->sent < IPMSG_SEND_TIMES)
        return IPMSG_SEND_MS;
    int64_t delay_ms = IPMSG_KNOCK_MS;
    for (uint32_t i = IPMSG_SEND_TIMES; i < schedule->sent && delay_ms < IPMSG_KNOCK_MS_MAX; i++)
        delay_ms *= 2;
    return delay_ms < IPMSG_KNOCK_MS_MAX ? delay_ms : IPMSG_KNOCK_MS_MAX;
}

bool ipmsg_send_is_parked(const struct ipmsg_schedule *schedule)
{
    return schedule->sent >= IPMSG_SEND_TIMES;
}

void ipmsg_send_again(struct ipmsg_schedule *schedule)
{
    schedule->sent = 0;
}
