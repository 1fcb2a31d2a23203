/* SPDX-License-Identifier: MPL-2.0
 *
 * What is read of attachments, and how they are described.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateways/ipmsg/ipmsg_files.h"

#define BEGIN(files, literal)                                                                      \
    ipmsg_files_begin(files, (const uint8_t *)(literal), sizeof(literal) - 1)

static void assert_bytes(struct ipmsg_bytes bytes, const char *expected)
{
    assert_int_equal(bytes.size, strlen(expected));
    if (bytes.size > 0)
        assert_memory_equal(bytes.data, expected, bytes.size);
}

static void list_of_three(void **state)
{
    struct ipmsg_files files;
    struct ipmsg_file file;
    (void)state;
    BEGIN(&files,
          "0:a.txt:1a:6553f100:1:\a12:some dir:0:6553F100:2:14=65:16=66:\aff:l:fFfFf:0:4\a");
    assert_true(ipmsg_files_next(&files, &file));
    assert_bytes(file.id, "0");
    assert_bytes(file.name, "a.txt");
    assert_int_equal(file.size, 26);
    assert_int_equal(file.mtime_s, 1700000000);
    assert_string_equal(ipmsg_file_kind(&file), "file");
    assert_true(ipmsg_files_next(&files, &file));
    assert_bytes(file.id, "12");
    assert_string_equal(ipmsg_file_kind(&file), "directory");
    assert_true(ipmsg_files_next(&files, &file));
    assert_int_equal(file.size, 0xfffff);
    assert_string_equal(ipmsg_file_kind(&file), "link");
    assert_false(ipmsg_files_next(&files, &file));
    assert_int_equal(files.count, 3);
    assert_int_equal(files.odd, 0);
}

static void assert_name(const char *raw, enum ipmsg_charset charset, const char *expected)
{
    char name[IPMSG_FILE_NAME_BYTES];
    struct ipmsg_file file = {.name = {(const uint8_t *)raw, strlen(raw)}};
    size_t size = ipmsg_file_name(&file, charset, name);
    assert_string_equal(name, expected);
    assert_int_equal(size, strlen(expected));
}

static void names(void **state)
{
    struct ipmsg_files files;
    struct ipmsg_file file;
    (void)state;
    assert_name("a::b", IPMSG_CHARSET_UTF8, "a:b");
    assert_name("::::", IPMSG_CHARSET_UTF8, "::");
    assert_name("\xba\xc3.txt", IPMSG_CHARSET_GB18030, "\xe5\xa5\xbd.txt");
    assert_name("\xba\xc3.txt", IPMSG_CHARSET_UTF8, "\xef\xbf\xbd\xef\xbf\xbd.txt");
    assert_name("a\nb\x01", IPMSG_CHARSET_UTF8, "a_b_");
    /* the first single colon ends a name, also behind doubled ones */
    BEGIN(&files, "0:a:::1:2:1:");
    assert_true(ipmsg_files_next(&files, &file));
    assert_bytes(file.name, "a::");
    assert_int_equal(file.size, 1);
    BEGIN(&files, "0:a::b::::c:1:2:1:");
    assert_true(ipmsg_files_next(&files, &file));
    assert_bytes(file.name, "a::b::::c");
    assert_int_equal(file.mtime_s, 2);
}

static void odd_ones_are_passed_over(void **state)
{
    struct ipmsg_files files;
    struct ipmsg_file file;
    (void)state;
    BEGIN(&files, "\a"                           /* blank */
                  "0:a:1:1:\a"                   /* no attributes */
                  "0:a:1g:1:1:\a"                /* no hexadecimal number */
                  "0:a:8000000000000000:1:1:\a"  /* more than a size can be */
                  "0:a:00000000000000001:1:1:\a" /* more than 16 digits */
                  "0::1:1:1:1:\a"                /* the name is ":1" and then nothing fits */
                  "0 \":a:1:1:1:\a"              /* the id goes into JSON */
                  ":a:1:1:1:\a12345678901234567:a:1:1:1:\a0:a:1:1:1ffffffff:\aword\a"
                  "7:last:7fffffffffffffff:0:1:\a\r\n");
    assert_true(ipmsg_files_next(&files, &file));
    assert_bytes(file.id, "7");
    assert_true(file.size == INT64_MAX);
    assert_false(ipmsg_files_next(&files, &file));
    assert_int_equal(files.count, 1);
    assert_int_equal(files.odd, 10);
    ipmsg_files_begin(&files, NULL, 0);
    assert_false(ipmsg_files_next(&files, &file));
}

