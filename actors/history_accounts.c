/* SPDX-License-Identifier: MPL-2.0
 *
 * See history_state.h.
 */
#include "history_state.h"

enum err query_users(struct query *query)
{
    (void)query;
    return ERR_UNKNOWN_CALL;
}

enum err query_sessions(struct query *query)
{
    (void)query;
    return ERR_UNKNOWN_CALL;
}

enum err query_audit(struct query *query)
{
    (void)query;
    return ERR_UNKNOWN_CALL;
}
