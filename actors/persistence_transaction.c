/* SPDX-License-Identifier: MPL-2.0
 *
 * One transaction per batch: begin, commit, and what happens when it cannot be committed.
 *
 *     begin ---> work ---> commit ------------------------------------------> answers
 *                  |         |  full disk, no memory
 *                  +----+----+
 *                       v
 *                  roll back, undo what RAM knows of it, refuse its stores
 *                       v
 *                  its other questions again (the reserve is free now) ---> commit ---> answers
 *                       |                                                     |
 *                       +-----------------------+-----------------------------+
 *                                               v
 *                                  each in a transaction of its own; those that
 *                                  still do not fit are refused
 *
 * When memory stays short for so long that nothing is stored any more, it ends: that is recovery.
 */
#include <protobuf-c/protobuf-c.h>

#include "persistence_state.h"
#include "rt/check.h"
#include "rt/log.h"

#define STARVED_MS  10000
#define STARVED_MIN 20

/* --- Time. */

static int64_t steady_ms(const struct persistence *p)
{
    return p->wall_start_ms + mono_elapsed_ms(p->mono_start, actor_mono(p->actor));
}

int64_t persistence_now_ms(const struct persistence *p)
{
    int64_t steady = steady_ms(p), wall = actor_wall(p->actor).ms;
    return steady > wall ? steady : wall;
}

int64_t persistence_past_ms(const struct persistence *p)
{
    int64_t steady = steady_ms(p), wall = actor_wall(p->actor).ms;
    return steady < wall ? steady : wall;
}

/* --- Begin, undo. */

enum err persistence_begin(struct persistence *p)
{
    if (p->is_in_transaction)
        return ERR_OK;
    enum err err = store_begin(p->store);
    if (err)
        return err;
    p->is_in_transaction = true;
    p->now_ms = persistence_now_ms(p);
    return ERR_OK;
}

static void forget_counts(struct persistence *p)
{
    p->undo_count = 0;
    p->stored_count = 0;
    p->duplicate_count = 0;
    p->body_bytes = 0;
}

/* Back to what was committed, on disk and in memory. */
static void undo(struct persistence *p)
{
    store_rollback(p->store);
    p->is_in_transaction = false;
    p->last_seq = p->committed_last_seq;
    dedupe_undo(&p->dedupe);
    persistence_scopes_forget(p);
    persistence_standings_forget(p);
    persistence_acl_forget(p);
    p->notes_written = 0;
    p->lan_count = PERSISTENCE_LAN_UNKNOWN;
    batch_forget_rows(p->batch);
    while (p->undo_count > 0) {
        const struct session_undo *undo = &p->undo[--p->undo_count];
        /* A session that was closed meanwhile stays forgotten. */
        if (u64map_get(&p->next_numbers, undo->session, NULL))
            CHECK(u64map_put(&p->next_numbers, undo->session, undo->next_no) == ERR_OK);
    }
    forget_counts(p);
}

static void committed(struct persistence *p)
{
    struct metrics *metrics = actor_metrics(p->actor);
    struct store_stats stats;
    store_progress(p->store, &stats);
    if (stats.writes != p->writes_seen) /* else there was nothing to wait for */
        metrics_record(metrics, METRIC_COMMIT_US, stats.commit_last_ns / 1000);
    p->writes_seen = stats.writes;
    if (p->stored_count > 0)
        metrics_record(metrics, METRIC_COMMIT_MESSAGES, p->stored_count);
    metrics_set(metrics, METRIC_WAL_BYTES, (int64_t)stats.wal_used_bytes);
    metrics_add(metrics, METRIC_STORED, (int64_t)p->stored_count);
    metrics_add(metrics, METRIC_DUPLICATES, (int64_t)p->duplicate_count);
    p->is_in_transaction = false;
    p->turn_rows += p->last_seq - p->committed_last_seq;
    p->committed_last_seq = p->last_seq;
    p->batch->last_seq = p->last_seq;
    p->batch->committed_ns = actor_mono_now(p->actor).ns;
    batch_keep_rows(p->batch);
    persistence_notes_committed(p);
    dedupe_commit(&p->dedupe);
    if (p->stored_count > 0) {
        persistence_figures_changed(p, FIGURES_PAGES);
        p->starved_count = 0;
    }
    forget_counts(p);
    if (stats.indexed_seq != p->indexed_seq)
        persistence_indexed(p);
}

