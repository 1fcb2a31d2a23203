/* SPDX-License-Identifier: MPL-2.0
 *
 * Names and scopes: the one place that says what a name is.
 *
 * Owns: the rules for names of peers, rooms, queues, topics and consumers; the text form of a
 * scope ("peer:alice"); folding (equality without regard to case); topic patterns.
 *
 * A name is 1 to 255 bytes of UTF-8 in NFC. It has no control character, no line or paragraph
 * separator, no invisible direction mark, no private or unassigned code point, and neither begins
 * nor ends with a blank. Two names whose folded forms are equal are the same name: "Ana" and "ANA"
 * cannot both exist. ASCII names take a fast path without a table look-up.
 *
 * Promises: pure functions, no state, no allocation for ASCII; views point into the argument.
 * Leaves to others: who may use which name, and whether it exists.
 */
#ifndef PROTO_NAME_H
#define PROTO_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/limits.h"
#include "rt/err.h"

#define NAME_FOLDED_BYTES_MAX (3u * WIRE_NAME_BYTES_MAX) /* folding can make a name longer */

struct name_folded {
    size_t size;
    char text[NAME_FOLDED_BYTES_MAX + 1]; /* NUL-terminated for convenience */
};

/* What stands before the colon. The same numbers as the store's enum scope_kind. */
enum scope_prefix {
    PREFIX_PEER = 1, /* a mailbox */
    PREFIX_ROOM = 2,
    PREFIX_QUEUE = 3,
    PREFIX_TOPIC = 4,
};

/* A scope taken apart. `name` points into the text that was parsed; it is not terminated. */
struct scope_name {
    enum scope_prefix prefix;
    bool is_pattern; /* a topic with the wildcards * or > */
    const char *name;
    size_t name_size;
};

/* ERR_OK or ERR_BAD_NAME; then *ret_problem (may be NULL) says why, in static words. */
MUST_USE enum err name_check(const void *bytes, size_t size, const char **ret_problem);

/* Text for people (display names, reasons): UTF-8, no control characters, no direction marks; may
 * be empty, need not be NFC. */
MUST_USE enum err name_check_text(const void *bytes, size_t size, const char **ret_problem);

/* The form by which names are compared. The name must have passed name_check; ERR_BAD_NAME
 * otherwise or when nothing visible is left. Idempotent: fold(fold(x)) = fold(x). */
MUST_USE enum err name_fold(const void *bytes, size_t size, struct name_folded *ret);

/* Whether it is a name, and that one. */
bool name_is(const struct name_folded *name, const void *bytes, size_t size);

/* Names no peer may give itself: "lan:..." (unverified peers of the network) and "$..." (the
 * broker's own). A message may be sent to them. */
bool name_is_reserved(const void *bytes, size_t size);

/* The name of an account: the rules of every name, and neither white space nor any of `,` `:` `;` `|`,
 * which divide lists of names in protocols of people. ERR_BAD_NAME, ERR_RESERVED_NAME. */
MUST_USE enum err name_check_user(const void *bytes, size_t size, const char **ret_problem);

/* The name of a room that is to be made: the rules of every name, and none of `,` `:` `;` `|`; blanks
 * inside are fine. At most WIRE_NAME_BYTES_MAX bytes, like every name. Nobody makes another "Lobby" in
 * whatever case: ERR_RESERVED_NAME; else ERR_BAD_NAME. */
MUST_USE enum err name_check_room(const void *bytes, size_t size, const char **ret_problem);

/* "kind:name" without wildcards. ERR_BAD_SCOPE with *ret_problem (may be NULL) otherwise. The first
 * colon ends the kind, so "peer:lan:ana@host" is the mailbox of "lan:ana@host". */
MUST_USE enum err scope_parse(const void *bytes, size_t size, struct scope_name *ret,
                              const char **ret_problem);

/* The same, and a topic may have wildcards: "*" for one word, ">" at the end for one or more. */
MUST_USE enum err scope_parse_pattern(const void *bytes, size_t size, struct scope_name *ret,
                                      const char **ret_problem);

/* Writes "kind:name" and a NUL; returns the length without it. `name_size` <= 255. */
size_t scope_format(enum scope_prefix prefix, const void *name, size_t name_size,
                    char ret_text[WIRE_SCOPE_BYTES_MAX + 1]);

/* "peer", "room", "queue" or "topic". */
const char *scope_prefix_name(enum scope_prefix prefix);

/* Whether the name of a topic that passed scope_parse_pattern is a pattern. */
bool topic_is_pattern(const void *name, size_t name_size);

/* The form by which the store finds a scope of this kind: the folded name. That of a pattern has a
 * TOPIC_PATTERN_MARK in front, which no topic's has, so that patterns stand together and can never be
 * taken for a topic. ERR_BAD_NAME as name_fold. */
#define TOPIC_PATTERN_MARK '>'
MUST_USE enum err scope_fold(enum scope_prefix prefix, const void *name, size_t name_size,
                             struct name_folded *ret);

/* Whether a topic name (no wildcards) matches a pattern that passed scope_parse_pattern. */
bool topic_matches(const void *pattern, size_t pattern_size, const void *topic, size_t topic_size);

#endif
