/* SPDX-License-Identifier: MPL-2.0
 *
 * A peer cache into the store, and the best of the store's peers as a peer cache.
 *
 * What is known here already is never made less: counters keep the larger value, addresses are
 * added, names and trust are not touched. An imported peer is offline until it is heard of.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/peer_quality.h"
#include "clients/import/export.h"
#include "clients/import/files.h"
#include "clients/import/import_state.h"
#include "clients/import/peer_cache.h"
#include "store/peers.h"

#define SOURCE     "peer-cache"
#define EXPORT_MAX 1000000u

/* ---------------------------------------------------------------- in */

static bool check_entry(const struct peer_cache_entry *entry, uint64_t now_s,
                        struct verdict *verdict)
{
    const char *problem = NULL;
    size_t size = strlen(entry->peer_id);
    if (name_check(entry->peer_id, size, &problem))
        return verdict_skip(verdict, "%s", problem);
    if (entry->peer_id[0] == '$')
        return verdict_skip(verdict, "names that begin with $ are the broker's own");
    if (peer_cache_is_stale(entry, now_s))
        return verdict_skip(verdict, "it was not seen for more than 7 days");
    if (entry->was_clamped)
        verdict_remark(verdict, "its reliability was not between 0 and 1");
    if (entry->was_merged)
        verdict_remark(verdict, "it stands there more than once");
    if (entry->last_seen_s > now_s)
        verdict_remark(verdict, "it was seen in the future: taken as now");
    if (entry->address_count > PEER_ADDRESSES_MAX)
        verdict_remark(verdict, "%d of its addresses are kept", PEER_ADDRESSES_MAX);
    return true;
}

static enum err see(struct store *store, const struct peer_cache_entry *entry, int64_t id,
                    int64_t at_ms, bool is_new)
{
    enum err err = ERR_OK;
    size_t i = 0;
    do {
        struct peer_seen seen = {
            .id = id,
            .seen_ms = at_ms,
            .left_ms = at_ms, /* it is not online by this */
            .kind = is_new ? SOURCE : "",
            .source = SOURCE,
            .address = i < entry->address_count ? entry->addresses[i] : "",
        };
        err = peer_update_seen(store, &seen);
    } while (!err && ++i < entry->address_count && i < PEER_ADDRESSES_MAX);
    return err;
}

static enum err store_entry(struct store *store, const struct peer_cache_entry *entry, int64_t id,
                            int64_t now_ms, bool is_new)
{
    uint64_t transfers = (uint64_t)entry->transfers_ok + entry->transfers_failed;
    bool has_latency = transfers > 0 || entry->latency_ms > 0;
    uint64_t samples = transfers > 0 ? transfers : has_latency;
    struct peer_imported imported = {
        .id = id,
        .connections = entry->connections,
        .measured = {.ok = entry->transfers_ok,
                     .failed = entry->transfers_failed,
                     .bytes = entry->bytes,
                     .latency_total_ms = samples * entry->latency_ms,
                     .latency_count = samples},
        .is_relay = entry->is_relay,
        .is_bootstrap = entry->is_bootstrap,
        .reliability = entry->reliability,
        .source = is_new ? SOURCE : "",
    };
    uint64_t now_s = (uint64_t)now_ms / 1000;
    int64_t at_ms = entry->last_seen_s > now_s ? now_ms : (int64_t)entry->last_seen_s * 1000;
    enum err err = peer_import(store, &imported);
    return err ? err : see(store, entry, id, at_ms, is_new);
}

static enum err import_entry(struct import *import, const struct peer_cache_entry *entry,
                             struct verdict *verdict)
{
    struct writer *writer = &import->writer;
    struct text name = {.data = entry->peer_id, .size = strlen(entry->peer_id)};
    int64_t now_ms = import->options->now_ms, id = 0;
    bool is_new = false;
    if (!check_entry(entry, (uint64_t)now_ms / 1000, verdict))
        return ERR_OK;
    enum err err = writer_peer(writer, name, now_ms, &id, &is_new);
    verdict->outcome = is_new ? ROW_ADDED : ROW_PRESENT;
    if (!err && !writer->is_dry)
        err = store_entry(writer->store, entry, id, now_ms, is_new);
    return import_fail_row(err, verdict, "peer");
}

