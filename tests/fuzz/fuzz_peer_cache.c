/* SPDX-License-Identifier: MPL-2.0
 *
 * Any bytes as a peer_cache.json (clients/import/peer_cache.h):
 *   - what is no cache is refused with one sentence, and nothing is taken of it
 *   - what is one has each peer and each address once, and numbers within their range
 *   - the best come first, none of them stale, and everybody who was in is still in
 *   - what is written is JSON and reads back to the same
 */
#include <math.h>
#include <stdint.h>

#include "bytes.h"
#include "clients/import/peer_cache.h"
#include "plain.h"

#define PROBLEM_BYTES 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool has(const struct peer_cache *cache, const char *id)
{
    for (size_t i = 0; i < cache->count; i++) {
        if (strcmp(cache->entries[i].peer_id, id) == 0)
            return true;
    }
    return false;
}

static void check_entry(const struct peer_cache_entry *entry)
{
    CHECK(entry->peer_id && entry->reliability >= 0 && entry->reliability <= 1);
    CHECK(!signbit(entry->reliability));
    CHECK(entry->last_seen_s <= INT64_MAX && entry->bytes <= INT64_MAX);
    for (size_t i = 0; i < entry->address_count; i++) {
        for (size_t j = 0; j < i; j++)
            CHECK(strcmp(entry->addresses[i], entry->addresses[j]) != 0);
    }
}

static bool is_same(const struct peer_cache_entry *one, const struct peer_cache_entry *other)
{
    bool is_same =
        strcmp(one->peer_id, other->peer_id) == 0 && one->address_count == other->address_count &&
        one->last_seen_s == other->last_seen_s && one->connections == other->connections &&
        one->transfers_ok == other->transfers_ok && one->bytes == other->bytes &&
        one->transfers_failed == other->transfers_failed && one->latency_ms == other->latency_ms &&
        one->is_bootstrap == other->is_bootstrap && one->is_relay == other->is_relay &&
        memcmp(&one->reliability, &other->reliability, sizeof(double)) == 0;
    for (size_t i = 0; is_same && i < one->address_count; i++)
        is_same = strcmp(one->addresses[i], other->addresses[i]) == 0;
    return is_same;
}

static void check_back(const struct peer_cache *cache, uint64_t now_s)
{
    struct peer_cache again;
    char problem[PROBLEM_BYTES];
    char *text = peer_cache_write(cache->entries, cache->count, now_s);
    CHECK(text);
    size_t size = strlen(text);
    CHECK(size > 60000 || plain_is_json(text, size));
    CHECK(peer_cache_read(text, size, &again, problem, sizeof(problem)));
    CHECK(again.version == PEER_CACHE_VERSION && again.last_updated_s == now_s);
    CHECK(again.count == cache->count);
    for (size_t i = 0; i < again.count; i++) {
        bool is_there = false;
        for (size_t j = 0; j < cache->count; j++)
            is_there |= is_same(&again.entries[i], &cache->entries[j]);
        CHECK(is_there && !again.entries[i].was_merged && !again.entries[i].was_clamped);
    }
    peer_cache_fini(&again);
    free(text);
}

static void check_rank(struct peer_cache *cache, uint64_t now_s)
{
    size_t fresh = 0;
    struct peer_cache_statistics before = peer_cache_count(cache->entries, cache->count);
    CHECK(before.total == cache->count && before.reliability >= 0 && before.reliability <= 1);
    for (size_t i = 0; i < cache->count; i++)
        fresh += !peer_cache_is_stale(&cache->entries[i], now_s);
    size_t best = peer_cache_rank(cache->entries, cache->count, now_s);
    CHECK(best == (fresh < PEER_CACHE_BEST ? fresh : PEER_CACHE_BEST));
    for (size_t i = 0; i < best; i++) {
        const struct peer_cache_entry *entry = &cache->entries[i];
        CHECK(!peer_cache_is_stale(entry, now_s));
        CHECK(i == 0 || entry[-1].reliability >= entry->reliability);
        if (i > 0 && entry[-1].reliability <= entry->reliability)
            CHECK(entry[-1].connections >= entry->connections);
    }
    struct peer_cache_statistics after = peer_cache_count(cache->entries, cache->count);
    CHECK(after.bytes == before.bytes && after.transfers == before.transfers);
    CHECK(after.relays == before.relays && after.bootstraps == before.bootstraps);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size};
    struct peer_cache cache = {.version = 77};
    char problem[PROBLEM_BYTES] = "";
    uint64_t now_s = 1700000000 + bytes_u8(&input) * UINT64_C(10000);
    char *text = bytes_copy(input, false);
    bool is_cache = peer_cache_read(text, input.left, &cache, problem, sizeof(problem));
    free(text); /* nothing looks at it any more */
    if (is_cache) {
        for (size_t i = 0; i < cache.count; i++) {
            struct peer_cache rest = {.entries = cache.entries, .count = i};
            check_entry(&cache.entries[i]);
            CHECK(!has(&rest, cache.entries[i].peer_id));
        }
        check_back(&cache, now_s);
        check_rank(&cache, now_s);
        check_back(&cache, now_s);
    } else {
        CHECK(problem[0] && memchr(problem, '\0', sizeof(problem)) && !strchr(problem, '\n'));
        CHECK(cache.count == 0 && !cache.entries && !cache.json);
    }
    peer_cache_fini(&cache);
    return 0;
}
