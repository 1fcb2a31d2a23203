/* SPDX-License-Identifier: MPL-2.0
 *
 * What programs say of themselves, and what we say of us.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "gateways/ipmsg/ipmsg_entry.h"

#define NI_HAO     "\xe4\xbd\xa0\xe5\xa5\xbd"
#define NI_HAO_GBK "\xc4\xe3\xba\xc3"

static struct ipmsg_identity read_bytes(const char *bytes, size_t size, enum ipmsg_charset site)
{
    struct ipmsg_packet packet;
    struct ipmsg_identity identity;
    assert_int_equal(ipmsg_packet_parse(bytes, size, &packet), ERR_OK);
    assert_int_equal(ipmsg_entry_read(&packet, site, &identity), ERR_OK);
    return identity;
}
#define READ(text, site) read_bytes(text, sizeof(text) - 1, site)

static void test_programs(void **state)
{
    (void)state;
    struct ipmsg_identity got =
        READ("1_iptux 0.8.3:1:ana:box:257:" NI_HAO "\0Team\0icon-tux.png\0utf-8\0",
             IPMSG_CHARSET_GB18030);
    assert_string_equal(got.user, "ana");
    assert_string_equal(got.host, "box");
    assert_string_equal(got.nickname, NI_HAO);
    assert_string_equal(got.group, "Team");
    assert_string_equal(got.version, "1_iptux 0.8.3");
    assert_true(got.is_iptux && got.is_absent);
    assert_int_equal(got.charset, IPMSG_CHARSET_UTF8);

    got = READ("1_lbt6_0#128#00#0#0#0#4001#9:1:bob:PC:1:" NI_HAO_GBK, IPMSG_CHARSET_GB18030);
    assert_string_equal(got.nickname, NI_HAO);
    assert_string_equal(got.group, "");
    assert_false(got.is_iptux);

    got = READ("1:5:carol-0123456789abcdef:win:16777219:?\0?\0\nUN:carol-0123456789abcdef\nHN:win\n"
               "NN:" NI_HAO "\nGN:Staff\nVS:00010003",
               IPMSG_CHARSET_CP932);
    assert_string_equal(got.nickname, NI_HAO); /* the copy wins */
    assert_string_equal(got.group, "Staff");
    assert_string_equal(got.fingerprint, "0123456789abcdef");
    assert_int_equal(got.capabilities, IPMSG_CAPUTF8);
    assert_int_equal(got.charset, IPMSG_CHARSET_CP932);

    got = READ("1:5:a:b:8388609:" NI_HAO "\0" NI_HAO, IPMSG_CHARSET_CP932); /* UTF8 */
    assert_string_equal(got.group, NI_HAO);
}

static void test_what_is_not_an_entry(void **state)
{
    (void)state;
    struct ipmsg_identity got = READ("1:5:a:b:288:hello\0group", IPMSG_CHARSET_UTF8);
    assert_string_equal(got.user, "a");
    assert_string_equal(got.nickname, "");
    assert_string_equal(got.group, "");
}

static void test_names_are_cleaned(void **state)
{
    char text[900] = "1:5:u\x01\x1b[31m:h:1:";
    (void)state;
    memset(text + strlen(text), 'n', 700);
    struct ipmsg_identity got = read_bytes(text, strlen(text), IPMSG_CHARSET_UTF8);
    assert_string_equal(got.user, "u__[31m");
    assert_int_equal(strlen(got.nickname), IPMSG_NAME_BYTES_MAX);
    got = READ("1:5: - : :1:", IPMSG_CHARSET_UTF8);
    assert_string_equal(got.user, "-");
    assert_string_equal(got.host, "");
    struct ipmsg_packet packet;
    assert_int_equal(ipmsg_packet_parse("1:5:::1:x", 9, &packet), ERR_OK);
    assert_int_equal(ipmsg_entry_read(&packet, IPMSG_CHARSET_UTF8, &got), ERR_BAD_NAME);
    got = READ("1:5:-0123456789abcdef:h:1:", IPMSG_CHARSET_UTF8);
    assert_string_equal(got.fingerprint, ""); /* nobody before it */
    got = READ("1:5:a-0123456789abcdeg:h:1:", IPMSG_CHARSET_UTF8);
    assert_string_equal(got.fingerprint, "");
}

static void test_every_part_of_one(void **state)
{
    static const char whole[] = "1:5:a:b:1:" NI_HAO "\0g\0i\0utf-8\0\nUN:x\nHN:\nNN:" NI_HAO "\nGN";
    (void)state;
    for (size_t size = 0; size < sizeof(whole); size++) {
        char *copy = malloc(size + 1); /* not a byte more, for the sanitizers */
        struct ipmsg_packet packet;
        struct ipmsg_identity got;
        assert_non_null(copy);
        memcpy(copy, whole, size);
        if (ipmsg_packet_parse(copy, size, &packet) == ERR_OK)
            assert_int_equal(ipmsg_entry_read(&packet, IPMSG_CHARSET_GB18030, &got), ERR_OK);
        free(copy);
    }
}

static void check_ours(enum ipmsg_charset charset, const char *wanted, size_t size)
{
    struct ipmsg_own own = {.user = "roost", .host = "h", .nickname = NI_HAO, .group = "g"};
    struct buf buf;
    buf_init(&buf, 200);
    assert_int_equal(ipmsg_entry_write(&own, charset, &buf), ERR_OK);
    assert_int_equal(buf_size(&buf), size);
    assert_memory_equal(buf_data(&buf), wanted, size);
    buf_fini(&buf);
    buf_init(&buf, size - 1);
    assert_int_equal(ipmsg_entry_write(&own, charset, &buf), ERR_TOO_LARGE);
    buf_fini(&buf);
}

static void test_ours(void **state)
{
    static const char plain[] = NI_HAO "\0g";
    static const char both[] = NI_HAO_GBK "\0g\0\nUN:roost\nHN:h\nNN:" NI_HAO "\nGN:g";
    (void)state;
    check_ours(IPMSG_CHARSET_UTF8, plain, sizeof(plain));
    check_ours(IPMSG_CHARSET_GB18030, both, sizeof(both) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_programs),
        cmocka_unit_test(test_what_is_not_an_entry),
        cmocka_unit_test(test_names_are_cleaned),
        cmocka_unit_test(test_every_part_of_one),
        cmocka_unit_test(test_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
