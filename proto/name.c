/* SPDX-License-Identifier: MPL-2.0
 *
 * See name.h. ASCII is decided here; everything else in proto/unicode.c.
 */
#include "proto/name.h"

#include <stdint.h>
#include <string.h>

#include "proto/unicode.h"
#include "rt/check.h"

enum ascii {
    ASCII_FINE,
    ASCII_CONTROL,
    ASCII_NOT, /* some byte is beyond ASCII */
};

/* What kind of bytes these are. ASCII_NOT wins: then the careful path looks at all of it. */
static enum ascii classify(const uint8_t *text, size_t size)
{
    uint8_t all = 0;
    bool has_control = false;

    for (size_t i = 0; i < size; i++) {
        all |= text[i];
        has_control |= text[i] < 0x20 || text[i] == 0x7f;
    }
    if (all & 0x80)
        return ASCII_NOT;
    return has_control ? ASCII_CONTROL : ASCII_FINE;
}

enum err name_check(const void *bytes, size_t size, const char **ret_problem)
{
    const uint8_t *text = bytes;
    const char *problem;
    enum err err = ERR_BAD_NAME;

    if (size == 0) {
        problem = "a name must not be empty";
    } else if (size > WIRE_NAME_BYTES_MAX) {
        problem = "a name must not be longer than 255 bytes";
    } else {
        enum ascii kind = classify(text, size);
        if (kind == ASCII_NOT)
            err = unicode_check_name(bytes, size, &problem);
        else if (kind == ASCII_CONTROL)
            problem = "a name must not have control characters";
        else if (text[0] == ' ' || text[size - 1] == ' ')
            problem = "a name must not begin or end with a blank";
        else
            return ERR_OK;
    }
    if (err && ret_problem)
        *ret_problem = problem;
    return err;
}

enum err name_check_text(const void *bytes, size_t size, const char **ret_problem)
{
    const char *problem = "a text must not have control characters or direction marks";
    enum ascii kind = classify(bytes, size);
    enum err err = kind == ASCII_FINE ? ERR_OK : ERR_BAD_FIELD;

    if (kind == ASCII_NOT)
        err = unicode_check_text(bytes, size, &problem);
    if (err && ret_problem)
        *ret_problem = problem;
    return err;
}

enum err name_fold(const void *bytes, size_t size, struct name_folded *ret)
{
    const uint8_t *text = bytes;

    if (size == 0 || size > NAME_FOLDED_BYTES_MAX)
        return ERR_BAD_NAME;
    if (classify(text, size) == ASCII_NOT)
        return unicode_fold(bytes, size, ret);
    for (size_t i = 0; i < size; i++) {
        bool is_upper = text[i] >= 'A' && text[i] <= 'Z';
        ret->text[i] = (char)(is_upper ? text[i] | 0x20 : text[i]);
    }
    ret->text[size] = '\0';
    ret->size = size;
    return ERR_OK;
}

bool name_is(const struct name_folded *name, const void *bytes, size_t size)
{
    struct name_folded folded;
    return name_fold(bytes, size, &folded) == ERR_OK && folded.size == name->size &&
           memcmp(folded.text, name->text, folded.size) == 0;
}

bool name_is_reserved(const void *bytes, size_t size)
{
    struct name_folded folded;

    if (name_fold(bytes, size, &folded))
        return false;
    return folded.text[0] == '$' || (folded.size >= 4 && memcmp(folded.text, "lan:", 4) == 0);
}

/* What is true of names of accounts and of rooms. */
static enum err check_divider(const char *text, size_t size, const char **ret_problem)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] != '\0' && strchr(",:;|", text[i])) {
            *ret_problem = "this name must not have any of the characters , : ; |";
            return ERR_BAD_NAME;
        }
    }
    return ERR_OK;
}

enum err name_check_user(const void *bytes, size_t size, const char **ret_problem)
{
    const char *problem = NULL;
    enum err err = name_check(bytes, size, &problem);

    if (!err && unicode_has_blank(bytes, size)) {
        problem = "the name of a user must not have blanks";
        err = ERR_BAD_NAME;
    }
    if (!err)
        err = check_divider(bytes, size, &problem);
    if (!err && name_is_reserved(bytes, size)) {
        problem = "names that begin with $ are the broker's own";
        err = ERR_RESERVED_NAME;
    }
    if (err && ret_problem)
        *ret_problem = problem;
    return err;
}

enum err name_check_room(const void *bytes, size_t size, const char **ret_problem)
{
    struct name_folded folded;
    const char *problem = NULL;
    enum err err = name_check(bytes, size, &problem);

    if (!err)
        err = check_divider(bytes, size, &problem);
    if (!err && name_fold(bytes, size, &folded)) {
        problem = "a name must have something visible";
        err = ERR_BAD_NAME;
    }
    if (!err && (strcmp(folded.text, "lobby") == 0 || folded.text[0] == '$')) {
        problem = "the Lobby and names that begin with $ are the broker's own";
        err = ERR_RESERVED_NAME;
    }
    if (err && ret_problem)
        *ret_problem = problem;
    return err;
}

