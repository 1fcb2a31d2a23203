/* SPDX-License-Identifier: MPL-2.0
 *
 * See unicode.h. Which code points a name may hold:
 *     refused: controls, surrogates, private use, unassigned (their NFC form may change with a
 *              later Unicode), line and paragraph separators, and all format characters (direction
 *              marks, zero-width spaces, tags) except the two joiners that ordinary words of
 *              Persian, Hindi and others, and emoji, need.
 *     folded away: the joiners, variation selectors and fillers, so that no two names differ only
 *              in what nobody can see.
 */
#include "proto/unicode.h"

#include <stdint.h>
#include <string.h>
#include <utf8proc.h>

#include "rt/check.h"

/* One code point takes at least one byte, and two bytes decompose to at most three. */
#define CODEPOINTS_MAX  (2 * WIRE_NAME_BYTES_MAX + 2)
#define FOLD_ROUNDS_MAX 4

#define ZERO_WIDTH_NON_JOINER 0x200c
#define ZERO_WIDTH_JOINER     0x200d

struct codepoints {
    utf8proc_int32_t at[CODEPOINTS_MAX]; /* utf8proc re-encodes in place: text afterwards */
};

static bool is_joiner(utf8proc_int32_t codepoint)
{
    return codepoint == ZERO_WIDTH_JOINER || codepoint == ZERO_WIDTH_NON_JOINER;
}

static bool is_direction_mark(utf8proc_int32_t codepoint)
{
    return codepoint == 0x61c || codepoint == 0x200e || codepoint == 0x200f ||
           (codepoint >= 0x202a && codepoint <= 0x202e) ||
           (codepoint >= 0x2066 && codepoint <= 0x2069);
}

static const char *problem_in_name(utf8proc_int32_t codepoint)
{
    utf8proc_category_t category = utf8proc_category(codepoint);

    if (category == UTF8PROC_CATEGORY_CC)
        return "a name must not have control characters";
    if (category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP)
        return "a name must not have line separators";
    if (category == UTF8PROC_CATEGORY_CF && !is_joiner(codepoint))
        return "a name must not have invisible format characters";
    if (category == UTF8PROC_CATEGORY_CN || category == UTF8PROC_CATEGORY_CO ||
        category == UTF8PROC_CATEGORY_CS)
        return "a name must not have private or unassigned characters";
    return NULL;
}

static bool is_mark(utf8proc_int32_t codepoint)
{
    utf8proc_category_t category = utf8proc_category(codepoint);

    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC ||
           category == UTF8PROC_CATEGORY_ME;
}

static bool is_blank(utf8proc_int32_t codepoint)
{
    return utf8proc_category(codepoint) == UTF8PROC_CATEGORY_ZS;
}

bool unicode_has_blank(const void *bytes, size_t size)
{
    const utf8proc_uint8_t *text = bytes;

    for (size_t at = 0; at < size;) {
        utf8proc_int32_t codepoint;
        utf8proc_ssize_t step =
            utf8proc_iterate(text + at, (utf8proc_ssize_t)(size - at), &codepoint);
        if (step <= 0 || is_blank(codepoint))
            return true;
        at += (size_t)step;
    }
    return false;
}

/* Decomposes (and folds) by `options` and writes the result as UTF-8 over `points`. Returns its
 * size in bytes, or 0 when it does not fit or is empty. */
static size_t transform(const void *bytes, size_t size, utf8proc_option_t options,
                        struct codepoints *points)
{
    utf8proc_ssize_t count =
        utf8proc_decompose(bytes, (utf8proc_ssize_t)size, points->at, CODEPOINTS_MAX - 1, options);

    if (count <= 0 || count > CODEPOINTS_MAX - 1)
        return 0;
    utf8proc_ssize_t written = utf8proc_reencode(points->at, count, options);
    return written > 0 ? (size_t)written : 0;
}

static bool is_nfc(const void *bytes, size_t size)
{
    struct codepoints points;
    size_t composed = transform(bytes, size, UTF8PROC_STABLE | UTF8PROC_COMPOSE, &points);

    return composed == size && memcmp(points.at, bytes, size) == 0;
}

