/* SPDX-License-Identifier: MPL-2.0
 *
 * The test vectors of the Lair Chat protocol, and what must not open.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateways/lair/lair_crypto.h"

#define CLIENT_LINE "WGmv9FBUlzLLqu1eXfmzCm2jHLDldCutWtShp2jxpns="
#define SERVER_LINE "B6N8vBQgk8i3VdwbEOhstCY3StFqqFPtC9/AsrhtHHw="
#define CREATE_LINE "RERERERERERERERE6UX+6W43sV9ek0biymkYSRkmGZHccr/bvOKhU2R7xbSCCqU="

static struct lair_cipher cipher;

static const uint8_t session_key[LAIR_KEY_BYTES] = {
    0x71, 0x69, 0x0e, 0xfd, 0xfd, 0x9d, 0x67, 0x26, 0x80, 0x58, 0xc1, 0x52, 0xfc, 0xd0, 0xe9, 0x16,
    0x77, 0x57, 0x2f, 0xbb, 0xca, 0xc2, 0xcf, 0x34, 0x95, 0xb2, 0xdd, 0xf5, 0x76, 0x19, 0x09, 0xca};

static const struct {
    uint8_t nonce;
    const char *text, *line;
} lines[] = {
    {0x11, "Welcome to The Lair! Please login or register.",
     "ERERERERERERERERIhEmc7ZycKBDm+CbKO8EFG5/JqV2ghFd5xgaKfZ2gCToxRCy/1XcYYtcoGSvOMgq99DoRFSvQY5w"
     "nnvKZvE="},
    {0x22,
     "{\"type\":\"register\",\"username\":\"alice\",\"password\":\"password123\","
     "\"fingerprint\":\"fp-1\"}",
     "IiIiIiIiIiIiIiIiND7pS9i3asNeKqWydRS2Ln1pVvyznzCEzlhfYGVg6nIfmfTyh0xMMQQJxtP1fcx19aDOrGMptGv8"
     "uGrUvM1JFKOcDtn4OzHA7ou+njAXUfIbILyGxJe5D0KrqiJHgIFFIWMwxg=="},
    {0x33, "Authentication successful! Welcome to The Lair!",
     "MzMzMzMzMzMzMzMzLn5rVPF7/avznakEMT8vjHFsB69AtYlMjWpbZZWL5k0jGUe8wn6S56qERXnm57GvCsrq7MM79lkG"
     "krCJ8Jo4"},
    {0x44, "CREATE_ROOM:general", CREATE_LINE},
    {0x55, "ROOM_CREATED:general",
     "VVVVVVVVVVVVVVVVk5sQbDPJiChFY9JpS02OLDl7kXLochjOaJaszt0CbUMnyG1p"},
    {0x66, "", "ZmZmZmZmZmZmZmZmhDIjv1t29VCB8uXwo4/3pQ=="},
    {0x77, "h\xc3\xa9llo \xe4\xb8\x96\xe7\x95\x8c",
     "d3d3d3d3d3d3d3d33RGyRZCgJvbzHYlAZZ5RfQGQUHCwIpLOr805aNQ="},
};

static struct lair_key secret_from(uint8_t first)
{
    struct lair_key secret;
    for (int i = 0; i < LAIR_KEY_BYTES; i++)
        secret.bytes[i] = (uint8_t)(first + i);
    return secret;
}

static struct lair_key key_of_session(void)
{
    struct lair_key key;
    memcpy(key.bytes, session_key, sizeof(key.bytes));
    return key;
}

/* Opens a copy that is exactly as large as the line. Gives the text, NUL-terminated, to be freed. */
static enum err open_copy(const struct lair_key *key, const void *line, size_t size,
                          char **ret_text)
{
    uint8_t *copy = malloc(size ? size : 1), *text = NULL;
    size_t text_size = 0;
    assert_non_null(copy);
    memcpy(copy, line, size);
    enum err err = lair_open(&cipher, key, copy, size, &text, &text_size);
    if (!err) {
        assert_true(text >= copy && text + text_size <= copy + size);
        *ret_text = malloc(text_size + 1);
        assert_non_null(*ret_text);
        memcpy(*ret_text, text, text_size);
        (*ret_text)[text_size] = '\0';
    }
    free(copy);
    return err;
}

