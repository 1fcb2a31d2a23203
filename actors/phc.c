/* SPDX-License-Identifier: MPL-2.0
 *
 * See phc.h.
 */
#include "phc.h"

#include <sodium.h>
#include <string.h>

#define PREFIX         "$argon2id$v=19$m="
#define PREFIX_BYTES   (sizeof(PREFIX) - 1)
#define BYTES_PER_KIB  1024u
#define SALT_BYTES_MIN 8u  /* the least that Argon2 takes, ... */
#define HASH_BYTES_MIN 16u /* ... and that libsodium verifies */
#define DIGITS_MAX     9

_Static_assert(PHC_BYTES_MAX + 1 >= crypto_pwhash_STRBYTES, "a new hash fits");

const char phc_dummy[] = "$argon2id$v=19$m=19456,t=2,p=1$nal+cTwf0berCjVd2HAydw$"
                         "Y+uAIytHjIUBk7FklVQUt3kfIcc8yuumWj6rxSy+pFk";

struct cursor {
    const char *at, *end;
};

/* A decimal number without leading zeros, then `after`. */
static bool take_number(struct cursor *cursor, const char *after, uint32_t *ret)
{
    uint32_t value = 0;
    int digits = 0;
    if (cursor->at < cursor->end && *cursor->at == '0')
        return false;
    while (cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9') {
        if (++digits > DIGITS_MAX)
            return false;
        value = value * 10 + (uint32_t)(*cursor->at++ - '0');
    }
    size_t size = strlen(after);
    if (digits == 0 || (size_t)(cursor->end - cursor->at) < size ||
        memcmp(cursor->at, after, size) != 0)
        return false;
    cursor->at += size;
    *ret = value;
    return true;
}

/* At least so many bytes in base64 without padding, up to `end_char` (NUL: up to the end). */
static bool take_base64(struct cursor *cursor, char end_char, size_t least)
{
    uint8_t bytes[PHC_BYTES_MAX];
    size_t size = 0;
    const char *begin = cursor->at, *end = cursor->end;
    if (end_char)
        end = memchr(begin, end_char, (size_t)(cursor->end - begin));
    if (!end || sodium_base642bin(bytes, sizeof(bytes), begin, (size_t)(end - begin), NULL, &size,
                                  NULL, sodium_base64_VARIANT_ORIGINAL_NO_PADDING) != 0)
        return false;
    cursor->at = end + (end_char ? 1 : 0);
    return size >= least;
}

enum err phc_check(const void *phc, size_t size, struct phc_cost *ret_cost)
{
    struct cursor cursor = {.at = phc, .end = (const char *)phc + size};
    struct phc_cost cost = {0};
    if (size < PREFIX_BYTES || size > PHC_BYTES_MAX || memcmp(phc, PREFIX, PREFIX_BYTES) != 0)
        return ERR_BAD_FIELD;
    cursor.at += PREFIX_BYTES;
    bool is_formed =
        take_number(&cursor, ",t=", &cost.memory_kib) &&
        take_number(&cursor, ",p=", &cost.passes) && take_number(&cursor, "$", &cost.lanes) &&
        take_base64(&cursor, '$', SALT_BYTES_MIN) && take_base64(&cursor, '\0', HASH_BYTES_MIN);
    if (!is_formed || cost.memory_kib > PHC_MEMORY_KIB_MAX || cost.lanes > PHC_LANES_MAX ||
        (uint64_t)cost.memory_kib * cost.passes > PHC_WORK_KIB_MAX ||
        cost.memory_kib < 8 * cost.lanes)
        return ERR_BAD_FIELD;
    *ret_cost = cost;
    return ERR_OK;
}

bool phc_is_weak(const struct phc_cost *cost)
{
    return (uint64_t)cost->memory_kib * cost->passes < (uint64_t)PHC_MEMORY_KIB * PHC_PASSES;
}

enum err phc_make(const void *password, size_t password_size, char ret_phc[PHC_BYTES_MAX + 1])
{
    char phc[crypto_pwhash_STRBYTES];
    if (crypto_pwhash_str_alg(phc, password_size ? password : "", password_size, PHC_PASSES,
                              (size_t)PHC_MEMORY_KIB * BYTES_PER_KIB,
                              crypto_pwhash_ALG_ARGON2ID13) != 0)
        return ERR_BUSY;
    memset(ret_phc, 0, PHC_BYTES_MAX + 1);
    memcpy(ret_phc, phc, sizeof(phc));
    return ERR_OK;
}

enum err phc_verify(const void *phc, size_t phc_size, const void *password, size_t password_size,
                    bool *ret_is_match, struct phc_cost *ret_cost)
{
    char text[PHC_BYTES_MAX + 1] = "";
    enum err err = phc_check(phc, phc_size, ret_cost);
    if (err)
        return err;
    memcpy(text, phc, phc_size);
    *ret_is_match =
        crypto_pwhash_str_verify(text, password_size ? password : "", password_size) == 0;
    return ERR_OK;
}