bool unicode_is_valid(const void *bytes, size_t size)
{
    const utf8proc_uint8_t *at = bytes;
    const utf8proc_uint8_t *end = size ? at + size : at; /* of nothing there may be no address */

    while (at < end) {
        uint64_t eight;
        if (end - at >= (ptrdiff_t)sizeof(eight)) {
            memcpy(&eight, at, sizeof(eight));
            uint64_t has_zero = (eight - 0x0101010101010101u) & ~eight & 0x8080808080808080u;
            if ((eight & 0x8080808080808080u) == 0 && has_zero == 0) {
                at += sizeof(eight);
                continue;
            }
        }
        utf8proc_int32_t codepoint;
        utf8proc_ssize_t step = utf8proc_iterate(at, end - at, &codepoint);
        if (step <= 0 || codepoint == 0)
            return false;
        at += step;
    }
    return true;
}

enum err unicode_check_name(const void *bytes, size_t size, const char **ret_problem)
{
    const utf8proc_uint8_t *text = bytes;
    utf8proc_int32_t codepoint = 0;
    bool is_visible = false;

    CHECK(size >= 1 && size <= WIRE_NAME_BYTES_MAX);
    for (size_t at = 0; at < size;) {
        utf8proc_ssize_t step =
            utf8proc_iterate(text + at, (utf8proc_ssize_t)(size - at), &codepoint);
        *ret_problem = step > 0 ? problem_in_name(codepoint) : "a name must be valid UTF-8";
        if (*ret_problem)
            return ERR_BAD_NAME;
        *ret_problem = "a name must not begin with a blank or a combining mark";
        if (at == 0 && (is_blank(codepoint) || is_mark(codepoint)))
            return ERR_BAD_NAME;
        is_visible |= !utf8proc_get_property(codepoint)->ignorable;
        at += (size_t)step;
    }
    *ret_problem = "a name must not end with a blank";
    if (is_blank(codepoint))
        return ERR_BAD_NAME;
    *ret_problem = "a name must have something visible";
    if (!is_visible)
        return ERR_BAD_NAME;
    *ret_problem = "a name must be in NFC form";
    return is_nfc(bytes, size) ? ERR_OK : ERR_BAD_NAME;
}

enum err unicode_check_text(const void *bytes, size_t size, const char **ret_problem)
{
    const utf8proc_uint8_t *text = bytes;

    for (size_t at = 0; at < size;) {
        utf8proc_int32_t codepoint;
        utf8proc_ssize_t step =
            utf8proc_iterate(text + at, (utf8proc_ssize_t)(size - at), &codepoint);
        *ret_problem = "a text must be valid UTF-8";
        if (step <= 0)
            return ERR_BAD_FIELD;
        utf8proc_category_t category = utf8proc_category(codepoint);
        *ret_problem = "a text must not have control characters or direction marks";
        if (category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_ZL ||
            category == UTF8PROC_CATEGORY_ZP || is_direction_mark(codepoint))
            return ERR_BAD_FIELD;
        at += (size_t)step;
    }
    return ERR_OK;
}

/* Folding once is not always the end: what it removes or lowers may let neighbours compose. */
enum err unicode_fold(const void *bytes, size_t size, struct name_folded *ret)
{
    const utf8proc_option_t options =
        UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;
    struct codepoints points;
    struct name_folded folded;

    folded.size = transform(bytes, size, options, &points);
    for (int round = 0; round < FOLD_ROUNDS_MAX; round++) {
        if (folded.size == 0 || folded.size > NAME_FOLDED_BYTES_MAX)
            return ERR_BAD_NAME;
        memcpy(folded.text, points.at, folded.size);
        size_t again = transform(folded.text, folded.size, options, &points);
        if (again == folded.size && memcmp(folded.text, points.at, again) == 0) {
            folded.text[folded.size] = '\0';
            *ret = folded;
            return ERR_OK;
        }
        folded.size = again;
    }
    return ERR_BAD_NAME;
}
