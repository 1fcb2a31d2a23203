/* SPDX-License-Identifier: MPL-2.0
 *
 * See discovery_policy.h.
 */
#include "discovery_policy.h"

#include <stdlib.h>

#define SAY(what)   ROOST__INTERNAL__LAN_SAYING__LAN_##what
#define HEARD(what) ROOST__INTERNAL__LAN_HEARING__LAN_##what

struct known {
    uint64_t id;
    uint32_t entry_no;
    bool has_entry;
    bool has_mail; /* on its way to it */
    struct mono_time entry_at;
    struct mono_time asked_at;
    unsigned asks; /* since it was heard */
    struct heap_node due;
};

void discovery_policy_init(struct discovery_policy *policy, int64_t ask_ms, struct mono_time now)
{
    *policy = (struct discovery_policy){
        .ask_ms = ask_ms ? ask_ms : DISCOVERY_ASK_MS,
        .announce_at = MONO_NEVER,
    };
    policy->seeds_at = mono_add_ms(now, policy->ask_ms);
    u64map_init(&policy->peers, DISCOVERY_PEERS_MAX);
    heap_init(&policy->due, DISCOVERY_PEERS_MAX);
}

static void forget(struct discovery_policy *policy, struct known *known)
{
    heap_remove(&policy->due, &known->due);
    (void)u64map_remove(&policy->peers, known->id, NULL); /* it is there */
    free(known);
}

static void forget_all(struct discovery_policy *policy)
{
    struct u64map_cursor cursor = {0};
    while (u64map_next(&policy->peers, &cursor))
        forget(policy, (struct known *)(uintptr_t)cursor.value);
}

void discovery_policy_fini(struct discovery_policy *policy)
{
    forget_all(policy);
    u64map_fini(&policy->peers);
    heap_fini(&policy->due);
}

/* NULL: no room; then somebody is not asked when silent, and that is all. */
static struct known *find_or_make(struct discovery_policy *policy, uint64_t id)
{
    struct known *known = u64map_get_pointer(&policy->peers, id);
    if (known || id == 0)
        return known;
    known = calloc(1, sizeof(*known));
    if (!known || u64map_put_pointer(&policy->peers, id, known) != ERR_OK) {
        free(known);
        return NULL;
    }
    known->id = id;
    known->asked_at = (struct mono_time){INT64_MIN / 2};
    return known;
}

static void look_at(struct discovery_policy *policy, struct known *known, struct mono_time when)
{
    if (heap_has(&known->due))
        heap_move(&policy->due, &known->due, when.ns);
    else if (heap_push(&policy->due, &known->due, when.ns) != ERR_OK)
        known->asks = DISCOVERY_ASKS_MAX; /* no memory: not asked until it is heard again */
}

static INTERNAL(LanSaying) hear_entry(struct known *known, uint32_t packet_no, struct mono_time now)
{
    bool is_repeat = known->has_entry && known->entry_no == packet_no &&
                     mono_elapsed_ms(known->entry_at, now) < DISCOVERY_REPEAT_MS;
    if (is_repeat)
        return SAY(NO_ANSWER);
    known->has_entry = true;
    known->entry_no = packet_no;
    known->entry_at = now;
    return SAY(ANSWER);
}

/* Somebody who has not introduced itself is asked to, but not with each of its packets. */
static void hear_stranger(struct discovery_policy *policy, struct known *known,
                          struct mono_time now)
{
    if (mono_elapsed_ms(known->asked_at, now) >= policy->ask_ms)
        look_at(policy, known, now);
}

static INTERNAL(LanSaying) hear_peer(struct discovery_policy *policy,
                                     const INTERNAL(LanHeard) * heard, struct mono_time now)
{
    struct known *known = find_or_make(policy, heard->peer);
    if (!known)
        return heard->what == HEARD(ENTRY) ? SAY(ANSWER) : SAY(SAY_NOTHING);
    switch ((int)heard->what) {
    case HEARD(LEFT):
        forget(policy, known);
        return SAY(SAY_NOTHING);
    case HEARD(MAIL_BEGINS):
    case HEARD(MAIL_ENDS):
        known->has_mail = heard->what == HEARD(MAIL_BEGINS);
        return SAY(SAY_NOTHING);
    case HEARD(KNOWN):
        look_at(policy, known, mono_add_ms(now, policy->ask_ms)); /* the warm start asks first */
        return SAY(SAY_NOTHING);
    default:
        break;
    }
    known->asks = 0;
    look_at(policy, known, mono_add_ms(now, policy->ask_ms));
    if (heard->what == HEARD(STRANGER))
        hear_stranger(policy, known, now);
    return heard->what == HEARD(ENTRY) ? hear_entry(known, heard->packet_no, now)
                                       : SAY(SAY_NOTHING);
}

INTERNAL(LanSaying)
discovery_policy_heard(struct discovery_policy *policy, const INTERNAL(LanHeard) * heard,
                       struct mono_time now)
{
    switch ((int)heard->what) {
    case HEARD(STARTED):
        forget_all(policy);
        return SAY(SAY_NOTHING);
    case HEARD(READY):
        policy->announce_at = MONO_NEVER;
        policy->seeds_at = mono_add_ms(now, policy->ask_ms);
        return SAY(ANNOUNCE);
    case HEARD(INTERFACE):
        policy->announce_at = mono_add_ms(now, DISCOVERY_INTERFACE_MS);
        return SAY(SAY_NOTHING);
    default:
        return heard->peer ? hear_peer(policy, heard, now) : SAY(SAY_NOTHING);
    }
}

/* True: this silent peer is to be asked now. */
static bool is_to_be_asked(struct discovery_policy *policy, struct known *known,
                           struct mono_time now)
{
    bool is_asked = !known->has_mail;
    if (is_asked) {
        known->asks++;
        known->asked_at = now;
    }
    if (known->asks < DISCOVERY_ASKS_MAX)
        look_at(policy, known, mono_add_ms(now, policy->ask_ms));
    return is_asked;
}

INTERNAL(LanSaying)
discovery_policy_next(struct discovery_policy *policy, struct mono_time now, uint64_t *ret_peer)
{
    *ret_peer = 0;
    if (mono_reached(policy->announce_at, now)) {
        policy->announce_at = MONO_NEVER;
        return SAY(ANNOUNCE);
    }
    if (mono_reached(policy->seeds_at, now)) {
        policy->seeds_at = mono_add_ms(now, policy->ask_ms);
        return SAY(ASK_SEEDS);
    }
    for (struct heap_node *top = heap_top(&policy->due); top && top->key <= now.ns;
         top = heap_top(&policy->due)) {
        struct known *known = HEAP_ENTRY(heap_pop(&policy->due), struct known, due);
        if (is_to_be_asked(policy, known, now)) {
            *ret_peer = known->id;
            return SAY(ASK);
        }
    }
    return SAY(SAY_NOTHING);
}

struct mono_time discovery_policy_deadline(const struct discovery_policy *policy)
{
    struct mono_time first = policy->announce_at;
    const struct heap_node *top = heap_top(&policy->due);
    if (policy->seeds_at.ns < first.ns)
        first = policy->seeds_at;
    if (top && top->key < first.ns)
        first.ns = top->key;
    return first;
}
