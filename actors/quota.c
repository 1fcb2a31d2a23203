/* SPDX-License-Identifier: MPL-2.0
 *
 * See quota.h.
 */
#include "quota.h"

#include <stdlib.h>

#include "rt/check.h"

#define PEER_BITS 31 /* store/conversation.h */

struct quota_peer {
    struct bucket messages, bytes;
};

struct quota_share {
    struct quota_share *next; /* of the place */
    uint64_t messages, bytes;
};

enum asking { ASKING_NOT, ASKING_SOON, ASKING_NOW };

struct quota_place {
    int64_t scope_id;
    uint64_t messages, bytes;             /* estimates */
    uint64_t asked_messages, asked_bytes; /* of these, when it was asked about */
    bool is_known;                        /* it was asked about once */
    enum asking asking;
    struct mono_time answered;
    struct quota_place *asking_next;
    struct quota_share *shares;
};

void quota_init(struct quota *quota, const struct quota_limits *limits)
{
    *quota = (struct quota){.limits = *limits};
    quota->has_rates = limits->messages.per_s || limits->bytes.per_s;
    quota->has_places = limits->waiting_messages || limits->waiting_bytes ||
                        limits->share_messages || limits->share_bytes;
    quota->asking_end = &quota->asking;
    u64map_init(&quota->peers, QUOTA_PEERS_MAX);
    u64map_init(&quota->places, QUOTA_PLACES_MAX);
    u64map_init(&quota->shares, QUOTA_SHARES_MAX);
}

static void free_all(struct u64map *map)
{
    struct u64map_cursor cursor = {0};
    while (u64map_next(map, &cursor))
        free((void *)(uintptr_t)cursor.value);
    u64map_clear(map);
}

static void forget_places(struct quota *quota)
{
    quota->asking = NULL;
    quota->asking_end = &quota->asking;
    free_all(&quota->shares);
    free_all(&quota->places);
}

void quota_fini(struct quota *quota)
{
    forget_places(quota);
    free_all(&quota->peers);
    u64map_fini(&quota->peers);
    u64map_fini(&quota->places);
    u64map_fini(&quota->shares);
}

/* --- Rates. */

static struct quota_peer *peer_of(struct quota *quota, int64_t peer_id)
{
    struct quota_peer *peer = u64map_get_pointer(&quota->peers, (uint64_t)peer_id);
    if (peer)
        return peer;
    if (u64map_count(&quota->peers) == QUOTA_PEERS_MAX)
        free_all(&quota->peers);
    peer = calloc(1, sizeof(*peer));
    if (peer && u64map_put_pointer(&quota->peers, (uint64_t)peer_id, peer) == ERR_OK)
        return peer;
    free(peer);
    return NULL; /* no memory: no bound, for once */
}

uint32_t quota_take(struct quota *quota, int64_t peer_id, uint64_t messages, uint64_t bytes,
                    struct mono_time now)
{
    struct quota_peer *peer = quota->has_rates ? peer_of(quota, peer_id) : NULL;
    if (!peer)
        return 0;
    struct bucket before = peer->messages;
    uint32_t wait_ms = bucket_take(&peer->messages, &quota->limits.messages, messages, now);
    if (wait_ms)
        return wait_ms;
    wait_ms = bucket_take(&peer->bytes, &quota->limits.bytes, bytes, now);
    if (wait_ms)
        peer->messages = before; /* all or nothing */
    return wait_ms;
}

/* --- What waits. */

static struct quota_place *place_of(struct quota *quota, int64_t scope_id)
{
    struct quota_place *place = u64map_get_pointer(&quota->places, (uint64_t)scope_id);
    if (place)
        return place;
    if (u64map_count(&quota->places) == QUOTA_PLACES_MAX)
        forget_places(quota);
    place = calloc(1, sizeof(*place));
    if (place && u64map_put_pointer(&quota->places, (uint64_t)scope_id, place) == ERR_OK) {
        place->scope_id = scope_id;
        return place;
    }
    free(place);
    return NULL;
}

static uint64_t share_key(int64_t scope_id, int64_t sender_id)
{
    return (uint64_t)scope_id << PEER_BITS | (uint64_t)sender_id;
}

/* One more share would be one too many; of a recipient that is known, too. */
static bool has_no_room(const struct quota *quota, int64_t scope_id, int64_t sender_id)
{
    return u64map_count(&quota->shares) == QUOTA_SHARES_MAX &&
           !u64map_get(&quota->shares, share_key(scope_id, sender_id), NULL);
}

