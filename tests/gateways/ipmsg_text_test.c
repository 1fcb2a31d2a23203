/* SPDX-License-Identifier: MPL-2.0
 *
 * Charsets of the local network: there and back, what does not belong, cutting, names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "gateways/ipmsg/ipmsg_text.h"

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

static void check(enum ipmsg_charset charset, bool is_decoding, const char *in, size_t size,
                  const char *wanted, size_t wanted_odd)
{
    struct buf buf;
    size_t odd = 99;
    buf_init(&buf, 1000);
    enum err err = is_decoding ? ipmsg_decode_text(charset, (const uint8_t *)in, size, &buf, &odd)
                               : ipmsg_encode_text(charset, (const uint8_t *)in, size, &buf, &odd);
    assert_int_equal(err, ERR_OK);
    assert_int_equal(odd, wanted_odd);
    assert_int_equal(buf_size(&buf), strlen(wanted));
    assert_memory_equal(buf_data(&buf), wanted, strlen(wanted));
    buf_fini(&buf);
}
#define DECODE(charset, in, wanted, odd) check(charset, true, in, sizeof(in) - 1, wanted, odd)
#define ENCODE(charset, in, wanted, odd) check(charset, false, in, sizeof(in) - 1, wanted, odd)

static void test_reading(void **state)
{
    (void)state;
    DECODE(IPMSG_CHARSET_UTF8, "", "", 0);
    DECODE(IPMSG_CHARSET_UTF8, "h\xc3\xa9llo \xe4\xbd\xa0", "h\xc3\xa9llo \xe4\xbd\xa0", 0);
    DECODE(IPMSG_CHARSET_UTF8, "a\xff\xfe b", "a\xef\xbf\xbd\xef\xbf\xbd b", 2);
    DECODE(IPMSG_CHARSET_UTF8, "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 3);
    DECODE(IPMSG_CHARSET_UTF8, "\xe4\xbd", "\xef\xbf\xbd\xef\xbf\xbd", 2);
    DECODE(IPMSG_CHARSET_GB18030, "\xc4\xe3\xba\xc3!", "\xe4\xbd\xa0\xe5\xa5\xbd!", 0);
    DECODE(IPMSG_CHARSET_CP932, "\x82\xb1\x82\xf1", "\xe3\x81\x93\xe3\x82\x93", 0);
    /* The same two bytes are another text in each: they cannot be told apart. */
    DECODE(IPMSG_CHARSET_GB18030, "\xba\xc3", "\xe5\xa5\xbd", 0);
    DECODE(IPMSG_CHARSET_CP932, "\xba\xc3", "\xef\xbd\xba\xef\xbe\x83", 0);
    DECODE(IPMSG_CHARSET_GB18030, "a\xc4", "a\xef\xbf\xbd", 1);
    DECODE(IPMSG_CHARSET_GB18030, "\xff x", "\xef\xbf\xbd x", 1);
}

static void test_writing(void **state)
{
    (void)state;
    ENCODE(IPMSG_CHARSET_UTF8, "\xe4\xbd\xa0", "\xe4\xbd\xa0", 0);
    ENCODE(IPMSG_CHARSET_GB18030, "\xe4\xbd\xa0\xe5\xa5\xbd!", "\xc4\xe3\xba\xc3!", 0);
    ENCODE(IPMSG_CHARSET_CP932, "\xe3\x81\x93 \xf0\x9f\x98\x80!", "\x82\xb1 ?!", 1);
    ENCODE(IPMSG_CHARSET_CP932, "a\xff", "a?", 1);
}

