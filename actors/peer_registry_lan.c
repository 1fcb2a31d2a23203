/* SPDX-License-Identifier: MPL-2.0
 *
 * Room for peers of the local network.
 *
 * Anybody can make them up, so there are never more than lan_max online, and never more than twice
 * as many in memory (those that have not reached the store yet). Whoever has messages, a nickname or
 * an account does not count and does not go. The rows are bounded by persistence, on its own.
 */
#include "peer_registry_state.h"
#include "rt/check.h"
#include "rt/log.h"

void registry_drop_session(struct peer_registry *r, struct peer *peer, enum err why)
{
    INTERNAL(SessionDropped) dropped = ROOST__INTERNAL__SESSION_DROPPED__INIT;
    if (!peer->is_lan || u64map_get_pointer(&r->sessions, peer->session) != peer)
        return;
    (void)u64map_remove(&r->sessions, peer->session, NULL);
    peer->session_count--;
    dropped.session = peer->session;
    dropped.code = err_code(why);
    /* A gateway that cannot be told now hears NO_SUCH_PEER when it stores for it. */
    if (actor_send(r->actor, peer->gateway, MSG_SESSION_DROPPED, &dropped.base, NULL))
        metrics_add(actor_metrics(r->actor), METRIC_DROPPED, 1);
}

void registry_watch_stale(struct peer_registry *r, struct peer *peer)
{
    bool is_wanted = peer->is_lan && !peer->is_kept && peer->is_online;
    if (!is_wanted)
        heap_remove(&r->stale, &peer->stale);
    else if (!heap_has(&peer->stale))
        CHECK(heap_push(&r->stale, &peer->stale, peer->last_seen.ns) == ERR_OK); /* room for all */
}

/* The one not heard of for longest, with its place in the heap corrected. There is one. */
static struct peer *stalest(struct peer_registry *r)
{
    for (;;) {
        struct heap_node *top = heap_top(&r->stale);
        CHECK(top != NULL);
        struct peer *peer = HEAP_ENTRY(top, struct peer, stale);
        if (top->key == peer->last_seen.ns)
            return peer;
        heap_move(&r->stale, top, peer->last_seen.ns);
    }
}

static void drop(struct peer_registry *r, struct peer *peer)
{
    heap_remove(&r->stale, &peer->stale);
    registry_drop_session(r, peer, ERR_TOO_MANY);
    if (peer->session_count == 0 && !registry_add_change(r, CHANGE_DROPPED, peer))
        log_error("peer-not-dropped", LOG_STR("peer", peer->name)); /* its timeout will */
}

enum err registry_make_lan_room(struct peer_registry *r)
{
    while (heap_count(&r->stale) >= r->lan_max) /* those on their way may have made it more */
        drop(r, stalest(r));
    return r->lan_count >= 2 * r->lan_max ? ERR_BUSY : ERR_OK;
}
