/* SPDX-License-Identifier: MPL-2.0
 *
 * Datagrams of real programs, taken apart; ours, put together; and every part of each of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "gateways/ipmsg/ipmsg_packet.h"

struct example {
    const char *bytes;
    size_t size;
    const char *version, *user, *host, *body, *extension;
    uint32_t number, command;
};
#define BYTES(text) text, sizeof(text) - 1

static const struct example examples[] = {
    {BYTES("1_iptux 0.8.3:1:ana:box:1:Ana\0Team\0icon\0utf-8\0"), "1_iptux 0.8.3", "ana", "box",
     "Ana", NULL, 1, IPMSG_BR_ENTRY},
    {BYTES("1_lbt6_0#128#001122334455#0#0#0#4001#9:1700000000:bob:PC:288:\xc4\xe3\xba\xc3"),
     "1_lbt6_0#128#001122334455#0#0#0#4001#9", "bob", "PC", "\xc4\xe3\xba\xc3", "", 1700000000,
     IPMSG_SENDMSG | IPMSG_SENDCHECK},
    {BYTES("1:7:a:b:32:text: with : colons\n"), "1", "a", "b", "text: with : colons\n", "", 7,
     IPMSG_SENDMSG},
    {BYTES("1:7:a:b:32:padded\0\0\0\0\0\0"), "1", "a", "b", "padded", "", 7, IPMSG_SENDMSG},
    {BYTES("1:7:a:b:32:"), "1", "a", "b", "", "", 7, IPMSG_SENDMSG},
    {BYTES("1:7:::33:5"), "1", "", "", "5", "", 7, IPMSG_RECVMSG},
    {BYTES("1@me:4294967294:a-0123456789abcdef:b:1:n\0g\0"), "1@me", "a-0123456789abcdef", "b", "n",
     "g", 4294967294u, IPMSG_BR_ENTRY},
};

static void check_text(const uint8_t *bytes, size_t size, const char *wanted)
{
    assert_int_equal(size, strlen(wanted));
    assert_memory_equal(size ? (const void *)bytes : "", wanted, size);
}

static void test_real_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        const struct example *e = &examples[i];
        struct ipmsg_packet packet;
        assert_int_equal(ipmsg_packet_parse(e->bytes, e->size, &packet), ERR_OK);
        check_text(packet.version, packet.version_size, e->version);
        check_text(packet.user, packet.user_size, e->user);
        check_text(packet.host, packet.host_size, e->host);
        check_text(packet.body, packet.body_size, e->body);
        if (e->extension)
            check_text(packet.extension, packet.extension_size, e->extension);
        assert_int_equal(packet.number, e->number);
        assert_int_equal(packet.command, e->command);
        assert_false(packet.is_number_large);
    }
}

static void test_nothing_outside_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        for (size_t size = 0; size <= examples[i].size; size++) {
            uint8_t *copy = malloc(size ? size : 1); /* for the sanitizers: not a byte more */
            struct ipmsg_packet packet;
            assert_non_null(copy);
            memcpy(copy, examples[i].bytes, size);
            if (ipmsg_packet_parse(copy, size, &packet) == ERR_OK) {
                assert_true(packet.body >= copy && packet.body + packet.body_size <= copy + size);
                assert_true(packet.extension_size == 0 ||
                            packet.extension + packet.extension_size <= copy + size);
            }
            free(copy);
        }
    }
}

static void test_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "1",
        "1:",
        "1:2:3:4",
        "1:2:3:4:5",
        "2:7:a:b:32:x",
        "12:7:a:b:32:x",
        ":7:a:b:32:x",
        "1::a:b:32:x",
        "1:x:a:b:32:x",
        "1:-7:a:b:32:x",
        "1:7:a:b::x",
        "1:7:a:b:-1:x",
        "1:7:a:b:4294967296:x",
        "1:7:a:b:99999999999999999999999:x",
        "1:7:a:b:0x20:x",
    };
    struct ipmsg_packet packet;
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(ipmsg_packet_parse(bad[i], strlen(bad[i]), &packet), ERR_PROTOCOL);
    assert_int_equal(ipmsg_packet_parse("1:7:a\0b:c:32:x", 14, &packet), ERR_PROTOCOL);
    uint8_t *large = calloc(1, IPMSG_PACKET_BYTES_MAX + 1);
    assert_non_null(large);
    memcpy(large, "1:7:a:b:32:", 11);
    assert_int_equal(ipmsg_packet_parse(large, IPMSG_PACKET_BYTES_MAX, &packet), ERR_OK);
    assert_int_equal(ipmsg_packet_parse(large, IPMSG_PACKET_BYTES_MAX + 1, &packet), ERR_PROTOCOL);
    free(large);
}

static void test_large_numbers_and_long_names(void **state)
{
    struct ipmsg_packet packet;
    char text[700] = "1:4294967295:";
    (void)state;
    memset(text + 13, 'u', 300);
    (void)strcpy(text + 313, ":h:32:x");
    assert_int_equal(ipmsg_packet_parse(text, strlen(text), &packet), ERR_OK);
    assert_true(packet.is_number_large);
    assert_int_equal(packet.number, UINT32_MAX);
    assert_int_equal(packet.user_size, 300); /* all of it says who that is */
    const char huge[] = "1:123456789012345678901234567890:a:b:32:x";
    assert_int_equal(ipmsg_packet_parse(huge, strlen(huge), &packet), ERR_OK);
    assert_true(packet.is_number_large);
}

static void test_numbers_in_bodies(void **state)
{
    uint32_t value = 5;
    (void)state;
    assert_true(ipmsg_number_parse((const uint8_t *)" 4294967295\n", 12, &value));
    assert_int_equal(value, UINT32_MAX);
    assert_true(ipmsg_number_parse((const uint8_t *)"0", 1, &value));
    assert_int_equal(value, 0);
    static const char *const bad[] = {"", " ", "-1", "1x", "4294967296", "1 2"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(ipmsg_number_parse((const uint8_t *)bad[i], strlen(bad[i]), &value));
}

static void test_ours(void **state)
{
    struct ipmsg_said said = {.number = 9,
                              .command = IPMSG_ANSENTRY | IPMSG_CAPUTF8,
                              .user = "ro:ost",
                              .host = "h\n",
                              .body = "nick\0group",
                              .body_size = 10};
    static const char wanted[] = "1:9:ro_ost:h_:16777219:nick\0group";
    struct ipmsg_packet packet;
    struct buf buf;
    (void)state;
    buf_init(&buf, 100);
    assert_int_equal(ipmsg_packet_format(&said, &buf), ERR_OK);
    assert_int_equal(buf_size(&buf), sizeof(wanted)); /* with its NUL */
    assert_memory_equal(buf_data(&buf), wanted, sizeof(wanted));
    assert_int_equal(ipmsg_packet_parse(buf_data(&buf), buf_size(&buf), &packet), ERR_OK);
    check_text(packet.user, packet.user_size, "ro_ost");
    check_text(packet.extension, packet.extension_size, "group");
    buf_fini(&buf);
    for (size_t limit = 0; limit < sizeof(wanted); limit++) {
        buf_init(&buf, limit);
        assert_int_equal(ipmsg_packet_format(&said, &buf), ERR_TOO_LARGE);
        buf_fini(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real_ones),
        cmocka_unit_test(test_nothing_outside_is_read),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_large_numbers_and_long_names),
        cmocka_unit_test(test_numbers_in_bodies),
        cmocka_unit_test(test_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