static const char *json_of(struct buf *buf, const char *extension, size_t size, size_t bytes_max,
                           uint32_t *ret_count)
{
    buf_clear(buf);
    assert_int_equal(ipmsg_files_json((const uint8_t *)extension, size, IPMSG_CHARSET_UTF8,
                                      bytes_max, buf, ret_count),
                     ERR_OK);
    assert_true(buf_size(buf) <= bytes_max);
    return buf_text(buf);
}

static void described(void **state)
{
    static const char two[] = "0:a \"b\\.txt:1a:6553f100:1:\ax\ab:d:0:0:2:\a";
    uint32_t count;
    struct buf buf;
    (void)state;
    buf_init(&buf, 10000);
    assert_string_equal(
        json_of(&buf, two, sizeof(two) - 1, 4096, &count),
        "[{\"id\":\"0\",\"name\":\"a \\\"b\\\\.txt\",\"kind\":\"file\",\"size\":26,"
        "\"mtime\":1700000000},"
        "{\"id\":\"b\",\"name\":\"d\",\"kind\":\"directory\",\"size\":0,\"mtime\":0}]");
    assert_int_equal(count, 2);
    assert_string_equal(json_of(&buf, NULL, 0, 4096, &count), "[]");
    assert_int_equal(count, 0);
    assert_string_equal(json_of(&buf, two, sizeof(two) - 1, 120, &count),
                        "[{\"id\":\"0\",\"name\":\"a \\\"b\\\\.txt\",\"kind\":\"file\",\"size\":26,"
                        "\"mtime\":1700000000},{\"more\":1}]");
    assert_string_equal(json_of(&buf, two, sizeof(two) - 1, 30, &count), "[{\"more\":2}]");
    assert_string_equal(json_of(&buf, two, sizeof(two) - 1, 2, &count), "[]");
    buf_fini(&buf);
}

static void many(void **state)
{
    size_t used = 0, size = (size_t)400 * 20;
    char *list = malloc(size);
    struct ipmsg_files files;
    struct ipmsg_file file;
    struct buf buf;
    uint32_t count;
    (void)state;
    assert_non_null(list);
    for (int i = 0; i < 400; i++)
        used += (size_t)snprintf(list + used, size - used, "%d:f%d:1:1:1:\a", i, i);
    ipmsg_files_begin(&files, (const uint8_t *)list, used);
    while (ipmsg_files_next(&files, &file))
        ;
    assert_int_equal(files.count, IPMSG_FILES_MAX);
    assert_int_equal(files.odd, 400 - IPMSG_FILES_MAX);
    buf_init(&buf, 10000);
    const char *json = json_of(&buf, list, used, 4096, &count);
    assert_int_equal(count, IPMSG_FILES_MAX);
    assert_non_null(strstr(json, "},{\"more\":"));
    buf_fini(&buf);
    buf_init(&buf, 100); /* the buffer's own limit */
    assert_int_equal(
        ipmsg_files_json((const uint8_t *)list, used, IPMSG_CHARSET_UTF8, 4096, &buf, NULL),
        ERR_TOO_LARGE);
    buf_fini(&buf);
    free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(list_of_three),
        cmocka_unit_test(names),
        cmocka_unit_test(odd_ones_are_passed_over),
        cmocka_unit_test(described),
        cmocka_unit_test(many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
