/* SPDX-License-Identifier: MPL-2.0
 *
 * Patterns of topics as a tree of words: which of them does this topic match?
 *
 * A pattern is words with dots between them, "*" for one word, ">" at the end for one or more
 * (proto/name.h). Bytes are compared as they are: whoever wants case not to matter gives folded
 * names. Each pattern may have several values; the same pattern and value are there once.
 *
 * A node is reached by exactly one way, so a match looks at no node twice: at most as many as the
 * patterns have words, and usually as many as the topic has. Children are sorted, so matches come in
 * an order that depends on the patterns only.
 *
 * Owns its nodes, not the values. Leaves to others: what a well-formed name is, and a limit.
 */
#ifndef ACTORS_TOPIC_TREE_H
#define ACTORS_TOPIC_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct topic_node;

struct topic_tree {
    struct topic_node *root;
    uint32_t count; /* values */
};

void topic_tree_init(struct topic_tree *tree);
void topic_tree_fini(struct topic_tree *tree);

/* It must not be there yet. */
void topic_tree_add(struct topic_tree *tree, const char *pattern, size_t size, void *value);
/* False: it was not there. */
bool topic_tree_remove(struct topic_tree *tree, const char *pattern, size_t size,
                       const void *value);
/* The oldest value of exactly this pattern, or NULL. */
void *topic_tree_find(const struct topic_tree *tree, const char *pattern, size_t size);

typedef void topic_visit(void *context, void *value);
/* Each value of each pattern that the topic matches, once. The tree must not be changed meanwhile. */
void topic_tree_match(const struct topic_tree *tree, const char *topic, size_t size,
                      topic_visit *visit, void *context);

#endif
