/* SPDX-License-Identifier: MPL-2.0
 *
 * Bounds and notes: what one peer may send and leave waiting (quota.h), and what is noted in the audit log
 * without a question: that the broker starts and stops, reads its configuration again, hits a bound, or
 * what another actor has to tell (AUDIT).
 *
 * Notes are kept until the commit that holds them; they never make a question fail. Somebody who runs into
 * a bound all the time is noted once in NOTE_AGAIN_MS, so that nobody can fill the log with himself.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persistence_state.h"
#include "rt/check.h"
#include "rt/log.h"
#include "store/peers.h"

#define NOTE_AGAIN_MS     60000
#define LOOK_MS           500
#define HITS_MAX          65536
#define QUESTIONS_A_TURN  64
#define COUNT_DEADLINE_MS 10000
#define PEER_SHIFT        16 /* of codes */
#define LOGIN_KEY         ((uint64_t)1 << 63)
#define FNV_PRIME         0x100000001b3u
#define LOGINS_A_MINUTE   60

/* --- Notes. */

static void free_note(struct persistence_note *note)
{
    free(note->actor);
    free(note->action);
    free(note->target);
    free(note->detail);
}

void persistence_note(struct persistence *p, const char *actor, const char *action,
                      const char *target, const char *detail)
{
    if (p->note_count == PERSISTENCE_NOTES_MAX) {
        log_warn("note-lost", LOG_STR("action", action), LOG_STR("target", target));
        return;
    }
    struct persistence_note *note = &p->notes[p->note_count++];
    *note =
        (struct persistence_note){strdup(actor), strdup(action), strdup(target), strdup(detail)};
    CHECK(note->actor && note->action && note->target && note->detail);
}

/* Into the transaction in hand, or one of its own. */
static enum err write_notes(struct persistence *p)
{
    enum err err = persistence_begin(p);
    for (size_t i = p->notes_written; !err && i < p->note_count; i++) {
        const struct persistence_note *note = &p->notes[i];
        err = persistence_audit(p, note->actor, note->action, note->target, note->detail);
        if (!err)
            p->notes_written++;
    }
    return err;
}

enum err persistence_write_notes(struct persistence *p)
{
    if (p->note_count == p->notes_written || p->is_full)
        return ERR_OK;
    enum err err = write_notes(p);
    return err ? persistence_fail(p, err) : ERR_OK;
}

void persistence_notes_committed(struct persistence *p)
{
    size_t written = p->notes_written;
    if (written == 0)
        return;
    for (size_t i = 0; i < written; i++)
        free_note(&p->notes[i]);
    p->note_count -= written;
    memmove(p->notes, p->notes + written, p->note_count * sizeof(*p->notes));
    p->notes_written = 0;
}

enum err persistence_on_audit(struct actor *actor, void *state, const struct msg *msg)
{
    struct persistence *p = state;
    const INTERNAL(Audit) *audit = MSG_BODY(msg, INTERNAL(Audit));
    const ProtobufCBinaryData *parts[] = {&audit->actor, &audit->action, &audit->target,
                                          &audit->detail};
    char texts[4][WIRE_TEXT_BYTES_MAX + 1];
    (void)actor;
    for (size_t i = 0; i < 4; i++) {
        size_t size = parts[i]->len < WIRE_TEXT_BYTES_MAX ? parts[i]->len : WIRE_TEXT_BYTES_MAX;
        if (size)
            memcpy(texts[i], parts[i]->data, size);
        texts[i][size] = '\0';
    }
    p->turn_messages++;
    persistence_note(p, texts[0], texts[1], texts[2], texts[3]);
    return ERR_OK;
}

/* --- Bounds. */

struct name_copy {
    char text[WIRE_NAME_BYTES_MAX + 1];
};

static enum err copy_name(void *context, const struct peer_row *row)
{
    (void)snprintf(context, sizeof(struct name_copy), "%s", row->name);
    return ERR_OK;
}

/* Once in a while per peer and code. */
static void note_hit(struct persistence *p, int64_t peer_id, enum err code)
{
    uint64_t key = (uint64_t)peer_id << PEER_SHIFT | err_code(code), last_ns;
    int64_t now_ns = actor_mono(p->actor).ns;
    struct name_copy name = {""};
    if (u64map_get(&p->hits, key, &last_ns) &&
        now_ns - (int64_t)last_ns < (int64_t)NOTE_AGAIN_MS * 1000000)
        return;
    if (u64map_put(&p->hits, key, (uint64_t)now_ns) != ERR_OK) {
        u64map_clear(&p->hits);
        return;
    }
    if (peer_read(p->store, peer_id, copy_name, &name) == ERR_OK)
        persistence_note(p, name.text, "quota", err_name(code), "");
}

