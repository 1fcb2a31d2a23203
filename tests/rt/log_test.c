/* SPDX-License-Identifier: MPL-2.0
 *
 * rt/log: escaping of hostile text, cutting, both line formats, levels and the rate limit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "rt/log.h"

static const struct wall_time noon = {1700000000123};

static void assert_escaped(const char *text, size_t size, const char *expected)
{
    char escaped[600];
    size_t length = log_escape(text, size, escaped, sizeof(escaped));
    assert_string_equal(escaped, expected);
    assert_int_equal(length, strlen(expected));
}

static void hostile_text_is_escaped(void **state)
{
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"plain text", "plain text"},
        {"gr\xc3\xbc\xc3\x9f"
         "e \xe6\xbc\xa2 \xf0\x9f\x90\x93",
         "gr\xc3\xbc\xc3\x9f"
         "e \xe6\xbc\xa2 \xf0\x9f\x90\x93"},
        {"line\nbreak\ttab\rcr", "line\\nbreak\\ttab\\x0dcr"},
        {"\x1b[31mred\x7f", "\\x1b[31mred\\x7f"},
        {"c1 \xc2\x9b"
         "31m",
         "c1 \\u009b31m"},
        {"the byte alone \x9b", "the byte alone \\x9b"},
        {"quote \" and \\ slash", "quote \\\" and \\\\ slash"},
        {"evil \xe2\x80\xae"
         "txt.exe",
         "evil \\u202etxt.exe"},
        {"iso \xe2\x81\xa6 sep \xe2\x80\xa8", "iso \\u2066 sep \\u2028"},
        {"alm \xd8\x9c bom \xef\xbb\xbf", "alm \\u061c bom \\ufeff"},
        {"bad \xff\xfe", "bad \\xff\\xfe"},
        {"short \xe2\x82", "short \\xe2\\x82"},
        {"overlong \xc0\xaf \xe0\x80\xaf", "overlong \\xc0\\xaf \\xe0\\x80\\xaf"},
        {"surrogate \xed\xa0\x80", "surrogate \\xed\\xa0\\x80"},
        {"too high \xf4\x90\x80\x80", "too high \\xf4\\x90\\x80\\x80"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_escaped(cases[i].text, strlen(cases[i].text), cases[i].expected);
    assert_escaped("a\0b", 3, "a\\x00b");
    assert_escaped("", 0, "");
}

static void escaping_never_overruns(void **state)
{
    char all[256], escaped[64];
    (void)state;
    for (size_t i = 0; i < sizeof(all); i++)
        all[i] = (char)i;
    for (size_t room = 4; room < sizeof(escaped); room++) {
        memset(escaped, '#', sizeof(escaped));
        size_t size = log_escape(all, sizeof(all), escaped, room);
        assert_true(size < room);
        assert_int_equal(strlen(escaped), size);
        assert_string_equal(escaped + size - 3, "...");
        for (size_t i = room; i < sizeof(escaped); i++)
            assert_int_equal(escaped[i], '#');
    }
}

static const char *format(enum log_format format, const struct log_field *fields)
{
    static char line[LOG_LINE_MAX + 1];
    size_t size =
        log_format_line(format, LOG_LEVEL_WARN, noon, "zmq-gateway", "session-open", fields, line);
    assert_in_range(size, 1, LOG_LINE_MAX);
    line[size] = 0;
    return line;
}

static void text_line(void **state)
{
    const struct log_field fields[] = {
        LOG_U64("session", 7),
        LOG_I64("offset", -3),
        LOG_BOOL("resumed", true),
        LOG_STR("peer", "alice"),
        LOG_STR("name", "two words"),
        LOG_STR("none", NULL),
        LOG_BYTES("raw", "x=\n", 3),
        LOG_HEX("id", "\x01\xab", 2),
        LOG_ERROR(ERR_BUSY),
        LOG_ERRNO(11),
        LOG_NONE_,
    };
    (void)state;
    assert_string_equal(format(LOG_FORMAT_TEXT, fields),
                        "2023-11-14T22:13:20.123Z warn zmq-gateway session-open session=7 "
                        "offset=-3 resumed=true peer=alice name=\"two words\" none=\"\" "
                        "raw=\"x=\\n\" id=01ab error=BUSY errno=11\n");
}

static void json_line(void **state)
{
    const struct log_field fields[] = {
        LOG_U64("session", 7), LOG_STR("peer", "al\"ice\x1b\xff"),
        LOG_BOOL("ok", false), LOG_HEX("id", "\x01\xab", 2),
        LOG_ERROR(ERR_OK),     LOG_NONE_,
    };
    (void)state;
    assert_string_equal(format(LOG_FORMAT_JSON, fields),
                        "{\"time\":\"2023-11-14T22:13:20.123Z\",\"level\":\"warn\",\"actor\":"
                        "\"zmq-gateway\",\"event\":\"session-open\",\"session\":7,\"peer\":"
                        "\"al\\\"ice\\u001b\\ufffd\",\"ok\":false,\"id\":\"01ab\",\"error\":"
                        "\"OK\"}\n");
}

static void long_values_are_cut(void **state)
{
    char text[1000];
    (void)state;
    memset(text, 'a', sizeof(text));
    memcpy(text + LOG_TEXT_MAX - 1, "\xc3\xbc", 2); /* the cut falls into this character */
    const struct log_field fields[] = {LOG_BYTES("text", text, sizeof(text)), LOG_NONE_};
    const char *line = format(LOG_FORMAT_TEXT, fields);
    const char *value = strstr(line, "text=\"");
    assert_non_null(value);
    assert_int_equal(strspn(value + 6, "a"), LOG_TEXT_MAX - 1);
    assert_string_equal(value + 6 + LOG_TEXT_MAX - 1, "...\"\n");
}

