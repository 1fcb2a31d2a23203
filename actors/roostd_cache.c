/* SPDX-License-Identifier: MPL-2.0
 *
 * See roostd_cache.h.
 */
#include "roostd_cache.h"

#include <stdio.h>
#include <unistd.h>

#include "clients/import/export.h"
#include "clients/import/import.h"
#include "rt/log.h"

#define MS_PER_S 1000

static void say_finding(void *context, const struct import_finding *finding)
{
    (void)context;
    log_warn("peer-cache", LOG_STR("id", finding->id), LOG_STR("text", finding->reason));
}

static void load(const struct roostd_cache *cache)
{
    static struct import_report report; /* large, and there is one */
    char problem[IMPORT_TEXT_BYTES];
    struct mono_time began = clock_mono_now();
    const struct import_options options = {.source = cache->path,
                                           .database = cache->database,
                                           .now_ms = clock_wall_now().ms,
                                           .on_finding = say_finding};
    if (access(cache->path, F_OK) != 0)
        return; /* there is none yet */
    enum err err = import_peer_cache(&options, &report, problem);
    uint64_t added = 0, present = 0;
    for (size_t i = 0; i < report.count; i++) {
        added += report.counts[i].added;
        present += report.counts[i].present;
    }
    if (err)
        log_warn("peer-cache-not-loaded", LOG_ERROR(err), LOG_STR("text", problem));
    else
        log_info("peer-cache-loaded", LOG_U64("added", added), LOG_U64("known", present),
                 LOG_I64("took_ms", mono_elapsed_ms(began, clock_mono_now())));
}

static void save_later(struct roostd_cache *cache)
{
    cache->save_at = mono_add_ms(clock_mono_now(), cache->interval_ms);
}

void roostd_cache_open(struct roostd_cache *cache, const char *file, const char *directory,
                       const char *database, int64_t interval_s)
{
    bool is_from_root = file[0] == '/';
    int size = file[0] ? snprintf(cache->path, sizeof(cache->path), "%s%s%s",
                                  is_from_root ? "" : directory, is_from_root ? "" : "/", file)
                       : 0;
    cache->database = database;
    cache->interval_ms = interval_s * MS_PER_S;
    if (size <= 0 || (size_t)size >= sizeof(cache->path)) {
        cache->path[0] = '\0';
        if (size)
            log_warn("peer-cache-not-loaded", LOG_STR("text", "peers.cache_file is too long"));
        return;
    }
    load(cache);
    save_later(cache);
}

int64_t roostd_cache_wait_ms(const struct roostd_cache *cache)
{
    if (!cache->path[0])
        return -1;
    int64_t left_ms = -mono_elapsed_ms(cache->save_at, clock_mono_now());
    return left_ms > 0 ? left_ms : 0;
}

void roostd_cache_save(struct roostd_cache *cache)
{
    struct peer_cache_statistics statistics = {.total = 0};
    char problem[IMPORT_TEXT_BYTES];
    const struct export_options options = {
        .database = cache->database, .target = cache->path, .now_ms = clock_wall_now().ms};
    struct mono_time began = clock_mono_now();
    if (!cache->path[0])
        return;
    enum err err = export_peer_cache(&options, &statistics, problem);
    if (err)
        log_warn("peer-cache-not-saved", LOG_ERROR(err), LOG_STR("text", problem));
    else
        log_info("peer-cache-saved", LOG_U64("peers", statistics.total),
                 LOG_I64("took_ms", mono_elapsed_ms(began, clock_mono_now())));
    save_later(cache);
}

void roostd_cache_save_if_due(struct roostd_cache *cache)
{
    if (roostd_cache_wait_ms(cache) == 0)
        roostd_cache_save(cache);
}
