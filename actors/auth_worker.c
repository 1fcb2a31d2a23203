/* SPDX-License-Identifier: MPL-2.0
 *
 * See auth_worker.h.
 */
#include "auth_worker.h"

struct auth_worker {
    struct actor *actor;
};

static enum err init(struct actor *actor, void *state, const void *args)
{
    struct auth_worker *self = state;
    (void)args;
    self->actor = actor;
    return ERR_OK;
}

const struct actor_class auth_worker_actor = {
    .name = "auth-worker",
    .state_size = sizeof(struct auth_worker),
    .restart = ACTOR_RESTART,
    .link_room = 1024,
    .init = init,
};
