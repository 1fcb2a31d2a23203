/* SPDX-License-Identifier: MPL-2.0
 *
 * peer_cache.json of Chiral Network: text to entries and back. Pure: no file, no store.
 *
 * An object with version, last_updated (seconds) and peers, each with eleven fields, all of them
 * required; others are ignored. What is not exactly that is no cache, and nothing of it is taken.
 * Odd but fine: version 0 or a newer one, no addresses, a reliability out of range (it is
 * clamped), a peer twice (the two are merged), any number of peers.
 */
#ifndef IMPORT_PEER_CACHE_H
#define IMPORT_PEER_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEER_CACHE_VERSION   1
#define PEER_CACHE_STALE_S   604800u /* older than this is left out; exactly this is not */
#define PEER_CACHE_BEST      100     /* entries that are written */
#define PEER_CACHE_BYTES_MAX ((size_t)64 << 20)

struct peer_cache_entry {
    char *peer_id;
    char **addresses;
    size_t address_count;
    uint64_t last_seen_s;
    uint32_t connections, transfers_ok, transfers_failed, latency_ms;
    uint64_t bytes;
    bool is_bootstrap, is_relay;
    double reliability; /* 0 to 1 */
    bool was_clamped;   /* it was not */
    bool was_merged;    /* stood there more than once */
    int64_t row_id;     /* of the store it comes from; 0: it was read from a file */
};

struct peer_cache {
    uint32_t version;
    uint64_t last_updated_s;
    struct peer_cache_entry *entries;
    size_t count;
    void *json; /* what the texts are views into */
};

/* False: no cache; then *ret is empty and ret_problem a sentence (at least 200 bytes). */
bool peer_cache_read(const char *text, size_t size, struct peer_cache *ret, char *ret_problem,
                     size_t problem_size);
void peer_cache_fini(struct peer_cache *cache);

bool peer_cache_is_stale(const struct peer_cache_entry *entry, uint64_t now_s);

/* The best PEER_CACHE_BEST that are not stale come first, best first: by reliability, then
 * connections, then id. Answers how many these are. */
size_t peer_cache_rank(struct peer_cache_entry *entries, size_t count, uint64_t now_s);

/* Indented by 2 spaces, with a line end; to be freed. NULL: no memory. */
char *peer_cache_write(const struct peer_cache_entry *entries, size_t count, uint64_t now_s);

struct peer_cache_statistics {
    size_t total, relays, bootstraps;
    double reliability; /* mean; 0 of none */
    uint64_t transfers, bytes;
};
struct peer_cache_statistics peer_cache_count(const struct peer_cache_entry *entries, size_t count);

#endif
