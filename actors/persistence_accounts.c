/* SPDX-License-Identifier: MPL-2.0
 *
 * See persistence_state.h.
 */
#include "persistence_state.h"

enum err persistence_call_user_register(struct persistence *p, const INTERNAL(Call) * call,
                                        INTERNAL(CallDone) * done)
{
    (void)p;
    (void)call;
    (void)done;
    return ERR_UNKNOWN_CALL;
}

enum err persistence_call_user_password(struct persistence *p, const INTERNAL(Call) * call,
                                        INTERNAL(CallDone) * done)
{
    (void)p;
    (void)call;
    (void)done;
    return ERR_UNKNOWN_CALL;
}

enum err persistence_call_user_role(struct persistence *p, const INTERNAL(Call) * call,
                                    INTERNAL(CallDone) * done)
{
    (void)p;
    (void)call;
    (void)done;
    return ERR_UNKNOWN_CALL;
}

enum err persistence_call_user_ban(struct persistence *p, const INTERNAL(Call) * call,
                                   INTERNAL(CallDone) * done)
{
    (void)p;
    (void)call;
    (void)done;
    return ERR_UNKNOWN_CALL;
}

enum err persistence_call_user_unban(struct persistence *p, const INTERNAL(Call) * call,
                                     INTERNAL(CallDone) * done)
{
    (void)p;
    (void)call;
    (void)done;
    return ERR_UNKNOWN_CALL;
}

enum err persistence_call_user_active(struct persistence *p, const INTERNAL(Call) * call,
                                      INTERNAL(CallDone) * done)
{
    (void)p;
    (void)call;
    (void)done;
    return ERR_UNKNOWN_CALL;
}

enum err persistence_call_token_create(struct persistence *p, const INTERNAL(Call) * call,
                                       INTERNAL(CallDone) * done)
{
    (void)p;
    (void)call;
    (void)done;
    return ERR_UNKNOWN_CALL;
}

enum err persistence_call_session_end(struct persistence *p, const INTERNAL(Call) * call,
                                      INTERNAL(CallDone) * done)
{
    (void)p;
    (void)call;
    (void)done;
    return ERR_UNKNOWN_CALL;
}

enum err persistence_call_user_unlock(struct persistence *p, const INTERNAL(Call) * call,
                                      INTERNAL(CallDone) * done)
{
    (void)p;
    (void)call;
    (void)done;
    return ERR_UNKNOWN_CALL;
}

enum err persistence_login_write(struct persistence *p, const void *question, enum err refusal,
                                 ProtobufCMessage **ret_answer)
{
    (void)question;
    INTERNAL(LoginWritten) *written = batch_alloc(p->batch, sizeof(*written));
    roost__internal__login_written__init(written);
    written->code = err_code(refusal ? refusal : ERR_UNKNOWN_CALL);
    *ret_answer = &written->base;
    return ERR_OK;
}
