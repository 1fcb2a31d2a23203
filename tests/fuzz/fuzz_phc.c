/* SPDX-License-Identifier: MPL-2.0
 *
 * Any bytes as a password hash that an import brings (actors/phc.h). Nothing is computed: what would
 * be is bounded before. Holds the parser to libsodium's, which is what will be asked to verify:
 *   - what is accepted is within every limit, and libsodium can take it apart
 *   - what libsodium can take apart and is within the limits is accepted
 *   - what is accepted says its parameters as they are written, and is refused with a byte less of
 *     its frame or a byte more
 */
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>

#include "bytes.h"
#include "phc.h"

#define TEXT_MAX (PHC_BYTES_MAX + 8)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* -1: libsodium cannot take it apart. It reads texts of its own size only. */
static int sodium_says(const char *text)
{
    if (strlen(text) >= crypto_pwhash_STRBYTES)
        return -1;
    return crypto_pwhash_argon2id_str_needs_rehash(text, PHC_PASSES, (size_t)PHC_MEMORY_KIB * 1024);
}

static bool is_within(const struct phc_cost *cost)
{
    return cost->memory_kib <= PHC_MEMORY_KIB_MAX && cost->lanes >= 1 &&
           cost->lanes <= PHC_LANES_MAX && cost->passes >= 1 &&
           (uint64_t)cost->memory_kib * cost->passes <= PHC_WORK_KIB_MAX &&
           cost->memory_kib >= 8 * cost->lanes;
}

static void check_accepted(const char *text, size_t size, const struct phc_cost *cost)
{
    char head[64];
    struct phc_cost ignored;
    CHECK(size <= PHC_BYTES_MAX && is_within(cost));
    int length = snprintf(head, sizeof(head), "$argon2id$v=19$m=%u,t=%u,p=%u$", cost->memory_kib,
                          cost->passes, cost->lanes);
    CHECK(length > 0 && (size_t)length < size && memcmp(text, head, (size_t)length) == 0);
    for (size_t cut = 0; cut <= (size_t)length; cut++)
        CHECK(phc_check(text, cut, &ignored) == ERR_BAD_FIELD);
    CHECK(phc_check(text + 1, size - 1, &ignored) == ERR_BAD_FIELD);
    int says = sodium_says(text);
    CHECK(size >= crypto_pwhash_STRBYTES || says >= 0);
    if (says == 0)
        CHECK(!phc_is_weak(cost));
}

/* Bytes above 127 are no base64, though libsodium lets some of them pass. */
static bool is_ascii(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text > 127)
            return false;
    }
    return true;
}

static void check_refused(const char *text)
{
    struct phc_cost cost;
    if (!is_ascii(text) || sodium_says(text) < 0)
        return;
    CHECK(sscanf(text, "$argon2id$v=19$m=%u,t=%u,p=%u$", &cost.memory_kib, &cost.passes,
                 &cost.lanes) == 3);
    CHECK(!is_within(&cost));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size < TEXT_MAX ? size : TEXT_MAX};
    struct phc_cost cost = {.memory_kib = 77};
    CHECK(sodium_init() >= 0);
    char *exact = bytes_copy(input, false), *text = bytes_copy(input, true);
    enum err err = phc_check(exact, input.left, &cost);
    CHECK(err == ERR_OK || (err == ERR_BAD_FIELD && cost.memory_kib == 77));
    if (err == ERR_OK)
        check_accepted(text, input.left, &cost);
    else if (strlen(text) == input.left)
        check_refused(text);
    free(exact);
    free(text);
    return 0;
}
