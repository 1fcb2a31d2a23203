/* SPDX-License-Identifier: MPL-2.0
 *
 * See persistence_state.h.
 */
#include "persistence_state.h"

enum err persistence_call_invite(struct persistence *p, const INTERNAL(Call) * call,
                                 INTERNAL(CallDone) * done)
{
    (void)p;
    (void)call;
    (void)done;
    return ERR_UNKNOWN_CALL;
}

enum err persistence_call_invite_accept(struct persistence *p, const INTERNAL(Call) * call,
                                        INTERNAL(CallDone) * done)
{
    (void)p;
    (void)call;
    (void)done;
    return ERR_UNKNOWN_CALL;
}

enum err persistence_call_invite_decline(struct persistence *p, const INTERNAL(Call) * call,
                                         INTERNAL(CallDone) * done)
{
    (void)p;
    (void)call;
    (void)done;
    return ERR_UNKNOWN_CALL;
}

enum err persistence_call_invite_revoke(struct persistence *p, const INTERNAL(Call) * call,
                                        INTERNAL(CallDone) * done)
{
    (void)p;
    (void)call;
    (void)done;
    return ERR_UNKNOWN_CALL;
}
