/* SPDX-License-Identifier: MPL-2.0
 *
 * The peers in memory: by folded name, with their timeouts in a heap.
 *
 * A sign of life only notes the time; the heap is corrected when a deadline is reached, so that
 * hearing of a peer a thousand times costs nothing but the notes.
 */
#include <stdlib.h>
#include <string.h>

#include "peer_registry_state.h"
#include "rt/check.h"
#include "rt/metrics.h"

#define CHECK_AGAIN_MS 100
#define LAN_PREFIX     "lan:" /* proto/name.h: name_is_reserved */

int64_t registry_ms(const struct peer_registry *r, struct mono_time time)
{
    return r->wall_start_ms + mono_elapsed_ms(r->mono_start, time);
}

struct mono_time registry_mono(const struct peer_registry *r, int64_t ms)
{
    int64_t ago_ms = r->wall_start_ms - ms;
    return mono_add_ms(r->mono_start, ago_ms > 0 ? -ago_ms : 0); /* the future counts as now */
}

char *registry_copy(ProtobufCBinaryData bytes)
{
    char *copy = malloc(bytes.len + 1);
    if (!copy)
        return NULL;
    if (bytes.len)
        memcpy(copy, bytes.data, bytes.len);
    copy[bytes.len] = '\0';
    return copy;
}

struct peer *registry_find(const struct peer_registry *r, const char *folded)
{
    return hash_get_pointer(&r->peers, folded, strlen(folded));
}

static void free_peer(struct peer *peer)
{
    free(peer->folded);
    free(peer->name);
    free(peer->display_name);
    free(peer);
}

struct peer *registry_peer(struct peer_registry *r, ProtobufCBinaryData name,
                           const struct name_folded *folded)
{
    struct peer *peer = registry_find(r, folded->text);
    if (peer)
        return peer;
    bool is_lan = strncmp(folded->text, LAN_PREFIX, strlen(LAN_PREFIX)) == 0;
    if (is_lan && registry_make_lan_room(r))
        return NULL;
    peer = calloc(1, sizeof(*peer));
    if (!peer)
        return NULL;
    peer->is_lan = is_lan;
    roost__internal__peer_measured__init(&peer->measured);
    peer->folded = strdup(folded->text);
    peer->name = registry_copy(name);
    peer->display_name = calloc(1, 1);
    bool is_complete = peer->folded && peer->name && peer->display_name;
    if (!is_complete || hash_put_pointer(&r->peers, folded->text, folded->size, peer)) {
        free_peer(peer);
        return NULL;
    }
    r->lan_count += is_lan;
    return peer;
}

void registry_forget(struct peer_registry *r, struct peer *peer)
{
    if (peer->session_count || peer->change_count || peer->is_online)
        return;
    heap_remove(&r->timeouts, &peer->timeout);
    heap_remove(&r->stale, &peer->stale);
    r->lan_count -= peer->is_lan;
    (void)hash_remove_pointer(&r->peers, peer->folded, strlen(peer->folded));
    free_peer(peer);
}

void registry_peers_fini(struct peer_registry *r)
{
    struct hash_cursor cursor = {.position = 0};
    heap_fini(&r->timeouts); /* before their nodes */
    heap_fini(&r->stale);
    while (hash_next(&r->peers, &cursor))
        free_peer((struct peer *)(uintptr_t)cursor.value);
    hash_fini(&r->peers);
    u64map_fini(&r->sessions);
}

void registry_saw(struct peer_registry *r, struct peer *peer)
{
    peer->last_seen = actor_mono(r->actor);
}

void registry_watch_timeout(struct peer_registry *r, struct peer *peer)
{
    if (heap_has(&peer->timeout))
        return;
    /* Later than the timeout by a millisecond: at the timeout itself it is still online. What is
     * over and could not be noted is looked at again a little later. */
    int64_t deadline_ns = mono_add_ms(peer->last_seen, r->timeout_ms + 1).ns;
    int64_t earliest_ns = mono_add_ms(actor_mono(r->actor), CHECK_AGAIN_MS).ns;
    if (deadline_ns <= actor_mono(r->actor).ns)
        deadline_ns = earliest_ns;
    CHECK(heap_push(&r->timeouts, &peer->timeout, deadline_ns) == ERR_OK); /* as many as peers */
}

void registry_arm_timeout(struct peer_registry *r)
{
    const struct heap_node *top = heap_top(&r->timeouts);
    if (top)
        actor_timer_set(r->actor, REGISTRY_TIMER_TIMEOUT, (struct mono_time){top->key});
}
