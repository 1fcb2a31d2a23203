/* SPDX-License-Identifier: MPL-2.0
 *
 * Lists of hosts, as they are written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "gateways/ipmsg/ipmsg_list.h"

static void where_a_list_begins(void **state)
{
    uint32_t start = 9;
    (void)state;
    assert_false(ipmsg_list_read_start((const uint8_t *)"x", 1, &start));
    assert_false(ipmsg_list_read_start((const uint8_t *)"100000", 6, &start));
    assert_int_equal(start, 9);
    assert_true(ipmsg_list_read_start((const uint8_t *)" 12 ", 4, &start));
    assert_int_equal(start, 12);
    assert_true(ipmsg_list_read_start((const uint8_t *)"99999", 5, &start));
    assert_true(ipmsg_list_read_start(NULL, 0, &start));
    assert_int_equal(start, 0);
}

static const struct ipmsg_host written = {
    .user = {(const uint8_t *)"a\ana", 4},
    .host = {(const uint8_t *)"box", 3},
    .address = {(const uint8_t *)"192.0.2.7", 9},
    .nickname = {(const uint8_t *)"", 0},
    .group = {(const uint8_t *)"\xba\xc3", 2},
    .status = 257,
    .port = 2425,
};

static void byte_for_byte(void **state)
{
    static const char expected[] = "--"
                                   "    5\a    1\a"
                                   "a_na\abox\a257\a192.0.2.7\a30985\a\b\a\xba\xc3\a";
    struct ipmsg_list_page page;
    struct buf buf;
    (void)state;
    buf_init(&buf, 1000);
    assert_int_equal(buf_append_text(&buf, "--"), ERR_OK);
    assert_int_equal(ipmsg_list_begin(&page, &buf, 100), ERR_OK);
    assert_int_equal(ipmsg_list_add(&page, &written), ERR_OK);
    assert_int_equal(ipmsg_list_end(&page, 5), ERR_OK);
    assert_int_equal(buf_size(&buf), sizeof(expected) - 1);
    assert_memory_equal(buf_data(&buf), expected, sizeof(expected) - 1);
    assert_int_equal(ipmsg_list_end(&page, 100000), ERR_TOO_MANY);
    assert_memory_equal(buf_data(&buf) + 2, "    0\a    1\a", 12);
    buf_fini(&buf);
}

/* The numbers of the head; returns how many BELs are behind it. */
static unsigned read_page(struct buf *buf, uint32_t *ret_start, uint32_t *ret_count)
{
    char head[13];
    unsigned bells = 0;
    memcpy(head, buf_data(buf), 12);
    head[12] = '\0';
    *ret_start = (uint32_t)strtoul(head, NULL, 10);
    *ret_count = (uint32_t)strtoul(head + 6, NULL, 10);
    for (size_t i = 12; i < buf_size(buf); i++)
        bells += buf_data(buf)[i] == '\a';
    return bells;
}

/* Any limit: pages say what they hold, and together they are all the hosts. */
static void pages(void **state)
{
    (void)state;
    for (size_t bytes_max = 60; bytes_max < 300; bytes_max += 7) {
        uint32_t start = 0, read = 0, count;
        do {
            struct ipmsg_list_page page;
            struct ipmsg_host host = written;
            struct buf buf;
            uint32_t index = start;
            buf_init(&buf, 1000);
            assert_int_equal(ipmsg_list_begin(&page, &buf, bytes_max), ERR_OK);
            for (; index < 20; index++) {
                host.status = index + 3;
                if (ipmsg_list_add(&page, &host) != ERR_OK)
                    break;
            }
            assert_true(index > start && buf_size(&buf) <= bytes_max);
            assert_int_equal(ipmsg_list_end(&page, index < 20 ? index : 0), ERR_OK);
            unsigned bells = read_page(&buf, &start, &count);
            assert_int_equal(bells, 7 * count);
            read += count;
            assert_true(start == 0 || start == read);
            buf_fini(&buf);
        } while (start > 0);
        assert_int_equal(read, 20);
    }
}

static void too_small_for_anything(void **state)
{
    struct ipmsg_list_page page;
    struct buf buf;
    (void)state;
    buf_init(&buf, 1000);
    assert_int_equal(ipmsg_list_begin(&page, &buf, 11), ERR_TOO_LARGE);
    assert_int_equal(ipmsg_list_begin(&page, &buf, 12), ERR_OK);
    assert_int_equal(ipmsg_list_add(&page, &written), ERR_TOO_LARGE);
    assert_int_equal(ipmsg_list_end(&page, 0), ERR_OK);
    assert_int_equal(buf_size(&buf), 12);
    buf_fini(&buf);
    buf_init(&buf, 20); /* the buffer's own limit */
    assert_int_equal(ipmsg_list_begin(&page, &buf, 1000), ERR_OK);
    assert_int_equal(ipmsg_list_add(&page, &written), ERR_TOO_LARGE);
    buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_a_list_begins),
        cmocka_unit_test(byte_for_byte),
        cmocka_unit_test(pages),
        cmocka_unit_test(too_small_for_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
