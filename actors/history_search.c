/* SPDX-License-Identifier: MPL-2.0
 *
 * See history_state.h.
 */
#include "history_state.h"

enum err query_search(struct query *query)
{
    (void)query;
    return ERR_UNKNOWN_CALL;
}

enum err query_edits(struct query *query)
{
    (void)query;
    return ERR_UNKNOWN_CALL;
}
