/* SPDX-License-Identifier: MPL-2.0
 *
 * The chunked arena. A chunk holds at least CHUNK_BYTES; a larger piece gets a chunk of its own.
 * Under AddressSanitizer a reset poisons what it keeps, so a view that outlives its message is
 * found at its first use.
 */
#include "rt/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rt/check.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAS_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_POISON 1
#endif
#endif

#ifdef HAS_POISON
#include <sanitizer/asan_interface.h>
#define POISON(start, size)   ASAN_POISON_MEMORY_REGION(start, size)
#define UNPOISON(start, size) ASAN_UNPOISON_MEMORY_REGION(start, size)
#else
#define POISON(start, size)   ((void)(start), (void)(size))
#define UNPOISON(start, size) ((void)(start), (void)(size))
#endif

#define CHUNK_BYTES ((size_t)16 * 1024) /* what one ordinary message needs at most */
#define ALIGNMENT   _Alignof(max_align_t)

struct arena_chunk {
    struct arena_chunk *next;
    size_t used;
    size_t capacity;
    _Alignas(max_align_t) uint8_t bytes[];
};

static void *allocate(void *data, size_t size)
{
    return arena_alloc(data, size);
}

static void release(void *data, void *pointer)
{
    (void)data; /* all is freed by arena_reset */
    (void)pointer;
}

void arena_init(struct arena *arena, size_t limit_bytes)
{
    CHECK(limit_bytes <= SIZE_MAX / 2);
    *arena = (struct arena){
        .limit_bytes = limit_bytes,
        .allocator = {.alloc = allocate, .free = release, .allocator_data = arena},
    };
}

static void free_chunk(struct arena_chunk *chunk)
{
    UNPOISON(chunk->bytes, chunk->capacity);
    free(chunk);
}

void arena_fini(struct arena *arena)
{
    while (arena->chunks) {
        struct arena_chunk *next = arena->chunks->next;
        free_chunk(arena->chunks);
        arena->chunks = next;
    }
    arena->used_bytes = 0;
}

void arena_reset(struct arena *arena)
{
    struct arena_chunk *chunk = arena->chunks;
    while (chunk && (chunk->next || chunk->capacity > CHUNK_BYTES)) {
        struct arena_chunk *next = chunk->next;
        free_chunk(chunk);
        chunk = next;
    }
    arena->chunks = chunk;
    arena->used_bytes = 0;
    arena->has_failed = arena->lacks_memory = false;
    if (chunk) {
        POISON(chunk->bytes, chunk->capacity);
        chunk->used = 0;
    }
}

static struct arena_chunk *add_chunk(struct arena *arena, size_t size)
{
    size_t capacity = size > CHUNK_BYTES ? size : CHUNK_BYTES;
    struct arena_chunk *chunk = malloc(sizeof(*chunk) + capacity);
    if (!chunk)
        return NULL;
    chunk->used = 0;
    chunk->capacity = capacity;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    POISON(chunk->bytes, chunk->capacity);
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    CHECK(arena->allocator.allocator_data == arena); /* it has not moved */
    size_t rounded = size ? (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : ALIGNMENT;
    bool fits = size <= arena->limit_bytes && rounded <= arena->limit_bytes - arena->used_bytes;
    struct arena_chunk *chunk = arena->chunks;
    if (fits && (!chunk || rounded > chunk->capacity - chunk->used))
        chunk = add_chunk(arena, rounded);
    if (!fits || !chunk) {
        arena->has_failed = true;
        arena->lacks_memory |= fits;
        return NULL;
    }
    void *piece = chunk->bytes + chunk->used;
    chunk->used += rounded;
    arena->used_bytes += rounded;
    UNPOISON(piece, size);
    memset(piece, 0, size);
    return piece;
}

ProtobufCAllocator *arena_allocator(struct arena *arena)
{
    return &arena->allocator;
}

size_t arena_used(const struct arena *arena)
{
    return arena->used_bytes;
}

bool arena_has_failed(const struct arena *arena)
{
    return arena->has_failed;
}

bool arena_lacks_memory(const struct arena *arena)
{
    return arena->lacks_memory;
}
