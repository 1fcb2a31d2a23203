/* SPDX-License-Identifier: MPL-2.0
 *
 * Any bytes as a name, a scope, a pattern and a text. Holds proto/name.c to: an accepted name
 * folds, folding is idempotent and gives an acceptable name again; an accepted scope prints as it
 * was read; a topic matches itself.
 */
#include <stdint.h>
#include <string.h>

#include "proto/name.h"
#include "proto/unicode.h"
#include "rt/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const uint8_t *data, size_t size)
{
    const char *problem = NULL;
    struct name_folded once;
    struct name_folded twice;

    if (name_check(data, size, &problem)) {
        CHECK(problem);
        return;
    }
    CHECK(unicode_is_valid(data, size));
    CHECK(name_check_text(data, size, NULL) == ERR_OK);
    CHECK(name_fold(data, size, &once) == ERR_OK);
    CHECK(name_fold(once.text, once.size, &twice) == ERR_OK);
    CHECK(once.size == twice.size && memcmp(once.text, twice.text, once.size) == 0);
    CHECK(name_is_reserved(data, size) == name_is_reserved(once.text, once.size));
}

static void check_scope(const uint8_t *data, size_t size)
{
    struct scope_name scope;
    struct scope_name plain;
    char text[WIRE_SCOPE_BYTES_MAX + 1];

    enum err err = scope_parse(data, size, &plain, NULL);
    if (scope_parse_pattern(data, size, &scope, NULL)) {
        CHECK(err);
        return;
    }
    CHECK((err == ERR_OK) == !scope.is_pattern);
    size_t length = scope_format(scope.prefix, scope.name, scope.name_size, text);
    CHECK(length == size && memcmp(text, data, size) == 0);
    if (scope.prefix == PREFIX_TOPIC)
        CHECK(scope.is_pattern ||
              topic_matches(scope.name, scope.name_size, scope.name, scope.name_size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct name_folded folded;

    check_name(data, size);
    check_scope(data, size);
    (void)!name_fold(data, size, &folded);
    (void)!name_check_text(data, size, NULL);
    if (size > 1) { /* the first byte says where a pattern ends and a topic begins */
        size_t split = data[0] % size;
        (void)topic_matches(data + 1, split, data + 1 + split, size - 1 - split);
    }
    return 0;
}
