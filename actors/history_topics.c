/* SPDX-License-Identifier: MPL-2.0
 *
 * Names of topics by the id of their scope. Who reads topics by a pattern has to be told which one a
 * message came from, and sync-manager which patterns take it.
 *
 * A scope never changes its name and its id is never given twice, so what was read once stays true:
 * also that a scope is no topic. The cache is emptied as a whole when it is full. A failure of the
 * store is an error, never "no topic": a message would be lost by that.
 */
#include <stdlib.h>
#include <string.h>

#include "history_state.h"
#include "rt/check.h"

void history_topics_init(struct history *h)
{
    u64map_init(&h->topics, HISTORY_TOPICS_MAX);
}

static void forget_topics(struct history *h)
{
    struct u64map_cursor cursor = {.key = 0};
    while (u64map_next(&h->topics, &cursor))
        free((void *)(uintptr_t)cursor.value);
    u64map_clear(&h->topics);
}

void history_topics_fini(struct history *h)
{
    forget_topics(h);
    u64map_fini(&h->topics);
}

/* A scope that is gone is no topic. */
static enum err read_topic(struct history *h, int64_t scope_id, struct history_topic **ret)
{
    char name[WIRE_NAME_BYTES_MAX + 1], text[WIRE_SCOPE_BYTES_MAX + 1] = "";
    struct scope_row scope;
    struct name_folded folded = {.size = 0};
    size_t size = 0, text_size = 0;
    enum err err = scope_find_by_id(h->store, scope_id, name, sizeof(name), &scope);
    if (err && err != ERR_NO_SUCH_SCOPE)
        return err;
    if (!err && scope.kind == SCOPE_TOPIC) {
        size = strlen(name);
        text_size = scope_format(PREFIX_TOPIC, name, size, text);
    }
    if (size > 0 && name_fold(name, size, &folded))
        return ERR_CORRUPT;
    struct history_topic *topic = malloc(sizeof(*topic) + text_size + folded.size);
    if (topic == NULL)
        return ERR_BUSY;
    topic->size = size;
    topic->text_size = text_size;
    topic->folded_size = folded.size;
    memcpy(topic->text, text, text_size);
    memcpy(topic->text + text_size, folded.text, folded.size);
    *ret = topic;
    return ERR_OK;
}

enum err history_topic(struct history *h, int64_t scope_id, const struct history_topic **ret)
{
    struct history_topic *topic = u64map_get_pointer(&h->topics, (uint64_t)scope_id);
    if (topic == NULL) {
        enum err err = read_topic(h, scope_id, &topic);
        if (err)
            return err;
        if (u64map_count(&h->topics) == HISTORY_TOPICS_MAX)
            forget_topics(h);
        CHECK(u64map_put_pointer(&h->topics, (uint64_t)scope_id, topic) == ERR_OK);
    }
    *ret = topic;
    return ERR_OK;
}

enum err history_match(struct history *h, int64_t scope_id, const struct name_folded *pattern,
                       const struct history_topic **ret)
{
    const struct history_topic *topic = NULL;
    enum err err = history_topic(h, scope_id, &topic);
    if (err)
        return err;
    bool is_match =
        topic->size > 0 && topic_matches(pattern->text, pattern->size,
                                         topic->text + topic->text_size, topic->folded_size);
    *ret = is_match ? topic : NULL;
    return ERR_OK;
}