static const struct {
    const char *text; /* with its colon */
    size_t length;
} prefixes[] = {
    [PREFIX_PEER] = {"peer:", 5},
    [PREFIX_ROOM] = {"room:", 5},
    [PREFIX_QUEUE] = {"queue:", 6},
    [PREFIX_TOPIC] = {"topic:", 6},
};

static const char *const prefix_names[] = {
    [PREFIX_PEER] = "peer",
    [PREFIX_ROOM] = "room",
    [PREFIX_QUEUE] = "queue",
    [PREFIX_TOPIC] = "topic",
};

/* A topic is words with dots between them. Returns what is wrong, or NULL. */
static const char *check_topic(const char *name, size_t size, bool may_be_pattern,
                               bool *ret_is_pattern)
{
    size_t start = 0;

    *ret_is_pattern = false;
    for (size_t i = 0; i <= size; i++) {
        if (i < size && name[i] != '.')
            continue;
        size_t length = i - start;
        bool has_wildcard =
            memchr(name + start, '*', length) != NULL || memchr(name + start, '>', length) != NULL;
        if (length == 0)
            return "a topic must not have empty words";
        if (has_wildcard && !may_be_pattern)
            return "a topic may have the wildcards * and > only where one attaches to it";
        if (has_wildcard && length > 1)
            return "a wildcard must be a whole word of the topic";
        if (has_wildcard && name[start] == '>' && i < size)
            return "the wildcard > must be the last word of the topic";
        *ret_is_pattern |= has_wildcard;
        start = i + 1;
    }
    return NULL;
}

static enum err parse(const char *text, size_t size, bool may_be_pattern, struct scope_name *ret,
                      const char **ret_problem)
{
    const char *problem = "a scope begins with peer:, room:, queue: or topic:";

    for (int i = PREFIX_PEER; i <= PREFIX_TOPIC; i++) {
        size_t length = prefixes[i].length;
        if (size < length || memcmp(text, prefixes[i].text, length) != 0)
            continue;
        struct scope_name scope = {
            .prefix = (enum scope_prefix)i, .name = text + length, .name_size = size - length};
        if (name_check(scope.name, scope.name_size, &problem))
            break;
        problem = i == PREFIX_TOPIC
                      ? check_topic(scope.name, scope.name_size, may_be_pattern, &scope.is_pattern)
                      : NULL;
        if (problem)
            break;
        *ret = scope;
        return ERR_OK;
    }
    if (ret_problem)
        *ret_problem = problem;
    return ERR_BAD_SCOPE;
}

enum err scope_parse(const void *bytes, size_t size, struct scope_name *ret,
                     const char **ret_problem)
{
    return parse(bytes, size, false, ret, ret_problem);
}

enum err scope_parse_pattern(const void *bytes, size_t size, struct scope_name *ret,
                             const char **ret_problem)
{
    return parse(bytes, size, true, ret, ret_problem);
}

size_t scope_format(enum scope_prefix prefix, const void *name, size_t name_size,
                    char ret_text[WIRE_SCOPE_BYTES_MAX + 1])
{
    CHECK(prefix >= PREFIX_PEER && prefix <= PREFIX_TOPIC && name_size <= WIRE_NAME_BYTES_MAX);
    size_t length = prefixes[prefix].length;

    memcpy(ret_text, prefixes[prefix].text, length);
    memcpy(ret_text + length, name, name_size);
    ret_text[length + name_size] = '\0';
    return length + name_size;
}

const char *scope_prefix_name(enum scope_prefix prefix)
{
    CHECK(prefix >= PREFIX_PEER && prefix <= PREFIX_TOPIC);
    return prefix_names[prefix];
}

bool topic_is_pattern(const void *name, size_t name_size)
{
    return memchr(name, '*', name_size) != NULL || memchr(name, '>', name_size) != NULL;
}

enum err scope_fold(enum scope_prefix prefix, const void *name, size_t name_size,
                    struct name_folded *ret)
{
    struct name_folded folded;
    enum err err = name_fold(name, name_size, &folded);

    if (!err && prefix == PREFIX_TOPIC && topic_is_pattern(name, name_size)) {
        if (folded.size == NAME_FOLDED_BYTES_MAX)
            return ERR_BAD_NAME;
        memmove(&folded.text[1], folded.text, folded.size + 1);
        folded.text[0] = TOPIC_PATTERN_MARK;
        folded.size++;
    }
    if (!err)
        *ret = folded;
    return err;
}

/* The length of the word at the beginning. */
static size_t word_length(const char *text, size_t size)
{
    const char *dot = memchr(text, '.', size);

    return dot ? (size_t)(dot - text) : size;
}

bool topic_matches(const void *pattern, size_t pattern_size, const void *topic, size_t topic_size)
{
    const char *want = pattern;
    const char *have = topic;

    for (;;) {
        size_t want_length = word_length(want, pattern_size);
        size_t have_length = word_length(have, topic_size);
        if (want_length == 1 && want[0] == '>')
            return true;
        bool is_any = want_length == 1 && want[0] == '*';
        if (!is_any && (want_length != have_length || memcmp(want, have, want_length) != 0))
            return false;
        if (want_length == pattern_size || have_length == topic_size)
            return want_length == pattern_size && have_length == topic_size;
        want += want_length + 1;
        pattern_size -= want_length + 1;
        have += have_length + 1;
        topic_size -= have_length + 1;
    }
}