/* The tail of the index is shortened in the same commit. */
static enum err try_commit(struct persistence *p)
{
    enum err err = persistence_shorten_tail(p);
    if (!err)
        err = store_commit(p->store);
    if (!err)
        committed(p);
    return err;
}

/* --- After a rollback. */

static void refuse_stores(struct persistence *p, enum err err)
{
    for (size_t i = 0; i < p->batch->answer_count; i++) {
        if (!p->batch->answers[i].question)
            persistence_refuse_store(p, &p->batch->answers[i], err);
    }
}

/* Works on one question of the batch (once more), or refuses it. */
static enum err work_again(struct persistence *p, size_t place, enum err refusal)
{
    struct batch_answer answer = p->batch->answers[place];
    ProtobufCMessage *question = protobuf_c_message_unpack(
        message_types[answer.question_kind].descriptor, arena_allocator(&p->batch->arena),
        answer.question_size, answer.question);
    CHECK(question);
    ProtobufCMessage *body = NULL;
    enum err err = persistence_duties[answer.question_kind].work(p, question, refusal, &body);
    p->batch->answers[place].body = body;
    return err;
}

static enum err run_again(struct persistence *p)
{
    enum err err = ERR_OK;
    for (size_t i = 0; !err && i < p->batch->answer_count; i++) {
        if (!p->batch->answers[i].question)
            continue;
        err = persistence_begin(p);
        if (!err)
            err = work_again(p, i, ERR_OK);
    }
    return err;
}

/* So that one question that needs much does not take the small ones with it. */
static enum err run_singly(struct persistence *p)
{
    enum err err = ERR_OK;
    for (size_t i = 0; i < p->batch->answer_count; i++) {
        if (!p->batch->answers[i].question)
            continue;
        err = persistence_begin(p);
        if (!err)
            err = work_again(p, i, ERR_OK);
        if (!err)
            err = try_commit(p);
        if (persistence_is_fatal(err))
            return err;
        if (!err)
            continue;
        log_error("question-refused", LOG_ERROR(err),
                  LOG_STR("kind", message_name(p->batch->answers[i].question_kind)));
        undo(p);
        CHECK(work_again(p, i, err) == ERR_OK);
    }
    persistence_close_batch(p); /* none of it is ever run again */
    return ERR_OK;
}

static bool has_stores(const struct persistence *p)
{
    for (size_t i = 0; i < p->batch->answer_count; i++) {
        if (!p->batch->answers[i].question)
            return true;
    }
    return false;
}

/* Refused again and again, and nothing stored meanwhile. What holds the memory is in this process (what came
 * in and waits, the pieces of the heap between it), so waiting gives nothing back and a start does. */
static bool is_starved(struct persistence *p)
{
    struct mono_time now = actor_mono(p->actor);
    if (p->starved_count++ == 0)
        p->starved_since = now;
    return p->starved_count >= STARVED_MIN && mono_elapsed_ms(p->starved_since, now) >= STARVED_MS;
}

enum err persistence_fail(struct persistence *p, enum err err)
{
    if (!persistence_breaks(err) || persistence_is_fatal(err)) {
        log_error("storage", LOG_ERROR(err), LOG_I64("code", store_error_code(p->store)),
                  LOG_STR("problem", store_error_text(p->store)));
        return err;
    }
    log_warn("transaction-refused", LOG_ERROR(err), LOG_U64("answers", p->batch->answer_count),
             LOG_STR("problem", store_error_text(p->store)));
    if (err == ERR_BUSY && has_stores(p) && is_starved(p)) {
        log_error("out-of-memory", LOG_U64("refused", p->starved_count),
                  LOG_STR("otherwise", "give the daemon more memory (LimitDATA of its service)"));
        return err;
    }
    undo(p);
    if (err == ERR_DISK_FULL)
        persistence_disk_is_full(p);
    refuse_stores(p, err);
    err = run_again(p);
    if (!err || persistence_is_fatal(err))
        return err;
    undo(p);
    return run_singly(p);
}

/* --- Commit. */

enum err persistence_commit(struct persistence *p)
{
    if (!p->is_in_transaction)
        return ERR_OK;
    enum err err = try_commit(p);
    if (!err)
        return ERR_OK;
    err = persistence_fail(p, err);
    if (err || !p->is_in_transaction)
        return err;
    err = try_commit(p);
    if (!err || persistence_is_fatal(err))
        return err;
    undo(p);
    return run_singly(p);
}
