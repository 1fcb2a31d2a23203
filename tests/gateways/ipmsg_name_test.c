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
    char name[WIRE_NAME_BYTES_MAX + 1], longest[256], bad[256];
    (void)state;
    assert_int_equal(name_of("", "", IPMSG_CHARSET_UTF8, name), ERR_BAD_NAME);
    memset(longest, 'x', 255);
    longest[255] = '\0';
    assert_int_equal(name_of(longest, longest, IPMSG_CHARSET_UTF8, name), ERR_OK);
    assert_true(strlen(name) < 200); /* cut */
    memset(bad, '\xff', 255);
    bad[255] = '\0';
    assert_int_equal(name_of(bad, bad, IPMSG_CHARSET_UTF8, name), ERR_BAD_NAME); /* does not fit */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_what_cannot_be_read_stays_different),
        cmocka_unit_test(test_what_is_no_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
