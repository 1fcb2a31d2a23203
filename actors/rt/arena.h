/* SPDX-License-Identifier: MPL-2.0
 *
 * Bounded memory that is given back all at once: for unpacked protobuf messages.
 *
 * Allocation is a pointer step in a chunk; memory comes zeroed and aligned for any type. Beyond
 * the limit an allocation answers NULL, which protobuf-c turns into a failed unpack: hostile input
 * of any shape costs at most the limit. Freeing one piece does nothing; arena_reset frees all and
 * keeps a little memory for the next message. For one thread.
 */
#ifndef RT_ARENA_H
#define RT_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* newest first; the last one is kept by arena_reset */
    size_t used_bytes;          /* handed out since the last reset, with alignment */
    size_t limit_bytes;
    bool has_failed;
    bool lacks_memory; /* has failed below its limit */
    ProtobufCAllocator allocator;
};

/* The arena must not move in memory afterwards: the allocator points to it. Allocates nothing. */
void arena_init(struct arena *arena, size_t limit_bytes);
void arena_fini(struct arena *arena);

/* Everything handed out so far dies. */
void arena_reset(struct arena *arena);

/* Zeroed, aligned for any type; NULL when the limit or the memory is exhausted. */
void *arena_alloc(struct arena *arena, size_t size);

/* For protobuf_c_message_unpack and the generated unpack functions. */
ProtobufCAllocator *arena_allocator(struct arena *arena);

/* Bytes handed out since the last reset. */
size_t arena_used(const struct arena *arena);

/* Something found no room since the last reset: what could not be unpacked may be fine. */
bool arena_has_failed(const struct arena *arena);

/* And it was not the limit: the system had no memory, so the same may fit later. */
bool arena_lacks_memory(const struct arena *arena);

#endif
