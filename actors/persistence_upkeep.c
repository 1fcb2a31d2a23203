/* SPDX-License-Identifier: MPL-2.0
 *
 * What has to be done now and then, between the batches: bring the deferred index forward, move
 * the WAL, remove what is old, and look for room after the disk was full.
 *
 * When the index is brought forward
 *     under load       not at all, until the tail is TAIL_MAX long; then large slices (a row is the
 *                      cheaper the more of them are sorted together)
 *     lightly loaded   small slices, once TAIL_WORTHWHILE is reached
 *                      Both within the commits of messages, in each as much as keeps up with what it
 *                      stores: every answer waits for it, and no sync is its own.
 *     idle             small slices in steps of their own, after a few ms; after a second everything
 * Load is what is stored and what is settled: while a backlog is drained the index waits, too.
 * The text index is brought forward only when nobody waits: idle, in small slices, from
 * SEARCH_WORTHWHILE rows on; after a second all of it. Searches look through the rest themselves.
 *
 * So an idle broker has nothing left to index, and a loaded one spends its time on messages.
 */
#include "persistence_state.h"
#include "rt/log.h"
#include "store/device_keys.h"
#include "store/peers.h"
#include "store/rooms.h"
#include "store/search.h"
#include "store/throttle.h"
#include "store/tokens.h"

#define TAIL_MAX          229376 /* with a slice in hand below 262,144, where its tables would double */
#define TAIL_WORTHWHILE   4096
#define SLICE_LOADED      16384
#define SEARCH_WORTHWHILE 1024
#define SEARCH_SLICE      512
#define SEARCH_FLUSH_MAX  65536
#define SLICE_IDLE        4096
#define WORK_PER_ROW      6 /* a slice is 5 for each of its messages at most */
#define WORK_MIN          256
#define WORK_IDLE         4096 /* somebody may come meanwhile */
#define LIGHT_TURN_ROWS   64
#define BUSY_MS           100
#define IDLE_MS           12 /* more than twice what settles wait for each other */
#define NEXT_MS           5
#define QUIET_MS          1000
#define FULL_MS           200
#define CLEANUP_ROWS      512
#define CLEANUP_AGAIN_MS  20
#define PRESENCE_ROWS     1000
#define NS_PER_US         1000

static uint64_t tail_length(const struct persistence *p)
{
    return p->committed_last_seq - p->indexed_seq;
}

static void arm(struct persistence *p, unsigned timer, int64_t delay_ms)
{
    actor_timer_set(p->actor, timer, mono_add_ms(actor_mono(p->actor), delay_ms));
}

static bool take_due(struct persistence *p, unsigned timer)
{
    bool is_due = p->due & 1u << timer;
    p->due &= ~(1u << timer);
    return is_due;
}

/* --- Index. */

enum err persistence_shorten_tail(struct persistence *p)
{
    bool is_busy = !mono_reached(p->busy_until, actor_mono(p->actor));
    uint64_t left, stored = p->last_seq - p->committed_last_seq;
    bool is_long = p->last_seq - p->indexed_seq > (is_busy ? TAIL_MAX : TAIL_WORTHWHILE);
    if (p->is_full || !(is_long || message_index_is_begun(p->store)))
        return ERR_OK;
    uint64_t work = WORK_MIN + stored * WORK_PER_ROW;
    return message_index_step(p->store, is_busy ? SLICE_LOADED : SLICE_IDLE,
                              work < UINT32_MAX ? (uint32_t)work : UINT32_MAX, &left);
}

enum err persistence_index_all(struct persistence *p)
{
    uint64_t left = 0;
    enum err err = ERR_OK;
    do
        err = message_index_slice(p->store, SLICE_LOADED, &left);
    while (!err && left > 0);
    return err;
}

void persistence_indexed(struct persistence *p)
{
    struct store_stats stats;
    store_progress(p->store, &stats);
    p->indexed_seq = stats.indexed_seq;
    dedupe_drop(&p->dedupe, p->indexed_seq);
}