static enum err import_entries(struct import *import, const struct peer_cache *cache)
{
    enum err err = ERR_OK;
    import_begin_table(import, "peers", cache->count);
    for (size_t i = 0; !err && i < cache->count; i++) {
        struct verdict verdict = {.outcome = ROW_ADDED};
        err = writer_begin_row(&import->writer);
        if (!err)
            err = import_entry(import, &cache->entries[i], &verdict);
        if (!err)
            err = writer_end_row(&import->writer);
        if (!err)
            import_count_row(import, cache->entries[i].peer_id, &verdict);
    }
    return err;
}

/* One line about the file as a whole. */
static void remark_file(struct import *import, const char *text, bool is_skipped)
{
    struct verdict verdict = {.outcome = is_skipped ? ROW_SKIPPED : ROW_PRESENT};
    (void)snprintf(verdict.text, sizeof(verdict.text), "%s", text);
    import_begin_table(import, "file", 1);
    import_count_row(import, import->options->source, &verdict);
}

static void set_aside(struct import *import, const char *problem)
{
    char text[300], aside[512];
    int failed = import->options->is_dry
                     ? 0
                     : files_set_aside(import->options->source, aside, sizeof(aside));
    if (import->options->is_dry)
        (void)snprintf(text, sizeof(text), "it is no peer cache (%s)", problem);
    else if (failed)
        (void)snprintf(text, sizeof(text), "it is no peer cache (%s), and cannot be set aside: %s",
                       problem, strerror(failed));
    else
        (void)snprintf(text, sizeof(text), "it is no peer cache (%s); it is now %.120s", problem,
                       aside);
    remark_file(import, text, true);
}

static enum err import_text(struct import *import, const char *text, size_t size)
{
    struct peer_cache cache;
    char problem[128];
    if (!peer_cache_read(text, size, &cache, problem, sizeof(problem))) {
        set_aside(import, problem);
        return ERR_OK;
    }
    if (cache.version > PEER_CACHE_VERSION)
        remark_file(import, "its version is newer than 1: read as far as it is known", false);
    enum err err = import_entries(import, &cache);
    peer_cache_fini(&cache);
    return err;
}

enum err import_peer_cache(const struct import_options *given, struct import_report *ret,
                           char ret_problem[IMPORT_TEXT_BYTES])
{
    static struct import import;
    struct import_options options = *given;
    char *text = NULL;
    size_t size = 0;
    options.is_text = true;
    enum err err = import_open(&import, &options, ret, ret_problem);
    if (err)
        return err;
    int problem = files_read(options.source, PEER_CACHE_BYTES_MAX, &text, &size);
    if (problem == EFBIG)
        set_aside(&import, "it is larger than 64 MiB");
    else if (problem == ENOENT)
        remark_file(&import, "there is no such file: nothing to import", false);
    else if (problem)
        (void)snprintf(ret_problem, IMPORT_TEXT_BYTES, "%.500s: %s", options.source,
                       strerror(problem));
    if (problem && problem != EFBIG && problem != ENOENT)
        return import_close(&import, ERR_STORAGE, ret_problem);
    err = text ? import_text(&import, text, size) : ERR_OK;
    free(text);
    return import_close(&import, err, ret_problem);
}

/* ---------------------------------------------------------------- out */

struct collection {
    struct store *store;
    struct peer_cache_entry *entries;
    size_t count, capacity;
    int64_t now_ms;
};

