/* SPDX-License-Identifier: MPL-2.0
 *
 * See persistence_state.h.
 */
#include "persistence_state.h"

enum err persistence_call_room_create(struct persistence *p, const INTERNAL(Call) * call,
                                      INTERNAL(CallDone) * done)
{
    (void)p;
    (void)call;
    (void)done;
    return ERR_UNKNOWN_CALL;
}

enum err persistence_call_room_join(struct persistence *p, const INTERNAL(Call) * call,
                                    INTERNAL(CallDone) * done)
{
    (void)p;
    (void)call;
    (void)done;
    return ERR_UNKNOWN_CALL;
}

enum err persistence_call_room_leave(struct persistence *p, const INTERNAL(Call) * call,
                                     INTERNAL(CallDone) * done)
{
    (void)p;
    (void)call;
    (void)done;
    return ERR_UNKNOWN_CALL;
}

enum err persistence_call_room_update(struct persistence *p, const INTERNAL(Call) * call,
                                      INTERNAL(CallDone) * done)
{
    (void)p;
    (void)call;
    (void)done;
    return ERR_UNKNOWN_CALL;
}

enum err persistence_call_room_archive(struct persistence *p, const INTERNAL(Call) * call,
                                       INTERNAL(CallDone) * done)
{
    (void)p;
    (void)call;
    (void)done;
    return ERR_UNKNOWN_CALL;
}

enum err persistence_call_member_role(struct persistence *p, const INTERNAL(Call) * call,
                                      INTERNAL(CallDone) * done)
{
    (void)p;
    (void)call;
    (void)done;
    return ERR_UNKNOWN_CALL;
}
