/* SPDX-License-Identifier: MPL-2.0
 *
 * Committed batches on their way out: first sync-manager is told (APPENDED), then the answers go.
 *
 * Batches go out in the order of their commits. When sync-manager has not yet acknowledged
 * PERSISTENCE_APPENDED_MAX of them, the rest waits here with its answers; the senders of the
 * questions have a bounded number of them open, so what can wait here is bounded, and they slow
 * down by themselves.
 */
#include "persistence_state.h"
#include "rt/check.h"

#define RELEASE_AGAIN_MS 2

void persistence_close_batch(struct persistence *p)
{
    struct batch *batch = p->batch;
    if (batch->answer_count == 0 && !batch_has_rows(batch))
        return;
    batch->next = NULL;
    *p->outbox_end = batch;
    p->outbox_end = &batch->next;
    p->batch = p->spare ? p->spare : batch_new();
    p->spare = NULL;
}

/* ERR_BUSY: not now. */
static enum err tell_sync_manager(struct persistence *p, struct batch *batch)
{
    INTERNAL(Appended) appended;
    if (!batch_appended(batch, &appended))
        return ERR_OK;
    if (p->unacknowledged == PERSISTENCE_APPENDED_MAX)
        return ERR_BUSY; /* the next acknowledgement brings us back */
    enum err err = actor_send(p->actor, ACTOR_SYNC_MANAGER, MSG_APPENDED, &appended.base, NULL);
    if (!err)
        p->unacknowledged++;
    else
        actor_timer_set(p->actor, TIMER_RELEASE,
                        mono_add_ms(actor_mono(p->actor), RELEASE_AGAIN_MS));
    return err;
}

static void answer_all(struct persistence *p, const struct batch *batch)
{
    for (size_t i = 0; i < batch->answer_count; i++) {
        const struct batch_answer *answer = &batch->answers[i];
        CHECK(answer->body);
        actor_reply_to(p->actor, answer->to, answer->correlation, answer->kind, answer->body, NULL);
    }
}

void persistence_release(struct persistence *p)
{
    while (p->outbox) {
        struct batch *batch = p->outbox;
        if (tell_sync_manager(p, batch))
            return;
        answer_all(p, batch);
        p->outbox = batch->next;
        if (!p->outbox)
            p->outbox_end = &p->outbox;
        batch_destroy(&p->spare);
        batch_clear(batch);
        p->spare = batch;
    }
}

enum err persistence_on_appended_ack(struct actor *actor, void *state, const struct msg *msg)
{
    struct persistence *p = state;
    uint32_t count = MSG_BODY(msg, INTERNAL(AppendedAck))->count;
    (void)actor;
    CHECK(p->unacknowledged >= count);
    p->unacknowledged -= count;
    return ERR_OK; /* on_batch releases */
}
