/* SPDX-License-Identifier: MPL-2.0
 *
 * gateways/http/http_unread: order, bounds, pieces that are shared and end with their last holder; and a
 * reader that takes any amounts gets what a plain text of the same pieces holds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateways/http/http_unread.h"

#define SHARED_TIMES 50
#define RANDOM_STEPS 200000
#define RANDOM_PIECE 200
#define RANDOM_LIMIT 2000
#define RANDOM_SPACE 300

static struct http_piece *piece_of(const char *text)
{
    struct http_piece *piece = http_piece_new(strlen(text));
    assert_non_null(piece);
    memcpy(piece->bytes, text, piece->size);
    return piece;
}

static enum err add(struct http_unread *unread, const char *text)
{
    struct http_piece *piece = piece_of(text);
    enum err err = http_unread_add(unread, piece);
    http_piece_drop(&piece);
    assert_null(piece);
    return err;
}

static void assert_read(struct http_unread *unread, size_t room, const char *wanted)
{
    char space[64];
    assert_true(room <= sizeof(space));
    assert_int_equal(http_unread_read(unread, space, room), strlen(wanted));
    assert_memory_equal(space, wanted, strlen(wanted));
}

static void pieces_are_read_in_order(void **state)
{
    (void)state;
    struct http_unread unread;
    http_unread_init(&unread, 100);
    assert_read(&unread, 64, "");
    assert_int_equal(add(&unread, "one "), ERR_OK);
    assert_int_equal(add(&unread, "two "), ERR_OK);
    assert_int_equal(unread.size, 8);
    assert_read(&unread, 2, "on");
    assert_read(&unread, 4, "e tw");
    assert_int_equal(add(&unread, "three"), ERR_OK);
    assert_read(&unread, 0, "");
    assert_read(&unread, 64, "o three");
    assert_int_equal(unread.size, 0);
    assert_null(unread.pieces); /* empty, it holds no memory */
    assert_int_equal(add(&unread, "four"), ERR_OK);
    assert_read(&unread, 64, "four");
    http_unread_fini(&unread);
}

static void what_is_unread_is_bounded(void **state)
{
    (void)state;
    struct http_unread unread;
    http_unread_init(&unread, 10);
    assert_int_equal(add(&unread, "123456"), ERR_OK);
    assert_int_equal(add(&unread, "12345"), ERR_TOO_LARGE);
    assert_int_equal(add(&unread, "1234"), ERR_OK);
    assert_int_equal(add(&unread, "1"), ERR_TOO_LARGE);
    assert_read(&unread, 1, "1"); /* a byte that was read makes room for one */
    assert_int_equal(add(&unread, "ab"), ERR_TOO_LARGE);
    assert_int_equal(add(&unread, "a"), ERR_OK);
    assert_read(&unread, 64, "234561234a");
    http_unread_fini(&unread);
}

static void what_is_forgiven_does_not_count(void **state)
{
    (void)state;
    struct http_unread unread;
    http_unread_init(&unread, 10);
    assert_int_equal(add(&unread, "12345678"), ERR_OK);
    http_unread_forgive(&unread);
    assert_int_equal(add(&unread, "abcdefghij"), ERR_OK);
    assert_int_equal(add(&unread, "k"), ERR_TOO_LARGE);
    assert_read(&unread, 5, "12345"); /* of what was forgiven: no room for more */
    assert_int_equal(add(&unread, "k"), ERR_TOO_LARGE);
    assert_read(&unread, 4, "678a");
    assert_int_equal(add(&unread, "k"), ERR_OK);
    assert_read(&unread, 64, "bcdefghijk");
    http_unread_fini(&unread);
}

static void a_piece_lives_as_long_as_it_is_held(void **state)
{
    (void)state;
    struct http_unread readers[SHARED_TIMES];
    struct http_piece *piece = piece_of("for everybody"), *mine = piece;
    for (int i = 0; i < SHARED_TIMES; i++) {
        http_unread_init(&readers[i], 100);
        assert_int_equal(http_unread_add(&readers[i], piece), ERR_OK);
    }
    assert_int_equal(piece->holders, SHARED_TIMES + 1);
    http_piece_drop(&mine);
    for (int i = 0; i < SHARED_TIMES; i++) {
        assert_int_equal(piece->holders, SHARED_TIMES - i);
        if (i % 2 == 0)
            assert_read(&readers[i], 64, "for everybody");
        http_unread_fini(&readers[i]); /* the last one frees it: the sanitizer would tell */
    }
    http_piece_drop(&mine); /* nothing */
}

static void any_amounts_give_the_same_text(void **state)
{
    (void)state;
    static char written[RANDOM_LIMIT];
    char text[RANDOM_PIECE + 1], space[RANDOM_SPACE];
    struct http_unread unread;
    size_t size = 0;
    http_unread_init(&unread, RANDOM_LIMIT);
    srand(4711);
    for (int i = 0; i < RANDOM_STEPS; i++) {
        if (rand() % 2) {
            size_t more = 1 + (size_t)rand() % RANDOM_PIECE;
            memset(text, 'a' + i % 26, more);
            text[more] = '\0';
            enum err err = add(&unread, text);
            assert_int_equal(err, size + more > RANDOM_LIMIT ? ERR_TOO_LARGE : ERR_OK);
            if (err)
                continue;
            memcpy(written + size, text, more);
            size += more;
        } else {
            size_t room = (size_t)rand() % RANDOM_SPACE;
            size_t got = http_unread_read(&unread, space, room);
            assert_int_equal(got, size < room ? size : room);
            assert_memory_equal(space, written, got);
            memmove(written, written + got, size - got);
            size -= got;
        }
        assert_int_equal(unread.size, size);
    }
    http_unread_fini(&unread);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_read_in_order),
        cmocka_unit_test(what_is_unread_is_bounded),
        cmocka_unit_test(what_is_forgiven_does_not_count),
        cmocka_unit_test(a_piece_lives_as_long_as_it_is_held),
        cmocka_unit_test(any_amounts_give_the_same_text),
    };
    return cmocka_run_group_tests_name("http_unread", tests, NULL, NULL);
}