static void keys_are_offered_as_prescribed(void **state)
{
    char line[LAIR_KEY_LINE_BYTES];
    struct lair_key secret = secret_from(0x01);
    (void)state;
    assert_int_equal(lair_offer_of(&secret, line), ERR_OK);
    assert_memory_equal(line, SERVER_LINE, sizeof(line));
    secret = secret_from(0x21);
    assert_int_equal(lair_offer_of(&secret, line), ERR_OK);
    assert_memory_equal(line, CLIENT_LINE, sizeof(line));
}

static void both_sides_agree(void **state)
{
    struct lair_key server = secret_from(0x01), client = secret_from(0x21), key;
    (void)state;
    assert_int_equal(lair_agree(&server, CLIENT_LINE, strlen(CLIENT_LINE), &key), ERR_OK);
    assert_memory_equal(key.bytes, session_key, sizeof(session_key));
    assert_int_equal(lair_agree(&client, SERVER_LINE, strlen(SERVER_LINE), &key), ERR_OK);
    assert_memory_equal(key.bytes, session_key, sizeof(session_key));
}

static void fresh_offers_differ_and_agree(void **state)
{
    struct lair_key secret[2], key[2];
    char line[2][LAIR_KEY_LINE_BYTES];
    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(lair_offer(&secret[i], line[i]), ERR_OK);
    assert_memory_not_equal(line[0], line[1], sizeof(line[0]));
    for (int i = 0; i < 2; i++)
        assert_int_equal(lair_agree(&secret[i], line[1 - i], sizeof(line[0]), &key[i]), ERR_OK);
    assert_memory_equal(key[0].bytes, key[1].bytes, sizeof(key[0].bytes));
}

static void wrong_keys_are_refused(void **state)
{
    static const char *const wrong[] = {
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", /* low order: everybody knows the secret */
        "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", /* the same */
        "4Ot6fDtBuK4WVuP68Z/EatoJjeucMrH9hmIFFl9JuAA=", /* the same, order 8 */
        "WGmv9FBUlzLLqu1eXfmzCm2jHLDldCutWtShp2jxpg==", /* 31 bytes */
        "WGmv9FBUlzLLqu1eXfmzCm2jHLDldCutWtShp2jxpntB", /* 33 */
        "WGmv9FBUlzLLqu1eXfmzCm2jHLDldCutWtShp2jxpns",  /* no padding */
        "WGmv9FBUlzLLqu1eXfmzCm2jHLDldCutWtShp2jxpns= ",
        "WGmv9FBUlzLLqu1eXfmz-m2jHLDldCutWtShp2jxpns=", /* the other alphabet */
        "{\"key\":\"WGmv9FBUlzLLqu1eXfmzCm2jHLDldCut\"}=",
        "GET / HTTP/1.1",
        "",
    };
    struct lair_key secret = secret_from(0x01), key;
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(lair_agree(&secret, wrong[i], strlen(wrong[i]), &key), ERR_PROTOCOL);
}

static void lines_are_sealed_as_prescribed(void **state)
{
    struct lair_key key = key_of_session();
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        uint8_t nonce[LAIR_NONCE_BYTES];
        char line[512];
        size_t size = strlen(lines[i].text);
        memset(nonce, lines[i].nonce, sizeof(nonce));
        memset(line, '#', sizeof(line));
        assert_int_equal(LAIR_LINE_BYTES(size), strlen(lines[i].line));
        assert_int_equal(lair_seal(&cipher, &key, nonce, lines[i].text, size, line), ERR_OK);
        assert_memory_equal(line, lines[i].line, strlen(lines[i].line));
        assert_int_equal(line[strlen(lines[i].line)], '\0');
        assert_int_equal(line[strlen(lines[i].line) + 1], '#'); /* and not one byte more */
    }
}

static void lines_open(void **state)
{
    struct lair_key key = key_of_session();
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char *text = NULL;
        assert_int_equal(open_copy(&key, lines[i].line, strlen(lines[i].line), &text), ERR_OK);
        assert_string_equal(text, lines[i].text);
        free(text);
    }
}

