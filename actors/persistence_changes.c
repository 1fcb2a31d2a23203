/* SPDX-License-Identifier: MPL-2.0
 *
 * See persistence_state.h.
 */
#include "persistence_state.h"

enum err persistence_call_message_edit(struct persistence *p, const INTERNAL(Call) * call,
                                       INTERNAL(CallDone) * done)
{
    (void)p;
    (void)call;
    (void)done;
    return ERR_UNKNOWN_CALL;
}

enum err persistence_call_message_delete(struct persistence *p, const INTERNAL(Call) * call,
                                         INTERNAL(CallDone) * done)
{
    (void)p;
    (void)call;
    (void)done;
    return ERR_UNKNOWN_CALL;
}

enum err persistence_call_react(struct persistence *p, const INTERNAL(Call) * call,
                                INTERNAL(CallDone) * done)
{
    (void)p;
    (void)call;
    (void)done;
    return ERR_UNKNOWN_CALL;
}

enum err persistence_call_unreact(struct persistence *p, const INTERNAL(Call) * call,
                                  INTERNAL(CallDone) * done)
{
    (void)p;
    (void)call;
    (void)done;
    return ERR_UNKNOWN_CALL;
}
