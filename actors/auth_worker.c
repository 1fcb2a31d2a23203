/* SPDX-License-Identifier: MPL-2.0
 *
 * See auth_worker.h.
 */
#include "auth_worker.h"

#include <sodium.h>
#include <string.h>

#include "phc.h"
#include "proto/messages.h"
#include "rt/log.h"

struct auth_worker {
    struct actor *actor;
};

static enum err init(struct actor *actor, void *state, const void *args)
{
    struct auth_worker *self = state;
    (void)args;
    self->actor = actor;
    return sodium_init() < 0 ? ERR_INTERNAL : ERR_OK;
}

/* The right password of a hash that is weaker than new ones gets a new one. */
static enum err verify(const INTERNAL(Hash) * question, INTERNAL(Hashed) * hashed,
                       char phc[PHC_BYTES_MAX + 1])
{
    struct phc_cost cost;
    bool is_match = false;
    enum err err = phc_verify(question->phc.data, question->phc.len, question->password.data,
                              question->password.len, &is_match, &cost);
    if (err)
        return err;
    hashed->is_match = is_match;
    if (is_match && phc_is_weak(&cost) &&
        phc_make(question->password.data, question->password.len, phc) == ERR_OK)
        hashed->phc = bytes_of(phc, strlen(phc));
    return ERR_OK;
}

static enum err on_hash(struct actor *actor, void *state, const struct msg *msg)
{
    const INTERNAL(Hash) *question = MSG_BODY(msg, INTERNAL(Hash));
    INTERNAL(Hashed) hashed = ROOST__INTERNAL__HASHED__INIT;
    char phc[PHC_BYTES_MAX + 1];
    enum err err;
    (void)state;
    if (question->phc.len) {
        err = verify(question, &hashed, phc);
    } else {
        err = phc_make(question->password.data, question->password.len, phc);
        if (!err)
            hashed.phc = bytes_of(phc, strlen(phc));
    }
    if (err)
        log_error("hash-refused", LOG_ERROR(err));
    hashed.code = err_code(err);
    actor_reply(actor, msg, MSG_HASHED, &hashed.base, NULL);
    return ERR_OK;
}

const struct actor_class auth_worker_actor = {
    .name = "auth-worker",
    .state_size = sizeof(struct auth_worker),
    .restart = ACTOR_RESTART,
    .link_room = 64,
    .init = init,
    .on = {[MSG_HASH] = on_hash},
};
