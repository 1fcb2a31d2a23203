/* SPDX-License-Identifier: MPL-2.0
 *
 * See tcp_gateway.h.
 */
#include "gateways/lair/tcp_gateway.h"

struct tcp_gateway {
    struct actor *actor;
};

static enum err init(struct actor *actor, void *state, const void *args)
{
    struct tcp_gateway *self = state;
    (void)args;
    self->actor = actor;
    return ERR_OK;
}

const struct actor_class tcp_gateway_actor = {
    .name = "tcp-gateway",
    .state_size = sizeof(struct tcp_gateway),
    .restart = ACTOR_RESTART,
    .link_room = 1024,
    .init = init,
};
