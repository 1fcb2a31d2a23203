/* SPDX-License-Identifier: MPL-2.0
 *
 * Patterns of topics, put into the tree and taken out again, beside a list of them that is walked
 * (actors/topic_tree.h): the same values for the same topic, each once, and in the same order
 * whenever the same patterns are in it. A byte says what is done, a line what with: names are those
 * that proto/name.h accepts.
 */
#include <stdint.h>

#include "bytes.h"
#include "proto/name.h"
#include "topic_tree.h"

#define PATTERNS_MAX 40
#define STEPS_MAX    200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct entry {
    struct bytes pattern;
    bool is_there;
    unsigned seen;
};

struct play {
    struct topic_tree tree;
    struct entry entries[PATTERNS_MAX]; /* what is known by &entries[i] */
    uint32_t count;                     /* of those that are there */
};

static bool is_topic(struct bytes name, bool *ret_is_pattern)
{
    char text[WIRE_SCOPE_BYTES_MAX + 1];
    struct scope_name scope;
    if (name.left == 0 || name.left > WIRE_NAME_BYTES_MAX)
        return false;
    size_t length = scope_format(PREFIX_TOPIC, name.at, name.left, text);
    if (scope_parse_pattern(text, length, &scope, NULL))
        return false;
    *ret_is_pattern = scope.is_pattern;
    return true;
}

static bool is_same(struct bytes one, struct bytes other)
{
    return one.left == other.left && memcmp(one.at, other.at, one.left) == 0;
}

static void see(void *context, void *value)
{
    const struct play *play = context;
    struct entry *entry = value;
    CHECK(entry >= play->entries && entry < play->entries + PATTERNS_MAX && entry->is_there);
    entry->seen++;
}

static void match(struct play *play, struct bytes topic)
{
    for (size_t i = 0; i < PATTERNS_MAX; i++)
        play->entries[i].seen = 0;
    topic_tree_match(&play->tree, (const char *)topic.at, topic.left, see, play);
    for (size_t i = 0; i < PATTERNS_MAX; i++) {
        struct entry *entry = &play->entries[i];
        bool is_match = entry->is_there &&
                        topic_matches(entry->pattern.at, entry->pattern.left, topic.at, topic.left);
        CHECK(entry->seen == (is_match ? 1 : 0));
    }
}

/* That of the same pattern which is there for longest would be found; here it is one of them. */
static void find(struct play *play, struct bytes pattern)
{
    const struct entry *found =
        topic_tree_find(&play->tree, (const char *)pattern.at, pattern.left);
    bool is_there = false;
    for (size_t i = 0; i < PATTERNS_MAX; i++)
        is_there |= play->entries[i].is_there && is_same(play->entries[i].pattern, pattern);
    CHECK((found != NULL) == is_there);
    CHECK(!found || (found->is_there && is_same(found->pattern, pattern)));
}

static void change(struct play *play, struct entry *entry, struct bytes pattern)
{
    struct topic_tree *tree = &play->tree;
    const char *text = (const char *)pattern.at;
    if (entry->is_there) {
        bool is_other = !is_same(entry->pattern, pattern);
        if (is_other)
            CHECK(!topic_tree_remove(tree, text, pattern.left, entry));
        CHECK(topic_tree_remove(tree, (const char *)entry->pattern.at, entry->pattern.left, entry));
        CHECK(
            !topic_tree_remove(tree, (const char *)entry->pattern.at, entry->pattern.left, entry));
        entry->is_there = false;
        play->count--;
    } else {
        topic_tree_add(tree, text, pattern.left, entry);
        *entry = (struct entry){.pattern = pattern, .is_there = true};
        play->count++;
    }
    CHECK(tree->count == play->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size};
    struct play play = {.count = 0};
    topic_tree_init(&play.tree);
    for (size_t step = 0; step < STEPS_MAX && input.left > 0; step++) {
        uint8_t choice = bytes_u8(&input);
        struct bytes name = bytes_until(&input, '\n');
        bool is_pattern = false;
        if (!is_topic(name, &is_pattern))
            continue;
        find(&play, name);
        if (choice % 4 == 0 && !is_pattern)
            match(&play, name);
        else
            change(&play, &play.entries[choice % PATTERNS_MAX], name);
    }
    topic_tree_fini(&play.tree);
    return 0;
}
