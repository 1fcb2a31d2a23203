/* SPDX-License-Identifier: MPL-2.0
 *
 * Patterns of topics: which scopes take a message besides its own.
 *
 * A pattern is a scope without messages of its own; its log holds what is written to the topics that
 * match it, in seq order, because runs come in seq order. So a floor, an exception, a lease of its
 * consumers is what it is anywhere else. Names are compared folded.
 *
 * Each run of a topic bears the topic's name, so nothing has to be known of topics in advance: one
 * that is made later joins in with its first message. The answer of the tree is kept by scope id, at
 * most TOPICS_MAX of them, until a pattern comes or goes.
 *
 * A message may so lie in several logs. Its sender is told once that it expired: the seqs of the
 * last TOLD_MAX that were told are kept. (What a flag of the entry does where there is one log.)
 */
#include <stdlib.h>
#include <string.h>

#include "delivery_state.h"
#include "proto/name.h"

#define TOPICS_MAX 65536u
#define TOLD_MAX   65536u

static struct pattern_list nobody;

/* --- Patterns that come and go */

void patterns_init(struct delivery *delivery)
{
    topic_tree_init(&delivery->patterns);
    u64map_init(&delivery->topics, TOPICS_MAX);
    u64map_init(&delivery->told_seqs, TOLD_MAX);
}

static void forget_topics(struct delivery *delivery)
{
    struct u64map_cursor cursor = {0};
    while (u64map_next(&delivery->topics, &cursor)) {
        struct pattern_list *list = (struct pattern_list *)(uintptr_t)cursor.value;
        if (list != &nobody)
            free(list);
    }
    u64map_clear(&delivery->topics);
    delivery->are_topics_old = false;
}

void patterns_fini(struct delivery *delivery)
{
    forget_topics(delivery);
    topic_tree_fini(&delivery->patterns);
    u64map_fini(&delivery->topics);
    u64map_fini(&delivery->told_seqs);
    free(delivery->told);
}

void patterns_join(struct delivery *delivery, struct scope *scope)
{
    struct name_folded folded;
    if (scope->kind != DELIVERY_TOPIC || scope->name_size == 0 ||
        !topic_is_pattern(scope->name, scope->name_size) ||
        name_fold(scope->name, scope->name_size, &folded))
        return;
    scope->is_pattern = true;
    topic_tree_add(&delivery->patterns, folded.text, folded.size, scope);
    delivery->are_topics_old = true;
}

/* The lists that name it may be in use by our caller: they go with the next look-up. */
void patterns_leave(struct delivery *delivery, const struct scope *scope)
{
    struct name_folded folded;
    if (!scope->is_pattern)
        return;
    CHECK(name_fold(scope->name, scope->name_size, &folded) == ERR_OK); /* as when it came */
    CHECK(topic_tree_remove(&delivery->patterns, folded.text, folded.size, scope));
    delivery->are_topics_old = true;
}

uint32_t delivery_pattern_count(const struct delivery *delivery)
{
    return delivery->patterns.count;
}

int64_t delivery_pattern_scope(const struct delivery *delivery, struct delivery_bytes name)
{
    struct name_folded folded;
    if (name_fold(name.data, name.size, &folded))
        return 0;
    const struct scope *scope = topic_tree_find(&delivery->patterns, folded.text, folded.size);
    return scope != NULL ? scope->id : 0;
}

/* --- Who takes a message of this topic */

static void take_match(void *context, void *value)
{
    struct pattern_list **list = context;
    uint32_t count = *list == NULL ? 0 : (*list)->count;
    if ((count & (count - 1)) == 0) { /* full: its room is the next power of two */
        size_t room = count == 0 ? 1 : 2 * (size_t)count;
        *list = realloc(*list, sizeof(**list) + room * sizeof((*list)->scopes[0]));
        CHECK(*list != NULL);
    }
    (*list)->scopes[count] = value;
    (*list)->count = count + 1;
}

static struct pattern_list *match_topic(const struct delivery *delivery,
                                        struct delivery_bytes topic)
{
    struct name_folded folded;
    struct pattern_list *list = NULL;
    if (name_fold(topic.data, topic.size, &folded) == ERR_OK)
        topic_tree_match(&delivery->patterns, folded.text, folded.size, take_match, &list);
    return list != NULL ? list : &nobody;
}

const struct pattern_list *patterns_match(struct delivery *delivery, int64_t scope_id,
                                          struct delivery_bytes topic)
{
    if (delivery->are_topics_old)
        forget_topics(delivery);
    struct pattern_list *list = u64map_get_pointer(&delivery->topics, (uint64_t)scope_id);
    if (list != NULL)
        return list;
    if (u64map_count(&delivery->topics) == TOPICS_MAX)
        forget_topics(delivery);
    list = match_topic(delivery, topic);
    CHECK(u64map_put_pointer(&delivery->topics, (uint64_t)scope_id, list) == ERR_OK);
    return list;
}

/* --- What was told already */

bool patterns_tell(struct delivery *delivery, uint64_t seq)
{
    if (u64map_get(&delivery->told_seqs, seq, NULL))
        return false;
    if (delivery->told == NULL) {
        delivery->told = calloc(TOLD_MAX, sizeof(*delivery->told));
        CHECK(delivery->told != NULL);
    }
    uint64_t *place = &delivery->told[delivery->told_next++ % TOLD_MAX];
    if (*place != 0)
        (void)u64map_remove(&delivery->told_seqs, *place, NULL); /* the oldest makes room */
    *place = seq;
    CHECK(u64map_put(&delivery->told_seqs, seq, 1) == ERR_OK);
    return true;
}