static enum err index_step(struct persistence *p)
{
    uint64_t left;
    enum err err = persistence_begin(p);
    if (!err)
        err = message_index_step(p->store, SLICE_IDLE, WORK_IDLE, &left);
    if (err)
        return persistence_fail(p, err);
    return persistence_commit(p);
}

/* One step per turn. */
static enum err index_when_idle(struct persistence *p, bool is_idle, bool is_quiet)
{
    uint64_t wanted = is_quiet ? 1 : TAIL_WORTHWHILE;
    if (p->is_full || !(is_idle || is_quiet) || tail_length(p) < wanted)
        return ERR_OK;
    return index_step(p);
}

/* --- Text index. */

static uint64_t search_tail_length(const struct persistence *p)
{
    return p->committed_last_seq - p->searched_seq;
}

static enum err search_when_idle(struct persistence *p, bool is_idle, bool is_quiet)
{
    uint64_t wanted = is_quiet ? 1 : SEARCH_WORTHWHILE, upto;
    if (p->is_full || !(is_idle || is_quiet) || search_tail_length(p) < wanted)
        return ERR_OK;
    enum err err = search_work(p->store, SEARCH_SLICE, &upto);
    if (err == ERR_DISK_FULL) {
        persistence_disk_is_full(p);
        return ERR_OK;
    }
    if (err)
        return persistence_is_fatal(err) ? persistence_fail(p, err) : ERR_OK; /* else once more */
    p->searched_seq = upto;
    return ERR_OK;
}

enum err persistence_search_all(struct persistence *p)
{
    uint64_t before = 0, upto = 0, first = 0;
    enum err err = search_progress(p->store, &first);
    for (upto = first; !err && upto < p->last_seq && upto - first < SEARCH_FLUSH_MAX;) {
        before = upto;
        err = search_index_slice(p->store, SEARCH_SLICE, &upto);
        if (upto <= before)
            break; /* made anew: the rest is for idle times */
    }
    return err;
}

/* --- Retention. */

/* Tokens and codes that ended, and failed logins that count no more. */
static enum err clean_up_accounts(struct persistence *p, int64_t past_ms, bool *ret_has_more)
{
    uint64_t tokens = 0, names = 0, codes = 0;
    enum err err = token_sweep(p->store, past_ms, CLEANUP_ROWS, &tokens);
    if (!err)
        err = throttle_sweep(p->store, past_ms, p->options.login_window_ms, CLEANUP_ROWS, &names);
    if (!err)
        err = key_code_sweep(p->store, past_ms, CLEANUP_ROWS, &codes);
    *ret_has_more = tokens == CLEANUP_ROWS || names == CLEANUP_ROWS || codes == CLEANUP_ROWS;
    return err;
}

/* Rooms that keep their messages shorter than all others: a slice of one of them. */
static enum err clean_up_rooms(struct persistence *p, int64_t past_ms, bool *ret_has_more)
{
    int64_t scope_id = 0, retention_ms = 0;
    uint64_t removed = 0;
    enum err err = ERR_OK;
    do {
        err = room_next_retention(p->store, scope_id, p->options.retention_ms, &scope_id,
                                  &retention_ms);
        if (!err && scope_id)
            err = message_remove_of_scope(p->store, scope_id, past_ms - retention_ms, past_ms,
                                          CLEANUP_ROWS, &removed);
    } while (!err && scope_id && removed == 0);
    *ret_has_more = removed > 0; /* there may be more of it, or of the next */
    return err;
}