static uint32_t as_u32(uint64_t number)
{
    return number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

static enum err take_address(void *context, const char *address, const char *source,
                             int64_t last_seen_ms)
{
    struct peer_cache_entry *entry = context;
    (void)source;
    (void)last_seen_ms;
    char **addresses =
        realloc(entry->addresses, (entry->address_count + 1) * sizeof(*entry->addresses));
    if (!addresses)
        return ERR_BUSY;
    entry->addresses = addresses;
    addresses[entry->address_count] = strdup(address);
    return addresses[entry->address_count++] ? ERR_OK : ERR_BUSY;
}

static double reliability_of(const struct peer_row *row, int64_t now_ms)
{
    struct peer_quality quality = {
        .transfers_ok = row->transfers_ok,
        .transfers_failed = row->transfers_failed,
        .latency_total_ms = row->latency_total_ms,
        .latency_count = row->latency_count,
        .observed_ms = row->observed_ms,
        .online_since_ms = row->online_since_ms,
        .online_ms = row->online_ms,
    };
    return peer_quality_of_imported(&quality, row->reliability, now_ms);
}

static enum err take_peer(void *context, const struct peer_row *row)
{
    struct collection *all = context;
    struct peer_quality latency = {.latency_total_ms = row->latency_total_ms,
                                   .latency_count = row->latency_count};
    if (row->last_seen_ms <= 0 || row->name[0] == '$')
        return ERR_OK; /* only written to, never seen */
    if (all->count == all->capacity) {
        size_t capacity = all->capacity ? 2 * all->capacity : 256;
        struct peer_cache_entry *larger = realloc(all->entries, capacity * sizeof(*larger));
        if (!larger)
            return ERR_BUSY;
        all->entries = larger;
        all->capacity = capacity;
    }
    struct peer_cache_entry *entry = &all->entries[all->count];
    *entry = (struct peer_cache_entry){
        .peer_id = strdup(row->name),
        .last_seen_s = (uint64_t)row->last_seen_ms / 1000,
        .connections = as_u32(row->connections),
        .transfers_ok = as_u32(row->transfers_ok),
        .transfers_failed = as_u32(row->transfers_failed),
        .latency_ms = as_u32(peer_quality_latency_ms(&latency)),
        .bytes = row->transfer_bytes,
        .is_bootstrap = row->is_bootstrap,
        .is_relay = row->is_relay,
        .reliability = reliability_of(row, all->now_ms),
        .row_id = row->id,
    };
    all->count++;
    return entry->peer_id ? ERR_OK : ERR_BUSY;
}

static void free_entries(struct collection *all)
{
    for (size_t i = 0; i < all->count; i++) {
        for (size_t j = 0; j < all->entries[i].address_count; j++)
            free(all->entries[i].addresses[j]);
        free(all->entries[i].addresses);
        free(all->entries[i].peer_id);
    }
    free(all->entries);
}

static enum err write_best(const struct export_options *options, struct collection *all,
                           struct peer_cache_statistics *ret, char ret_problem[IMPORT_TEXT_BYTES])
{
    uint64_t now_s = (uint64_t)options->now_ms / 1000;
    size_t best = peer_cache_rank(all->entries, all->count, now_s);
    enum err err = ERR_OK;
    *ret = peer_cache_count(all->entries, best);
    if (best == 0)
        return ERR_OK; /* what is in the file is better than nothing */
    for (size_t i = 0; !err && i < best; i++)
        err = peer_addresses(all->store, all->entries[i].row_id, take_address, &all->entries[i]);
    if (err)
        return err;
    char *text = peer_cache_write(all->entries, best, now_s);
    int problem = text ? files_replace(options->target, text, strlen(text)) : ENOMEM;
    free(text);
    if (!problem)
        return ERR_OK;
    (void)snprintf(ret_problem, IMPORT_TEXT_BYTES, "%.500s: %s", options->target,
                   strerror(problem));
    return problem == ENOSPC ? ERR_DISK_FULL : ERR_STORAGE;
}

enum err export_peer_cache(const struct export_options *options, struct peer_cache_statistics *ret,
                           char ret_problem[IMPORT_TEXT_BYTES])
{
    struct collection all = {.now_ms = options->now_ms};
    struct store_options store_options = {
        .path = options->database,
        .read_only = true,
        .error_text = ret_problem,
        .error_text_size_bytes = IMPORT_TEXT_BYTES,
    };
    ret_problem[0] = '\0';
    enum err err = store_open(&store_options, &all.store);
    if (err)
        return err;
    err = peer_list(all.store, "", 0, EXPORT_MAX, take_peer, &all);
    if (!err)
        err = write_best(options, &all, ret, ret_problem);
    free_entries(&all);
    store_close(&all.store);
    return err;
}