void persistence_note_login(struct persistence *p, const struct name_folded *folded,
                            const char *name, const char *detail)
{
    struct mono_time now = actor_mono(p->actor);
    uint64_t key = LOGIN_KEY, last_ns;
    if (!p->options.software)
        return;
    for (size_t i = 0; i < folded->size; i++) /* two names that are alike in it are noted as one */
        key = (key ^ (uint8_t)folded->text[i]) * FNV_PRIME;
    key |= LOGIN_KEY;
    if (u64map_get(&p->hits, key, &last_ns) &&
        now.ns - (int64_t)last_ns < (int64_t)NOTE_AGAIN_MS * 1000000)
        return;
    if (mono_elapsed_ms(p->logins_since, now) >= NOTE_AGAIN_MS) {
        p->logins_since = now;
        p->logins_noted = 0;
    }
    if (p->logins_noted++ >= LOGINS_A_MINUTE)
        return;
    if (u64map_put(&p->hits, key, (uint64_t)now.ns) != ERR_OK)
        u64map_clear(&p->hits);
    persistence_note(p, "", "login-failed", name, detail);
}

void persistence_note_damaged(struct persistence *p, uint64_t seq)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "%" PRIu64, seq);
    if (p->options.software)
        persistence_note(p, "", "quarantine", text, "");
}

enum err persistence_check_rate(struct persistence *p, const INTERNAL(Store) * question)
{
    if (!p->quota.has_rates || question->peer_id == 0)
        return ERR_OK;
    p->rate_wait_ms = quota_take(&p->quota, question->peer_id, question->count,
                                 question->body_bytes, actor_mono(p->actor));
    if (p->rate_wait_ms == 0)
        return ERR_OK;
    note_hit(p, question->peer_id, ERR_RATE_LIMITED);
    return ERR_RATE_LIMITED;
}

enum err persistence_check_place(struct persistence *p, const struct scope_ref *scope,
                                 int64_t sender_id, size_t bytes)
{
    if (scope->kind != SCOPE_PEER && scope->kind != SCOPE_QUEUE)
        return ERR_OK;
    enum err err = quota_place(&p->quota, scope->id, sender_id, bytes, actor_mono(p->actor));
    if (err)
        note_hit(p, sender_id, err);
    return err;
}

/* Only when sync-manager has heard of everything that is committed. */
void persistence_ask_waiting(struct persistence *p)
{
    int64_t scope_id;
    for (int i = 0; i < QUESTIONS_A_TURN && !p->outbox; i++) {
        scope_id = quota_next_question(&p->quota);
        if (scope_id == 0)
            return;
        INTERNAL(WaitingCount) body = ROOST__INTERNAL__WAITING_COUNT__INIT;
        body.scope_id = scope_id;
        if (actor_ask(p->actor, ACTOR_SYNC_MANAGER, MSG_WAITING_COUNT, &body.base, NULL,
                      COUNT_DEADLINE_MS, (uint64_t)scope_id) != ERR_OK)
            quota_answer(&p->quota, scope_id, 0, false, actor_mono(p->actor));
    }
}

enum err persistence_on_waiting_counted(struct actor *actor, void *state, const struct msg *msg)
{
    struct persistence *p = state;
    const INTERNAL(WaitingCounted) *counted = MSG_BODY(msg, INTERNAL(WaitingCounted));
    uint64_t scope_id;
    if (actor_context(actor, msg, &scope_id))
        quota_answer(&p->quota, (int64_t)scope_id, counted->waiting, counted->scope_id != 0,
                     actor_mono(actor));
    return ERR_OK;
}

enum err persistence_on_no_answer(struct actor *actor, void *state, uint8_t kind, uint64_t context)
{
    struct persistence *p = state;
    if (kind == MSG_WAITING_COUNT)
        quota_answer(&p->quota, (int64_t)context, 0, false, actor_mono(actor));
    return ERR_OK;
}

enum err persistence_check_owner(struct persistence *p, int64_t peer_id)
{
    uint64_t owned = 0;
    if (p->options.rooms_per_owner == 0)
        return ERR_OK;
    enum err err = member_count_owned(p->store, peer_id, &owned);
    if (!err && owned >= p->options.rooms_per_owner) {
        note_hit(p, peer_id, ERR_TOO_MANY_ROOMS);
        err = ERR_TOO_MANY_ROOMS;
    }
    return err;
}

/* --- Life. */

void persistence_look_at_reloads(struct persistence *p)
{
    if (!p->options.reloads)
        return;
    unsigned reloads = atomic_load_explicit(p->options.reloads, memory_order_acquire);
    if (reloads != p->reloads_seen)
        persistence_note(p, "", "reload", "configuration", "");
    p->reloads_seen = reloads;
    actor_timer_set(p->actor, TIMER_NOTES, mono_add_ms(actor_mono(p->actor), LOOK_MS));
}

void persistence_guard_init(struct persistence *p)
{
    quota_init(&p->quota, &p->options.quota);
    u64map_init(&p->hits, HITS_MAX);
    if (p->options.software)
        persistence_note(p, "", "start", p->options.software, "");
    persistence_look_at_reloads(p);
}

void persistence_guard_stop(struct persistence *p)
{
    if (p->options.software)
        persistence_note(p, "", "stop", p->options.software, "");
}

void persistence_guard_fini(struct persistence *p)
{
    quota_fini(&p->quota);
    u64map_fini(&p->hits);
    for (size_t i = 0; i < p->note_count; i++)
        free_note(&p->notes[i]);
    p->note_count = p->notes_written = 0;
}
