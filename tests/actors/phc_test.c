/* SPDX-License-Identifier: MPL-2.0
 *
 * Password hashes: those of the Rust crate verify, new ones are as strong, and what asks for much
 * memory is refused before anything is computed.
 */
#include "phc.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SALT "$AAECAwQFBgcICQoLDA0ODw$"
#define HASH "4gD/DSmmQuih4Jbt7/xCD+kqGsJszXBjCLTga4kAC8g"
#define GOOD "$argon2id$v=19$m=19456,t=2,p=1" SALT HASH /* of "password123" */

static bool matches(const char *phc, const char *password)
{
    bool is_match = false;
    struct phc_cost cost;
    assert_int_equal(phc_verify(phc, strlen(phc), password, strlen(password), &is_match, &cost),
                     ERR_OK);
    return is_match;
}

static void test_hashes_of_the_rust_crate_verify(void **state)
{
    (void)state;
    assert_true(matches(GOOD, "password123"));
    assert_false(matches(GOOD, "password124"));
    assert_false(matches(GOOD, ""));
}

static void test_new_hashes(void **state)
{
    char one[PHC_BYTES_MAX + 1], two[PHC_BYTES_MAX + 1];
    struct phc_cost cost;
    (void)state;
    assert_int_equal(phc_make("secret", 6, one), ERR_OK);
    assert_int_equal(phc_make("secret", 6, two), ERR_OK);
    assert_string_not_equal(one, two); /* salted */
    assert_true(matches(one, "secret"));
    assert_false(matches(one, "Secret"));
    assert_int_equal(phc_check(one, strlen(one), &cost), ERR_OK);
    assert_true(cost.memory_kib == PHC_MEMORY_KIB && cost.passes == PHC_PASSES && cost.lanes == 1);
    assert_false(phc_is_weak(&cost));
    assert_int_equal(phc_check(GOOD, strlen(GOOD), &cost), ERR_OK);
    assert_false(phc_is_weak(&cost));
    cost.passes = 1;
    assert_true(phc_is_weak(&cost));
}

/* It must be a real hash, or a login to an unknown name would be over at once. */
static void test_the_dummy_is_a_real_hash(void **state)
{
    struct phc_cost cost;
    (void)state;
    assert_int_equal(phc_check(phc_dummy, strlen(phc_dummy), &cost), ERR_OK);
    assert_true(cost.memory_kib == PHC_MEMORY_KIB && cost.passes == PHC_PASSES && cost.lanes == 1);
    assert_int_equal(crypto_pwhash_str_needs_rehash(phc_dummy, PHC_PASSES, PHC_MEMORY_KIB * 1024),
                     0);
    assert_false(matches(phc_dummy, ""));
}

static void test_bombs_and_rubbish_are_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "$argon2id$",
        "$argon2id$v=19$m=4294967295,t=2,p=1" SALT HASH,
        "$argon2id$v=19$m=1048576,t=1,p=1" SALT HASH,
        "$argon2id$v=19$m=131073,t=1,p=1" SALT HASH,
        "$argon2id$v=19$m=19456,t=4000000,p=1" SALT HASH,
        "$argon2id$v=19$m=131072,t=3,p=1" SALT HASH,
        "$argon2id$v=19$m=19456,t=2,p=200" SALT HASH,
        "$argon2id$v=19$m=19456,t=2,p=0" SALT HASH,
        "$argon2id$v=19$m=19456,t=0,p=1" SALT HASH,
        "$argon2id$v=19$m=7,t=2,p=1" SALT HASH,
        "$argon2id$v=19$m=019456,t=2,p=1" SALT HASH,
        "$argon2id$v=19$m=-1,t=2,p=1" SALT HASH,
        "$argon2id$v=19$m=99999999999999999999,t=2,p=1" SALT HASH,
        "$argon2id$v=16$m=19456,t=2,p=1" SALT HASH,
        "$argon2i$v=19$m=19456,t=2,p=1" SALT HASH,
        "$argon2id$v=19$t=2,m=19456,p=1" SALT HASH,
        "$argon2id$v=19$m=19456,t=2,p=1" SALT,
        "$argon2id$v=19$m=19456,t=2,p=1$$" HASH,
        "$argon2id$v=19$m=19456,t=2,p=1" SALT HASH "=",
        "$argon2id$v=19$m=19456,t=2,p=1" SALT HASH "$",
        "$2b$12$abcdefghijklmnopqrstuv",
        "plain",
        /* what libsodium could never verify: a hash of 12 bytes, bits behind the last one, a character
         * that is half a byte */
        "$argon2id$v=19$m=19456,t=2,p=1" SALT "4gD/DSmmQuih4Jbt",
        "$argon2id$v=19$m=19456,t=2,p=1" SALT "4gD/DSmmQuih4Jbt7/xCD+",
        "$argon2id$v=19$m=19456,t=2,p=1" SALT HASH "AA",
        "$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0OD$" HASH,
    };
    bool is_match;
    struct phc_cost cost;
    char longer[PHC_BYTES_MAX + 2];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum err err = phc_verify(cases[i], strlen(cases[i]), "x", 1, &is_match, &cost);
        if (err != ERR_BAD_FIELD)
            fail_msg("%s: %s", cases[i], err_name(err));
    }
    (void)snprintf(longer, sizeof(longer), "%s%0159d", GOOD, 0);
    assert_int_equal(phc_check(longer, strlen(longer), &cost), ERR_BAD_FIELD);
    for (size_t size = 0; size < strlen(GOOD) - 21; size++) /* cut off: up to the shortest hash */
        assert_int_equal(phc_check(GOOD, size, &cost), ERR_BAD_FIELD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hashes_of_the_rust_crate_verify),
        cmocka_unit_test(test_new_hashes),
        cmocka_unit_test(test_the_dummy_is_a_real_hash),
        cmocka_unit_test(test_bombs_and_rubbish_are_refused),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
