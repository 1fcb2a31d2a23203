/* SPDX-License-Identifier: MPL-2.0
 *
 * Names of programs of the local network: different heads, different names, and all of them names.
 */
#include <setjmp.h> /* cmocka wants these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateways/ipmsg/ipmsg_name.h"
#include "proto/name.h"

static enum err name_of(const char *user, const char *host, enum ipmsg_charset site,
                        char ret[WIRE_NAME_BYTES_MAX + 1])
{
    struct ipmsg_packet packet = {.user = (const uint8_t *)user,
                                  .user_size = strlen(user),
                                  .host = (const uint8_t *)host,
                                  .host_size = strlen(host)};
    size_t size = 0;
    enum err err = ipmsg_name_of(&packet, site, ret, &size);
    if (!err) {
        assert_int_equal(size, strlen(ret));
        assert_int_equal(name_check(ret, size, NULL), ERR_OK);
    }
    return err;
}

static void expect(const char *user, const char *host, enum ipmsg_charset site, const char *wanted)
{
    char name[WIRE_NAME_BYTES_MAX + 1];
    assert_int_equal(name_of(user, host, site, name), ERR_OK);
    assert_string_equal(name, wanted);
}

static void test_names(void **state)
{
    (void)state;
    expect("ann", "pc", IPMSG_CHARSET_UTF8, "lan:ann@pc");
    expect("ann-0123456789abcdef", "pc", IPMSG_CHARSET_UTF8, "lan:ann-0123456789abcdef@pc");
    expect("\xe5\xbc\xa0", "pc", IPMSG_CHARSET_GB18030, "lan:\xe5\xbc\xa0@pc"); /* UTF-8 */
    expect("\xd5\xc5", "pc", IPMSG_CHARSET_GB18030, "lan:\xe5\xbc\xa0@pc");     /* GBK */
    expect("", "pc", IPMSG_CHARSET_UTF8, "lan:@pc");
}

static void test_what_cannot_be_read_stays_different(void **state)
{
    (void)state;
    expect("\xd5\xc5", "pc", IPMSG_CHARSET_UTF8, "lan:%d5%c5@pc");
    expect("\xc0\xee", "pc", IPMSG_CHARSET_UTF8, "lan:%c0%ee@pc");
    expect("a@b", "c", IPMSG_CHARSET_UTF8, "lan:a%40b@c");
    expect("a", "b@c", IPMSG_CHARSET_UTF8, "lan:a@b%40c");
    expect("a%40b", "c", IPMSG_CHARSET_UTF8, "lan:a%2540b@c");
    expect("a b\x01", "c", IPMSG_CHARSET_UTF8, "lan:a%20b%01@c");
    expect("e\xcc\x81", "pc", IPMSG_CHARSET_UTF8, "lan:e%cc%81@pc"); /* not composed */
    expect("\xe2\x80\xaeroot", "pc", IPMSG_CHARSET_UTF8, "lan:%e2%80%aeroot@pc");
}

static void test_what_is_no_name(void **state)
{
    char name[WIRE_NAME_BYTES_MAX + 1];
    (void)state;
    assert_int_equal(name_of("", "", IPMSG_CHARSET_UTF8, name), ERR_BAD_NAME);
}

/* `count` times the same letter, and something behind it. */
static const char *repeat(char *text, const char *letter, size_t count, const char *end)
{
    size_t size = strlen(letter);
    for (size_t i = 0; i < count; i++)
        memcpy(text + i * size, letter, size);
    memcpy(text + count * size, end, strlen(end) + 1);
    return text;
}

/* Whatever is long is a name, another one for each, and no character of it is cut through. */
static void test_long_names_are_cut_and_stay_different(void **state)
{
    static const struct {
        const char *letter;
        enum ipmsg_charset site;
    } cases[] = {
        {"x", IPMSG_CHARSET_UTF8},
        {"\xc3\xa4", IPMSG_CHARSET_UTF8},
        {"\xe5\xbc\xa0", IPMSG_CHARSET_UTF8},
        {"\xf0\x9f\x98\x80", IPMSG_CHARSET_UTF8},
        {"\xd5\xc5", IPMSG_CHARSET_GB18030},
        {"\xff", IPMSG_CHARSET_UTF8},
        {"%", IPMSG_CHARSET_UTF8},
        {"\x82\xa0", IPMSG_CHARSET_CP932},
    };
    static char one[4096], other[4096];
    char first[WIRE_NAME_BYTES_MAX + 1], second[WIRE_NAME_BYTES_MAX + 1];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t count = 30; count <= 800; count += count < 80 ? 1 : 90) {
            repeat(one, cases[i].letter, count, "a");
            repeat(other, cases[i].letter, count, "b");
            assert_int_equal(name_of(one, one, cases[i].site, first), ERR_OK);
            assert_int_equal(name_of(one, other, cases[i].site, second), ERR_OK);
            assert_string_not_equal(first, second);
            assert_int_equal(name_of(other, one, cases[i].site, second), ERR_OK);
            assert_string_not_equal(first, second);
            assert_true(strlen(first) <= WIRE_NAME_BYTES_MAX);
            assert_true(ipmsg_is_utf8((const uint8_t *)first, strlen(first)));
        }
    }
    repeat(one, "x", 64, "");
    assert_int_equal(name_of(one, "pc", IPMSG_CHARSET_UTF8, first), ERR_OK);
    assert_null(strstr(first, "%~")); /* whole */
    repeat(one, "x", 65, "");
    assert_int_equal(name_of(one, "pc", IPMSG_CHARSET_UTF8, first), ERR_OK);
    assert_non_null(strstr(first, "x%~"));
    expect("a%~b", "pc", IPMSG_CHARSET_UTF8, "lan:a%25~b@pc"); /* nobody writes that himself */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_what_cannot_be_read_stays_different),
        cmocka_unit_test(test_what_is_no_name),
        cmocka_unit_test(test_long_names_are_cut_and_stay_different),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