static struct quota_share *share_of(struct quota *quota, struct quota_place *place,
                                    int64_t sender_id)
{
    uint64_t key = share_key(place->scope_id, sender_id);
    struct quota_share *share = u64map_get_pointer(&quota->shares, key);
    if (share)
        return share;
    share = calloc(1, sizeof(*share));
    if (share && u64map_put_pointer(&quota->shares, key, share) == ERR_OK) {
        share->next = place->shares;
        place->shares = share;
        return share;
    }
    free(share);
    return NULL;
}

static bool is_beyond(uint64_t value, uint64_t more, uint64_t limit)
{
    return limit != 0 && value + more > limit;
}

static bool is_near(uint64_t value, uint64_t limit)
{
    return limit != 0 && value >= limit - limit / 8;
}

static void ask_soon(struct quota *quota, struct quota_place *place, struct mono_time now)
{
    bool is_early = place->is_known && mono_elapsed_ms(place->answered, now) < QUOTA_ASK_MS;
    if (place->asking != ASKING_NOT || is_early)
        return;
    place->asking = ASKING_SOON;
    place->asking_next = NULL;
    *quota->asking_end = place;
    quota->asking_end = &place->asking_next;
}

static enum err judge(const struct quota_limits *limits, const struct quota_place *place,
                      const struct quota_share *share, uint64_t bytes)
{
    if (is_beyond(place->messages, 1, limits->waiting_messages) ||
        (place->messages > 0 && is_beyond(place->bytes, bytes, limits->waiting_bytes)))
        return ERR_MAILBOX_FULL;
    if (is_beyond(share->messages, 1, limits->share_messages) ||
        (share->messages > 0 && is_beyond(share->bytes, bytes, limits->share_bytes)))
        return ERR_SHARE_FULL;
    return ERR_OK;
}

static bool wants_question(const struct quota_limits *limits, const struct quota_place *place,
                           const struct quota_share *share)
{
    return !place->is_known || is_near(place->messages, limits->waiting_messages) ||
           is_near(place->bytes, limits->waiting_bytes) ||
           is_near(share->messages, limits->share_messages) ||
           is_near(share->bytes, limits->share_bytes);
}

enum err quota_place(struct quota *quota, int64_t scope_id, int64_t sender_id, uint64_t bytes,
                     struct mono_time now)
{
    if (has_no_room(quota, scope_id, sender_id))
        forget_places(quota);
    struct quota_place *place = quota->has_places ? place_of(quota, scope_id) : NULL;
    struct quota_share *share = place ? share_of(quota, place, sender_id) : NULL;
    if (!share)
        return ERR_OK;
    enum err err = judge(&quota->limits, place, share, bytes);
    if (!err) {
        place->messages++;
        place->bytes += bytes;
        share->messages++;
        share->bytes += bytes;
    }
    if (wants_question(&quota->limits, place, share))
        ask_soon(quota, place, now);
    return err;
}

/* --- Questions and answers. */

int64_t quota_next_question(struct quota *quota)
{
    struct quota_place *place = quota->asking;
    if (!place)
        return 0;
    quota->asking = place->asking_next;
    if (!quota->asking)
        quota->asking_end = &quota->asking;
    place->asking = ASKING_NOW;
    place->asked_messages = place->messages;
    place->asked_bytes = place->bytes;
    return place->scope_id;
}

static uint64_t scale(uint64_t value, uint64_t part, uint64_t whole)
{
    return whole ? (uint64_t)((double)value * (double)part / (double)whole) : value;
}

/* What was stored since it was asked about comes on top. */
static void correct(struct quota_place *place, uint64_t waiting)
{
    uint64_t whole = place->asked_messages;
    uint64_t asked_bytes = scale(place->asked_bytes, waiting, whole);
    place->messages = waiting + (place->messages - place->asked_messages);
    place->bytes = asked_bytes + (place->bytes - place->asked_bytes);
    if (waiting >= whole)
        return;
    for (struct quota_share *share = place->shares; share; share = share->next) {
        share->messages = scale(share->messages, waiting, whole);
        share->bytes = scale(share->bytes, waiting, whole);
    }
}

void quota_answer(struct quota *quota, int64_t scope_id, uint64_t waiting, bool is_known,
                  struct mono_time now)
{
    struct quota_place *place = u64map_get_pointer(&quota->places, (uint64_t)scope_id);
    if (!place || place->asking != ASKING_NOW)
        return; /* forgotten meanwhile */
    place->asking = ASKING_NOT;
    place->answered = now;
    place->is_known |= is_known;
    if (is_known)
        correct(place, waiting);
}