static void test_long_texts(void **state)
{
    static uint8_t text[30000];
    struct buf buf, back;
    (void)state;
    for (size_t i = 0; i < sizeof(text); i += 3)
        memcpy(text + i, "\xe4\xbd\xa0", 3);
    buf_init(&buf, sizeof(text));
    buf_init(&back, sizeof(text));
    assert_int_equal(ipmsg_encode_text(IPMSG_CHARSET_GB18030, text, sizeof(text), &buf, NULL),
                     ERR_OK);
    assert_int_equal(buf_size(&buf), sizeof(text) / 3 * 2);
    assert_int_equal(
        ipmsg_decode_text(IPMSG_CHARSET_GB18030, buf_data(&buf), buf_size(&buf), &back, NULL),
        ERR_OK);
    assert_int_equal(buf_size(&back), sizeof(text));
    assert_memory_equal(buf_data(&back), text, sizeof(text));
    buf_fini(&back);
    buf_init(&back, 1000);
    assert_int_equal(
        ipmsg_decode_text(IPMSG_CHARSET_GB18030, buf_data(&buf), buf_size(&buf), &back, NULL),
        ERR_TOO_LARGE);
    buf_fini(&back);
    buf_fini(&buf);
}

/* However long the parts are, together they are the text, and each can be read alone. */
static void test_cutting(void **state)
{
    static const struct {
        enum ipmsg_charset charset;
        const char *text;
    } cases[] = {
        {IPMSG_CHARSET_UTF8, "a\xe4\xbd\xa0\xf0\x9f\x98\x80\xc3\xa9zz"},
        {IPMSG_CHARSET_GB18030, "a\xc4\xe3\x81\x30\x81\x30\xba\xc3z"},
        {IPMSG_CHARSET_CP932, "a\x82\xb1\xba\x82\xf1z"},
    };
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const uint8_t *text = (const uint8_t *)cases[i].text;
        size_t size = strlen(cases[i].text);
        for (size_t limit = 1; limit <= size + 1; limit++) {
            size_t at = 0;
            while (at < size) {
                size_t part = ipmsg_cut_text(cases[i].charset, text + at, size - at, limit),
                       odd = 0;
                struct buf buf;
                assert_true(part > 0 && (part <= limit || part <= 4));
                buf_init(&buf, 100);
                assert_int_equal(ipmsg_decode_text(cases[i].charset, text + at, part, &buf, &odd),
                                 ERR_OK);
                assert_int_equal(odd, 0);
                buf_fini(&buf);
                at += part;
            }
            assert_int_equal(at, size);
        }
    }
    assert_int_equal(ipmsg_cut_text(IPMSG_CHARSET_UTF8, BYTES(""), 5), 0);
}

static void test_names(void **state)
{
    char name[12];
    (void)state;
    assert_int_equal(ipmsg_clean_name(BYTES("  Ana  "), name, sizeof(name)), 3);
    assert_string_equal(name, "Ana");
    assert_int_equal(ipmsg_clean_name(BYTES("a\x01\x7f\xff"
                                            "b"),
                                      name, sizeof(name)),
                     5);
    assert_string_equal(name, "a___b");
    assert_int_equal(ipmsg_clean_name(BYTES("0123456789\xe4\xbd\xa0"), name, sizeof(name)), 10);
    assert_string_equal(name, "0123456789");
    assert_int_equal(ipmsg_clean_name(BYTES("a\xe2\x80\xae"
                                            "b"),
                                      name, sizeof(name)),
                     3);
    assert_string_equal(name, "a_b"); /* no invisible marks */
    assert_int_equal(ipmsg_clean_name(BYTES(" \t "), name, sizeof(name)), 0);
    assert_string_equal(name, "");
}

static void test_charsets_by_name(void **state)
{
    enum ipmsg_charset charset;
    (void)state;
    for (int i = 0; i < IPMSG_CHARSET_COUNT; i++) {
        const char *text = ipmsg_charset_text((enum ipmsg_charset)i);
        assert_true(ipmsg_charset_parse(text, strlen(text), &charset));
        assert_int_equal(charset, i);
    }
    assert_true(ipmsg_charset_parse("GBK", 3, &charset));
    assert_int_equal(charset, IPMSG_CHARSET_GB18030);
    assert_false(ipmsg_charset_parse("latin1", 6, &charset));
    assert_true(ipmsg_is_utf8(BYTES("\xe4\xbd\xa0")));
    assert_false(ipmsg_is_utf8(BYTES("\xc4\xe3")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),    cmocka_unit_test(test_writing),
        cmocka_unit_test(test_long_texts), cmocka_unit_test(test_cutting),
        cmocka_unit_test(test_names),      cmocka_unit_test(test_charsets_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
