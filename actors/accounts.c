/* SPDX-License-Identifier: MPL-2.0
 *
 * See accounts.h.
 */
#include "accounts.h"

struct accounts {
    struct actor *actor;
};

static enum err init(struct actor *actor, void *state, const void *args)
{
    struct accounts *self = state;
    (void)args;
    self->actor = actor;
    return ERR_OK;
}

const struct actor_class accounts_actor = {
    .name = "accounts",
    .state_size = sizeof(struct accounts),
    .restart = ACTOR_RESTART,
    .link_room = 1024,
    .init = init,
};