static void long_lines_stay_whole(void **state)
{
    char text[LOG_TEXT_MAX];
    struct log_field fields[40];
    (void)state;
    memset(text, 1, sizeof(text)); /* four to six bytes each when escaped */
    for (size_t i = 0; i < 39; i++)
        fields[i] = (struct log_field)LOG_BYTES("key", text, sizeof(text));
    fields[39] = (struct log_field)LOG_NONE_;
    const char *line = format(LOG_FORMAT_JSON, fields);
    assert_non_null(strstr(line, ",\"cut\":true}\n"));
    assert_non_null(strstr(format(LOG_FORMAT_TEXT, fields), " cut=true\n"));
}

/* What the calls write to a pipe. */
static int pipes[2];

static void open_log(enum log_level level)
{
    assert_int_equal(pipe(pipes), 0);
    const struct log_options options = {LOG_FORMAT_TEXT, level, pipes[1]};
    log_init(&options);
}

static size_t read_log(char *text, size_t room)
{
    (void)close(pipes[1]);
    size_t size = 0;
    for (;;) {
        ssize_t got = read(pipes[0], text + size, room - 1 - size);
        if (got <= 0)
            break;
        size += (size_t)got;
    }
    (void)close(pipes[0]);
    text[size] = 0;
    const struct log_options options = {LOG_FORMAT_TEXT, LOG_LEVEL_INFO, STDERR_FILENO};
    log_init(&options);
    return size;
}

static void levels(void **state)
{
    char text[2000];
    int evaluated = 0;
    (void)state;
    open_log(LOG_LEVEL_WARN);
    log_set_actor("tester");
    log_set_clock(&noon);
    log_info("not-shown", LOG_I64("n", ++evaluated));
    log_warn("shown", LOG_I64("n", ++evaluated));
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug("details");
    log_set_level(LOG_LEVEL_OFF);
    log_error("nothing");
    log_set_actor(NULL);
    log_set_clock(NULL);
    (void)read_log(text, sizeof(text));
    assert_string_equal(text, "2023-11-14T22:13:20.123Z warn tester shown n=1\n"
                              "2023-11-14T22:13:20.123Z debug tester details\n");
}

static size_t count_of(const char *text, const char *word)
{
    size_t count = 0;
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
        count++;
    return count;
}

static void floods_are_limited_and_reported(void **state)
{
    static char text[40000];
    (void)state;
    open_log(LOG_LEVEL_INFO);
    for (unsigned i = 0; i < 5 * LOG_BURST; i++)
        log_warn("flood", LOG_U64("i", i));
    log_warn("other"); /* has a budget of its own */
    log_flush();       /* too early to report */
    log_finish();
    log_finish();
    (void)read_log(text, sizeof(text));
    assert_int_equal(count_of(text, " flood "), LOG_BURST);
    assert_int_equal(count_of(text, " other\n"), 1);
    assert_int_equal(count_of(text, "suppressed suppressed_event=flood count=200\n"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_text_is_escaped),
        cmocka_unit_test(escaping_never_overruns),
        cmocka_unit_test(text_line),
        cmocka_unit_test(json_line),
        cmocka_unit_test(long_values_are_cut),
        cmocka_unit_test(long_lines_stay_whole),
        cmocka_unit_test(levels),
        cmocka_unit_test(floods_are_limited_and_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
