/* SPDX-License-Identifier: MPL-2.0
 *
 * Sending, on the application's side: encode, check the bounds, put into the outbox, wake the
 * session's thread if it sleeps.
 *
 * The bounds: at most unanswered_messages_max tickets are open (the outbox and the window behind
 * it have room for that many each), and at most unanswered_bytes_max bytes. Both are counted by
 * two numbers that only rise, one per side, so that each is written by one side only.
 */
#include "clients/c/send_waiter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/c/outgoing.h"
#include "clients/c/session.h"

void send_waiter_complete(struct send_waiter *waiter, const struct roost_sent *sent)
{
    waiter->sent = *sent;
    (void)snprintf(waiter->text, sizeof(waiter->text), "%s", sent->text ? sent->text : "");
    if (!latch_complete(&waiter->latch))
        free(waiter);
}

static bool has_room(struct roost *roost, size_t size_bytes)
{
    uint64_t open =
        ring_pushed(&roost->outbox) - atomic_load_explicit(&roost->answered, memory_order_acquire);
    uint64_t bytes = atomic_load_explicit(&roost->outbox_bytes_in, memory_order_relaxed) -
                     atomic_load_explicit(&roost->outbox_bytes_out, memory_order_acquire);
    return open < roost->settings.unanswered_messages_max &&
           (open == 0 || bytes + size_bytes <= roost->settings.unanswered_bytes_max);
}

/* True: it is in the outbox, and must not be touched again. */
static bool try_push(struct roost *roost, struct outgoing *outgoing, uint64_t *ret_position)
{
    size_t size_bytes = outgoing_size_bytes(outgoing);
    struct ring_item item = {.words = {(uintptr_t)outgoing}};
    if (!has_room(roost, size_bytes))
        return false;
    (void)atomic_fetch_add_explicit(&roost->outbox_bytes_in, size_bytes, memory_order_relaxed);
    if (ring_push(&roost->outbox, &item, ret_position))
        return true;
    (void)atomic_fetch_sub_explicit(&roost->outbox_bytes_in, size_bytes, memory_order_relaxed);
    return false;
}

static enum roost_error push_in_time(struct roost *roost, struct outgoing *outgoing, int timeout_ms,
                                     uint64_t *ret_position)
{
    if (try_push(roost, outgoing, ret_position))
        return ROOST_OK;
    if (timeout_ms == 0)
        return ROOST_BUSY;
    if (session_is_own_thread(roost))
        return ROOST_WRONG_THREAD;
    struct mono_time deadline = deadline_after(timeout_ms);
    for (;;) {
        uint32_t epoch = eventcount_prepare(&roost->room);
        if (try_push(roost, outgoing, ret_position)) {
            eventcount_cancel(&roost->room);
            return ROOST_OK;
        }
        if (!eventcount_wait(&roost->room, epoch, deadline))
            return ROOST_TIMEOUT;
    }
}

static enum roost_error push_message(struct roost *roost, const struct roost_outgoing *message,
                                     int timeout_ms, struct send_waiter *waiter,
                                     uint64_t *ret_ticket, uint8_t *ret_message_id)
{
    struct outgoing *outgoing;
    uint64_t position;
    uint8_t id[ROOST_ID_BYTES];
    uint32_t body_max = atomic_load_explicit(&roost->body_bytes_max, memory_order_relaxed);

    if (atomic_load_explicit(&roost->is_closing, memory_order_acquire))
        return ROOST_CLOSING;
    if (body_max && message->body_size > body_max)
        return ROOST_TOO_LARGE;
    enum roost_error error = outgoing_new(message, &outgoing);
    if (error)
        return error;
    outgoing->waiter = waiter;
    memcpy(id, outgoing->message_id, sizeof(id));
    error = push_in_time(roost, outgoing, timeout_ms, &position);
    if (error) {
        free(outgoing);
        return error;
    }
    doorbell_ring(&roost->bell, true);
    count(roost, COUNTER_SENT, 1);
    if (ret_ticket)
        *ret_ticket = position + 1;
    if (ret_message_id)
        memcpy(ret_message_id, id, sizeof(id));
    return ROOST_OK;
}

enum roost_error roost_send(struct roost *roost, const struct roost_outgoing *outgoing,
                            int timeout_ms, uint64_t *ret_ticket, uint8_t *ret_message_id)
{
    if (!roost || !outgoing)
        return ROOST_USAGE;
    return push_message(roost, outgoing, timeout_ms, NULL, ret_ticket, ret_message_id);
}

static int left_ms(struct mono_time deadline)
{
    if (deadline.ns == INT64_MAX)
        return ROOST_FOREVER;
    int64_t left = mono_elapsed_ms(clock_mono_now(), deadline);
    return left > 0 ? (int)left : 0;
}

enum roost_error roost_send_wait(struct roost *roost, const struct roost_outgoing *outgoing,
                                 int timeout_ms, struct roost_sent *ret)
{
    if (!roost || !outgoing)
        return ROOST_USAGE;
    if (session_is_own_thread(roost))
        return ROOST_WRONG_THREAD;
    struct send_waiter *waiter = malloc(sizeof(*waiter));
    if (!waiter)
        return ROOST_NO_MEMORY;
    latch_init(&waiter->latch);
    struct mono_time deadline = deadline_after(timeout_ms);
    last_text_set(NULL);
    enum roost_error error = push_message(roost, outgoing, left_ms(deadline), waiter, NULL, NULL);
    if (error) {
        free(waiter);
        return error;
    }
    if (!latch_wait(&waiter->latch, deadline))
        return ROOST_TIMEOUT; /* the waiter is freed when the answer comes */
    error = waiter->sent.code;
    last_text_set(waiter->text);
    if (ret) {
        *ret = waiter->sent;
        ret->text = "";
    }
    free(waiter);
    return error;
}

uint64_t roost_answered(struct roost *roost)
{
    return atomic_load_explicit(&roost->answered, memory_order_acquire);
}

enum roost_error roost_flush(struct roost *roost, uint64_t ticket, int timeout_ms)
{
    if (!roost)
        return ROOST_USAGE;
    uint64_t target = ticket ? ticket : ring_pushed(&roost->outbox);
    if (roost_answered(roost) >= target)
        return ROOST_OK;
    if (timeout_ms == 0)
        return ROOST_TIMEOUT;
    if (session_is_own_thread(roost))
        return ROOST_WRONG_THREAD;
    struct mono_time deadline = deadline_after(timeout_ms);
    for (;;) {
        uint32_t epoch = eventcount_prepare(&roost->room);
        if (roost_answered(roost) >= target) {
            eventcount_cancel(&roost->room);
            return ROOST_OK;
        }
        if (!eventcount_wait(&roost->room, epoch, deadline))
            return ROOST_TIMEOUT;
    }
}