static enum err clean_up(struct persistence *p)
{
    uint64_t removed = 0;
    bool has_more = false, has_invitations = false, has_room = false;
    int64_t past_ms = persistence_past_ms(p);
    enum err err = persistence_begin(p);
    if (!err)
        err = message_remove_slice(p->store, past_ms - p->options.retention_ms, past_ms,
                                   CLEANUP_ROWS, &removed);
    if (!err)
        err = presence_trim(p->store, past_ms - p->options.presence_retention_ms, PRESENCE_ROWS);
    if (!err)
        err = clean_up_accounts(p, past_ms, &has_more);
    if (!err)
        err = persistence_expire_invitations(p, past_ms, &has_invitations);
    if (!err)
        err = clean_up_rooms(p, past_ms, &has_room);
    if (err)
        err = persistence_fail(p, err);
    if (!err)
        err = persistence_commit(p);
    has_more = (has_more || has_invitations || has_room || removed == CLEANUP_ROWS) && !p->is_full;
    persistence_figures_changed(p, FIGURES_ALL);
    arm(p, TIMER_CLEANUP, has_more ? CLEANUP_AGAIN_MS : p->options.cleanup_interval_ms);
    return err;
}

/* --- A full disk. */

void persistence_disk_is_full(struct persistence *p)
{
    if (!p->is_full)
        log_error("disk-full", LOG_STR("path", p->options.path));
    p->is_full = true;
    store_release_reserve(p->store);
    metrics_set(actor_metrics(p->actor), METRIC_DISK_FULL, 1);
    arm(p, TIMER_FULL, FULL_MS);
}

static void look_for_room(struct persistence *p)
{
    if (!store_has_room_again(p->store)) {
        arm(p, TIMER_FULL, FULL_MS);
        return;
    }
    log_info("disk-has-room", LOG_STR("path", p->options.path));
    p->is_full = false;
    metrics_set(actor_metrics(p->actor), METRIC_DISK_FULL, 0);
}

/* --- After each batch. */

static void set_wal_gauge(struct persistence *p, const struct store_stats *stats)
{
    metrics_set(actor_metrics(p->actor), METRIC_WAL_BYTES, (int64_t)stats->wal_used_bytes);
}

static enum err move_wal(struct persistence *p, bool is_idle)
{
    struct store_stats before, after;
    store_progress(p->store, &before);
    enum err err = store_checkpoint(p->store, is_idle);
    store_progress(p->store, &after);
    if (after.checkpoints != before.checkpoints) {
        metrics_record(actor_metrics(p->actor), METRIC_CHECKPOINT_US,
                       after.checkpoint_last_ns / NS_PER_US);
        set_wal_gauge(p, &after);
    }
    if (!persistence_is_fatal(err))
        return ERR_OK; /* it is tried again */
    return persistence_fail(p, err);
}

enum err persistence_upkeep(struct persistence *p)
{
    /* A timer that is due in a turn with work says that the turns are long, not that it is idle. */
    bool is_idle = take_due(p, TIMER_IDLE) && p->turn_messages == 0;
    bool is_quiet = take_due(p, TIMER_QUIET) && p->turn_messages == 0;
    (void)take_due(p, TIMER_RELEASE); /* on_batch has released */
    if (take_due(p, TIMER_FULL))
        look_for_room(p);
    if (p->turn_rows + p->turn_settled > LIGHT_TURN_ROWS)
        p->busy_until = mono_add_ms(actor_mono(p->actor), BUSY_MS);
    enum err err = index_when_idle(p, is_idle, is_quiet);
    if (!err)
        err = search_when_idle(p, is_idle, is_quiet);
    if (!err && take_due(p, TIMER_CLEANUP))
        err = clean_up(p);
    if (!err)
        err = move_wal(p, is_idle || is_quiet);
    if (take_due(p, TIMER_FIGURES))
        persistence_figures_count(p);
    bool is_work_left =
        is_quiet && (tail_length(p) > 0 || search_tail_length(p) > 0) && !p->is_full;
    if (is_work_left || p->turn_messages > 0)
        arm(p, TIMER_QUIET, is_work_left ? NEXT_MS : QUIET_MS);
    bool is_worthwhile =
        tail_length(p) >= TAIL_WORTHWHILE || search_tail_length(p) >= SEARCH_WORTHWHILE;
    if (is_worthwhile && !p->is_full)
        arm(p, TIMER_IDLE, is_idle ? NEXT_MS : IDLE_MS);
    return err;
}
