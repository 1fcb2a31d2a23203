/* SPDX-License-Identifier: MPL-2.0
 *
 * The IP address in what peers are reached by.
 */
#include "store/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void test_addresses_in_all_their_forms(void **state)
{
    static const char *const rows[][2] = {
        {"192.0.2.7", "192.0.2.7"},
        {"192.0.2.7:2425", "192.0.2.7"},
        {"tcp://192.0.2.7:7667", "192.0.2.7"},
        {"tcp://[2001:db8::7]:7667", "2001:db8::7"},
        {"[2001:db8::7]", "2001:db8::7"},
        {"2001:DB8:0:0::7", "2001:db8::7"},
        {"fe80::1%eth0", "fe80::1"},
        {"::ffff:192.0.2.7", "192.0.2.7"},
        {"/ip4/192.0.2.7/tcp/4001/p2p/12D3", "192.0.2.7"},
        {"/ip6/2001:db8::7/udp/4001/quic", "2001:db8::7"},
        {"::1", "::1"},
    };
    static const char *const none[] = {
        "",
        "localhost",
        "host.example:2425",
        "ipc:///run/roost",
        "192.0.2",
        "192.0.2.256",
        "192.0.2.7:",
        "192.0.2.7:12x",
        "[192.0.2.7",
        "[2001:db8::7]x",
        "/ip4//tcp/1",
        "/dns4/a/tcp/1",
        "192.0.2.7 ",
        "012.1.1.1",
        "1.2.3.4.5",
        "fe80::1%",
        ":::",
        "1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111",
    };
    char ip[ADDRESS_IP_BYTES], again[ADDRESS_IP_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(address_ip(rows[i][0], ip));
        assert_string_equal(ip, rows[i][1]);
        assert_true(address_plain_ip(ip, again)); /* and of that, nothing changes */
        assert_string_equal(again, rows[i][1]);
    }
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_false(address_ip(none[i], ip));
        assert_string_equal(ip, "");
    }
}

static void test_alone_there_is_no_port(void **state)
{
    char ip[ADDRESS_IP_BYTES];
    (void)state;
    assert_false(address_plain_ip("192.0.2.7:2425", ip));
    assert_false(address_plain_ip("/ip4/192.0.2.7", ip));
    assert_false(address_plain_ip("[::1]", ip));
    assert_string_equal(ip, "");
    assert_true(address_plain_ip("::ffff:10.0.0.1", ip));
    assert_string_equal(ip, "10.0.0.1");
}

static void test_where_datagrams_go(void **state)
{
    static const struct {
        const char *text;
        uint32_t ip;
        uint16_t port;
    } rows[] = {
        {"192.0.2.7", 0xc0000207u, 0},
        {"192.0.2.7:2425", 0xc0000207u, 2425},
        {"192.0.2.7:70000", 0xc0000207u, 0},
        {"192.0.2.7:*", 0xc0000207u, 0},
        {"/ip4/192.0.2.7/udp/4001/quic", 0xc0000207u, 4001},
        {"/ip4/192.0.2.7/udp/x", 0xc0000207u, 0},
        {"/ip4/192.0.2.7/tcp/4001", 0xc0000207u, 0}, /* not a port for datagrams */
        {"/ip4/192.0.2.7", 0xc0000207u, 0},
        {"tcp://192.0.2.7:7667", 0xc0000207u, 0},
        {"::ffff:192.0.2.7", 0xc0000207u, 0},
        {"[::ffff:192.0.2.7]:2425", 0xc0000207u, 2425},
        {"[192.0.2.7]:2425", 0xc0000207u, 2425},
        {"/ip4/192.0.2.7/udp/40x", 0xc0000207u, 0},
        {"/ip4/192.0.2.7/udp/-18446744073709549191", 0xc0000207u, 0},
    };
    static const char *const none[] = {"", "localhost:2425", "::1", "/ip6/2001:db8::7/udp/1",
                                       "[2001:db8::7]:2425"};
    uint32_t ip;
    uint16_t port;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(address_udp(rows[i].text, &ip, &port));
        assert_int_equal(ip, rows[i].ip);
        assert_int_equal(port, rows[i].port);
    }
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        assert_false(address_udp(none[i], &ip, &port));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_in_all_their_forms),
        cmocka_unit_test(test_alone_there_is_no_port),
        cmocka_unit_test(test_where_datagrams_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
