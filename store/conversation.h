/* SPDX-License-Identifier: MPL-2.0
 *
 * The key of a conversation, without a table: the messages between two peers, in either direction,
 * or all messages of one scope that is not a mailbox.
 *     two peers a <= b   a << 31 | b      (peer ids are below 2^31)
 *     scope s            -s
 */
#ifndef STORE_CONVERSATION_H
#define STORE_CONVERSATION_H

#include <stdint.h>

#define CONVERSATION_PEER_ID_MAX ((int64_t)0x7fffffff)

static inline int64_t conversation_of_peers(int64_t one, int64_t other)
{
    return one <= other ? one << 31 | other : other << 31 | one;
}

static inline int64_t conversation_of_scope(int64_t scope_id)
{
    return -scope_id;
}

/* The other side of a direct conversation; 0 when it is a scope's. */
static inline int64_t conversation_other(int64_t conversation, int64_t peer_id)
{
    if (conversation <= 0)
        return 0;
    int64_t low = conversation >> 31, high = conversation & CONVERSATION_PEER_ID_MAX;
    return low == peer_id ? high : low;
}

#endif
