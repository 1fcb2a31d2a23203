/* SPDX-License-Identifier: MPL-2.0
 *
 * rt/buf: append and consume against a model, the limit, text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rt/buf.h"

static void empty_buffer_has_a_view(void **state)
{
    struct buf buf;
    (void)state;
    buf_init(&buf, 10);
    assert_int_equal(buf_size(&buf), 0);
    assert_non_null(buf_data(&buf));
    assert_string_equal(buf_text(&buf), "");
    buf_fini(&buf);
    buf_fini(&buf); /* twice does no harm */
}

static void limit_is_exact_and_refusal_changes_nothing(void **state)
{
    struct buf buf;
    (void)state;
    buf_init(&buf, 5);
    assert_int_equal(buf_append(&buf, "abcd", 4), ERR_OK);
    assert_int_equal(buf_room(&buf), 1);
    assert_int_equal(buf_append(&buf, "ef", 2), ERR_TOO_LARGE);
    assert_int_equal(buf_append_format(&buf, "%d", 42), ERR_TOO_LARGE);
    assert_string_equal(buf_text(&buf), "abcd");
    assert_int_equal(buf_append_byte(&buf, 'e'), ERR_OK);
    assert_string_equal(buf_text(&buf), "abcde");
    assert_int_equal(buf_append_byte(&buf, 'f'), ERR_TOO_LARGE);
    buf_consume(&buf, 2);
    assert_int_equal(buf_append_text(&buf, "fg"), ERR_OK);
    assert_string_equal(buf_text(&buf), "cdefg");
    buf_clear(&buf);
    assert_int_equal(buf_append_text(&buf, "12345"), ERR_OK);
    buf_fini(&buf);
}

static void reserve_and_commit(void **state)
{
    struct buf buf;
    uint8_t *space = NULL;
    (void)state;
    buf_init(&buf, 1000);
    assert_int_equal(buf_reserve(&buf, 500, &space), ERR_OK);
    memset(space, 'x', 500);
    buf_commit(&buf, 3);
    assert_string_equal(buf_text(&buf), "xxx");
    assert_int_equal(buf_reserve(&buf, 998, &space), ERR_TOO_LARGE);
    assert_int_equal(buf_append_format(&buf, "-%s-%d", "y", 7), ERR_OK);
    assert_string_equal(buf_text(&buf), "xxx-y-7");
    buf_fini(&buf);
}

/* Random appends and consumes, compared with a plain array. */
static void behaves_like_a_queue_of_bytes(void **state)
{
    enum { LIMIT = 700, TOTAL = 200000 };
    static uint8_t model[TOTAL];
    size_t begin = 0, end = 0;
    struct buf buf;
    unsigned seed = 7;
    (void)state;
    for (size_t i = 0; i < TOTAL; i++)
        model[i] = (uint8_t)(i * 31 + i / 251);
    buf_init(&buf, LIMIT);
    while (end < TOTAL - 200) {
        size_t size = (size_t)rand_r(&seed) % 100;
        enum err err = buf_append(&buf, model + end, size);
        assert_int_equal(err, end - begin + size > LIMIT ? ERR_TOO_LARGE : ERR_OK);
        if (!err)
            end += size;
        size = (size_t)rand_r(&seed) % 100;
        if (size > end - begin)
            size = end - begin;
        buf_consume(&buf, size);
        begin += size;
        assert_int_equal(buf_size(&buf), end - begin);
        assert_memory_equal(buf_data(&buf), model + begin, end - begin);
    }
    assert_true(buf.capacity <= LIMIT + 1);
    buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_buffer_has_a_view),
        cmocka_unit_test(limit_is_exact_and_refusal_changes_nothing),
        cmocka_unit_test(reserve_and_commit),
        cmocka_unit_test(behaves_like_a_queue_of_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
