/* SPDX-License-Identifier: MPL-2.0
 *
 * See topic_tree.h. A node's children are its next words in byte order, wildcards among them: they
 * are found like any other word. Nodes without values and children do not exist (but the root).
 */
#include "topic_tree.h"

#include <stdlib.h>
#include <string.h>

#include "rt/check.h"

struct topic_node {
    struct topic_node *parent; /* NULL: the root */
    struct topic_node **children;
    void **values;
    uint32_t child_count, child_capacity;
    uint32_t value_count, value_capacity;
    uint32_t word_size;
    char word[];
};

struct word {
    const char *text;
    size_t size;
};

/* Takes the first word off *rest; false: there is none left. */
static bool next_word(struct word *rest, struct word *ret)
{
    if (rest->text == NULL)
        return false;
    const char *dot = memchr(rest->text, '.', rest->size);
    *ret = (struct word){rest->text, dot != NULL ? (size_t)(dot - rest->text) : rest->size};
    *rest = dot != NULL ? (struct word){dot + 1, rest->size - ret->size - 1} : (struct word){0};
    return true;
}

static int compare_words(struct word a, struct word b)
{
    int order = memcmp(a.text, b.text, a.size < b.size ? a.size : b.size);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static struct word word_of(const struct topic_node *node)
{
    return (struct word){node->word, node->word_size};
}

/* --- Nodes */

static void *grow(void *items, uint32_t count, uint32_t *capacity)
{
    if (count < *capacity)
        return items;
    *capacity = *capacity == 0 ? 2 : *capacity * 2;
    items = realloc(items, *capacity * sizeof(void *));
    CHECK(items != NULL);
    return items;
}

static struct topic_node *node_new(struct topic_node *parent, struct word word)
{
    struct topic_node *node = calloc(1, sizeof(*node) + word.size);
    CHECK(node != NULL);
    node->parent = parent;
    node->word_size = (uint32_t)word.size;
    if (word.size > 0)
        memcpy(node->word, word.text, word.size);
    return node;
}

static void node_free(struct topic_node *node)
{
    free(node->children);
    free(node->values);
    free(node);
}

/* Index of the first child whose word is not below this one; *ret_found: it is this one. */
static uint32_t child_index(const struct topic_node *node, struct word word, bool *ret_found)
{
    uint32_t low = 0;
    uint32_t high = node->child_count;
    *ret_found = false;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare_words(word_of(node->children[middle]), word);
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
        *ret_found |= order == 0;
    }
    return low;
}

static struct topic_node *child_find(const struct topic_node *node, struct word word)
{
    bool is_found;
    uint32_t index = child_index(node, word, &is_found);
    return is_found ? node->children[index] : NULL;
}

static struct topic_node *child_open(struct topic_node *node, struct word word)
{
    bool is_found;
    uint32_t index = child_index(node, word, &is_found);
    if (is_found)
        return node->children[index];
    node->children = grow(node->children, node->child_count, &node->child_capacity);
    memmove(&node->children[index + 1], &node->children[index],
            (node->child_count - index) * sizeof(*node->children));
    node->child_count++;
    node->children[index] = node_new(node, word);
    return node->children[index];
}

/* Frees the node and those above it as far as nothing needs them. */
static void node_prune(struct topic_node *node)
{
    while (node->parent != NULL && node->child_count == 0 && node->value_count == 0) {
        struct topic_node *parent = node->parent;
        bool is_found;
        uint32_t index = child_index(parent, word_of(node), &is_found);
        CHECK(is_found);
        parent->child_count--;
        memmove(&parent->children[index], &parent->children[index + 1],
                (parent->child_count - index) * sizeof(*parent->children));
        node_free(node);
        node = parent;
    }
}

/* --- The tree */

void topic_tree_init(struct topic_tree *tree)
{
    *tree = (struct topic_tree){.root = node_new(NULL, (struct word){0})};
}

void topic_tree_fini(struct topic_tree *tree)
{
    struct topic_node *node = tree->root;
    while (node != NULL) { /* down to a leaf, free it, back to its parent */
        if (node->child_count > 0) {
            node = node->children[--node->child_count];
            continue;
        }
        struct topic_node *parent = node->parent;
        node_free(node);
        node = parent;
    }
    *tree = (struct topic_tree){0};
}

static struct topic_node *node_at(const struct topic_tree *tree, const char *pattern, size_t size)
{
    struct topic_node *node = tree->root;
    struct word rest = {pattern, size};
    struct word word;
    while (node != NULL && next_word(&rest, &word))
        node = child_find(node, word);
    return node;
}

void topic_tree_add(struct topic_tree *tree, const char *pattern, size_t size, void *value)
{
    struct topic_node *node = tree->root;
    struct word rest = {pattern, size};
    struct word word;
    while (next_word(&rest, &word))
        node = child_open(node, word);
    node->values = grow(node->values, node->value_count, &node->value_capacity);
    node->values[node->value_count++] = value;
    tree->count++;
}

bool topic_tree_remove(struct topic_tree *tree, const char *pattern, size_t size, const void *value)
{
    struct topic_node *node = node_at(tree, pattern, size);
    uint32_t index = 0;
    while (node != NULL && index < node->value_count && node->values[index] != value)
        index++;
    if (node == NULL || index == node->value_count)
        return false;
    node->value_count--;
    memmove(&node->values[index], &node->values[index + 1],
            (node->value_count - index) * sizeof(*node->values));
    node_prune(node);
    tree->count--;
    return true;
}

void *topic_tree_find(const struct topic_tree *tree, const char *pattern, size_t size)
{
    const struct topic_node *node = node_at(tree, pattern, size);
    return node != NULL && node->value_count > 0 ? node->values[0] : NULL;
}

/* --- Matching */

struct match {
    topic_visit *visit;
    void *context;
};

static void visit_values(const struct match *match, const struct topic_node *node)
{
    for (uint32_t i = 0; node != NULL && i < node->value_count; i++)
        match->visit(match->context, node->values[i]);
}

/* As deep as the topic has words: WIRE_NAME_BYTES_MAX / 2 at most. */
static void match_below(const struct match *match, const struct topic_node *node, struct word rest)
{
    static const struct word any = {"*", 1}, tail = {">", 1};
    struct word word;
    if (!next_word(&rest, &word)) {
        visit_values(match, node);
        return;
    }
    const struct topic_node *child = child_find(node, any);
    if (child != NULL)
        match_below(match, child, rest);
    visit_values(match, child_find(node, tail));
    child = child_find(node, word);
    if (child != NULL)
        match_below(match, child, rest);
}

void topic_tree_match(const struct topic_tree *tree, const char *topic, size_t size,
                      topic_visit *visit, void *context)
{
    struct match match = {visit, context};
    if (tree->count > 0)
        match_below(&match, tree->root, (struct word){topic, size});
}