static void what_was_tampered_with_does_not_open(void **state)
{
    struct lair_key key = key_of_session();
    char *text = NULL, line[] = CREATE_LINE;
    size_t size = strlen(line);
    (void)state;
    static const char other[] = "RERERERERERERERE6UX+6W43sV9ek0biymkYSRkmGZHccr/bvOKhU2R7xbSCCqQ=";
    assert_int_equal(open_copy(&key, other, strlen(other), &text), ERR_PROTOCOL);
    for (size_t at = 0; at < size; at++) { /* any one character */
        char kept = line[at];
        line[at] = kept == 'A' ? 'B' : 'A';
        assert_int_equal(open_copy(&key, line, size, &text), ERR_PROTOCOL);
        line[at] = kept;
    }
    for (size_t length = 0; length < size; length++) /* any part of it */
        assert_int_equal(open_copy(&key, line, length, &text), ERR_PROTOCOL);
    key.bytes[31] ^= 1;
    assert_int_equal(open_copy(&key, line, size, &text), ERR_PROTOCOL);
}

static void what_is_no_line_does_not_open(void **state)
{
    static const char *const wrong[] = {
        "c2hvcnQ=",
        "",
        "=",
        "AAAA",
        "RERERERERERERERE",
        "not base64 at all",
        "RERERERERERERERE6UX+6W43sV9ek0biymkYSRkmGZHccr/bvOKhU2R7xbSCCqU",    /* no padding */
        "RERERERERERERERE6UX+6W43sV9ek0biymkYSRkmGZHccr/bvOKhU2R7xbSCCqU=\r", /* not its own */
        "RERERERERERERERE6UX-6W43sV9ek0biymkYSRkmGZHccr_bvOKhU2R7xbSCCqU=",
    };
    struct lair_key key = key_of_session();
    char *text = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(open_copy(&key, wrong[i], strlen(wrong[i]), &text), ERR_PROTOCOL);
}

static void every_size_comes_back(void **state)
{
    enum { SIZE_MAX_TESTED = 300 };
    struct lair_key key = key_of_session();
    char *text = malloc(65536);
    char *line = malloc(LAIR_LINE_BYTES(65536) + 1);
    (void)state;
    assert_non_null(text);
    assert_non_null(line);
    for (int i = 0; i < 65536; i++)
        text[i] = (char)('a' + i % 26);
    for (size_t size = 0; size <= SIZE_MAX_TESTED + 1; size++) {
        size_t length = size > SIZE_MAX_TESTED ? 65536 : size;
        char *opened = NULL;
        assert_int_equal(lair_seal(&cipher, &key, NULL, text, length, line), ERR_OK);
        assert_int_equal(open_copy(&key, line, LAIR_LINE_BYTES(length), &opened), ERR_OK);
        assert_int_equal(strlen(opened), length);
        assert_memory_equal(opened, text, length);
        free(opened);
    }
    free(text);
    free(line);
}

static void no_nonce_comes_twice(void **state)
{
    struct lair_key key = key_of_session();
    char line[2][LAIR_LINE_BYTES(2) + 1];
    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(lair_seal(&cipher, &key, NULL, "hi", 2, line[i]), ERR_OK);
    assert_memory_not_equal(line[0], line[1], 16); /* 12 bytes of nonce */
}

static int set_up(void **state)
{
    (void)state;
    return lair_cipher_init(&cipher) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    lair_cipher_fini(&cipher);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_offered_as_prescribed),
        cmocka_unit_test(both_sides_agree),
        cmocka_unit_test(fresh_offers_differ_and_agree),
        cmocka_unit_test(wrong_keys_are_refused),
        cmocka_unit_test(lines_are_sealed_as_prescribed),
        cmocka_unit_test(lines_open),
        cmocka_unit_test(what_was_tampered_with_does_not_open),
        cmocka_unit_test(what_is_no_line_does_not_open),
        cmocka_unit_test(every_size_comes_back),
        cmocka_unit_test(no_nonce_comes_twice),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
