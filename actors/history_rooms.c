/* SPDX-License-Identifier: MPL-2.0
 *
 * See history_state.h.
 */
#include "history_state.h"

enum err query_rooms(struct query *query)
{
    (void)query;
    return ERR_UNKNOWN_CALL;
}

enum err query_members(struct query *query)
{
    (void)query;
    return ERR_UNKNOWN_CALL;
}

enum err query_invitations(struct query *query)
{
    (void)query;
    return ERR_UNKNOWN_CALL;
}
