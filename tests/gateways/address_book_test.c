/* SPDX-License-Identifier: MPL-2.0
 *
 * gateways/address_book.c: what counts as one address, and that what was added can be removed.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateways/address_book.h"

static bool is_same(const char *one, const char *other)
{
    struct address_key a = address_key_of_text(one), b = address_key_of_text(other);
    return memcmp(&a, &b, sizeof(a)) == 0;
}

static bool is_counted(const char *text)
{
    static const struct address_key nobody;
    struct address_key key = address_key_of_text(text);
    return memcmp(&key, &nobody, sizeof(key)) != 0;
}

static void test_keys(void **state)
{
    (void)state;
    assert_true(is_counted("192.0.2.1") && is_counted("2001:db8::1"));
    assert_true(is_same("192.0.2.1", "192.0.2.1:80"));
    assert_true(is_same("192.0.2.1", "::ffff:192.0.2.1"));
    assert_true(is_same("192.0.2.1", "[::ffff:192.0.2.1]:80"));
    assert_false(is_same("192.0.2.1", "192.0.2.2"));
    assert_true(is_same("2001:db8::1", "[2001:db8::ffff]:80")); /* one network */
    assert_true(is_same("fe80::1", "fe80::2%eth0"));
    assert_false(is_same("2001:db8::1", "2001:db8:0:1::1"));
    const char *uncounted[] = {"127.0.0.1", "127.8.9.10:5", "::1", "[::1]:80", "::ffff:127.0.0.1",
                               "",          "nonsense",     "1.2", "[",        "999.1.1.1"};
    for (size_t i = 0; i < sizeof(uncounted) / sizeof(uncounted[0]); i++)
        assert_false(is_counted(uncounted[i]));
}

static void test_socket_addresses(void **state)
{
    (void)state;
    struct sockaddr_in ipv4 = {.sin_family = AF_INET};
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
    struct sockaddr local = {.sa_family = AF_UNIX};
    static const struct address_key nobody;
    assert_int_equal(inet_pton(AF_INET, "192.0.2.7", &ipv4.sin_addr), 1);
    assert_int_equal(inet_pton(AF_INET6, "2001:db8::7", &ipv6.sin6_addr), 1);
    struct address_key key = address_key_of((const struct sockaddr *)&ipv4);
    struct address_key text = address_key_of_text("192.0.2.7");
    assert_memory_equal(&key, &text, sizeof(key));
    key = address_key_of((const struct sockaddr *)&ipv6);
    text = address_key_of_text("2001:db8::7");
    assert_memory_equal(&key, &text, sizeof(key));
    key = address_key_of(&local);
    assert_memory_equal(&key, &nobody, sizeof(key));
}

static void test_counting(void **state)
{
    (void)state;
    struct address_book book;
    struct address_key one = address_key_of_text("192.0.2.1"), two = address_key_of_text("::1");
    address_book_init(&book, 3, 100);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3; i++)
            assert_true(address_book_add(&book, &one));
        assert_false(address_book_add(&book, &one));
        assert_int_equal(address_book_count(&book, &one), 3);
        for (int i = 0; i < 3; i++)
            address_book_remove(&book, &one);
        assert_int_equal(address_book_count(&book, &one), 0);
    }
    for (int i = 0; i < 100; i++)
        assert_true(address_book_add(&book, &two)); /* this machine */
    address_book_remove(&book, &two);
    assert_int_equal(hash_count(&book.counts), 0);
    address_book_fini(&book);
    address_book_init(&book, 0, 100); /* no bound */
    for (int i = 0; i < 100; i++)
        assert_true(address_book_add(&book, &one));
    address_book_fini(&book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_socket_addresses),
        cmocka_unit_test(test_counting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
