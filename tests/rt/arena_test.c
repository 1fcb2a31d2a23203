/* SPDX-License-Identifier: MPL-2.0
 *
 * rt/arena: zeroed and aligned pieces, the limit, what a reset keeps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rt/arena.h"

static void pieces_are_zeroed_and_aligned(void **state)
{
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 20);
    for (unsigned round = 0; round < 3; round++) {
        for (size_t size = 0; size < 300; size++) {
            uint8_t *piece = arena_alloc(&arena, size);
            assert_non_null(piece);
            assert_int_equal((uintptr_t)piece % _Alignof(max_align_t), 0);
            for (size_t i = 0; i < size; i++)
                assert_int_equal(piece[i], 0);
            memset(piece, 0xff, size);
        }
        arena_reset(&arena);
        assert_int_equal(arena_used(&arena), 0);
    }
    arena_fini(&arena);
}

static void limit_is_exact(void **state)
{
    struct arena arena;
    (void)state;
    arena_init(&arena, 64 * 1024);
    assert_null(arena_alloc(&arena, 64 * 1024 + 1));
    assert_non_null(arena_alloc(&arena, 64 * 1024));
    assert_int_equal(arena_used(&arena), 64 * 1024);
    assert_true(arena_has_failed(&arena)); /* the first one of all */
    assert_false(arena_lacks_memory(&arena));
    assert_null(arena_alloc(&arena, 1));
    assert_null(arena_alloc(&arena, SIZE_MAX));
    arena_reset(&arena);
    assert_false(arena_has_failed(&arena));
    size_t count = 0;
    while (arena_alloc(&arena, 1000))
        count++;
    assert_true(count >= 63 && count <= 65);
    arena_fini(&arena);
}

static void allocator_serves_protobuf(void **state)
{
    struct arena arena;
    (void)state;
    arena_init(&arena, 1024);
    ProtobufCAllocator *allocator = arena_allocator(&arena);
    void *piece = allocator->alloc(allocator->allocator_data, 100);
    assert_non_null(piece);
    allocator->free(allocator->allocator_data, piece);
    assert_true(arena_used(&arena) >= 100); /* freeing does nothing */
    assert_null(allocator->alloc(allocator->allocator_data, 1000));
    arena_fini(&arena);
    arena_fini(&arena); /* twice does no harm */
}

static void reset_gives_large_memory_back(void **state)
{
    struct arena arena;
    (void)state;
    arena_init(&arena, 16 << 20);
    assert_non_null(arena_alloc(&arena, 10));
    assert_non_null(arena_alloc(&arena, 8 << 20));
    arena_reset(&arena);
    assert_non_null(arena_alloc(&arena, 16 << 20));
    arena_reset(&arena);
    assert_int_equal(arena_used(&arena), 0);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_zeroed_and_aligned),
        cmocka_unit_test(limit_is_exact),
        cmocka_unit_test(allocator_serves_protobuf),
        cmocka_unit_test(reset_gives_large_memory_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
